package sockets

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"syscall"
)

// kept is a socket that a Keeper may hold.
type kept interface {
	io.Closer
	syscall.Conn
}

// keptName is what a listening socket is kept as.
func keptName(network string, bind netip.AddrPort) string {
	return "sip-" + network + "-" + bind.String()
}

// take is the socket that a Keeper holds for an address, made by wrap; nil if there is
// none, or none that is of use.
func (k Kernel) take(network string, bind netip.AddrPort, wrap func(*os.File) (kept, error)) (kept, error) {
	if k.Keeper == nil {
		return nil, nil
	}
	f := k.Keeper.Take(keptName(network, bind), network, netip.AddrPortFrom(bind.Addr().Unmap(), bind.Port()).String())
	if f == nil {
		return nil, nil
	}
	defer f.Close() // wrap works on a copy
	c, err := wrap(f)
	if err != nil {
		return nil, errors.Join(err, k.Keeper.Drop(keptName(network, bind)))
	}
	return c, nil
}

// keep leaves a copy of c with the Keeper. Without it a restart is only a little less
// smooth, so that a Keeper's trouble is not the socket's.
func (k Kernel) keep(name string, c any) (kept, error) {
	s, ok := c.(kept)
	if !ok {
		return nil, errors.New("socket without a descriptor")
	}
	if k.Keeper != nil {
		_ = onRaw(s, func(raw syscall.RawConn) error {
			return raw.Control(func(fd uintptr) { _ = k.Keeper.Keep(name, fd) })
		})
	}
	return s, nil
}

// dropper has the Keeper let go of name: the socket is closed for good.
func (k Kernel) dropper(name string) func() {
	return func() {
		if k.Keeper != nil {
			_ = k.Keeper.Drop(name)
		}
	}
}

func onRaw(c syscall.Conn, f func(syscall.RawConn) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	return f(raw)
}
