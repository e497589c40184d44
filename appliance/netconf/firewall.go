package netconf

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"branchline/netcfg"
	"branchline/pbx/astconf"
)

// wall is what [firewall] says.
type wall struct {
	sip, rtp sources
	allowed  []netcfg.Opening
}

// sources are networks and interfaces; none: everywhere.
type sources struct {
	from  []netip.Prefix
	links []string
}

func (s *sources) take(value string) error {
	for _, w := range list(value) {
		if strings.EqualFold(w, "any") {
			s.from, s.links = nil, nil
			return nil
		}
		if p, err := network(w); err == nil {
			s.from = append(s.from, p)
			continue
		}
		if strings.ContainsAny(w, "./:") && w[0] >= '0' && w[0] <= '9' {
			return fmt.Errorf("%s is no network, want one like 192.168.1.0/24", w)
		}
		if err := linkName(w); err != nil {
			return err
		}
		s.links = append(s.links, w)
	}
	if len(s.from)+len(s.links) == 0 {
		return errors.New("want networks, interfaces, or any")
	}
	return nil
}

// network reads a network or a single address.
func network(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

var wallOptions = map[string]func(option) error{
	"enabled": func(o option) (err error) { o.c.Firewall.Guard, err = truth(o.Value); return err },
	"sip":     func(o option) error { return o.wall.sip.take(o.Value) },
	"rtp":     func(o option) error { return o.wall.rtp.take(o.Value) },
	"mark": func(o option) error {
		on, err := truth(o.Value)
		o.c.Firewall.Marks = nil
		if on {
			o.c.Firewall.Marks = o.marks()
		}
		return err
	},
	// A port of something else: "tcp/22 from 192.168.1.0/24, eth1".
	"allow": func(o option) error {
		what, from, _ := strings.Cut(o.Value, " from ")
		proto, ports, ok := strings.Cut(strings.ToLower(strings.TrimSpace(what)), "/")
		if !ok || proto != "udp" && proto != "tcp" {
			return errors.New("want tcp/port or udp/port, then perhaps from networks or interfaces")
		}
		low, high, ranged := strings.Cut(ports, "-")
		if !ranged {
			high = low
		}
		first, err := number(low, 1, 65535)
		if err != nil {
			return err
		}
		end, err := number(high, first, 65535)
		if err != nil {
			return err
		}
		var s sources
		if from = strings.TrimSpace(from); from != "" {
			if err := s.take(from); err != nil {
				return err
			}
		}
		o.wall.allowed = append(o.wall.allowed, netcfg.Opening{Name: "allow", Protocol: proto, First: uint16(first), Last: uint16(end), From: s.from, Links: s.links})
		return nil
	},
	"console": func(o option) error {
		return errors.New("the section [console] with secret= and from= opens it, and its port")
	},
}

func (r *reading) firewall(s *astconf.Section) { r.entries(s, nil, wallOptions) }

// marks are DSCP values for packets that no socket has marked: signalling CS3 and
// speech EF, as most switches expect.
func (r *reading) marks() (out []netcfg.Mark) {
	for _, p := range r.ports.SIP {
		out = append(out, netcfg.Mark{Name: "sip", Protocol: p.Protocol, First: p.Number, Last: p.Number, DSCP: netcfg.CS3})
	}
	// Connections that we open to others leave from any port of ours.
	out = append(out, netcfg.Mark{Name: "sip", Protocol: "tcp", First: 5060, Last: 5061, Remote: true, DSCP: netcfg.CS3})
	if r.ports.RTPLast != 0 {
		out = append(out, netcfg.Mark{Name: "rtp", Protocol: "udp", First: r.ports.RTPFirst, Last: r.ports.RTPLast, DSCP: netcfg.EF})
	}
	return out
}

// services makes the openings of what the exchange itself listens on.
func (r *reading) services() {
	f := &r.c.Firewall
	if !f.Guard {
		return
	}
	named := func(s sources) []string {
		var out []string
		for _, name := range s.links {
			for _, l := range r.found {
				if l.section.Name == name && l.Name != "" {
					name = l.Name
				}
			}
			out = append(out, name)
		}
		return out
	}
	for _, p := range r.ports.SIP {
		f.Openings = append(f.Openings, netcfg.Opening{Name: "sip", Protocol: p.Protocol, First: p.Number, Last: p.Number, From: r.wall.sip.from, Links: named(r.wall.sip)})
	}
	if r.ports.RTPLast != 0 {
		f.Openings = append(f.Openings, netcfg.Opening{Name: "rtp", Protocol: "udp", First: r.ports.RTPFirst, Last: r.ports.RTPLast, From: r.wall.rtp.from, Links: named(r.wall.rtp)})
	}
	if c := r.console; c.Secret != "" {
		f.Openings = append(f.Openings, netcfg.Opening{Name: "console", Protocol: "tcp", First: c.Port, Last: c.Port, From: c.From})
	}
	for _, o := range r.wall.allowed {
		o.Links = named(sources{links: o.Links})
		f.Openings = append(f.Openings, o)
	}
}
