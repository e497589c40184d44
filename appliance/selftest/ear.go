package selftest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/rtp"

	"branchline/media"
	"branchline/media/dtmf"
	"branchline/media/g711"
	"branchline/media/plane"
	"branchline/media/tone"
)

// ears is the media plane of a self-test phone. It shares nothing with the
// exchange's: one goroutine a port that sends a tone every 20 ms, measures what
// comes back and reads telephone-events, with pion's RTP and not our own.
type ears struct{}

func (ears) Configure(plane.Config) {}
func (ears) Close() error           { return nil }

func (ears) Pair(_, _ func(media.Event)) (media.Stream, media.Stream, error) {
	return nil, nil, errors.New("a phone has no Local channels")
}

func (ears) Line(func(media.Event)) (plane.Line, error) {
	return nil, errors.New("a phone has no telephone lines")
}

// Open makes a port at any free address of o.Local.
func (ears) Open(o plane.Options) (plane.Port, error) {
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(o.Local, 0)))
	if err != nil {
		return nil, err
	}
	e := &ear{conn: conn, events: o.Events, stop: make(chan struct{}), ssrc: uint32(conn.LocalAddr().(*net.UDPAddr).Port)}
	go e.listen()
	go e.speak()
	return e, nil
}

// frame is 20 ms of speech.
const frame = 160

// An ear is one port.
type ear struct {
	conn   *net.UDPConn
	events func(media.Event)
	stop   chan struct{}
	ssrc   uint32

	mu     sync.Mutex
	flow   media.Flow
	source media.Source // what is being said; nil: silence
	meter  *tone.Meter  // what is being listened to
	enough int          // samples after which heard is closed
	heard  chan struct{}
	event  uint32 // timestamp of the last telephone-event reported
	digit  []dtmf.Event
}

func (e *ear) Apply(f media.Flow) {
	e.mu.Lock()
	e.flow = f
	e.mu.Unlock()
}

func (e *ear) Local() netip.AddrPort { return e.conn.LocalAddr().(*net.UDPAddr).AddrPort() }
func (e *ear) Join(media.Stream)     {}
func (e *ear) Watch(media.Digits)    {}
func (e *ear) Stats() media.Stats    { return media.Stats{} }

func (e *ear) Codec() *media.Codec {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.flow.Formats) == 0 {
		return nil
	}
	return e.flow.Formats[0].Codec
}

// Play says a programme from now on.
func (e *ear) Play(p *media.Program) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.source = nil; p != nil {
		e.source = p.Source
	}
}

// SendDigit sends a telephone-event of 100 ms instead of the next frames.
func (e *ear) SendDigit(d byte, _ time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for n := uint16(1); n <= 7; n++ {
		e.digit = append(e.digit, dtmf.Event{Code: byte(dtmf.Code(d)), End: n > 4, Duration: min(n, 5) * frame, Volume: 10})
	}
}

func (e *ear) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-e.stop:
	default:
		close(e.stop)
		e.conn.Close()
	}
}

// measure listens to the next n samples of speech and returns a meter that has
// heard them, or reports that they did not come.
func (e *ear) measure(n int, within time.Duration) (*tone.Meter, error) {
	done := make(chan struct{})
	m := tone.NewMeter()
	e.mu.Lock()
	e.meter, e.enough, e.heard = m, n, done
	e.mu.Unlock()
	limit := time.NewTimer(within)
	defer limit.Stop()
	select {
	case <-done:
		return m, nil
	case <-limit.C:
		e.mu.Lock()
		defer e.mu.Unlock()
		e.meter = nil
		return nil, fmt.Errorf("only %d of %d samples heard", m.Samples(), n)
	}
}

// listen reads packets until the port is closed.
func (e *ear) listen() {
	buf := make([]byte, 2048)
	for {
		n, err := e.conn.Read(buf)
		if err != nil {
			return
		}
		var p rtp.Packet
		if p.Unmarshal(buf[:n]) != nil {
			continue
		}
		if d, ok := e.take(&p); ok {
			e.events(media.Event{Kind: media.DigitBegin, Digit: d})
			e.events(media.Event{Kind: media.DigitEnd, Digit: d, Length: 100 * time.Millisecond})
		}
	}
}

// take measures a packet, or finds the end of a digit in it.
func (e *ear) take(p *rtp.Packet) (digit byte, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p.PayloadType == e.flow.EventPT && e.flow.EventPT != 0 {
		if len(p.Payload) < dtmf.EventLen || p.Payload[1]&0x80 == 0 || p.Timestamp == e.event || int(p.Payload[0]) >= len(dtmf.Digits) {
			return 0, false
		}
		e.event = p.Timestamp
		return dtmf.Digits[p.Payload[0]], true
	}
	if e.meter == nil {
		return 0, false
	}
	speech := append([]byte(nil), p.Payload...)
	switch p.PayloadType {
	case uint8(media.PCMU.Static):
	case uint8(media.PCMA.Static):
		for i, b := range speech {
			speech[i] = g711.AToU()[b]
		}
	default:
		return 0, false
	}
	_, _ = e.meter.Write(speech) // a meter takes everything
	if e.meter.Samples() >= e.enough {
		e.meter = nil
		close(e.heard)
	}
	return 0, false
}

// speak sends a packet every 20 ms until the port is closed.
func (e *ear) speak() {
	var (
		tick  = time.NewTicker(20 * time.Millisecond)
		head  = rtp.Header{Version: 2, SSRC: e.ssrc, SequenceNumber: 1}
		begin uint32 // timestamp of the digit under way
	)
	defer tick.Stop()
	for {
		select {
		case <-e.stop:
			return
		case <-tick.C:
		}
		payload, event, to := e.next()
		if payload == nil {
			continue
		}
		head.SequenceNumber++
		head.Timestamp += frame
		p := rtp.Packet{Header: head, Payload: payload}
		p.PayloadType = event
		if first, isEvent := opening(payload); isEvent {
			if first {
				begin, p.Marker = head.Timestamp, true
			}
			p.Timestamp = begin // RFC 4733 2.5.1.2: all packets of a digit have that of its beginning
		}
		if wire, err := p.Marshal(); err == nil {
			_, _ = e.conn.WriteToUDPAddrPort(wire, to) // as lossy as any network
		}
	}
}

// opening tells whether a payload is a telephone-event, and the first of a digit.
func opening(payload []byte) (first, isEvent bool) {
	if len(payload) != dtmf.EventLen {
		return false, false
	}
	return payload[1]&0x80 == 0 && binary.BigEndian.Uint16(payload[2:]) == frame, true
}

// next is the payload of the next packet, its type and where it goes; nil while
// nothing can be sent.
func (e *ear) next() (payload []byte, kind uint8, to netip.AddrPort) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := &e.flow
	if !f.Remote.IsValid() || len(f.Formats) == 0 || !f.Send {
		return nil, 0, netip.AddrPort{}
	}
	if len(e.digit) > 0 && f.EventPT != 0 {
		d := e.digit[0]
		e.digit = e.digit[1:]
		b := make([]byte, dtmf.EventLen)
		b[0], b[1] = d.Code, d.Volume
		if d.End {
			b[1] |= 0x80
		}
		binary.BigEndian.PutUint16(b[2:], d.Duration)
		return b, f.EventPT, f.Remote
	}
	payload = make([]byte, frame)
	n := 0
	if e.source != nil {
		n = e.source.Fill(payload)
	}
	for i := n; i < frame; i++ {
		payload[i] = g711.SilenceU
	}
	if f.Formats[0].Codec == media.PCMA {
		for i, b := range payload {
			payload[i] = g711.UToA()[b]
		}
	}
	return payload, f.Formats[0].PT, f.Remote
}
