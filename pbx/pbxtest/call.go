package pbxtest

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"branchline/media"
	"branchline/pbx/channel"
)

// A Call is one phone's part in a call: the leg the exchange sees, and the keys
// the test presses. What the exchange does to it is written down in words.
type Call struct {
	Request channel.Request // as dialled by the exchange

	phone   *Phone
	name    string
	stream  *stream
	mailbox atomic.Pointer[channel.Mailbox]

	mu    sync.Mutex
	story []string
	over  bool
	up    bool
}

var (
	_ channel.Leg            = (*Call)(nil)
	_ channel.Director       = (*Call)(nil)
	_ channel.DigitSender    = (*Call)(nil)
	_ channel.DigitSignaller = (*Call)(nil)
	_ channel.Redirector     = (*Call)(nil)
	_ channel.Forwarder      = (*Call)(nil)
)

// Name and the following are the leg.
func (c *Call) Name() string            { return c.name }
func (c *Call) Bind(m *channel.Mailbox) { c.mailbox.Store(m) }
func (c *Call) Media() media.Stream     { return c.stream }
func (c *Call) Ring()                   { c.note("ring") }
func (c *Call) Progress()               { c.note("progress") }

func (c *Call) Dial() {
	c.note("dial")
	if s := c.phone.Script; s != nil {
		go s(c)
	}
}

func (c *Call) Answer() {
	c.mu.Lock()
	was := c.up || c.over
	c.up = true
	c.mu.Unlock()
	if !was {
		c.note("answer")
	}
}

func (c *Call) Hangup(cause channel.Cause) {
	if c.finish() {
		c.note(fmt.Sprintf("hangup %d", cause))
		c.put(channel.Event{Kind: channel.Gone, Cause: cause})
	}
}

func (c *Call) CanDirect(other channel.Leg) bool {
	o, ok := other.(*Call)
	return ok && o.phone.Direct && c.phone.Direct
}

func (c *Call) Direct(other channel.Leg) {
	if other == nil {
		c.note("direct off")
		return
	}
	c.note("direct " + other.Name())
}

func (c *Call) SignalsDigits() bool { return c.phone.Info }

func (c *Call) SendDigit(d byte, _ time.Duration) bool {
	if c.phone.Info {
		c.note("info " + string(rune(d)))
	}
	return c.phone.Info
}

func (c *Call) Redirect(target string) {
	c.note("redirect " + target)
	c.put(channel.Event{Kind: channel.Transferred, Status: 200})
}

func (c *Call) Forwarding(by, to channel.Party) {
	c.note("forwarded by " + by.Number + " " + by.Reason + " to " + to.Number)
}

func (c *Call) finish() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.over
	c.over = true
	return !was
}

func (c *Call) note(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.story = append(c.story, line)
}

func (c *Call) put(e channel.Event) {
	e.Leg = c
	if m := c.mailbox.Load(); m != nil {
		m.Put(e)
	}
}

// What the user of the phone does.

// Rings: 180.
func (c *Call) Rings() { c.put(channel.Event{Kind: channel.Ringing}) }

// Speaks before answering: 183 with media.
func (c *Call) Speaks() { c.put(channel.Event{Kind: channel.Progressed}) }

// PicksUp answers a call the exchange dialled.
func (c *Call) PicksUp() {
	c.mu.Lock()
	c.up = true
	c.mu.Unlock()
	c.put(channel.Event{Kind: channel.Answered})
}

// Rejects ends an unanswered call.
func (c *Call) Rejects(cause channel.Cause) { c.leave(cause) }

// HangsUp ends the call from the phone's side.
func (c *Call) HangsUp() { c.leave(channel.NormalClearing) }

func (c *Call) leave(cause channel.Cause) {
	if c.finish() {
		c.put(channel.Event{Kind: channel.Gone, Cause: cause})
	}
}

// Forwards asks the exchange to call somebody else (3xx).
func (c *Call) Forwards(target string) {
	c.put(channel.Event{Kind: channel.Forwarded, Target: target})
	c.leave(channel.NoCause)
}

// Presses dials digits in the call.
func (c *Call) Presses(digits string) {
	for _, d := range []byte(digits) {
		c.put(channel.Event{Kind: channel.DigitEnded, Digit: d, Length: 100 * time.Millisecond, Signalled: true})
	}
}

// Holds puts the other party on hold, or comes back.
func (c *Call) Holds(on bool) {
	k := channel.Unheld
	if on {
		k = channel.Held
	}
	c.put(channel.Event{Kind: k})
}

// Joins asks that its peer be connected to the call of other, another call of the
// same party (REFER with Replaces).
func (c *Call) Joins(other *Call) <-chan int {
	replies := make(chan int, 8)
	c.put(channel.Event{Kind: channel.Transfer, Replaces: other.name, Replies: replies})
	return replies
}

// Refers asks that its peer be sent to target (REFER).
func (c *Call) Refers(target string) <-chan int {
	replies := make(chan int, 8)
	c.put(channel.Event{Kind: channel.Transfer, Target: target, Replies: replies})
	return replies
}

// Story tells what the exchange did to the phone so far, comma-separated.
func (c *Call) Story() string {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.story, ", ")
}

// Want compares the story, and forgets it.
func (c *Call) Want(story string) {
	c.phone.office.T.Helper()
	if got := c.Story(); got != story {
		c.phone.office.T.Errorf("%s:\n got  %s\n want %s", c.name, got, story)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.story = nil
}

// After lets time pass, then compares the story.
func (c *Call) After(d time.Duration, story string) {
	c.phone.office.T.Helper()
	time.Sleep(d)
	c.Want(story)
}

// stream is a phone's audio, in words.
type stream struct {
	call *Call

	mu      sync.Mutex
	playing *media.Program
	peer    atomic.Pointer[stream]
	timer   *time.Timer
}

var _ media.Stream = (*stream)(nil)

func (s *stream) Join(peer media.Stream) {
	other := s.peer.Swap(nil)
	if other != nil {
		other.peer.CompareAndSwap(s, nil)
	}
	switch p := peer.(type) {
	case nil:
		if other != nil {
			s.call.note("part")
			if other != s {
				other.call.note("part")
			}
		}
	case *stream:
		s.peer.Store(p)
		p.peer.Store(s)
		if p == s {
			s.call.note("echo")
			return
		}
		s.call.note("join " + p.call.name)
		p.call.note("join " + s.call.name)
	default:
		s.call.note("join")
	}
}

// endless is how long a programme without an end is thought to last.
const endless = 5 * time.Minute

func (s *stream) Play(p *media.Program) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.playing
	if old != nil && s.timer.Stop() {
		s.call.put(channel.Event{Kind: channel.PlayDone, ID: old.ID})
	}
	s.playing = p
	if p == nil {
		if old != nil {
			s.call.note("quiet")
		}
		return
	}
	what := "tone"
	if r, ok := p.Source.(*recording); ok {
		what = "play " + strings.Join(r.names, "+")
	}
	s.call.note(what)
	frame := make([]byte, 160)
	length := time.Duration(0)
	for length < endless {
		n := p.Source.Fill(frame)
		length += time.Duration(n) * time.Second / 8000
		if n < len(frame) {
			break
		}
	}
	s.timer = time.AfterFunc(length, func() {
		s.mu.Lock()
		if s.playing == p {
			s.playing = nil
		}
		s.mu.Unlock()
		s.call.put(channel.Event{Kind: channel.PlayDone, ID: p.ID, Whole: true})
	})
}

func (s *stream) SendDigit(d byte, _ time.Duration) { s.call.note("digit " + string(rune(d))) }
func (s *stream) Watch(media.Digits)                {}
func (s *stream) Record(media.Recorder)             { s.call.note("record") }
func (s *stream) Codec() *media.Codec               { return media.PCMU }
func (s *stream) Stats() media.Stats                { return media.Stats{} }
func (s *stream) Close()                            {}

// Forget ends a recording, of which nothing was ever heard.
func (s *stream) Forget(r media.Recorder) {
	s.call.note("record no more")
	r.End()
}

// pairer makes the two halves of a Local channel's speech: silent ones whose
// programmes end at once.
type pairer struct{}

func (pairer) Pair(a, b func(media.Event)) (media.Stream, media.Stream, error) {
	return &mute{events: a}, &mute{events: b}, nil
}

type mute struct{ events func(media.Event) }

func (m *mute) Join(peer media.Stream) {
	if p, ok := peer.(*stream); ok {
		p.call.note("join")
	}
}

func (m *mute) Play(p *media.Program) {
	if p != nil {
		m.events(media.Event{Kind: media.PlayDone, ID: p.ID, Whole: true})
	}
}
func (m *mute) SendDigit(byte, time.Duration) {}
func (m *mute) Watch(media.Digits)            {}
func (m *mute) Codec() *media.Codec           { return media.PCMU }
func (m *mute) Stats() media.Stats            { return media.Stats{} }
func (m *mute) Close()                        {}
