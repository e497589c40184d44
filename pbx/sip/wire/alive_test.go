package wire_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"branchline/pbx/sip/siptest"
	"branchline/pbx/sip/sockets"
	"branchline/pbx/sip/wire"
)

// overheard is the kernel's network that shows each connection it makes.
type overheard struct {
	sockets.Kernel
	conns chan net.Conn
}

func (o overheard) Listen(bind netip.AddrPort, dscp int) (sockets.Listener, error) {
	l, err := o.Kernel.Listen(bind, dscp)
	return overheardListener{l, o.conns}, err
}

func (o overheard) Dial(ctx context.Context, local netip.Addr, remote netip.AddrPort, dscp int) (net.Conn, error) {
	c, err := o.Kernel.Dial(ctx, local, remote, dscp)
	if err == nil {
		c = told{c.(*net.TCPConn), o.conns}
	}
	return c, err
}

type overheardListener struct {
	sockets.Listener
	conns chan net.Conn
}

func (l overheardListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		c = told{c.(*net.TCPConn), l.conns}
	}
	return c, err
}

// told is a connection that reports when its keep-alive has been set.
type told struct {
	*net.TCPConn
	set chan net.Conn
}

func (c told) SetKeepAliveConfig(k net.KeepAliveConfig) error {
	err := c.TCPConn.SetKeepAliveConfig(k)
	c.set <- c.TCPConn
	return err
}

// probes reads what the kernel does about an idle connection.
func probes(t *testing.T, c net.Conn) (on, idle, every, count int) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if cerr := raw.Control(func(fd uintptr) {
		for _, o := range []struct {
			to         *int
			level, opt int
		}{
			{&on, unix.SOL_SOCKET, unix.SO_KEEPALIVE}, {&idle, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE},
			{&every, unix.IPPROTO_TCP, unix.TCP_KEEPINTVL}, {&count, unix.IPPROTO_TCP, unix.TCP_KEEPCNT},
		} {
			if *o.to, err = unix.GetsockoptInt(int(fd), o.level, o.opt); err != nil {
				return
			}
		}
	}); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	return on, idle, every, count
}

// tcp_keepalive_* reach the kernel, on connections either side opens.
func TestAlive(t *testing.T) {
	for _, alive := range []sockets.Alive{{On: true, Idle: 30 * time.Second, Every: 2 * time.Second, Probes: 5}, {}} {
		net1 := overheard{conns: make(chan net.Conn, 2)}
		w, err := wire.Open(wire.Config{Network: "tcp", Bind: netip.MustParseAddrPort("127.0.0.1:0"), Net: net1, Alive: alive})
		if err != nil {
			t.Fatal(err)
		}
		w.Start()
		in, err := net.Dial("tcp", w.Bound().String())
		if err != nil {
			t.Fatal(err)
		}
		out, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := w.SendRaw([]byte("\r\n\r\n"), netip.MustParseAddrPort(out.Addr().String())); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			on, idle, every, count := probes(t, <-net1.conns)
			if on != 0 != alive.On || alive.On && (idle != 30 || every != 2 || count != 5) {
				t.Errorf("%+v: %d %d %d %d", alive, on, idle, every, count)
			}
		}
		for _, err := range []error{in.Close(), w.Close(), out.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	}
}

// keep_alive_interval follows a reload.
func TestKeepAliveChanges(t *testing.T) {
	bench(t, "tcp", wire.Config{Receive: func(in *wire.Inbound) { respond(t, in, 200) }}, func(n *siptest.Net, w *wire.Wire, _ *siptest.Phone) {
		c, got, done := stream(t, n, "198.51.100.77")
		if _, err := c.Write([]byte(options(1, "Content-Length: 0\r\n"))); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		base := got.Len()
		pings := func(after time.Duration, want int) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if n := (got.Len() - base) / 4; n != want {
				t.Errorf("%d pings, want %d", n, want)
			}
		}
		pings(time.Hour, 0)
		w.SetKeepAlive(90 * time.Second)
		pings(91*time.Second, 1)
		w.SetKeepAlive(30 * time.Second)
		pings(91*time.Second, 4)
		w.SetKeepAlive(0)
		pings(time.Hour, 4)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
}
