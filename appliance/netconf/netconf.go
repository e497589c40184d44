// Package netconf reads network.conf: how the box is to be connected, in the
// dialect of all other files. docs/network.md explains it to the user.
package netconf

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"branchline/netcfg"
	"branchline/netcfg/steward"
	"branchline/pbx/astconf"
	"branchline/pbx/console/distant"
)

// FileName is what is read.
const FileName = "network.conf"

// A Port is one that the exchange listens on.
type Port struct {
	Protocol string // "udp", "tcp"
	Number   uint16
}

// Ports are what the exchange uses, so that the firewall can be written in words.
type Ports struct {
	SIP               []Port
	RTPFirst, RTPLast uint16
}

// DefaultConfirm is how long a change may take to prove itself.
const DefaultConfirm = 2 * time.Minute

// Read understands the file; nil and an empty one give the zero Config, with nothing
// to be done. A Config that comes with an Error must not be put into force.
func Read(f *astconf.File, ports Ports) (steward.Config, []astconf.Diag) {
	r := read(f, ports)
	if r.idle() {
		return steward.Config{}, r.diags
	}
	return r.c, r.diags
}

// Console is the console over the network that the file asks for, the zero Config if it
// asks for none.
func Console(f *astconf.File) distant.Config { return read(f, Ports{}).console }

func read(f *astconf.File, ports Ports) *reading {
	r := &reading{ports: ports, c: steward.Config{Confirm: DefaultConfirm, Proof: steward.Proof{Gateway: true, Phone: true}}}
	if f == nil {
		return r
	}
	for _, s := range f.Sections {
		switch strings.ToLower(s.Name) {
		case "general":
			r.entries(s, nil, generalOptions)
		case "firewall":
			r.c.Firewall.Guard = true
			r.firewall(s)
		case "console":
			r.talk(s)
		default:
			r.link(s)
		}
	}
	r.links()
	r.services()
	return r
}

// idle reports whether nothing is to be done about the network itself.
func (r *reading) idle() bool {
	c := r.c
	return len(c.Interfaces)+len(c.Routes)+len(c.DNS)+len(c.Search)+len(c.NTP) == 0 && !c.Firewall.Guard && len(c.Firewall.Marks) == 0
}

type reading struct {
	ports Ports
	c     steward.Config
	diags []astconf.Diag

	general general
	wall    wall
	console distant.Config
	found   []*link
}

func (r *reading) add(sev astconf.Severity, at astconf.Pos, rule, message, effect, cure string) {
	r.diags = append(r.diags, astconf.Diag{Pos: at, Severity: sev, Rule: rule, Message: message, Effect: effect, Cure: cure})
}

func (r *reading) fail(at astconf.Pos, rule, message, cure string) {
	r.add(astconf.Error, at, rule, message, "", cure)
}

// An option is a line being read.
type option struct {
	*reading
	astconf.Entry
	link *link
}

// entries reads a section's lines by a table. One that the table does not know is an
// Error: a misspelt address would leave the box without one.
func (r *reading) entries(s *astconf.Section, l *link, table map[string]func(option) error) {
	for _, e := range s.Entries {
		take := table[strings.ToLower(e.Name)]
		if take == nil {
			r.fail(e.Pos, "unknown-option", fmt.Sprintf("[%s] has no option %s", s.Name, e.Name), "there are "+strings.Join(words(table), ", "))
			continue
		}
		if err := take(option{reading: r, Entry: e, link: l}); err != nil {
			r.diags = append(r.diags, astconf.Diag{Pos: e.Pos, Severity: astconf.Error, Rule: "bad-value", Near: e.Value,
				Message: fmt.Sprintf("[%s]: %s=%s: %v", s.Name, e.Name, e.Value, err)})
		}
	}
}

func words(table map[string]func(option) error) []string {
	var out []string
	for name := range table {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// list splits at commas and blanks.
func list(s string) []string {
	return strings.FieldsFunc(s, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' })
}

func truth(s string) (bool, error) {
	v, known := astconf.Bool(s)
	if !known {
		return false, errors.New("want yes or no")
	}
	return v, nil
}

func number(s string, low, high int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("want a number from %d to %d", low, high)
	}
	return n, nil
}

// general are the options that need others to be understood.
type general struct {
	proofSet bool
}

var generalOptions = map[string]func(option) error{
	"confirm-timeout": func(o option) error {
		n, err := number(o.Value, 10, 3600)
		o.c.Confirm = time.Duration(n) * time.Second
		return err
	},
	"confirm": func(o option) error {
		switch strings.ToLower(o.Value) {
		case "proof":
			o.c.Manual = false
		case "manual":
			o.c.Manual = true
		default:
			return errors.New("want proof or manual")
		}
		return nil
	},
	"prove": func(o option) error {
		if !o.general.proofSet {
			o.general.proofSet, o.c.Proof = true, steward.Proof{}
		}
		for _, w := range list(o.Value) {
			switch strings.ToLower(w) {
			case "gateway":
				o.c.Proof.Gateway = true
			case "phone":
				o.c.Proof.Phone = true
			default:
				if _, _, err := net.SplitHostPort(w); err != nil {
					w = net.JoinHostPort(strings.Trim(w, "[]"), "5060")
				}
				if host, port, _ := net.SplitHostPort(w); !isHost(host) || !isPort(port) {
					return errors.New("want gateway, phone, or a host, perhaps with its port")
				}
				o.c.Proof.Hosts = append(o.c.Proof.Hosts, w)
			}
		}
		return nil
	},
	"dns": func(o option) error {
		for _, w := range list(o.Value) {
			a, err := netip.ParseAddr(w)
			if err != nil {
				return errors.New("want addresses of name servers")
			}
			o.c.DNS = append(o.c.DNS, a.Unmap())
		}
		if len(o.c.DNS) > 3 {
			o.add(astconf.Warning, o.Pos, "too-many", "more than three name servers", "only the first three are asked", "")
		}
		return nil
	},
	"search": func(o option) error {
		for _, w := range list(o.Value) {
			if !isHost(w) || strings.Contains(w, ":") {
				return errors.New("want names of domains")
			}
			o.c.Search = append(o.c.Search, strings.ToLower(strings.TrimSuffix(w, ".")))
		}
		return nil
	},
	"ntp": func(o option) error {
		for _, w := range list(o.Value) {
			if !isHost(w) {
				return errors.New("want names or addresses of time servers")
			}
			o.c.NTP = append(o.c.NTP, w)
		}
		return nil
	},
}

func isPort(s string) bool {
	_, err := number(s, 1, 65535)
	return err == nil
}

// isHost reports whether s is an address or can be a host's name.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	return s != "" && len(s) <= 253 && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-._") == "" &&
		strings.Trim(s, "0123456789.") != "" && !strings.HasPrefix(s, "-")
}

// A link is an interface's section.
type link struct {
	steward.Interface
	section  *astconf.Section
	device   string
	kind     string
	gateways []gateway
	routes   []gateway
}

// A gateway is a way out whose line is remembered.
type gateway struct {
	at    astconf.Pos
	route netcfg.Route
	line  string // "gateway" or "route"
}

var linkOptions = map[string]func(option) error{
	"type": func(o option) error {
		switch k := strings.ToLower(o.Value); k {
		case "interface", "bridge", "vlan":
			o.link.kind = k
		default:
			return errors.New("want interface, bridge or vlan")
		}
		return nil
	},
	"device": func(o option) error {
		o.link.device = o.Value
		return linkName(o.Value)
	},
	"mac": func(o option) error {
		m, err := net.ParseMAC(o.Value)
		if err != nil || len(m) != 6 || m[0]&1 != 0 {
			return errors.New("want an Ethernet address like 52:54:00:12:34:56")
		}
		o.link.MAC = m.String()
		return nil
	},
	"enabled": func(o option) (err error) { o.link.Up, err = truth(o.Value); return err },
	"dhcp":    func(o option) (err error) { o.link.DHCP, err = truth(o.Value); return err },
	"mtu":     func(o option) (err error) { o.link.MTU, err = number(o.Value, 576, 9216); return err },
	"metric":  func(o option) (err error) { o.link.Metric, err = number(o.Value, 1, 1000000); return err },
	"id":      func(o option) (err error) { o.link.VLAN, err = number(o.Value, 1, 4094); return err },
	"parent":  func(o option) error { o.link.Parent = o.Value; return linkName(o.Value) },
	"ports": func(o option) error {
		for _, w := range list(o.Value) {
			if err := linkName(w); err != nil {
				return err
			}
			o.link.Ports = append(o.link.Ports, w)
		}
		return nil
	},
	"address": func(o option) error {
		for _, w := range list(o.Value) {
			p, err := netip.ParsePrefix(w)
			if err != nil {
				return errors.New("want an address with the length of its network, like 192.168.1.9/24 or 2001:db8::9/64")
			}
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits())
			if why := unfit(p); why != "" {
				return errors.New(why)
			}
			o.link.Addresses = append(o.link.Addresses, p)
		}
		return nil
	},
	"gateway": func(o option) error {
		for _, w := range list(o.Value) {
			a, err := netip.ParseAddr(w)
			if err != nil {
				return errors.New("want the address of a router")
			}
			to := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
			if a.Is6() {
				to = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
			}
			o.link.gateways = append(o.link.gateways, gateway{o.Pos, netcfg.Route{To: to, Via: a.Unmap()}, "gateway"})
		}
		return nil
	},
	"route": func(o option) error {
		r, err := route(strings.Fields(o.Value))
		o.link.routes = append(o.link.routes, gateway{o.Pos, r, "route"})
		return err
	},
}

// unfit says why an address cannot be an interface's own, "" if it can.
func unfit(p netip.Prefix) string {
	a := p.Addr()
	switch {
	case a.IsUnspecified(), a.IsMulticast(), a.IsLoopback():
		return "not an address that an interface can have"
	case a.IsLinkLocalUnicast() && a.Is6():
		return "link-local addresses come by themselves"
	case a.Is4() && p.Bits() == 0:
		return "the network's length is 0"
	case a.Is4() && p.Bits() < 31 && a == p.Masked().Addr():
		return "that is the network's own address, not a host's"
	case a.Is4() && p.Bits() < 31 && a == last(p):
		return "that is the network's broadcast address, not a host's"
	}
	return ""
}

func last(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// route reads "10.0.0.0/8 via 192.168.1.1 metric 20"; without via the network is
// directly connected.
func route(w []string) (netcfg.Route, error) {
	var r netcfg.Route
	usage := errors.New("want network, [via router], [metric number]")
	if len(w)%2 != 1 {
		return r, usage
	}
	to, err := netip.ParsePrefix(w[0])
	if err != nil {
		return r, usage
	}
	if r.To = to.Masked(); r.To != to {
		return r, fmt.Errorf("%s has host bits, the network is %s", w[0], r.To)
	}
	for i := 1; i < len(w); i += 2 {
		switch strings.ToLower(w[i]) {
		case "via":
			if r.Via, err = netip.ParseAddr(w[i+1]); err != nil || r.Via.Is4() != to.Addr().Is4() {
				return r, errors.New("via needs an address of the same family")
			}
		case "metric":
			if r.Metric, err = number(w[i+1], 1, 1000000); err != nil {
				return r, err
			}
		default:
			return r, usage
		}
	}
	return r, nil
}

// linkName says whether the kernel can call an interface that.
func linkName(s string) error {
	strange := func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`/:"`, c) }
	if s == "" || len(s) > 15 || s == "." || s == ".." || strings.ContainsFunc(s, strange) {
		return errors.New("not the name of an interface: up to 15 letters, digits and signs, without slash and colon")
	}
	return nil
}

func (r *reading) link(s *astconf.Section) {
	l := &link{section: s, Interface: steward.Interface{Interface: netcfg.Interface{Up: true}}}
	r.entries(s, l, linkOptions)
	if l.kind == "" {
		switch {
		case len(l.Ports) > 0:
			l.kind = "bridge"
		case l.VLAN != 0 || l.Parent != "":
			l.kind = "vlan"
		default:
			l.kind = "interface"
		}
	}
	switch {
	case l.kind != "interface" && l.MAC != "":
		r.fail(s.Pos, "bad-link", fmt.Sprintf("[%s]: a %s is made here and cannot be found by mac=", s.Name, l.kind), "leave mac= out")
	case l.MAC != "" && l.device != "":
		r.fail(s.Pos, "bad-link", fmt.Sprintf("[%s] has both device= and mac=", s.Name), "leave one of them out")
	}
	if l.MAC == "" {
		if l.Name = cmp.Or(l.device, s.Name); l.device == "" {
			if err := linkName(l.Name); err != nil {
				r.fail(s.Pos, "bad-link", fmt.Sprintf("[%s]: %v", s.Name, err), "write device= into the section")
			}
		}
	}
	if l.kind != "interface" {
		l.Kind = l.kind
	}
	switch l.kind {
	case "vlan":
		if l.VLAN == 0 || l.Parent == "" {
			r.fail(s.Pos, "bad-link", fmt.Sprintf("[%s]: a VLAN needs parent= and id=", s.Name), "parent=eth0, id=40")
		}
	case "bridge":
		if len(l.Ports) == 0 {
			r.add(astconf.Warning, s.Pos, "no-ports", fmt.Sprintf("[%s]: a bridge without ports=", s.Name), "nothing can reach it", "ports=eth0,eth1")
		}
	}
	if l.kind != "vlan" && (l.VLAN != 0 || l.Parent != "") || l.kind != "bridge" && len(l.Ports) > 0 {
		r.fail(s.Pos, "bad-link", fmt.Sprintf("[%s]: parent= and id= belong to a VLAN, ports= to a bridge", s.Name), "")
	}
	r.found = append(r.found, l)
}
