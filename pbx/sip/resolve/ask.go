package resolve

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	// answerDelay is how long one name server is waited for before the question
	// is repeated and the next server is asked too.
	answerDelay = time.Second
	// silentFor is how long servers that were all silent are not asked at all:
	// meanwhile a look-up fails at once instead of waiting in vain.
	silentFor = 5 * time.Second
	// avoidFor is how long a silent server is asked after the others.
	avoidFor = time.Minute
	maxNoise = 256 // foreign datagrams passed over per question
	maxUDP   = 4096
)

// health is what is remembered of a name server.
type health struct {
	heard  time.Time // last answer
	silent time.Time // last question that got none; zero after an answer
}

// question answers k from the name servers and follows aliases that lead out of
// one answer into the next question.
func (r *Resolver) question(ctx context.Context, k key) answer {
	seen := map[string]bool{}
	ttl := maxAge
	for range maxAliases {
		if seen[k.name] {
			return answer{err: fmt.Errorf("%w: its aliases go round in a circle", ErrNotFound)}
		}
		seen[k.name] = true
		m, err := r.ask(ctx, k)
		if err != nil {
			return answer{err: err}
		}
		ttl = min(ttl, max(m.ttl, 0))
		if m.alias == "" {
			if len(m.records) == 0 {
				return answer{ttl: ttl, err: ErrNotFound}
			}
			return answer{records: m.records, ttl: ttl}
		}
		k.name = m.alias
	}
	return answer{err: fmt.Errorf("%w: too many aliases", ErrNotFound)}
}

// ask puts one question to the servers: to the first, after a second of silence
// or a refusal to the next as well, and takes the first answer.
func (r *Resolver) ask(ctx context.Context, k key) (message, error) {
	servers := r.inOrder()
	if len(servers) == 0 {
		return message{}, ErrServers
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		m   message
		err error
	}
	results := make(chan result, len(servers))
	next := time.NewTimer(0)
	defer next.Stop()
	var failure error
	for asked, ended := 0, 0; ended < len(servers); {
		select {
		case <-next.C:
			s := servers[asked]
			asked++
			go func() {
				m, err := r.converse(ctx, s, k)
				results <- result{m, err}
			}()
			if asked < len(servers) {
				next.Reset(answerDelay)
			}
		case res := <-results:
			if res.err == nil {
				return res.m, nil
			}
			ended++
			failure = res.err
			if asked < len(servers) {
				next.Reset(0)
			}
		}
	}
	return message{}, fmt.Errorf("%w: %w", ErrServers, failure)
}

// inOrder lists the servers, those that were silent lately last; none if all
// were silent a moment ago.
func (r *Resolver) inOrder() []netip.AddrPort {
	servers := r.o.Servers
	if servers == nil {
		servers = r.files.conf().servers
	}
	now := time.Now()
	var good, bad []netip.AddrPort
	hopeless := true
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range servers {
		h := r.servers[s]
		if h == nil || h.silent.IsZero() || now.Sub(h.silent) >= silentFor {
			hopeless = false
		}
		if h == nil || h.silent.IsZero() || now.Sub(h.silent) >= avoidFor {
			good = append(good, s)
		} else {
			bad = append(bad, s)
		}
	}
	if hopeless {
		return nil
	}
	return slices.Concat(good, bad)
}

// judge notes whether a server answered a question that was put at start.
func (r *Resolver) judge(s netip.AddrPort, answered bool, start time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.servers[s]
	if h == nil {
		if len(r.servers) > 16 { // resolv.conf was changed many times
			clear(r.servers)
		}
		h = &health{}
		r.servers[s] = h
	}
	switch {
	case answered:
		h.heard, h.silent = time.Now(), time.Time{}
	case time.Since(start) >= answerDelay && !h.heard.After(start):
		// A server that answered something else meanwhile is alive.
		h.silent = time.Now()
	}
}

// converse puts the question to one server until it answers or ctx ends.
func (r *Resolver) converse(ctx context.Context, s netip.AddrPort, k key) (message, error) {
	start := time.Now()
	m, err := r.byUDP(ctx, s, k)
	if err == nil && m.truncated {
		m, err = r.byTCP(ctx, s, k)
	}
	r.judge(s, err == nil, start)
	switch {
	case err != nil:
		return message{}, fmt.Errorf("name server %s: %w", s, err)
	case m.truncated:
		return message{}, fmt.Errorf("name server %s: answer cut short", s)
	case m.code != dnsmessage.RCodeSuccess && m.code != dnsmessage.RCodeNameError:
		return message{}, fmt.Errorf("name server %s: %s", s, strings.TrimPrefix(m.code.String(), "RCode"))
	}
	return m, nil
}

// byUDP asks on a socket of its own, whose random port is half of the
// protection against forged answers (RFC 5452); the id is the other half.
func (r *Resolver) byUDP(ctx context.Context, s netip.AddrPort, k key) (message, error) {
	conn, err := r.o.Dial(ctx, "udp", s)
	if err != nil {
		return message{}, err
	}
	defer closing(ctx, conn)()
	edns := true
	id := r.o.ID()
	buf := make([]byte, maxUDP)
	noise := 0
	for wait := answerDelay; ; wait *= 2 {
		q, err := question(id, k, edns)
		if err != nil {
			return message{}, err
		}
		deadline := time.Now().Add(wait)
		if err := conn.SetDeadline(deadline); err != nil {
			return message{}, err
		}
		if _, err := conn.Write(q); err != nil && !timedOut(err) {
			return message{}, err
		}
		for {
			n, err := conn.Read(buf)
			if ctx.Err() != nil {
				return message{}, ctx.Err()
			}
			if err != nil && timedOut(err) {
				break // ask again
			}
			if err != nil {
				return message{}, err
			}
			m, err := parse(buf[:n], id, k)
			if errors.Is(err, errForeign) {
				if noise++; noise > maxNoise {
					return message{}, errors.New("nothing but answers to other questions")
				}
				continue
			}
			if err != nil {
				return message{}, err
			}
			if edns && (m.code == dnsmessage.RCodeFormatError || m.code == dnsmessage.RCodeNotImplemented) {
				edns, wait = false, answerDelay/2 // a server from before RFC 6891
				break
			}
			return m, nil
		}
	}
}

// byTCP asks for an answer that is too long for a datagram (RFC 7766).
func (r *Resolver) byTCP(ctx context.Context, s netip.AddrPort, k key) (message, error) {
	conn, err := r.o.Dial(ctx, "tcp", s)
	if err != nil {
		return message{}, err
	}
	defer closing(ctx, conn)()
	id := r.o.ID()
	q, err := question(id, k, false)
	if err != nil {
		return message{}, err
	}
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...)); err != nil {
		return message{}, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return message{}, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, b); err != nil {
		return message{}, err
	}
	return parse(b, id, k)
}

// closing makes a connection end with ctx; what it returns closes it.
func closing(ctx context.Context, conn net.Conn) func() {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	return func() {
		stop()
		_ = conn.Close() // a question that is over has nothing to lose
	}
}

func timedOut(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func randomID() uint16 {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return binary.BigEndian.Uint16(b[:])
}
