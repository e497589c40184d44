// Package sockets is the network below SIP transports: the kernel's sockets, which may be
// kept over a restart, behind an interface that tests fill with a network in memory.
package sockets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Network makes sockets. Kernel is the real one; siptest has one in memory.
type Network interface {
	ListenPacket(bind netip.AddrPort, dscp int) (PacketConn, error)
	Listen(bind netip.AddrPort, dscp int) (Listener, error)
	// Dial opens a connection from local (unspecified: any) to remote.
	Dial(ctx context.Context, local netip.Addr, remote netip.AddrPort, dscp int) (net.Conn, error)
	// Route is the address packets to dst leave from.
	Route(dst netip.Addr) (netip.Addr, error)
}

// A PacketConn is a datagram socket that tells, and can choose, the local
// address of each datagram: a socket bound to all addresses must answer from
// the one it was asked on.
type PacketConn interface {
	ReadFrom(b []byte) (n int, from netip.AddrPort, local netip.Addr, err error)
	WriteTo(b []byte, to netip.AddrPort, local netip.Addr) error
	LocalAddr() netip.AddrPort
	Close() error
}

// A Listener accepts connections.
type Listener interface {
	Accept() (net.Conn, error)
	LocalAddr() netip.AddrPort
	Close() error
}

// Alive is how the kernel probes connections on which nothing is said (RFC 1122
// 4.2.3.6), so that a peer that went without a word is found out. Zero fields
// leave the kernel's own values. Times are rounded to seconds.
type Alive struct {
	On     bool
	Idle   time.Duration // quiet before the first probe
	Every  time.Duration // between probes
	Probes int           // without an answer: the connection is lost
}

// A prober is a connection whose kernel can probe it; *net.TCPConn is one.
type prober interface {
	SetKeepAliveConfig(net.KeepAliveConfig) error
}

// Probe has the kernel watch a connection, or not: Go would by itself.
func (a Alive) Probe(c net.Conn) error {
	p, ok := c.(prober)
	if !ok {
		return nil
	}
	given := func(d time.Duration) time.Duration {
		if d <= 0 {
			return -1
		}
		return d
	}
	count := a.Probes
	if count <= 0 {
		count = -1
	}
	return p.SetKeepAliveConfig(net.KeepAliveConfig{Enable: a.On, Idle: given(a.Idle), Interval: given(a.Every), Count: count})
}

// A Keeper holds sockets over a restart of the process, so that what phones send
// meanwhile waits in them.
type Keeper interface {
	// Take is the socket kept under name, or else one that was made for us and listens to
	// an address ("udp", "192.0.2.1:5060"); nil if there is none.
	Take(name, network, address string) *os.File
	Keep(name string, fd uintptr) error
	Drop(name string) error
}

// Kernel is the host's network. With a Keeper, sockets that listen are taken from it
// where it has them, and left with it.
type Kernel struct{ Keeper Keeper }

// receiveBuffer is asked for on each UDP socket: about 4,000 SIP messages, what
// a site sends within a second after a power cut. The kernel's own maximum
// (net.core.rmem_max) may grant less.
const receiveBuffer = 4 << 20

func (k Kernel) ListenPacket(bind netip.AddrPort, dscp int) (PacketConn, error) {
	network := "udp4"
	if bind.Addr().Unmap().Is6() {
		network = "udp6" // v6 only: 0.0.0.0 and :: may both be configured
	}
	all := bind.Addr().IsUnspecified()
	prepare := func(c syscall.RawConn) error {
		return onSocket(c, func(fd int) error {
			mark(fd, network == "udp6", dscp)
			// Only root may pass the kernel's limit; SetReadBuffer below takes
			// what anybody gets.
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer)
			if !all {
				return nil
			}
			if network == "udp6" {
				return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
			}
			return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		})
	}
	name := keptName("udp", bind)
	pc, err := k.take("udp", bind, func(f *os.File) (kept, error) {
		c, err := net.FilePacketConn(f)
		if err != nil {
			return nil, err
		}
		u, ok := c.(*net.UDPConn)
		if !ok {
			return nil, errors.Join(fmt.Errorf("unexpected socket %T", c), c.Close())
		}
		return u, onRaw(u, prepare)
	})
	if pc == nil {
		lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return prepare(c) }}
		var fresh net.PacketConn
		if fresh, err = lc.ListenPacket(context.Background(), network, bind.String()); err == nil {
			pc, err = k.keep(name, fresh)
		}
	}
	if err != nil {
		return nil, cause(err)
	}
	u, ok := pc.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("unexpected socket %T", pc), pc.Close())
	}
	if size, err := readBuffer(u); err != nil || size < receiveBuffer {
		_ = u.SetReadBuffer(receiveBuffer) // a smaller one is no reason to be deaf
	}
	return &datagrams{UDPConn: u, all: all, dropped: k.dropper(name)}, nil
}

func readBuffer(u *net.UDPConn) (size int, err error) {
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, err
	}
	err = onSocket(raw, func(fd int) (err error) {
		size, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		return err
	})
	return size, err
}

// mark sets the DSCP field. A kernel that refuses costs quality, not calls.
func mark(fd int, v6 bool, dscp int) {
	if dscp <= 0 {
		return
	}
	if v6 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, dscp<<2)
		return
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, dscp<<2)
}

func onSocket(c syscall.RawConn, f func(fd int) error) error {
	var err error
	if cerr := c.Control(func(fd uintptr) { err = f(int(fd)) }); cerr != nil {
		return cerr
	}
	return err
}

// cause drops net's "listen udp 1.2.3.4:5060: bind:" in front of the reason; our
// own message says it already.
func cause(err error) error {
	var no syscall.Errno
	if errors.As(err, &no) {
		return no
	}
	return err
}

// datagrams is a UDP socket.
type datagrams struct {
	*net.UDPConn
	all     bool // bound to every address: packet info is exchanged
	oob     [128]byte
	dropped func()
}

// Close ends receiving for good: the Keeper lets go too.
func (d *datagrams) Close() error {
	d.dropped()
	return d.UDPConn.Close()
}

func (d *datagrams) LocalAddr() netip.AddrPort {
	return AddrPort(d.UDPConn.LocalAddr())
}

func (d *datagrams) ReadFrom(b []byte) (int, netip.AddrPort, netip.Addr, error) {
	if !d.all {
		n, from, err := d.ReadFromUDPAddrPort(b)
		return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), netip.Addr{}, err
	}
	n, on, _, from, err := d.ReadMsgUDPAddrPort(b, d.oob[:])
	return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), infoAddr(d.oob[:max(on, 0)]), err
}

func (d *datagrams) WriteTo(b []byte, to netip.AddrPort, local netip.Addr) error {
	if !d.all || !local.IsValid() || local.IsMulticast() {
		_, err := d.WriteToUDPAddrPort(b, to)
		return cause(err)
	}
	var oob []byte
	if local.Is4() {
		oob = unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: local.As4()})
	} else {
		oob = unix.PktInfo6(&unix.Inet6Pktinfo{Addr: local.As16()})
	}
	_, _, err := d.WriteMsgUDPAddrPort(b, oob, to)
	if err != nil { // the address may have gone meanwhile: let the system choose
		_, err = d.WriteToUDPAddrPort(b, to)
	}
	return cause(err)
}

// infoAddr reads the destination address out of IP_PKTINFO or IPV6_PKTINFO.
func infoAddr(oob []byte) netip.Addr {
	for len(oob) >= unix.SizeofCmsghdr {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return netip.Addr{}
		}
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= 12:
			return netip.AddrFrom4([4]byte(data[8:12])) // ipi_ifindex, ipi_spec_dst, ipi_addr
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= 16:
			return netip.AddrFrom16([16]byte(data[:16]))
		}
		oob = rest
	}
	return netip.Addr{}
}

func (k Kernel) Listen(bind netip.AddrPort, dscp int) (Listener, error) {
	network := "tcp4"
	if bind.Addr().Unmap().Is6() {
		network = "tcp6"
	}
	prepare := func(c syscall.RawConn) error {
		return onSocket(c, func(fd int) error {
			mark(fd, network == "tcp6", dscp)
			return nil
		})
	}
	name := keptName("tcp", bind)
	l, err := k.take("tcp", bind, func(f *os.File) (kept, error) {
		c, err := net.FileListener(f)
		if err != nil {
			return nil, err
		}
		t, ok := c.(*net.TCPListener)
		if !ok {
			return nil, errors.Join(fmt.Errorf("unexpected socket %T", c), c.Close())
		}
		return t, onRaw(t, prepare)
	})
	if l == nil {
		lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return prepare(c) }}
		var fresh net.Listener
		if fresh, err = lc.Listen(context.Background(), network, bind.String()); err == nil { // Go sets SO_REUSEADDR
			l, err = k.keep(name, fresh)
		}
	}
	if err != nil {
		return nil, cause(err)
	}
	t, ok := l.(net.Listener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("unexpected socket %T", l), l.Close())
	}
	return listener{t, k.dropper(name)}, nil
}

type listener struct {
	net.Listener
	dropped func()
}

// Close ends listening for good: the Keeper lets go too.
func (l listener) Close() error {
	l.dropped()
	return l.Listener.Close()
}

func (l listener) LocalAddr() netip.AddrPort { return AddrPort(l.Addr()) }

func (Kernel) Dial(ctx context.Context, local netip.Addr, remote netip.AddrPort, dscp int) (net.Conn, error) {
	d := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return onSocket(c, func(fd int) error {
			mark(fd, remote.Addr().Is6(), dscp)
			return nil
		})
	}}
	if local.IsValid() && !local.IsUnspecified() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	c, err := d.DialContext(ctx, "tcp", remote.String())
	if err != nil {
		return nil, cause(err)
	}
	return c, nil
}

// Route asks the kernel by connecting a datagram socket, which sends nothing.
func (Kernel) Route(dst netip.Addr) (netip.Addr, error) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(dst, 5060)))
	if err != nil {
		return netip.Addr{}, cause(err)
	}
	a := AddrPort(c.LocalAddr()).Addr()
	return a, c.Close()
}

// AddrPort is an address of a socket; an IPv4 one as such.
func AddrPort(a net.Addr) netip.AddrPort {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	default:
		ap, _ = netip.ParseAddrPort(a.String())
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// Routes caches Network.Route for a transport bound to all addresses. The zero value is
// empty.
type Routes struct {
	mu    sync.Mutex
	known map[netip.Addr]route
}

type route struct {
	from netip.Addr
	at   time.Time
}

// routeLife is how soon a change of addresses (DHCP, a failing line) is noticed.
const routeLife = 30 * time.Second

// Forget has everything looked up again.
func (r *Routes) Forget() {
	r.mu.Lock()
	clear(r.known)
	r.mu.Unlock()
}

// Find is the address packets to dst leave from, the unspecified one if there is no way.
func (r *Routes) Find(n Network, dst netip.Addr) netip.Addr {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if k, ok := r.known[dst]; ok && now.Sub(k.at) < routeLife {
		return k.from
	}
	from, err := n.Route(dst)
	if err != nil {
		from = netip.IPv4Unspecified()
		if dst.Is6() {
			from = netip.IPv6Unspecified()
		}
	}
	if r.known == nil || len(r.known) > 4096 {
		r.known = map[netip.Addr]route{}
	}
	r.known[dst] = route{from, now}
	return from
}
