// Package distant is the console over the network: encrypted, between two who know the
// same secret, and nobody else. There is no authority to trust and nothing to install.
//
// Reading order: Dial and conn here are a console's way; noise.go is how the two find
// out about each other; server.go lets consoles in.
package distant

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/crypto/scrypt"
)

// Port is where a console over the network is looked for.
const Port = 5039

// LeastSecret is how long a secret has to be, in octets.
const LeastSecret = 16

// ErrSecret says that a secret is too short.
var ErrSecret = fmt.Errorf("a secret has at least %d characters", LeastSecret)

// Cost of a key: some tenths of a second and 32 MiB, once per configuration. Who hears
// the two may try secrets at home, and it shall take them long.
const costN, costR, costP = 1 << 15, 8, 1

// keyOf makes the key of both sides from the secret.
func keyOf(secret string) ([]byte, error) {
	if len(secret) < LeastSecret {
		return nil, ErrSecret
	}
	key, err := scrypt.Key([]byte(secret), []byte("branchline console 1"), costN, costR, costP, 32)
	if err != nil {
		return nil, fmt.Errorf("console key: %w", err)
	}
	return key, nil
}

// patience is how long two may take to find out whether they know the same secret.
const patience = 10 * time.Second

// Dial opens a console on another machine, at a host or host:port. What it returns is
// for console.ClientOptions.Conn.
func Dial(ctx context.Context, host, secret string) (net.Conn, error) {
	key, err := keyOf(secret)
	if err != nil {
		return nil, err
	}
	return dial(ctx, host, key)
}

func dial(ctx context.Context, host string, key []byte) (net.Conn, error) {
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(host, fmt.Sprint(Port))
	}
	d := net.Dialer{Timeout: patience}
	raw, err := d.DialContext(ctx, "tcp", host)
	if err == nil {
		var c net.Conn
		if c, err = meet(raw, key, true); err == nil {
			return c, nil
		}
		raw.Close()
	}
	return nil, fmt.Errorf("console at %s: %w", host, err)
}

// meet proves the two sides of a connection to each other. Who calls speaks first.
func meet(raw net.Conn, key []byte, calls bool) (net.Conn, error) {
	if err := raw.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	own, err := ephemeral()
	if err != nil {
		return nil, err
	}
	t, err := begin(key, own)
	if err != nil {
		return nil, err
	}
	var other []byte
	say := func() error {
		m, err := t.message(other)
		if err == nil {
			_, err = raw.Write(m)
		}
		return err
	}
	hear := func() error {
		m := make([]byte, messageSize)
		if _, err := io.ReadFull(raw, m); err != nil {
			return fmt.Errorf("it was not answered, perhaps for another secret: %w", err)
		}
		var err error
		other, err = t.heard(m, calls)
		return err
	}
	steps := []func() error{hear, say}
	if calls {
		steps = []func() error{say, hear}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	c := &conn{Conn: raw}
	if c.out, c.in, err = t.split(); err != nil {
		return nil, err
	}
	if !calls {
		c.out, c.in = c.in, c.out
	}
	return c, raw.SetDeadline(time.Time{})
}

// most is what goes into one record: its length, with the seal, is told in two octets.
const most = 65535 - 16

// A conn is a connection whose two sides have met. One goroutine reads.
type conn struct {
	net.Conn
	in   *box
	rest []byte // of the last record

	writing sync.Mutex
	out     *box
}

func (c *conn) Read(b []byte) (int, error) {
	for len(c.rest) == 0 {
		var size [2]byte
		if _, err := io.ReadFull(c.Conn, size[:]); err != nil {
			return 0, err
		}
		sealed := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c.Conn, sealed); err != nil {
			return 0, err
		}
		plain, err := c.in.open(sealed, nil)
		if err != nil {
			return 0, err
		}
		c.rest = plain
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

func (c *conn) Write(b []byte) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for len(b) > 0 {
		part := b[:min(len(b), most)]
		record := binary.BigEndian.AppendUint16(nil, uint16(len(part)+16))
		if _, err := c.Conn.Write(c.out.seal(record, part, nil)); err != nil {
			return n, err
		}
		n, b = n+len(part), b[len(part):]
	}
	return n, nil
}
