// Package distant is the console over the network: encrypted, between two who know the
// same secret, and nobody else. There is no authority to trust and nothing to install.
//
// Reading order: Dial and conn here are a console's way; noise.go is how the two find
// out about each other; server.go lets consoles in.
package distant

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/scrypt"
)

// Port is where a console over the network is looked for.
const Port = 5039

// A secret is so long, in octets, and made of so many different ones.
const leastSecret, leastVariety = 16, 6

// ErrSecret says that a secret is too easily guessed.
var ErrSecret = fmt.Errorf("a secret has at least %d characters, %d of them different", leastSecret, leastVariety)

// Judge is ErrSecret for a secret that is too easily guessed.
func Judge(secret string) error {
	var seen [256]bool
	variety := 0
	for _, c := range []byte(secret) {
		if !seen[c] {
			seen[c] = true
			variety++
		}
	}
	if len(secret) < leastSecret || variety < leastVariety {
		return ErrSecret
	}
	return nil
}

// Cost of a key: some tenths of a second and 32 MiB, once per configuration. Who hears
// the two may try secrets at home, and it shall take them long.
const costN, costR, costP = 1 << 15, 8, 1

// keyOf makes the key of both sides from the secret.
func keyOf(secret string) ([]byte, error) {
	if err := Judge(secret); err != nil {
		return nil, err
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
// for client.Options.Conn.
func Dial(ctx context.Context, host, secret string) (net.Conn, error) {
	key, err := keyOf(secret)
	if err != nil {
		return nil, err
	}
	return dial(ctx, host, key)
}

func dial(ctx context.Context, host string, key []byte) (net.Conn, error) {
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), fmt.Sprint(Port))
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

// errSilence is what a caller hears who has another secret, or comes from elsewhere: both
// get no answer.
var errSilence = errors.New("no answer; perhaps its network.conf has another secret= in [console], or from= there does not have the address of this machine")

// meet proves the two sides of a connection to each other, in time.
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
	side := t.answer
	if calls {
		side = t.call
	}
	c, err := side(raw)
	if err != nil {
		return nil, err
	}
	return c, raw.SetDeadline(time.Time{})
}

// call is the side that speaks first.
func (t *transcript) call(raw net.Conn) (*conn, error) {
	m, err := t.message(nil)
	if err != nil {
		return nil, err
	}
	if _, err := raw.Write(m); err != nil {
		return nil, fmt.Errorf("%w (%w)", errSilence, err)
	}
	if _, err := io.ReadFull(raw, m); err != nil {
		return nil, fmt.Errorf("%w (%w)", errSilence, err)
	}
	if _, err := t.heard(m, true); err != nil {
		return nil, err
	}
	out, in, err := t.split()
	return &conn{Conn: raw, in: in, out: out}, err
}

// answer is the other side. The first message may be one that somebody has overheard
// and says again: who sent it has the secret only if a record follows that is sealed with
// the keys of this meeting. A console has something to say at once.
func (t *transcript) answer(raw net.Conn) (*conn, error) {
	m := make([]byte, messageSize)
	if _, err := io.ReadFull(raw, m); err != nil {
		return nil, fmt.Errorf("it said nothing: %w", err)
	}
	other, err := t.heard(m, false)
	if err != nil {
		return nil, err
	}
	if m, err = t.message(other); err != nil {
		return nil, err
	}
	if _, err := raw.Write(m); err != nil {
		return nil, err
	}
	in, out, err := t.split()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, in: in, out: out}
	if err := c.record(); err != nil {
		return nil, fmt.Errorf("it proved nothing: %w", err)
	}
	return c, nil
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
		if err := c.record(); err != nil {
			return 0, err
		}
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// record reads the next record, which may be empty.
func (c *conn) record() error {
	var size [2]byte
	if _, err := io.ReadFull(c.Conn, size[:]); err != nil {
		return err
	}
	sealed := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c.Conn, sealed); err != nil {
		return err
	}
	plain, err := c.in.open(sealed, nil)
	c.rest = plain
	return err
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
