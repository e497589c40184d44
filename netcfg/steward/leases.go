package steward

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"

	"branchline/netcfg"
	"branchline/netcfg/dhcp"
)

// A leasing is the DHCP of one interface.
type leasing struct {
	index  int                // of the link its client runs on
	cancel context.CancelFunc // nil: no client runs, the cable is out
	lease  *dhcp.Lease
	kept   *dhcp.Lease // what was written down of it
}

func (l *leasing) halt() {
	if l.cancel != nil {
		l.cancel()
		l.cancel = nil
	}
}

// clients starts DHCP where it is wanted and there is a cable, and stops it
// elsewhere. While the cable is out the lease is kept, and asked for again when it
// is back: it may be another network then. s.mu is held.
func (s *Steward) clients(have netcfg.State) {
	wanted := map[string]*netcfg.Link{}
	for _, e := range s.wanted().entries(have) {
		if e.DHCP && e.Up {
			wanted[e.Name] = e.link
		}
	}
	for name, l := range s.leases {
		if _, ok := wanted[name]; !ok {
			l.halt()
			delete(s.leases, name)
		}
	}
	for name, link := range wanted {
		l := s.leases[name]
		if l == nil {
			l = &leasing{lease: s.standing(name, link)}
			s.leases[name] = l
		}
		if link == nil || !link.Up || !link.Carrier || l.cancel != nil && link.Index != l.index {
			l.halt()
		}
		if link != nil && link.Up && link.Carrier && l.cancel == nil {
			s.begin(name, link, l)
		}
	}
}

// standing is the lease whose address a link has already: the program was started
// again. Phones and calls go on with it until the server has answered.
func (s *Steward) standing(name string, link *netcfg.Link) *dhcp.Lease {
	if s.o.Memory == nil || link == nil {
		return nil
	}
	l := s.o.Memory.Lease(name)
	if l == nil || !l.Valid(time.Now()) || !slices.Contains(link.Addresses, l.Address) {
		return nil
	}
	return l
}

// replugged ends the clients of links that were without a cable: it may be another
// network now. s.mu is held.
func (s *Steward) replugged(lost map[string]bool) {
	for name, was := range lost {
		s.again[name] = s.again[name] || was
		if l := s.leases[name]; was && l != nil {
			l.halt()
		}
	}
}

func (s *Steward) begin(name string, link *netcfg.Link, l *leasing) {
	mac, err := net.ParseMAC(link.MAC)
	if err != nil {
		return
	}
	last := l.lease
	if last == nil && s.o.Memory != nil {
		last = s.o.Memory.Lease(name)
	}
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(s.ctx)
	l.index = link.Index
	go func() {
		err := s.o.Client(ctx, dhcp.Options{
			Link: name, MAC: mac, HostName: s.o.HostName, Vendor: s.o.Vendor, Last: last, Log: s.log,
			Taken: func(ctx context.Context, addr netip.Addr) (string, error) { return s.o.Kernel.Taken(ctx, name, addr) },
			Bound: func(fresh dhcp.Lease) { s.bound(ctx, name, l, &fresh) },
			Lost: func(why string) {
				s.log.Warn("no lease any more", "interface", name, "reason", why)
				s.bound(ctx, name, l, nil)
			},
		})
		if err != nil && ctx.Err() == nil {
			s.log.Error(err.Error())
		}
	}()
}

// bound takes a new lease, or that there is none.
func (s *Steward) bound(ctx context.Context, name string, l *leasing, fresh *dhcp.Lease) {
	s.mu.Lock()
	if ctx.Err() != nil || s.leases[name] != l {
		s.mu.Unlock()
		return
	}
	old := l.lease
	l.lease = fresh
	if s.o.Memory != nil && worthKeeping(l.kept, fresh) {
		l.kept = fresh
		s.o.Memory.Keep(name, fresh)
	}
	if fresh != nil && (old == nil || old.Address != fresh.Address) {
		s.log.Info("address by dhcp", "interface", name, "address", fresh.Address.String(), "server", fresh.Server.String(), "for", fresh.Life)
	}
	err := s.settle()
	s.mu.Unlock()
	s.trouble(err)
}

// worthKeeping spares the flash: a lease that was only renewed is written down when a
// quarter of the life of the one that was is over.
func worthKeeping(old, fresh *dhcp.Lease) bool {
	if old == nil || fresh == nil || old.Address != fresh.Address || old.Server != fresh.Server {
		return true
	}
	return fresh.Granted.Sub(old.Granted) >= old.Life/4
}
