package lan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Packet is one UDP datagram the switch carried.
type Packet struct {
	Time     time.Time
	Src, Dst netip.AddrPort
	Payload  []byte
}

// Tap records what passes the switch: every SIP message (over UDP and TCP, port 5060 on either
// side) and every RTP packet. Its methods may be called while it records.
type Tap struct {
	fd   int
	done chan struct{}

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every new message
	ignored map[netip.Addr]bool
	sip     []Message
	rtp     []RTP
	flows   map[flow]*stream
}

type flow struct{ src, dst netip.AddrPort }

const sipPort = 5060

func newTap(ns string) (*Tap, error) {
	t := &Tap{
		done:    make(chan struct{}),
		changed: make(chan struct{}),
		ignored: map[netip.Addr]bool{},
		flows:   map[flow]*stream{},
	}
	err := inNamespace(ns, func() error {
		var err error
		t.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ALL)))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	// The wake-up lets close be noticed; the buffer holds a burst while this process does not run.
	timeout := unix.Timeval{Usec: 100_000}
	err = errors.Join(
		unix.SetsockoptTimeval(t.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout),
		unix.SetsockoptInt(t.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20),
	)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("packet socket: %w", err), unix.Close(t.fd))
	}
	go t.record()
	return t, nil
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// Ignore leaves out what addr sends from now on, and what is sent to it: a flood is not worth
// remembering.
func (t *Tap) Ignore(addr string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ignored[netip.MustParseAddr(addr)] = true
}

func (t *Tap) close() {
	select {
	case <-t.done:
	default:
		close(t.done)
	}
}

func (t *Tap) record() {
	defer unix.Close(t.fd)
	buf := make([]byte, 1<<17)
	for {
		select {
		case <-t.done:
			return
		default:
		}
		n, from, err := unix.Recvfrom(t.fd, buf, 0)
		if err != nil {
			if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
				continue
			}
			return
		}
		// Every frame is seen when it enters the switch and again when it leaves: count it once.
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		t.frame(time.Now(), buf[:n])
	}
}

// frame takes an Ethernet frame apart: IPv4, then UDP or TCP; everything else is of no interest.
func (t *Tap) frame(now time.Time, b []byte) {
	const etherLen = 14
	if len(b) < etherLen+20 || binary.BigEndian.Uint16(b[12:]) != unix.ETH_P_IP {
		return
	}
	ip := b[etherLen:]
	head := int(ip[0]&15) * 4
	total := int(binary.BigEndian.Uint16(ip[2:]))
	if head < 20 || total > len(ip) || total < head+8 {
		return
	}
	src, _ := netip.AddrFromSlice(ip[12:16])
	dst, _ := netip.AddrFromSlice(ip[16:20])
	body := ip[head:total]
	ports := flow{
		src: netip.AddrPortFrom(src, binary.BigEndian.Uint16(body)),
		dst: netip.AddrPortFrom(dst, binary.BigEndian.Uint16(body[2:])),
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ignored[src] || t.ignored[dst] {
		return
	}
	switch ip[9] {
	case unix.IPPROTO_UDP:
		t.datagram(Packet{Time: now, Src: ports.src, Dst: ports.dst, Payload: append([]byte(nil), body[8:]...)})
	case unix.IPPROTO_TCP:
		t.segment(now, ports, body)
	}
}

func (t *Tap) datagram(p Packet) {
	if p.Src.Port() == sipPort || p.Dst.Port() == sipPort {
		if m, ok := parseMessage(p.Payload); ok {
			m.Time, m.Src, m.Dst, m.Proto = p.Time, p.Src, p.Dst, "UDP"
			t.add(m)
		}
		return
	}
	if r, ok := parseRTP(p); ok {
		t.rtp = append(t.rtp, r)
		t.wake()
	}
}

func (t *Tap) segment(now time.Time, f flow, b []byte) {
	if f.src.Port() != sipPort && f.dst.Port() != sipPort || len(b) < 20 {
		return
	}
	head := int(b[12]>>4) * 4
	if head < 20 || head > len(b) {
		return
	}
	seq, syn := binary.BigEndian.Uint32(b[4:]), b[13]&2 != 0
	s := t.flows[f]
	if s == nil || syn {
		s = &stream{next: seq}
		if syn {
			s.next++
			seq++
		}
		t.flows[f] = s
	}
	s.take(seq, b[head:])
	for {
		m, ok := s.message()
		if !ok {
			return
		}
		m.Time, m.Src, m.Dst, m.Proto = now, f.src, f.dst, "TCP"
		t.add(m)
	}
}

func (t *Tap) add(m Message) {
	t.sip = append(t.sip, m)
	t.wake()
}

func (t *Tap) wake() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// SIP returns the messages recorded so far, in the order they passed.
func (t *Tap) SIP() Trace {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(Trace(nil), t.sip...)
}

// RTP returns the RTP packets recorded so far, in the order they passed.
func (t *Tap) RTP() []RTP {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]RTP(nil), t.rtp...)
}

// Await waits until ok says that the recording holds what is wanted, at most limit; it reports
// whether that came true.
func (t *Tap) Await(limit time.Duration, ok func(*Tap) bool) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		t.mu.Lock()
		changed := t.changed
		t.mu.Unlock()
		if ok(t) {
			return true
		}
		select {
		case <-changed:
		case <-timer.C:
			return ok(t)
		}
	}
}
