package wire

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// readPackets is the one reader of a UDP socket.
func (w *Wire) readPackets() {
	defer w.wait.Done()
	buf := make([]byte, 65536)
	for {
		n, from, local, err := w.packet.ReadFrom(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) || w.isClosed() {
				return
			}
			// An ICMP error for something sent earlier is no reason to go deaf.
			w.note(err, "read")
			select {
			case <-w.done:
				return
			case <-time.After(10 * time.Millisecond):
			}
			continue
		}
		raw := buf[:n]
		switch look(raw) {
		case keepAlive:
		case noise:
			w.counts.Dropped.Add(1)
		case message:
			w.counts.Received.Add(1)
			w.c.Taps.show(Incoming, "UDP", from, raw)
			w.parse(raw, arrival{from: from, local: local})
		}
	}
}

func (w *Wire) isClosed() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}

type kind uint8

const (
	message kind = iota
	keepAlive
	noise
)

// look tells SIP from keep-alives (RFC 5626 3.5: CRLF CRLF; some phones send
// NULs or spaces) and from everything else that strays to port 5060 (STUN,
// scanners, RTP), before anything is parsed or remembered.
func look(raw []byte) kind {
	if len(bytes.Trim(raw[:min(len(raw), 16)], "\r\n\x00 ")) == 0 && len(raw) <= 16 {
		return keepAlive
	}
	line := raw
	if i := bytes.IndexByte(raw, '\n'); i >= 0 {
		line = raw[:i]
	}
	if !bytes.Contains(line, []byte("SIP/")) && !bytes.Contains(line, []byte("sip/")) {
		return noise
	}
	for _, c := range line[:min(len(line), 3)] {
		if c <= ' ' || c >= 0x7f {
			return noise
		}
	}
	return message
}

// parse turns octets into a message for the lanes, or answers 400 if they look
// like a request.
func (w *Wire) parse(raw []byte, a arrival) {
	msg, err := w.read(raw)
	if err != nil {
		w.counts.Malformed.Add(1)
		status, reason := sip.StatusBadRequest, "Bad Request"
		if errors.Is(err, errVersion) {
			status, reason = sip.StatusVersionNotSupported, "Version Not Supported"
		}
		if !w.bad.allow(a.from.Addr()) {
			return
		}
		w.c.Log.Debug("malformed message", "transport", w.String(), "source", a.from, "error", err)
		if b := rawAnswer(raw, status, reason, a.from); b != nil {
			w.reply(b, a)
		}
		return
	}
	a.msg = msg
	w.dispatch(a)
}

var errVersion = errors.New("not SIP/2.0")

// read parses one whole message; a parser that panics has found a bad message.
func (w *Wire) read(raw []byte) (msg sip.Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			msg, err = nil, fmt.Errorf("parser: %v", p)
		}
	}()
	msg, err = w.parser.ParseSIP(raw)
	if err != nil {
		return nil, err
	}
	if r, ok := msg.(*sip.Request); ok {
		if !strings.EqualFold(r.SipVersion, "SIP/2.0") { // RFC 3261 7.1: in any case
			return nil, errVersion
		}
		r.SipVersion = "SIP/2.0"
	}
	return msg, nil
}

// offences bound what malformed messages from one address can make us do:
// answers and log lines per second. Well-formed ones are never held back.
type offences struct {
	mu    sync.Mutex
	until time.Time
	seen  map[netip.Addr]int
}

// offencesPerSecond suits a phone with a fault, not a flood.
const offencesPerSecond = 20

func (o *offences) allow(a netip.Addr) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	if o.seen == nil || now.After(o.until) || len(o.seen) > 4096 {
		o.seen, o.until = map[netip.Addr]int{}, now.Add(time.Second)
	}
	o.seen[a]++
	return o.seen[a] <= offencesPerSecond
}
