package digest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A nonce reads "<unix time>/<32 hexadecimal digits>": 8 digits of a serial
// number, so that no two are alike, and 24 of a keyed hash over time, serial
// number, source address and realm.
type nonceID struct {
	at     int64 // Unix seconds
	serial uint32
}

func (v *Verifier) newNonce(src netip.Addr, realm string) string {
	id := nonceID{time.Now().Unix(), v.serial.Add(1)}
	return id.String() + v.seal(id, src, realm)
}

func (id nonceID) String() string {
	var buf [32]byte
	b := append(strconv.AppendInt(buf[:0], id.at, 10), '/')
	return string(hex.AppendEncode(b, binary.BigEndian.AppendUint32(nil, id.serial)))
}

// seal is the hash in a nonce.
func (v *Verifier) seal(id nonceID, src netip.Addr, realm string) string {
	mac := hmac.New(sha256.New, v.key[:])
	var buf [64]byte
	b := binary.BigEndian.AppendUint64(buf[:0], uint64(id.at))
	b = binary.BigEndian.AppendUint32(b, id.serial)
	a := src.Unmap().As16()
	b = append(b, a[:]...)
	mac.Write(append(b, realm...))
	return hex.EncodeToString(mac.Sum(buf[:0])[:12])
}

var errForeignNonce = errors.New("not a nonce of ours")

// open checks that we made nonce for this source and realm. Its age is the
// caller's to judge.
func (v *Verifier) open(nonce string, src netip.Addr, realm string) (nonceID, error) {
	at, rest, ok := strings.Cut(nonce, "/")
	if !ok || len(rest) != 32 {
		return nonceID{}, errForeignNonce
	}
	sec, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return nonceID{}, errForeignNonce
	}
	serial, err := strconv.ParseUint(rest[:8], 16, 32)
	if err != nil {
		return nonceID{}, errForeignNonce
	}
	id := nonceID{sec, uint32(serial)}
	if !hmac.Equal([]byte(v.seal(id, src, realm)), []byte(rest[8:])) {
		return nonceID{}, errForeignNonce
	}
	return id, nil
}

// counts remembers which nonce counts were used, so that credentials that were
// overheard are worth nothing. It holds two generations of at most limit nonces:
// when the young one is full, or older than any nonce may get, the old one is
// forgotten. Nonces that may have been forgotten before their time count as
// stale, never as fresh.
type counts struct {
	mu         sync.Mutex
	limit      int
	young, old map[nonceID]window
	since      time.Time     // begin of the young generation
	longest    time.Duration // that a nonce may live
	forgotten  int64         // nonces made up to then and not remembered may have been used
}

// A window is the highest count seen and which of the 64 below it were: requests
// overtake each other on UDP.
type window struct {
	top  uint32
	seen uint64 // bit n: top-n was used
}

// use records a count and reports whether it is fresh.
func (c *counts) use(id nonceID, nc uint32, lifetime time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.longest = max(c.longest, lifetime, time.Minute)
	if c.young == nil || len(c.young) >= c.limit || now.Sub(c.since) > c.longest {
		c.turn(now)
	}
	w, known := c.young[id]
	if !known {
		if w, known = c.old[id]; known {
			delete(c.old, id)
		}
	}
	if !known && id.at <= c.forgotten {
		return false
	}
	fresh := w.use(nc)
	c.young[id] = w
	return fresh
}

func (c *counts) turn(now time.Time) {
	for id := range c.old {
		c.forgotten = max(c.forgotten, id.at)
	}
	c.old, c.young, c.since = c.young, map[nonceID]window{}, now
}

func (w *window) use(nc uint32) bool {
	switch {
	case nc == 0:
		return false
	case nc > w.top:
		if d := nc - w.top; d < 64 {
			w.seen <<= d
		} else {
			w.seen = 0
		}
		w.top, w.seen = nc, w.seen|1
		return true
	case w.top-nc >= 64:
		return false
	}
	bit := uint64(1) << (w.top - nc)
	if w.seen&bit != 0 {
		return false
	}
	w.seen |= bit
	return true
}
