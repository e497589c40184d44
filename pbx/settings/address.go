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
