package exchange

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"branchline/media"
	"branchline/pbx/channel"
)

// What may wait for the dialplan. A plan that takes its time over each message
// (one that dials, say) must not make a hoard of what anybody sends.
const (
	maxTexts      = 100
	maxTextOctets = 256 << 10
)

// texts are messages on their way through the dialplan, one after the other, as
// they came.
type texts struct {
	mu      sync.Mutex
	waiting []channel.IncomingText
	octets  int // of those waiting
	busy    bool
}

// AcceptText takes a message into the dialplan, on a channel of its own that
// nobody can be heard on. It is refused when the exchange is stopping or too many
// wait already.
func (x *Exchange) AcceptText(_ context.Context, in channel.IncomingText) error {
	t := &x.texts
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case x.closed.Load():
		return &channel.Refusal{Cause: channel.SwitchCongestion, Why: "exchange is stopping"}
	case len(t.waiting) >= maxTexts || len(t.waiting) > 0 && t.octets+size(&in.Text) > maxTextOctets:
		return &channel.Refusal{Cause: channel.SwitchCongestion, Why: "too many messages are waiting"}
	}
	in.Text = packed(in.Text)
	t.waiting = append(t.waiting, in)
	t.octets += size(&in.Text)
	if !t.busy {
		t.busy = true
		x.wg.Go(x.deliver)
	}
	return nil
}

// packed is the same message in one piece: what waits shall not be strewn over the
// heap in fifty.
func packed(t channel.Text) channel.Text {
	var b strings.Builder
	b.Grow(size(&t))
	b.WriteString(t.Body)
	b.WriteString(t.To)
	b.WriteString(t.From)
	for _, h := range t.Headers {
		b.WriteString(h.Name)
		b.WriteString(h.Value)
	}
	rest := b.String()
	take := func(s string) (piece string) {
		piece, rest = rest[:len(s)], rest[len(s):]
		return piece
	}
	t.Body, t.To, t.From = take(t.Body), take(t.To), take(t.From)
	headers := make([]channel.Header, len(t.Headers))
	for i, h := range t.Headers {
		headers[i] = channel.Header{Name: take(h.Name), Value: take(h.Value)}
	}
	t.Headers = headers
	return t
}

// size is what a message weighs, near enough.
func size(t *channel.Text) int {
	n := len(t.Body) + len(t.To) + len(t.From)
	for _, h := range t.Headers {
		n += len(h.Name) + len(h.Value)
	}
	return n
}

// deliver works on messages until none is left.
func (x *Exchange) deliver() {
	t := &x.texts
	for {
		t.mu.Lock()
		if len(t.waiting) == 0 || x.ctx.Err() != nil {
			t.waiting, t.octets, t.busy = nil, 0, false
			t.mu.Unlock()
			return
		}
		in := t.waiting[0]
		t.octets -= size(&in.Text)
		t.waiting = slices.Delete(t.waiting, 0, 1)
		t.mu.Unlock()
		x.read(in)
	}
}

// read runs the dialplan for one message.
func (x *Exchange) read(in channel.IncomingText) {
	leg := &pigeonhole{name: fmt.Sprintf("Message/ast_msg_queue-%08x", x.notes.Add(1)-1)}
	c := channel.New(leg, channel.NewMailbox())
	c.Context, c.Exten, c.Dialed = in.Context, in.Exten, in.Exten
	c.Caller, c.Endpoint = in.Caller, in.Endpoint
	text := in.Text
	c.Text = &text
	if err := x.enlist(c); err != nil {
		return
	}
	x.walk(x.ctx, c)
	x.bury(x.ctx, c)
}

// A pigeonhole is the leg of a channel that only carries a message: there is
// nobody on it.
type pigeonhole struct {
	name string
	mb   atomic.Pointer[channel.Mailbox]
}

func (p *pigeonhole) Name() string            { return p.name }
func (p *pigeonhole) Bind(m *channel.Mailbox) { p.mb.Store(m) }
func (*pigeonhole) Dial()                     {}
func (*pigeonhole) Ring()                     {}
func (*pigeonhole) Progress()                 {}
func (*pigeonhole) Answer()                   {}
func (p *pigeonhole) Media() media.Stream     { return silence{p} }

// Hangup reports the leg gone, as every leg does.
func (p *pigeonhole) Hangup(c channel.Cause) {
	if m := p.mb.Load(); m != nil {
		m.Put(channel.Event{Kind: channel.Gone, Leg: p, Cause: c})
	}
}

// silence is a stream nobody hears.
type silence struct{ p *pigeonhole }

// Play is over at once.
func (s silence) Play(m *media.Program) {
	if b := s.p.mb.Load(); m != nil && b != nil {
		b.Put(channel.Event{Kind: channel.PlayDone, Leg: s.p, ID: m.ID, Whole: true})
	}
}

func (silence) Join(media.Stream)             {}
func (silence) SendDigit(byte, time.Duration) {}
func (silence) Watch(media.Digits)            {}
func (silence) Codec() *media.Codec           { return nil }
func (silence) Stats() media.Stats            { return media.Stats{} }
func (silence) Close()                        {}
