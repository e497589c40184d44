package wire

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"branchline/pbx/sip/octets"
	"branchline/pbx/sip/transaction"
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
		switch octets.Look(raw) {
		case octets.KeepAlive:
		case octets.Noise:
			w.counts.Dropped.Add(1)
		case octets.Message:
			w.counts.Received.Add(1)
			w.c.Taps.show(Incoming, "UDP", from, raw)
			w.parse(raw, transaction.Origin{From: from, Local: local})
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

// parse turns octets into a message for the lanes, or answers 400 if they look
// like a request.
func (w *Wire) parse(raw []byte, o transaction.Origin) {
	msg, err := w.parser.Read(raw)
	if err != nil {
		w.counts.Malformed.Add(1)
		if !w.bad.allow(o.From.Addr()) {
			return
		}
		w.c.Log.Debug("malformed message", "transport", w.String(), "source", o.From, "error", err)
		if b := octets.Refusal(raw, err, o.From); b != nil {
			w.reply(b, o)
		}
		return
	}
	w.dispatch(arrival{msg, o})
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
