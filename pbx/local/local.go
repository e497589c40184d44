// Package local is the technology Local/exten@context: a call into the
// exchange's own dialplan. Each call makes two legs back to back: ";1" belongs
// to whoever dialled it, ";2" walks the dialplan. What one half is told, the
// other reports as an event.
package local

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"branchline/media"
	"branchline/media/plane"
	"branchline/pbx/channel"
)

// Exchange takes the second half of a call into the dialplan.
type Exchange interface {
	channel.Acceptor
	Lookup(context, exten, caller string) (exists, more bool)
}

// A Tech makes Local legs.
type Tech struct {
	exchange Exchange
	plane    Pairer
	serial   atomic.Uint32
}

// A Pairer makes two streams of which each hears what the other is sent;
// plane.Plane is one.
type Pairer interface {
	Pair(a, b func(media.Event)) (media.Stream, media.Stream, error)
}

var _ Pairer = plane.Plane(nil)

// New makes the technology.
func New(x Exchange, p Pairer) *Tech { return &Tech{exchange: x, plane: p} }

// Name is "Local".
func (t *Tech) Name() string { return "Local" }

// State tells whether exten@context can be dialled.
func (t *Tech) State(dest string) channel.DeviceState {
	exten, ctxt := split(dest, "default")
	if exists, _ := t.exchange.Lookup(ctxt, exten, ""); exists {
		return channel.DeviceNotInUse
	}
	return channel.DeviceInvalid
}

// split cuts exten@context[/options].
func split(dest, otherwise string) (exten, ctxt string) {
	dest, _, _ = strings.Cut(dest, "/")
	exten, ctxt, _ = strings.Cut(dest, "@")
	if ctxt == "" {
		ctxt = otherwise
	}
	return exten, ctxt
}

// NewLeg makes a pair for exten[@context][/n]. The context defaults to the
// caller's, then to "default". All options are accepted; a pair always stays in
// the path of signalling, the media plane takes it out of the path of speech.
func (t *Tech) NewLeg(_ context.Context, r channel.Request) (channel.Leg, error) {
	otherwise := r.Context
	if otherwise == "" {
		otherwise = "default"
	}
	exten, ctxt := split(r.Dest, otherwise)
	if exists, _ := t.exchange.Lookup(ctxt, exten, r.Caller.Number); !exists {
		return nil, &channel.Refusal{Cause: channel.NoRoute, Why: fmt.Sprintf("no number %s in context %s", exten, ctxt)}
	}
	p := &pair{tech: t, request: r, exten: exten, context: ctxt}
	name := fmt.Sprintf("Local/%s@%s-%08x", exten, ctxt, t.serial.Add(1)-1)
	p.one = &half{pair: p, name: name + ";1"}
	p.two = &half{pair: p, name: name + ";2"}
	var err error
	p.one.stream, p.two.stream, err = t.plane.Pair(p.one.heard, p.two.heard)
	if err != nil {
		return nil, fmt.Errorf("local %s: %w", r.Dest, err)
	}
	return p.one, nil
}

// pair is the state both halves share.
type pair struct {
	tech     *Tech
	request  channel.Request
	exten    string
	context  string
	one, two *half

	mu       sync.Mutex
	dialled  bool
	answered bool
	over     bool
}

// half is one leg of a pair.
type half struct {
	pair    *pair
	name    string
	stream  media.Stream
	mailbox atomic.Pointer[channel.Mailbox]
}

var (
	_ channel.Leg         = (*half)(nil)
	_ channel.DigitSender = (*half)(nil)
	_ channel.Holder      = (*half)(nil)
	_ channel.Facts       = (*half)(nil)
)

func (h *half) other() *half {
	if h == h.pair.one {
		return h.pair.two
	}
	return h.pair.one
}

func (h *half) Name() string            { return h.name }
func (h *half) Bind(m *channel.Mailbox) { h.mailbox.Store(m) }
func (h *half) Media() media.Stream     { return h.stream }
func (h *half) put(e channel.Event) {
	e.Leg = h
	if m := h.mailbox.Load(); m != nil {
		m.Put(e)
	}
}

// heard turns what the media plane reports into events. Digits do not come
// this way: they are passed as messages, see SendDigit.
func (h *half) heard(e media.Event) {
	if e.Kind == media.PlayDone {
		h.put(channel.Event{Kind: channel.PlayDone, ID: e.ID, Whole: e.Whole})
	}
}

// Dial sends the second half into the dialplan.
func (h *half) Dial() {
	p := h.pair
	p.mu.Lock()
	start := h == p.one && !p.dialled && !p.over
	p.dialled = p.dialled || start
	p.mu.Unlock()
	if !start {
		return
	}
	var vars []channel.Header
	for name, value := range p.request.Vars {
		vars = append(vars, channel.Header{Name: name, Value: value})
	}
	err := p.tech.exchange.Accept(context.Background(), channel.Incoming{
		Leg: p.two, Context: p.context, Exten: p.exten, Dialed: p.exten,
		Caller: p.request.Caller, Redirecting: p.request.Redirecting,
		Vars: vars, MaxForwards: p.request.MaxForwards, Codecs: p.request.Codecs, LinkedID: p.request.LinkedID,
		Passing: p.request.Headers,
	})
	if err != nil {
		p.end(channel.SwitchCongestion)
	}
}

// Ring, Progress and Answer are what the dialplan says on the second half; the
// first one reports it.
func (h *half) Ring()     { h.tell(channel.Ringing) }
func (h *half) Progress() { h.tell(channel.Progressed) }

func (h *half) tell(k channel.EventKind) {
	p := h.pair
	p.mu.Lock()
	quiet := h != p.two || p.over || p.answered
	p.mu.Unlock()
	if !quiet {
		p.one.put(channel.Event{Kind: k})
	}
}

func (h *half) Answer() {
	p := h.pair
	p.mu.Lock()
	first := h == p.two && !p.over && !p.answered
	p.answered = p.answered || first
	p.mu.Unlock()
	if first {
		p.one.put(channel.Event{Kind: channel.Answered})
	}
}

// Hangup ends both halves.
func (h *half) Hangup(cause channel.Cause) { h.pair.end(cause) }

func (p *pair) end(cause channel.Cause) {
	p.mu.Lock()
	was := p.over
	p.over = true
	p.mu.Unlock()
	if was {
		return
	}
	p.one.put(channel.Event{Kind: channel.Gone, Cause: cause})
	p.two.put(channel.Event{Kind: channel.Gone, Cause: cause})
	p.one.stream.Close()
	p.two.stream.Close()
}

// SendDigit: a digit sent to this half is one the party on the other half hears
// dialled.
func (h *half) SendDigit(d byte, length time.Duration) bool {
	h.other().put(channel.Event{Kind: channel.DigitBegan, Digit: d, Signalled: true})
	h.other().put(channel.Event{Kind: channel.DigitEnded, Digit: d, Length: length, Signalled: true})
	return true
}

// SignalsDigits: digits travel as events.
func (h *half) SignalsDigits() bool { return true }

// Hold is passed on.
func (h *half) Hold(on bool) {
	k := channel.Unheld
	if on {
		k = channel.Held
	}
	h.other().put(channel.Event{Kind: k})
}

// Fact answers CHANNEL(...) on a Local channel.
func (h *half) Fact(name string) (string, bool) {
	switch name {
	case "peer":
		return h.other().name, true
	case "channeltype":
		return "Local", true
	}
	return "", false
}
