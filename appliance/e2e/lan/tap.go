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
	DSCP     uint8 // RFC 2474
	Payload  []byte
}

// Tap records what passes the switch: every SIP message (over UDP and TCP, port 5060 on either
// side), every RTP packet and every question of ARP. Its methods may be called while it records.
type Tap struct {
	fd   int // packet socket
	bell int // event counter that wakes the recorder
	done chan struct{}

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every new message
	ignored map[netip.Addr]bool
	sip     []Message
	rtp     []RTP
	arp     []ARP
	flows   map[flow]*stream
	waiting []chan struct{} // those who want everything recorded that was sent before they asked
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
	// The buffer holds a burst while this process does not run.
	if err := unix.SetsockoptInt(t.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20); err != nil {
		return nil, errors.Join(fmt.Errorf("packet socket: %w", err), unix.Close(t.fd))
	}
	if t.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, errors.Join(fmt.Errorf("event counter: %w", err), unix.Close(t.fd))
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
		t.ring()
	}
}

// ring wakes the recorder. The only error of an event counter is a full one, which wakes as well.
func (t *Tap) ring() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bell >= 0 {
		_, _ = unix.Write(t.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	}
}

// catchUp returns when everything is recorded that was on the wire before the call: a process may
// have seen the last message, and ended, before the recorder got its turn.
func (t *Tap) catchUp() {
	c := make(chan struct{})
	t.mu.Lock()
	t.waiting = append(t.waiting, c)
	t.mu.Unlock()
	select {
	case <-t.done:
		return
	default:
	}
	t.ring()
	select {
	case <-c:
	case <-t.done:
	}
}

func (t *Tap) record() {
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		unix.Close(t.fd)
		unix.Close(t.bell)
		t.bell = -1
	}()
	buf := make([]byte, 1<<17)
	wait := []unix.PollFd{{Fd: int32(t.fd), Events: unix.POLLIN}, {Fd: int32(t.bell), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(wait, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return
		}
		select {
		case <-t.done:
			return
		default:
		}
		t.mu.Lock()
		waiting := t.waiting
		t.waiting = nil
		t.mu.Unlock()
		var count [8]byte
		_, _ = unix.Read(t.bell, count[:]) // empty when it was a frame that woke us
		if !t.drain(buf) {
			return
		}
		for _, c := range waiting {
			close(c)
		}
	}
}

// drain records what the socket holds; it reports whether the socket is still good.
func (t *Tap) drain(buf []byte) bool {
	for {
		n, from, err := unix.Recvfrom(t.fd, buf, unix.MSG_DONTWAIT)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return true
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return false
		}
		// Every frame is seen when it enters the switch and again when it leaves: count it once.
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		t.frame(time.Now(), buf[:n])
	}
}

// frame takes an Ethernet frame apart: IP, then UDP or TCP, or ARP; everything else is of no
// interest.
func (t *Tap) frame(now time.Time, b []byte) {
	const etherLen = 14
	if len(b) >= etherLen+28 && binary.BigEndian.Uint16(b[12:]) == unix.ETH_P_ARP {
		t.question(now, b[etherLen:])
		return
	}
	if len(b) < etherLen {
		return
	}
	h, body, ok := header(binary.BigEndian.Uint16(b[12:]), b[etherLen:])
	if !ok || len(body) < 8 {
		return
	}
	src, dst := h.src, h.dst
	ports := flow{
		src: netip.AddrPortFrom(src, binary.BigEndian.Uint16(body)),
		dst: netip.AddrPortFrom(dst, binary.BigEndian.Uint16(body[2:])),
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ignored[src] || t.ignored[dst] {
		return
	}
	switch h.protocol {
	case unix.IPPROTO_UDP:
		t.datagram(Packet{Time: now, Src: ports.src, Dst: ports.dst, DSCP: h.dscp, Payload: append([]byte(nil), body[8:]...)})
	case unix.IPPROTO_TCP:
		t.segment(now, ports, h.dscp, body)
	}
}

// ip is what counts of a header of IPv4 or IPv6.
type ip struct {
	src, dst       netip.Addr
	protocol, dscp byte
}

// header reads an IP packet; IPv6 without extensions.
func header(kind uint16, b []byte) (h ip, body []byte, ok bool) {
	switch {
	case kind == unix.ETH_P_IP && len(b) >= 20:
		head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
		if head < 20 || total > len(b) || total < head {
			return h, nil, false
		}
		return ip{netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20])), b[9], b[1] >> 2}, b[head:total], true
	case kind == unix.ETH_P_IPV6 && len(b) >= 40:
		total := 40 + int(binary.BigEndian.Uint16(b[4:]))
		if total > len(b) {
			return h, nil, false
		}
		return ip{netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40])), b[6], b[0]&15<<2 | b[1]>>6}, b[40:total], true
	}
	return h, nil, false
}

func (t *Tap) datagram(p Packet) {
	if p.Src.Port() == sipPort || p.Dst.Port() == sipPort {
		if m, ok := parseMessage(p.Payload); ok {
			m.Time, m.Src, m.Dst, m.DSCP, m.Proto = p.Time, p.Src, p.Dst, p.DSCP, "UDP"
			t.add(m)
		}
		return
	}
	if r, ok := parseRTP(p); ok {
		t.rtp = append(t.rtp, r)
		t.wake()
	}
}

func (t *Tap) segment(now time.Time, f flow, dscp uint8, b []byte) {
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
		m.Time, m.Src, m.Dst, m.DSCP, m.Proto = now, f.src, f.dst, dscp, "TCP"
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
	t.catchUp()
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(Trace(nil), t.sip...)
}

// RTP returns the RTP packets recorded so far, in the order they passed.
func (t *Tap) RTP() []RTP {
	t.catchUp()
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]RTP(nil), t.rtp...)
}

// An ARP is a question who has an address (RFC 826); one without a sender is a probe
// (RFC 5227).
type ARP struct {
	Time           time.Time
	Sender, Target netip.Addr
}

func (t *Tap) question(now time.Time, b []byte) {
	const request = 1
	if binary.BigEndian.Uint16(b[6:]) != request {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.arp = append(t.arp, ARP{now, netip.AddrFrom4([4]byte(b[14:18])), netip.AddrFrom4([4]byte(b[24:28]))})
	t.wake()
}

// ARP returns the questions recorded so far, in the order they passed.
func (t *Tap) ARP() []ARP {
	t.catchUp()
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]ARP(nil), t.arp...)
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
