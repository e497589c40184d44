package settings

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"branchline/pbx/settings/option"
)

// ParsePrefix reads a.b.c.d, a.b.c.d/len, a.b.c.d/mask and the same for IPv6.
func ParsePrefix(s string) (netip.Prefix, error) {
	s = strings.TrimSpace(s)
	host, length, ranged := strings.Cut(s, "/")
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not an address, want ip, ip/length or ip/mask", s)
	}
	a = a.Unmap()
	bits := a.BitLen()
	if ranged {
		if bits, err = maskBits(length, a); err != nil {
			return netip.Prefix{}, fmt.Errorf("%q: %w", s, err)
		}
	}
	return netip.PrefixFrom(a, bits).Masked(), nil
}

func maskBits(s string, a netip.Addr) (int, error) {
	if n, err := strconv.Atoi(s); err == nil {
		if n < 0 || n > a.BitLen() {
			return 0, fmt.Errorf("length %d, want 0 to %d", n, a.BitLen())
		}
		return n, nil
	}
	m, err := netip.ParseAddr(s)
	if err != nil || m.BitLen() != a.BitLen() {
		return 0, errors.New("not a network mask")
	}
	ones, size := net.IPMask(m.AsSlice()).Size()
	if size == 0 {
		return 0, errors.New("network mask with a hole")
	}
	return ones, nil
}

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
func match(item string) (Match, error) {
	rest, exclude := strings.CutPrefix(item, "!")
	m := Match{Exclude: exclude, Text: item}
	addr, length, ranged := strings.Cut(rest, "/")
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		m.Port = ap.Port()
		addr = ap.Addr().String()
	}
	if ranged {
		addr += "/" + length
	}
	p, err := ParsePrefix(addr)
	if err == nil {
		m.Prefix = p
		m.Text = m.short()
		return m, nil
	}
	if host, _, _ := strings.Cut(rest, ":"); !ranged && IsHostName(host) {
		m.Host = rest
		return m, nil
	}
	return m, err
}

// IsHostName reports whether s could be the name of a host.
func IsHostName(s string) bool {
	if s == "" || strings.Trim(s, "0123456789.") == "" {
		return false
	}
	for _, c := range s {
		if c != '.' && c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

func (m Match) bang() string {
	if m.Exclude {
		return "!"
	}
	return ""
}

func (m Match) short() string {
	return m.bang() + hostPort(m.Prefix.Addr(), m.Port) + "/" + strconv.Itoa(m.Prefix.Bits())
}

func (m Match) long() string {
	if m.Host != "" {
		return m.bang() + m.Host
	}
	return m.bang() + withMask(m.Prefix, m.Port)
}

// TakeRules adds one permit or deny line to a list of rules.
func TakeRules(to *[]Rule, permit bool, s string) error {
	for _, item := range option.CommaList(s) {
		item, negated := strings.CutPrefix(item, "!")
		p, err := ParsePrefix(item)
		if err != nil {
			return err
		}
		*to = append(*to, Rule{Permit: permit != negated, Prefix: p})
	}
	return nil
}

// ruleWords is what Asterisk prints for an access list written in place.
func ruleWords(rules []Rule) []string {
	if len(rules) == 0 {
		return []string{""}
	}
	return []string{"deny/permit"}
}

// Permitted reports whether an access list lets addr in: the last rule that
// covers the address decides, and without any it is permitted.
func Permitted(rules []Rule, addr netip.Addr) bool {
	addr = addr.Unmap()
	permit := true
	for _, r := range rules {
		if r.Prefix.Contains(addr) {
			permit = r.Permit
		}
	}
	return permit
}
