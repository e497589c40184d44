package socket

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A wire is the pair of sockets of one stream.
type wire struct {
	local    netip.AddrPort
	ports    *ports
	rtp      end
	rtcp     end
	released bool
}

// An end is one socket, with the addresses it deals with in the kernel's form.
type end struct {
	fd     int
	to     sockaddr
	from   sockaddr       // whom the last packet came from
	source netip.AddrPort // the same, readable
}

func newWire(local netip.AddrPort, tos uint8) (*wire, error) {
	w := &wire{local: local, rtp: end{fd: -1}, rtcp: end{fd: -1}}
	for i, e := range []*end{&w.rtp, &w.rtcp} {
		at := netip.AddrPortFrom(local.Addr(), local.Port()+uint16(i))
		if err := e.open(at, tos); err != nil {
			w.closeSockets()
			return nil, err
		}
	}
	return w, nil
}

func (e *end) open(at netip.AddrPort, tos uint8) (err error) {
	family, level, option := unix.AF_INET, unix.IPPROTO_IP, unix.IP_TOS
	if at.Addr().Is6() {
		family, level, option = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	}
	e.to.v6 = family == unix.AF_INET6
	if e.fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if e.to.v6 {
		only := 1
		if at.Addr().IsUnspecified() {
			only = 0 // one socket for both families
		}
		if err := unix.SetsockoptInt(e.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only); err != nil {
			return fmt.Errorf("v6only: %w", err)
		}
	}
	if tos != 0 {
		if err := unix.SetsockoptInt(e.fd, level, option, int(tos)); err != nil {
			return fmt.Errorf("type of service %#02x: %w", tos, err)
		}
	}
	var a unix.Sockaddr
	if e.to.v6 {
		a = &unix.SockaddrInet6{Addr: at.Addr().As16(), Port: int(at.Port()), ZoneId: zone(at.Addr())}
	} else {
		a = &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}
	}
	if err := unix.Bind(e.fd, a); err != nil {
		return fmt.Errorf("bind %v: %w", at, err)
	}
	return nil
}

// watch has the media thread told when packets arrive.
func (w *wire) watch(epoll int, slot uint32) error {
	for i, e := range []*end{&w.rtp, &w.rtcp} {
		ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(slot<<1 | uint32(i))}
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, e.fd, &ev); err != nil {
			return fmt.Errorf("epoll: %w", err)
		}
	}
	return nil
}

// close closes the sockets, which takes them out of epoll, and frees the ports.
func (w *wire) close() {
	w.closeSockets()
	if w.ports != nil && !w.released {
		w.released = true
		w.ports.give(w.local.Port())
	}
}

func (w *wire) closeSockets() {
	for _, e := range []*end{&w.rtp, &w.rtcp} {
		if e.fd >= 0 {
			_ = unix.Close(e.fd)
			e.fd = -1
		}
	}
}

// Aim, RTP and RTCP are the board's way out.

func (w *wire) Aim(rtp, rtcp netip.AddrPort) {
	w.rtp.to.set(rtp)
	w.rtcp.to.set(rtcp)
}

func (w *wire) RTP(b []byte)  { w.rtp.send(b) }
func (w *wire) RTCP(b []byte) { w.rtcp.send(b) }

// send sends b. A packet that the kernel will not take now is lost, like one lost
// on the way: the far side's reports tell.
func (e *end) send(b []byte) {
	if e.to.size == 0 || len(b) == 0 {
		return
	}
	_, _, _ = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(e.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&e.to.raw)), uintptr(e.to.size))
}

// receive reads one packet into b; 0 if there is none, or none that fits. e.source is
// then whom it is from.
func (e *end) receive(b []byte) int {
	was := e.from.raw
	e.from.size = unix.SizeofSockaddrInet6
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(e.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_TRUNC, uintptr(unsafe.Pointer(&e.from.raw)), uintptr(unsafe.Pointer(&e.from.size)))
	if errno != 0 || n > uintptr(len(b)) {
		e.from.raw = was
		return 0
	}
	if e.from.raw != was || !e.source.IsValid() {
		e.source = e.from.addrPort()
	}
	return int(n)
}

// A sockaddr is an address as system calls want it: an IPv6 one, or an IPv4 one
// in the same place.
type sockaddr struct {
	raw  unix.RawSockaddrInet6
	size uint32
	v6   bool // the socket is
}

func (s *sockaddr) v4() *unix.RawSockaddrInet4 {
	return (*unix.RawSockaddrInet4)(unsafe.Pointer(&s.raw))
}

// set fills in a; an address the socket's family cannot reach is none.
func (s *sockaddr) set(a netip.AddrPort) {
	s.raw, s.size = unix.RawSockaddrInet6{}, 0
	addr := a.Addr()
	switch {
	case !a.IsValid():
	case s.v6:
		s.raw.Family, s.raw.Addr, s.raw.Scope_id = unix.AF_INET6, addr.As16(), zone(addr)
		s.size = unix.SizeofSockaddrInet6
	case addr.Unmap().Is4():
		s.v4().Family, s.v4().Addr = unix.AF_INET, addr.Unmap().As4()
		s.size = unix.SizeofSockaddrInet4
	}
	// Both forms have the port in the same place, in network order.
	port := (*[2]byte)(unsafe.Pointer(&s.raw.Port))
	port[0], port[1] = byte(a.Port()>>8), byte(a.Port())
}

func (s *sockaddr) addrPort() netip.AddrPort {
	p := (*[2]byte)(unsafe.Pointer(&s.raw.Port))
	port := uint16(p[0])<<8 | uint16(p[1])
	if s.raw.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4(s.v4().Addr), port)
	}
	a := netip.AddrFrom16(s.raw.Addr).Unmap()
	if s.raw.Scope_id != 0 && a.Is6() {
		a = a.WithZone(strconv.FormatUint(uint64(s.raw.Scope_id), 10))
	}
	return netip.AddrPortFrom(a, port)
}

// zone is the number of a link-local address's interface, given by name or number.
func zone(a netip.Addr) uint32 {
	z := a.Zone()
	if n, err := strconv.ParseUint(z, 10, 32); err == nil {
		return uint32(n)
	}
	if i, err := net.InterfaceByName(z); z != "" && err == nil {
		return uint32(i.Index)
	}
	return 0
}
