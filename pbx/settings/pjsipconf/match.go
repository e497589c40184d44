package pjsipconf

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"branchline/pbx/settings"
)

// withMask prints p as Asterisk does in parameter lists: the mask in full.
func withMask(p netip.Prefix, port uint16) string {
	mask, _ := netip.AddrFromSlice(net.CIDRMask(p.Bits(), p.Addr().BitLen()))
	return hostPort(p.Addr(), port) + "/" + mask.String()
}

func hostPort(a netip.Addr, port uint16) string {
	if port == 0 {
		return a.String()
	}
	return netip.AddrPortFrom(a, port).String()
}

// match reads one item of an identify's match list: an address, a network
// (length or mask), with :port, with ! in front for an exclusion, or a host name.
func match(item string) (settings.Match, error) {
	rest, exclude := strings.CutPrefix(item, "!")
	m := settings.Match{Exclude: exclude, Text: item}
	addr, length, ranged := strings.Cut(rest, "/")
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		m.Port = ap.Port()
		addr = ap.Addr().String()
	}
	if ranged {
		addr += "/" + length
	}
	p, err := settings.ParsePrefix(addr)
	if err == nil {
		m.Prefix = p
		m.Text = short(m)
		return m, nil
	}
	if host, _, _ := strings.Cut(rest, ":"); !ranged && settings.IsHostName(host) {
		m.Host = rest
		return m, nil
	}
	return m, err
}

func bang(m settings.Match) string {
	if m.Exclude {
		return "!"
	}
	return ""
}

func short(m settings.Match) string {
	return bang(m) + hostPort(m.Prefix.Addr(), m.Port) + "/" + strconv.Itoa(m.Prefix.Bits())
}

// long is m as Asterisk prints it.
func long(m settings.Match) string {
	if m.Host != "" {
		return bang(m) + m.Host
	}
	return bang(m) + withMask(m.Prefix, m.Port)
}

// ruleWords is what Asterisk prints for an access list written in place.
func ruleWords(rules []settings.Rule) []string {
	if len(rules) == 0 {
		return []string{""}
	}
	return []string{"deny/permit"}
}
