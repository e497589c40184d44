package distant

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
)

const secret = "correct horse battery"

// TestLetIn has consoles come with the right secret, with another one, from the wrong
// place and in the clear: the first alone is served.
func TestLetIn(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan string, 4)
	s := NewServer(func(_ context.Context, c net.Conn) {
		defer c.Close()
		b := make([]byte, 5)
		_, err := io.ReadFull(c, b)
		_, werr := c.Write([]byte("hello"))
		served <- fmt.Sprint(string(b), errors.Join(err, werr))
	}, slog.New(slog.DiscardHandler))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().(*net.TCPAddr)
	free.Close()
	c := Config{Secret: secret, Port: uint16(at.Port), From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	key, err := keyOf(secret)
	if err != nil {
		t.Fatal(err)
	}
	// until tries to get in until it is as wanted: the port is opened, and closed, aside.
	until := func(in bool) (conn net.Conn, err error) {
		t.Helper()
		for ctx.Err() == nil {
			if conn, err = dial(ctx, at.String(), key); (err == nil) == in {
				return conn, err
			}
			if err == nil {
				conn.Close()
				<-served
			}
		}
		return nil, ctx.Err()
	}
	s.Configure(c)
	conn, err := until(true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("howdy")); err != nil {
		t.Error(err)
	}
	if b, err := io.ReadAll(conn); string(b) != "hello" || err != nil {
		t.Errorf("%q %v", b, err)
	}
	conn.Close()
	if got := <-served; got != "howdy<nil>" {
		t.Error(got)
	}

	if _, err := Dial(ctx, at.String(), "another secret, long enough"); !errors.Is(err, errSilence) {
		t.Errorf("another secret: %v", err)
	}
	for _, weak := range []string{"short", strings.Repeat("abcde", 9)} {
		if _, err := Dial(ctx, at.String(), weak); !errors.Is(err, ErrSecret) {
			t.Errorf("%s: %v", weak, err)
		}
	}
	plain, err := net.Dial("tcp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plain.Write(bytes.Repeat([]byte("core stop now\n"), 4)); err != nil {
		t.Error(err)
	}
	if b, _ := io.ReadAll(plain); strings.Contains(string(b), "hello") {
		t.Errorf("in the clear: %q", b)
	}
	plain.Close()

	c.From = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	s.Configure(c)
	if _, err := until(false); err == nil {
		t.Error("from the wrong place")
	}
	c.From, c.Secret = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, "short"
	s.Configure(c)
	if _, err := until(false); err == nil {
		t.Error("with a secret that is too short")
	}
	select {
	case got := <-served:
		t.Errorf("somebody was served: %s", got)
	default:
	}
}

// The numbers are those of the test vectors that implementations of Noise exchange
// (cacophony's, also in flynn/noise), without prologue and payload.
func TestVectors(t *testing.T) {
	b := func(s string) []byte {
		out, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	psk := b("2176657279736563726574766572797365637265747665727973656372657421")
	side := func(private string) *transcript {
		key, err := ecdh.X25519().NewPrivateKey(b(private))
		if err != nil {
			t.Fatal(err)
		}
		x, err := begin(psk, key)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	one := side("202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f")
	two := side("4142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f60")
	want := func(what string, got []byte, err error, want string) {
		t.Helper()
		if err != nil || !bytes.Equal(got, b(want)) {
			t.Fatalf("%s: %v %x", what, err, got)
		}
	}
	first, err := one.message(nil)
	want("the first message", first, err, "358072d6365880d1aeea329adf9121383851ed21a28e3b75e965d0d2cd1662544833316e6c21d899aec6c5f0c6e85e13")
	heard, err := two.heard(first, false)
	if err != nil {
		t.Fatal(err)
	}
	second, err := two.message(heard)
	want("the second", second, err, "64b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d48466d3ec4419885d86e6d7310fb1d2263afd")
	if _, err := one.heard(second, true); err != nil {
		t.Fatal(err)
	}
	for who, x := range map[string]*transcript{"one": one, "two": two} {
		caller, called, err := x.split()
		if err != nil {
			t.Fatal(err)
		}
		want(who+" to the called", caller.seal(nil, b("79656c6c6f777375626d6172696e65"), nil), nil, "6a7b199c69a64cc2ea3c556cf17489fd2ae452d3f3c2a0871cebd327fc31c6")
		want(who+" to the caller", called.seal(nil, b("7375626d6172696e6579656c6c6f77"), nil), nil, "e58d43e0c69d8c15df523586b2c58ca40cb0472b5b3775f1cca807fee28a71")
	}
}

// Nothing that is changed on the way, or said again, is taken.
func TestTampering(t *testing.T) {
	here, there := net.Pipe()
	key := bytes.Repeat([]byte{7}, 32)
	met := make(chan net.Conn, 1)
	go func() {
		c, err := meet(there, key, false)
		if err != nil {
			t.Error(err)
		}
		met <- c
	}()
	c, err := meet(here, key, true)
	if err != nil {
		t.Fatal(err)
	}
	long := bytes.Repeat([]byte("speech "), 20000)
	go func() {
		if n, err := c.Write(long); n != len(long) || err != nil {
			t.Error(n, err)
		}
	}()
	other := <-met
	got := make([]byte, len(long))
	if _, err := io.ReadFull(other, got); err != nil || !bytes.Equal(got, long) {
		t.Fatal(err)
	}
	record := c.(*conn).out.seal([]byte{0, 18}, []byte("no"), nil)
	send := func(b []byte) error {
		go func() {
			if _, err := here.Write(b); err != nil {
				t.Error(err)
			}
		}()
		_, err := other.Read(make([]byte, 9))
		return err
	}
	bad := bytes.Clone(record)
	bad[3] ^= 1
	if err := send(bad); !errors.Is(err, errStranger) {
		t.Errorf("changed: %v", err)
	}
	if err := send(record); !errors.Is(err, errStranger) { // its number is over
		t.Errorf("after one that was refused: %v", err)
	}
}
