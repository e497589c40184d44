package systemd

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// listens is what a socket listens to, "udp 192.0.2.1:5060" or "unix /run/x.ctl"; ""
// for what is no such socket.
func listens(f *os.File) string {
	raw, err := f.SyscallConn()
	if err != nil {
		return ""
	}
	var is string
	if raw.Control(func(fd uintptr) { is = identity(int(fd)) }) != nil {
		return ""
	}
	return is
}

// fits reports whether what a socket listens to is an address. Two paths are the same
// if they lead to the same file: /var/run is a link to /run.
func fits(is, network, address string) bool {
	if is == network+" "+address {
		return true
	}
	path, ok := strings.CutPrefix(is, "unix ")
	if !ok {
		return false
	}
	a, err := os.Stat(path)
	if err != nil {
		return false
	}
	b, err := os.Stat(address)
	return err == nil && os.SameFile(a, b)
}

func identity(fd int) string {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return ""
	}
	at, err := unix.Getsockname(fd)
	if err != nil {
		return ""
	}
	if kind == unix.SOCK_STREAM {
		if waits, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil || waits == 0 {
			return ""
		}
	}
	var address netip.AddrPort
	switch a := at.(type) {
	case *unix.SockaddrInet4:
		address = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		// One that takes IPv4 as well would be in the way of 0.0.0.0 and speak of
		// addresses as nobody here expects them.
		if only, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY); err != nil || only == 0 {
			return ""
		}
		address = netip.AddrPortFrom(netip.AddrFrom16(a.Addr).WithZone(zone(a.ZoneId)), uint16(a.Port))
	case *unix.SockaddrUnix:
		if kind == unix.SOCK_STREAM {
			return "unix " + a.Name
		}
		return ""
	default:
		return ""
	}
	switch kind {
	case unix.SOCK_DGRAM:
		return "udp " + address.String()
	case unix.SOCK_STREAM:
		return "tcp " + address.String()
	}
	return ""
}

// zone is the name of the interface that a link-local address belongs to.
func zone(index uint32) string {
	if index == 0 {
		return ""
	}
	if i, err := net.InterfaceByIndex(int(index)); err == nil {
		return i.Name
	}
	return strconv.Itoa(int(index))
}
