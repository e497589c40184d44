package devices

import (
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"branchline/pbx/astdb"
	"branchline/pbx/settings"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/way"
)

// whereabouts knows from which address each device of sip.conf registered. A
// contact tells where a phone believes it is; for phones behind a router and on
// TCP the way back is the way they came. It is kept in the store under the key
// chan_sip had, SIP/Registry/<device>, which scripts read.
//
// An entry means something only as long as the registrar has a contact of the
// device.
type whereabouts struct {
	db *astdb.DB // nil: not stored

	mu sync.Mutex
	of map[string]place // by lower-case name of the device
	by map[netip.AddrPort]string
}

// A place is where one device is.
type place struct {
	addr    netip.AddrPort
	network string // "udp", "tcp"
	held    bool   // only this address reaches it, not that of its contact
	text    string // as stored
}

const (
	registryFamily = "SIP/Registry"
	// placeSoon is how fast a place is stored; it survives a crash at once.
	placeSoon = time.Second
)

func newWhereabouts(db *astdb.DB) *whereabouts {
	p := &whereabouts{db: db, of: map[string]place{}, by: map[netip.AddrPort]string{}}
	if db == nil {
		return p
	}
	for _, e := range db.List("/" + registryFamily) {
		if at, ok := storedPlace(e.Value); ok {
			p.put(strings.ToLower(strings.TrimPrefix(e.Name, "/"+registryFamily+"/")), at)
		}
	}
	return p
}

// storedPlace reads ip:port:expiry:user:uri, the ip in brackets if it is IPv6.
func storedPlace(s string) (place, bool) {
	i := 0
	if strings.HasPrefix(s, "[") {
		i = strings.Index(s, "]") + 1
	}
	host, rest, ok := strings.Cut(s[i:], ":")
	host = s[:i] + host
	port, rest, ok2 := strings.Cut(rest, ":")
	_, rest, ok3 := strings.Cut(rest, ":")
	_, uri, ok4 := strings.Cut(rest, ":")
	addr, err := netip.ParseAddrPort(host + ":" + port)
	if !ok || !ok2 || !ok3 || !ok4 || err != nil {
		return place{}, false
	}
	at := place{addr: addr, network: "udp", text: s}
	if strings.Contains(strings.ToLower(uri), "transport=tcp") {
		at.network = "tcp"
	}
	at.held = at.network == "tcp" || !strings.Contains(uri, addr.Addr().String())
	return at, true
}

// put enters a place. The caller holds mu, or is the only one.
func (p *whereabouts) put(name string, at place) {
	if old, ok := p.of[name]; ok && p.by[old.addr] == name {
		delete(p.by, old.addr)
	}
	p.of[name] = at
	p.by[at.addr] = name
}

// learn notes what a REGISTER of dev has shown.
func (p *whereabouts) learn(dev *settings.Device, contacts []*registrar.Contact, src netip.AddrPort, network string, routed bool) {
	name := strings.ToLower(dev.Name)
	var c *registrar.Contact
	for _, x := range contacts {
		if !x.Permanent() {
			c = x
			break
		}
	}
	if c == nil {
		p.forget(dev)
		return
	}
	at := place{addr: netip.AddrPortFrom(src.Addr().Unmap(), src.Port()), network: network, held: routed || network != "udp"}
	if !at.held {
		if a, ok := way.Literal(&c.Uri); ok {
			port := c.Uri.Port
			if port == 0 {
				port = 5060
			}
			at.addr = netip.AddrPortFrom(a, uint16(port))
		}
	}
	seconds := int64((time.Until(c.Expires) + time.Second - 1) / time.Second)
	at.text = at.addr.String() + ":" + strconv.FormatInt(seconds, 10) + ":" + c.Uri.User + ":" + c.URI
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of[name] == at {
		return
	}
	p.put(name, at)
	if p.db != nil {
		p.db.PutSoon(registryFamily, dev.Name, at.text, placeSoon)
	}
}

// forget drops a device that has no contact any more.
func (p *whereabouts) forget(dev *settings.Device) {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := strings.ToLower(dev.Name)
	old, ok := p.of[name]
	if !ok {
		return
	}
	if p.by[old.addr] == name {
		delete(p.by, old.addr)
	}
	delete(p.of, name)
	if p.db != nil {
		p.db.DelSoon(registryFamily, dev.Name, placeSoon)
	}
}

// at names the device that registered from an address; "" if none has.
func (p *whereabouts) at(addr netip.AddrPort) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.by[addr]
}

// place is where a device is.
func (p *whereabouts) place(dev *settings.Device) (place, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.of[strings.ToLower(dev.Name)]
	return at, ok
}
