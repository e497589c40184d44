package distant

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A door is a port in memory. Who comes, and what goes wrong, is sent to it.
type door struct {
	come   chan any // net.Conn or error
	closed chan struct{}
}

func (d *door) Accept() (net.Conn, error) {
	select {
	case who := <-d.come:
		if err, wrong := who.(error); wrong {
			return nil, err
		}
		return who.(net.Conn), nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

func (d *door) Close() error   { close(d.closed); return nil }
func (d *door) Addr() net.Addr { return nil }

type from struct {
	net.Conn
	at string
}

func (f from) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.at)) }

// knock comes to the door from a port of 10.0.0.x or so, and is what the caller holds.
func (d *door) knock(at string) net.Conn {
	ours, theirs := net.Pipe()
	d.come <- from{theirs, at + ":40000"}
	return ours
}

// A house is a server behind a door, in virtual time.
type house struct {
	*Server
	*door
	key    []byte
	served chan net.Conn
	book   *book
}

// A book is where the server's log goes.
type book struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// logged is what was logged so far.
func (h house) logged() string {
	synctest.Wait()
	h.book.mu.Lock()
	defer h.book.mu.Unlock()
	return h.book.text.String()
}

// inHouse runs a test with a server that lets 10.0.0.0/8 in.
func inHouse(t *testing.T, test func(t *testing.T, h house)) {
	synctest.Test(t, func(t *testing.T) {
		h := house{door: &door{make(chan any), make(chan struct{})}, key: bytes.Repeat([]byte{7}, 32), served: make(chan net.Conn, 99), book: &book{}}
		h.Server = NewServer(func(ctx context.Context, c net.Conn) {
			h.served <- c
			<-ctx.Done()
			c.Close()
		}, slog.New(slog.NewTextHandler(h.book, nil)))
		c := Config{Secret: secret, Port: Port, From: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
		h.Configure(c)
		ctx, stop := context.WithCancel(t.Context())
		var open sync.WaitGroup
		open.Go(func() { h.accept(ctx, hall{h.door, secret, h.key}, &open) })
		defer open.Wait()
		defer stop()
		defer h.door.Close()
		test(t, h)
	})
}

// comes is a console with the secret.
func (h house) comes(t *testing.T, at string) net.Conn {
	t.Helper()
	c, err := meet(h.knock(at), h.key, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return c
}

// gone reports whether the other side has hung up.
func gone(c net.Conn) bool {
	synctest.Wait()
	if err := c.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		return true
	}
	_, err := c.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

// Who only says again what it heard somebody else say has proven nothing.
func TestReplay(t *testing.T) {
	inHouse(t, func(t *testing.T, h house) {
		own, err := ephemeral()
		if err != nil {
			t.Fatal(err)
		}
		x, err := begin(h.key, own)
		if err != nil {
			t.Fatal(err)
		}
		heard, err := x.message(nil)
		if err != nil {
			t.Fatal(err)
		}
		c := h.knock("10.0.0.1")
		if _, err := c.Write(heard); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, make([]byte, messageSize)); err != nil {
			t.Fatal(err)
		}
		if log := h.logged(); len(h.served) > 0 || strings.Contains(log, "INFO") {
			t.Errorf("it is served\n%s", log)
		}
		if time.Sleep(patience); !gone(c) {
			t.Error("it is waited for")
		}
	})
}

// A port that runs out of descriptors for a while lets consoles in afterwards.
func TestAcceptFails(t *testing.T) {
	inHouse(t, func(t *testing.T, h house) {
		h.come <- errors.New("too many open files")
		synctest.Wait()
		time.Sleep(2 * time.Second)
		select {
		case h.come <- from{nobody{}, "192.0.2.1:1"}:
		case <-time.After(time.Minute):
			t.Fatal("nobody is let in any more")
		}
	})
}

type nobody struct{ net.Conn }

func (nobody) Close() error { return nil }

// Strangers at one place cannot keep others out, and can try few secrets a second.
func TestStrangers(t *testing.T) {
	inHouse(t, func(t *testing.T, h house) {
		var silent []net.Conn
		for range atDoor {
			silent = append(silent, h.knock("10.0.0.1"))
		}
		defer h.comes(t, "10.0.0.2").Close()
		if len(h.served) != 1 {
			t.Fatal("it was kept out")
		}
		for _, c := range silent {
			c.Close()
		}
		time.Sleep(time.Minute)
		before := strings.Count(h.logged(), "turned away")
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			c := h.knock("10.0.0.1")
			go c.Write(make([]byte, messageSize))
			if !gone(c) {
				t.Error("a stranger is waited for")
			}
			c.Close()
		}
		if n := strings.Count(h.logged(), "turned away") - before; n < 10 || n > 50 {
			t.Errorf("%d tries in ten seconds", n)
		}
	})
}

// A new configuration is for the consoles, too, that are there: those it would not let
// in have to leave, be they open or on their way.
func TestRevoked(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Config)
		stay   bool
	}{
		"nothing":        {func(*Config) {}, true},
		"the port":       {func(c *Config) { c.Port++ }, true},
		"others may too": {func(c *Config) { c.From = append(c.From[:1:1], netip.MustParsePrefix("192.0.2.0/24")) }, true},
		"the secret":     {func(c *Config) { c.Secret = "another, also quite long" }, false},
		"the place":      {func(c *Config) { c.From = []netip.Prefix{netip.MustParsePrefix("10.0.0.9/32")} }, false},
		"all":            {func(c *Config) { *c = Config{} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(t *testing.T, h house) {
				open := h.comes(t, "10.0.0.1")
				defer open.Close()
				coming, err := meet(h.knock("10.0.0.1"), h.key, true)
				if err != nil {
					t.Fatal(err)
				}
				defer coming.Close()
				c := h.now()
				tt.change(&c)
				h.Configure(c)
				if gone(open) == tt.stay || gone(coming) == tt.stay {
					t.Error(gone(open), gone(coming))
				}
				if late := h.knock("10.0.0.1"); gone(late) == tt.stay {
					t.Error("who comes while the port is still open")
				}
			})
		})
	}
}
