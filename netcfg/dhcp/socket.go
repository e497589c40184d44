package dhcp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// The ports of servers and clients (RFC 2131 4.1).
const (
	serverPort = 67
	clientPort = 68
)

// Listen opens the client's port on one interface. It needs CAP_NET_BIND_SERVICE,
// and no raw socket. The kernel must not check where datagrams come from
// (rp_filter), since nothing is reachable there before there is an address.
func Listen(link string) (Conn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		cerr := c.Control(func(fd uintptr) {
			if err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err == nil {
				err = unix.BindToDevice(int(fd), link)
			}
		})
		if cerr != nil {
			return cerr
		}
		return err
	}}
	c, err := lc.ListenPacket(context.Background(), "udp4", fmt.Sprintf("0.0.0.0:%d", clientPort))
	if err != nil {
		return nil, err
	}
	return socket{c}, nil
}

type socket struct{ c net.PacketConn }

func (s socket) Send(b []byte, to netip.Addr) error {
	_, err := s.c.WriteTo(b, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, serverPort)))
	return err
}

func (s socket) Receive(b []byte) (int, error) {
	for {
		n, from, err := s.c.ReadFrom(b)
		if err != nil {
			return 0, err
		}
		if u, ok := from.(*net.UDPAddr); ok && u.Port == serverPort {
			return n, nil
		}
	}
}

func (s socket) Close() error { return s.c.Close() }
