package nl

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Answers has the kernel look for a neighbour, by a datagram to the port that
// discards (RFC 863), and says whether it has answered.
func (Kernel) Answers(ctx context.Context, neighbour netip.Addr) (bool, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "udp", netip.AddrPortFrom(neighbour, 9).String())
	if err != nil {
		return false, err
	}
	defer c.Close()
	if _, err := c.Write([]byte{0}); err != nil && !errors.Is(err, syscall.ECONNREFUSED) {
		return false, err
	}
	found, err := whole(netlink.NeighList(0, family(neighbour)))
	if err != nil {
		return false, err
	}
	for _, n := range found {
		a, ok := netip.AddrFromSlice(n.IP)
		if ok && a.Unmap() == neighbour.WithZone("") && n.State&(unix.NUD_REACHABLE|unix.NUD_PERMANENT) != 0 {
			return true, nil
		}
	}
	return false, nil
}

func family(a netip.Addr) int {
	if a.Is4() {
		return netlink.FAMILY_V4
	}
	return netlink.FAMILY_V6
}

// Times of Taken. The kernel asks three times, a second apart, and gives up then
// (mcast_solicit and retrans_time_ms of the interface).
const (
	look    = 50 * time.Millisecond
	enquiry = 6 * time.Second
)

// errMute is an interface on which the kernel asks nothing: one without ARP, or in a
// system whose loopback is off.
var errMute = errors.New("the kernel does not ask there")

// Taken asks for an address as RFC 5227 2.1.1 wants it, without the raw socket that
// a daemon with few rights does not have: the kernel is told to look for a neighbour of
// that address. On an interface without an address its question has the sender 0.0.0.0,
// which is a probe to the letter; else it is an ordinary question, which the holder
// answers just so.
func (Kernel) Taken(ctx context.Context, name string, addr netip.Addr) (holder string, err error) {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	own, err := whole(netlink.AddrList(nil, family(addr)))
	if err != nil {
		return "", fmt.Errorf("addresses: %w", err)
	}
	for _, o := range own {
		if p, ok := prefix(o.IPNet); ok && p.Addr() == addr {
			return "", nil
		}
	}
	entry := &netlink.Neigh{LinkIndex: l.Attrs().Index, Family: family(addr), IP: addr.AsSlice(), Flags: netlink.NTF_USE}
	forget := func() error {
		if err := netlink.NeighDel(&netlink.Neigh{LinkIndex: entry.LinkIndex, Family: entry.Family, IP: entry.IP}); err != nil && !errors.Is(err, syscall.ENOENT) {
			return err
		}
		return nil
	}
	if err := forget(); err != nil { // what was heard before is of no use
		return "", fmt.Errorf("neighbour %s: %w", addr, err)
	}
	if err := netlink.NeighSet(entry); err != nil {
		return "", fmt.Errorf("neighbour %s: %w", addr, err)
	}
	defer func() { err = errors.Join(err, forget()) }()
	ctx, cancel := context.WithTimeout(ctx, enquiry)
	defer cancel()
	tick := time.NewTicker(look)
	defer tick.Stop()
	asked := false
	for {
		found, err := whole(netlink.NeighList(entry.LinkIndex, entry.Family))
		if err != nil {
			return "", fmt.Errorf("neighbour %s: %w", addr, err)
		}
		state := unix.NUD_NOARP
		if asked {
			state = unix.NUD_FAILED // one that is gone has been given up
		}
		for _, n := range found {
			if a, ok := netip.AddrFromSlice(n.IP); ok && a.Unmap() == addr {
				state, asked = n.State, true
				holder = n.HardwareAddr.String()
			}
		}
		switch {
		case state&unix.NUD_NOARP != 0:
			return "", fmt.Errorf("neighbour %s: %w", addr, errMute)
		case state&unix.NUD_FAILED != 0:
			return "", nil
		case state&(unix.NUD_INCOMPLETE|unix.NUD_NONE) == 0 && state != 0:
			if holder == l.Attrs().HardwareAddr.String() {
				holder = "" // our own question, come back to us
			}
			return holder, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}
