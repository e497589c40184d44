package netcfg

import (
	"fmt"
	"net/netip"
	"strings"
)

// A Firewall says who may send this box what, and how what leaves it is marked. It
// becomes one nftables table of ours; tables of others stay as they are. Answers to
// what the box itself asks, ICMP, DHCP and everything on the loopback are let in
// without a word here.
type Firewall struct {
	// Guard closes everything that no Opening opens. Without it only Marks count.
	Guard    bool
	Openings []Opening
	Marks    []Mark
}

// An Opening lets packets to a range of our ports in.
type Opening struct {
	Name        string // for the reader: "sip", "rtp"
	Protocol    string // "udp", "tcp"
	First, Last uint16
	From        []netip.Prefix // and Links; both empty: from everywhere
	Links       []string
}

// A Mark gives unmarked packets that leave by a range of ports a DSCP value
// (RFC 2474), which sockets that were told so set by themselves.
type Mark struct {
	Name        string
	Protocol    string
	First, Last uint16
	Remote      bool  // the ports are the other side's: connections that we open
	DSCP        uint8 // 0-63
}

// DSCP values (RFC 2474, 3246).
const (
	EF  = 46 // speech
	CS3 = 24 // signalling
)

// Text is the table as nft(8) would be told.
func (f Firewall) Text() string {
	var b strings.Builder
	b.WriteString("table inet branchline {\n")
	if f.Guard {
		b.WriteString("\tchain input {\n\t\ttype filter hook input priority filter; policy drop;\n")
		b.WriteString("\t\tct state established,related accept\n\t\tiifname lo accept\n\t\tmeta l4proto { icmp, ipv6-icmp } accept\n\t\tudp dport 68 accept\n")
		for _, o := range f.Openings {
			for _, from := range o.Sources() {
				b.WriteString("\t\t" + strings.TrimPrefix(from+" ", " ") + o.Protocol + " dport " + span(o.First, o.Last) + " accept comment \"" + o.Name + "\"\n")
			}
		}
		b.WriteString("\t\tcounter drop\n\t}\n")
	}
	if len(f.Marks) > 0 {
		b.WriteString("\tchain output {\n\t\ttype route hook output priority mangle; policy accept;\n")
		for _, m := range f.Marks {
			for _, ip := range []string{"ip", "ip6"} {
				fmt.Fprintf(&b, "\t\t%s %s %s %s dscp 0 %s dscp set %d comment %q\n", m.Protocol, m.side(), span(m.First, m.Last), ip, ip, m.DSCP, m.Name)
			}
		}
		b.WriteString("\t}\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// Sources are the conditions of which one must hold, as nft(8) spells them; one that
// is empty always holds.
func (o Opening) Sources() []string {
	var out []string
	for _, p := range o.From {
		if p.Addr().Is4() {
			out = append(out, "ip saddr "+p.String())
		} else {
			out = append(out, "ip6 saddr "+p.String())
		}
	}
	for _, l := range o.Links {
		out = append(out, "iifname "+l)
	}
	if len(out) == 0 {
		out = []string{""}
	}
	return out
}

// side is which of the two ports counts, as nft(8) spells it.
func (m Mark) side() string {
	if m.Remote {
		return "dport"
	}
	return "sport"
}

func span(first, last uint16) string {
	if first == last {
		return fmt.Sprint(first)
	}
	return fmt.Sprintf("%d-%d", first, last)
}
