package dhcp

import (
	"math/bits"
	"net/netip"
	"strings"
	"time"

	"branchline/netcfg"
)

// A Lease is what a server has granted. It is written down as JSON.
type Lease struct {
	Address netip.Prefix   `json:"address"`
	Server  netip.Addr     `json:"server"`
	Routes  []netcfg.Route `json:"routes,omitempty"` // without a Link
	DNS     []netip.Addr   `json:"dns,omitempty"`
	NTP     []netip.Addr   `json:"ntp,omitempty"`
	Domain  string         `json:"domain,omitempty"`
	MTU     int            `json:"mtu,omitempty"` // 0: the server says nothing
	Granted time.Time      `json:"granted"`
	Renew   time.Duration  `json:"renew"` // after Granted (T1 of RFC 2131 4.4.5)
	Rebind  time.Duration  `json:"rebind"`
	Life    time.Duration  `json:"life"` // Forever: it does not end
}

// Forever is the life of a lease without an end.
const Forever = time.Duration(1<<63 - 1)

// Ends is when the lease runs out, zero if never.
func (l Lease) Ends() time.Time {
	if l.Life == Forever {
		return time.Time{}
	}
	return l.Granted.Add(l.Life)
}

// Valid reports whether the lease is in force at a time.
func (l Lease) Valid(at time.Time) bool {
	return l.Address.IsValid() && (l.Life == Forever || at.Before(l.Ends()))
}

// Bounds of what a server may say.
const (
	shortest = 10 * time.Second // below it a lease is not worth its packets
	lifeless = time.Hour        // a server that says no time
	maxRoute = 32
)

// leaseOf reads an offer or an acknowledgement; false if there is no address in it
// that can be used.
func leaseOf(m *message, now time.Time) (Lease, bool) {
	if !usable(m.yours) {
		return Lease{}, false
	}
	l := Lease{
		Address: netip.PrefixFrom(m.yours, m.maskBits()), Server: m.addr(optServer),
		DNS: m.addrs(optDNS), NTP: m.addrs(optNTP), Domain: hostName(m.options[optDomain]), Granted: now.Round(0),
	}
	if n, ok := m.number(optMTU); ok && n >= 576 && n <= 9216 {
		l.MTU = int(n)
	}
	l.times(m)
	l.Routes = m.routes(l.Address)
	return l, true
}

func (l *Lease) times(m *message) {
	seconds := func(code byte) time.Duration {
		n, ok := m.number(code)
		switch {
		case !ok:
			return 0
		case n == 1<<32-1:
			return Forever
		}
		return time.Duration(n) * time.Second
	}
	l.Life = seconds(optLease)
	if l.Life == 0 {
		l.Life = lifeless
	}
	l.Life = max(l.Life, shortest)
	if l.Life == Forever {
		l.Renew, l.Rebind = Forever, Forever
		return
	}
	l.Renew, l.Rebind = seconds(optRenew), seconds(optRebind)
	if l.Rebind <= 0 || l.Rebind >= l.Life { // RFC 2131 4.4.5
		l.Rebind = l.Life / 8 * 7
	}
	if l.Renew <= 0 || l.Renew >= l.Rebind {
		l.Renew = min(l.Life/2, l.Rebind-time.Second)
	}
}

// maskBits is the length of the network's part. Without a mask it is the one of the
// address's class.
func (m *message) maskBits() int {
	if n, ok := m.number(optMask); ok && len(m.options[optMask]) == 4 {
		ones := bits.LeadingZeros32(^n)
		if n<<ones == 0 && ones >= 1 && ones <= 32 {
			return ones
		}
	}
	switch first := m.yours.As4()[0]; {
	case first < 128:
		return 8
	case first < 192:
		return 16
	}
	return 24
}

// routes are the ways out. RFC 3442: who understands option 121 must not look at
// the routers beside it. A router outside the network is reached directly.
func (m *message) routes(own netip.Prefix) (out []netcfg.Route) {
	everywhere := netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	add := func(to netip.Prefix, via netip.Addr) {
		if len(out) >= maxRoute || via == own.Addr() {
			return
		}
		if via.IsValid() && !own.Contains(via) {
			out = append(out, netcfg.Route{To: netip.PrefixFrom(via, 32)})
		}
		out = append(out, netcfg.Route{To: to, Via: via})
	}
	if o, there := m.options[optRoutes]; there {
		for len(o) > 0 {
			n := int(o[0])
			size := (n + 7) / 8
			if n > 32 || len(o) < 1+size+4 {
				return nil
			}
			var to [4]byte
			copy(to[:], o[1:1+size])
			via := netip.AddrFrom4([4]byte(o[1+size : 5+size]))
			if via.IsUnspecified() {
				via = netip.Addr{}
			}
			if !via.IsValid() || usable(via) {
				add(netip.PrefixFrom(netip.AddrFrom4(to), n).Masked(), via)
			}
			o = o[5+size:]
		}
		return out
	}
	if via := m.addr(optRouter); via.IsValid() {
		add(everywhere, via)
	}
	return out
}

// hostName is text of a server that may go into a file of names; "" if it may not.
func hostName(b []byte) string {
	s := strings.ToLower(strings.TrimRight(string(b), ".\x00"))
	if len(s) > 253 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
		return ""
	}
	return s
}
