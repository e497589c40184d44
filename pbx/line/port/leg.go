package port

import (
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"branchline/hal"
	"branchline/media"
	"branchline/media/plane"
	"branchline/pbx/channel"
	"branchline/pbx/line/lineconf"
)

// A leg is one call of a line as the exchange sees it.
type leg struct {
	port    *Port
	name    string
	index   int // of the name
	inbound bool
	stream  plane.Line
	mailbox atomic.Pointer[channel.Mailbox]
	over    atomic.Bool
	began   time.Time
	urgent  bool   // an emergency call
	context string // of the dialplan, where it begins

	number string // to dial
	caller channel.Party
	ringer lineconf.Cadence
	// confirm: the answer counts from when # is pressed at the far side.
	confirm bool

	// What follows is the port's goroutine's.
	slot     int  // of a phone
	lifted   bool // answered, not confirmed yet
	faxed    bool // sent to extension fax
	detached bool
}

var (
	_ channel.Leg     = (*leg)(nil)
	_ channel.Facts   = (*leg)(nil)
	_ channel.Flasher = (*leg)(nil)
	_ channel.Known   = (*leg)(nil)
)

// Name and the following are the leg; all but Bind are carried out by the port's
// goroutine.
func (l *leg) Name() string            { return l.name }
func (l *leg) Bind(m *channel.Mailbox) { l.mailbox.Store(m) }
func (l *leg) Media() media.Stream     { return l.stream }

func (l *leg) Dial()     { l.ask(func(s side) { s.dial(l) }) }
func (l *leg) Ring()     { l.ask(func(s side) { s.ring(l) }) }
func (l *leg) Progress() { l.ask(func(s side) { s.progress(l) }) }
func (l *leg) Answer()   { l.ask(func(s side) { s.answer(l) }) }

// Hangup ends the leg.
func (l *leg) Hangup(c channel.Cause) {
	l.ask(func(s side) {
		if l.detached {
			l.end(c)
			return
		}
		s.hangup(l, c)
	})
}

// Flash breaks the loop of a line towards an exchange for a moment.
func (l *leg) Flash(length time.Duration) error {
	if l.port.kind() != hal.FXO {
		return &hal.Unsupported{Driver: l.port.id, Op: hal.Flash, Why: "only a line towards an exchange can"}
	}
	l.ask(func(s side) {
		if err := s.flash(l, length); err != nil {
			l.port.log.Warn("flash", "call", l.name, "error", err)
		}
	})
	return nil
}

// Identity is whom a caller reaches: the telephone's own name and number.
func (l *leg) Identity() (channel.Party, bool) {
	p := l.port.Settings().Caller
	return p, !l.inbound && p.Number != "" && l.port.kind() == hal.FXS
}

// ask has f done on the port's goroutine, unless the leg is over by then.
func (l *leg) ask(f func(side)) {
	if l.over.Load() {
		return
	}
	l.port.orders.Add(func(s side) {
		if !l.over.Load() {
			f(s)
		}
	})
}

// report tells what has happened to the call; an answer that is to be confirmed waits
// for that.
func (l *leg) report(k channel.EventKind) {
	if k == channel.Answered && l.confirm {
		l.lifted = true
		l.port.log.Info("answered, and not confirmed with # yet", "call", l.name)
		return
	}
	l.put(channel.Event{Kind: k})
}

// pressed takes a key of the far side's.
func (l *leg) pressed(digit byte) {
	if l.lifted && digit == '#' {
		l.lifted, l.confirm = false, false
		l.report(channel.Answered)
	}
}

func (l *leg) put(e channel.Event) {
	e.Leg = l
	if m := l.mailbox.Load(); m != nil {
		m.Put(e)
	}
}

// end is the leg's last event. It may come from any goroutine, once.
func (l *leg) end(c channel.Cause) {
	if l.over.Swap(true) {
		return
	}
	l.port.forget(l, c)
	l.put(channel.Event{Kind: channel.Gone, Cause: c})
	l.stream.Close()
}

// media is what the plane reports, on its thread.
func (l *leg) media(e media.Event) {
	switch e.Kind {
	case media.DigitBegin:
		l.put(channel.Event{Kind: channel.DigitBegan, Digit: e.Digit})
	case media.DigitEnd:
		l.put(channel.Event{Kind: channel.DigitEnded, Digit: e.Digit, Length: e.Length})
	case media.PlayDone:
		l.put(channel.Event{Kind: channel.PlayDone, ID: e.ID, Whole: e.Whole})
	case media.Latched, media.Silent:
	}
}

// Fact answers CHANNEL(...) about the line.
func (l *leg) Fact(name string) (string, bool) {
	p := l.port
	conf := p.Settings()
	switch strings.ToLower(name) {
	case "channeltype":
		return p.tech, true
	case "dahdi_channel":
		if conf.Channel > 0 {
			return strconv.Itoa(conf.Channel), true
		}
	case "dahdi_span":
		return p.fact("span")
	case "dahdi_type":
		if conf.Channel > 0 {
			return "analog", true
		}
	case "dahdi_group":
		return strconv.FormatUint(conf.Groups, 10), true
	case "buffers", "no_media_path", "echocan_mode":
		return "", false
	case "line":
		return p.id, true
	case "line_kind":
		return p.kind().String(), true
	}
	return "", false
}

func (p *Port) kind() hal.Kind {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.device != nil {
		return p.device.Info().Kind
	}
	return hal.FXO
}

// fact is one of those the device tells of itself.
func (p *Port) fact(name string) (string, bool) {
	p.mu.Lock()
	d := p.describe
	p.mu.Unlock()
	if d == nil {
		return "", false
	}
	for _, f := range d.Describe() {
		if strings.EqualFold(f.Name, name) {
			return f.Value, true
		}
	}
	return "", false
}
