package fxo_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"branchline/hal"
	"branchline/pbx/channel"
	"branchline/pbx/line/fxo"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/pbxtest/script"
)

// port writes down what the machine does.
type port struct {
	script.Story
	fails  map[hal.OpKind]error
	silent bool // no audio to be had
	refuse bool // the dialplan takes no calls
}

func (p *port) Do(op hal.Op) error {
	p.Tell("%s%s", op.Kind, map[bool]string{true: " " + op.Digits}[op.Digits != ""])
	return p.fails[op.Kind]
}

func (p *port) Speak(a fxo.Audio) error {
	if a == fxo.Off {
		return nil
	}
	p.Tell("%s", [...]string{"", "listen", "talk"}[a])
	if p.silent {
		return errors.New("none")
	}
	return nil
}

func (p *port) Offer(c hal.Caller, context string) bool {
	p.Tell("offer %s%s", c.Number, map[bool]string{true: " to " + context}[context != "default"])
	return !p.refuse
}

func (p *port) Report(k channel.EventKind) {
	p.Tell("%s", map[channel.EventKind]string{channel.Progressed: "progress", channel.Ringing: "rings", channel.Answered: "answered"}[k])
}
func (p *port) Over(c channel.Cause)                   { p.Tell("over %d", c) }
func (p *port) DialTones(d string, each time.Duration) { p.Tell("tones %s %v", d, each) }
func (p *port) Note(string, ...any)                    {}

// The things that can happen to a line, in words.
type world struct {
	*fxo.Machine
	p *port
}

func (w world) do(word, arg string) bool {
	event := map[string]hal.Event{
		"ring": {Kind: hal.RingBegin}, "pause": {Kind: hal.RingEnd}, "polarity": {Kind: hal.Polarity}, "cid": {Kind: hal.CallerID, Caller: hal.Caller{Number: arg}},
		"answered": {Kind: hal.Answered}, "cleared": {Kind: hal.Cleared}, "cleared17": {Kind: hal.Cleared, Cause: 17, Err: errors.New("busy")}, "dialled": {Kind: hal.DialDone},
		"alarm": {Kind: hal.AlarmBegin}, "alarm!": {Kind: hal.AlarmBegin, Err: errors.New("no network")}, "noalarm": {Kind: hal.AlarmEnd}, "lost": {Kind: hal.Lost},
		"busy": {Kind: hal.Progress, Tone: hal.Busy}, "congestion": {Kind: hal.Progress, Tone: hal.Congestion}, "sit": {Kind: hal.Progress, Tone: hal.SpecialInformation},
		"ringback": {Kind: hal.Progress, Tone: hal.Ringback}, "dialtone": {Kind: hal.Progress, Tone: hal.DialTone}, "fax": {Kind: hal.Progress, Tone: hal.FaxAnswer},
	}
	if e, ok := event[word]; ok {
		w.Happened(e)
		return true
	}
	switch word {
	case "dial":
		w.Dial(arg)
	case "answer":
		w.Answer()
	case "hangup":
		w.Hangup(channel.NormalClearing)
	case "preempt":
		w.Preempt(8)
	case "flash":
		if err := w.Flash(0); err != nil {
			w.p.Tell("flash: %v", err)
		}
	case "begun":
		w.CallerBegun()
	case "known":
		w.Caller(&hal.Caller{Number: arg})
	case "damaged":
		w.Caller(nil)
	case "sent":
		w.DigitsSent()
	case "quiet":
		w.RingbackOver()
	case "voice":
		w.Voice()
	case "abandoned":
		w.Abandoned()
	default:
		return false
	}
	return true
}

const (
	dahdi  = hal.ReportsPolarity | hal.ReportsBattery | hal.Dials | hal.Flashes | hal.AudioWhenIdle
	module = hal.ReportsCallerID | hal.ReportsAnswer | hal.ReportsHangup | hal.Dials | hal.SignalsDigits
)

// rhythms is a line with three numbers, each of which rings in its own way.
func rhythms(l *lineconf.Line) {
	l.DistinctRings = true
	l.RingPatterns = [...]lineconf.RingPattern{
		{Ends: [...]int{95, 0, 0}, Range: 10, Context: "house"}, {Ends: [...]int{325, 95, 0}, Range: 10, Context: "shop"},
		{Ends: [...]int{lineconf.AnyEnd, 250, 220}, Range: 5, Context: "fax"},
	}
}

func TestMachine(t *testing.T) {
	for _, c := range []struct {
		name          string
		conf          func(*lineconf.Line)
		caps          hal.Caps
		kind          hal.Kind
		port          port
		happens, want string
		state         fxo.State
	}{
		{name: "caller ID between the rings", happens: "ring, 1s, pause, 500ms, begun, 500ms, known 0911", want: "listen, offer 0911", state: fxo.Offered},
		{name: "none: the second ring", happens: "ring, 1s, pause, 2s, ring", want: "listen, offer ", state: fxo.Offered},
		{name: "a double ring is one", happens: "ring, 400ms, pause, 200ms, ring, 400ms, pause, 1s", want: "listen", state: fxo.Ringing},
		{name: "one that begins and does not end", happens: "ring, 1s, pause, 500ms, begun, 3s", want: "listen, offer ", state: fxo.Offered},
		{name: "damaged", happens: "ring, 1s, pause, 500ms, begun, 300ms, damaged, 1200ms, ring", want: "listen, offer ", state: fxo.Offered},
		{name: "damaged while it rings on", happens: "ring, 1s, pause, 1900ms, begun, 100ms, ring, 100ms, damaged", want: "listen, offer ", state: fxo.Offered},
		{name: "before the ring", happens: "polarity, 300ms, begun, 300ms, known 0912, 400ms, ring", want: "listen, offer 0912", state: fxo.Offered},
		{name: "announced and damaged", happens: "polarity, 300ms, begun, 300ms, damaged, 400ms, ring, 1s, pause, 2s, ring", want: "listen, listen, offer ", state: fxo.Offered},
		{name: "announced and nothing", happens: "polarity, 5s", want: "listen", state: fxo.Idle},
		{name: "reversals mean nothing", conf: func(l *lineconf.Line) { l.CIDStart = "ring" }, happens: "polarity, 1s", want: "", state: fxo.Idle},
		{name: "listening all the time", conf: func(l *lineconf.Line) { l.CIDStart = "dtmf" }, happens: "known 5, 1s, ring, 9s, 9s", want: "offer 5, over 16, listen", state: fxo.Idle},
		{name: "at once", conf: func(l *lineconf.Line) { l.Immediate = true }, happens: "ring", want: "offer ", state: fxo.Offered},
		{name: "no audio for it", port: port{silent: true}, happens: "ring", want: "listen, offer ", state: fxo.Offered},
		{name: "not told and not to be heard", caps: hal.Dials, happens: "ring", want: "offer ", state: fxo.Offered},
		{name: "one ring only", happens: "ring, 1s, pause, 9s", want: "listen", state: fxo.Idle},
		{name: "gives up", happens: "ring, 1s, pause, 2s, ring, 1s, pause, 9s", want: "listen, offer , over 16", state: fxo.Idle},
		{name: "refused", port: port{refuse: true}, happens: "ring, 1s, pause, 2s, ring, 1s, pause, 2s, ring", want: "listen, offer ", state: fxo.Ignoring},
		{name: "refused by a mobile", kind: hal.Cellular, caps: module, port: port{refuse: true}, happens: "ring, cid 1", want: "offer 1, clear", state: fxo.Idle},
		{name: "turned down", happens: "ring, 1s, pause, 2s, ring, hangup, 1s, pause, 1s, ring, 1s, pause, 9s", want: "listen, offer , over 16", state: fxo.Idle},
		{name: "answered", happens: "ring, 1s, pause, 2s, ring, 500ms, answer, 100ms, pause", want: "listen, offer , answer, talk", state: fxo.Up},
		{name: "the answer fails", port: port{fails: map[hal.OpKind]error{hal.Answer: hal.ErrClosed}}, happens: "ring, 1s, pause, 2s, ring, answer", want: "listen, offer , answer, over 27, clear", state: fxo.Recovering},
		{name: "cleared while offered", kind: hal.Cellular, caps: module, happens: "ring, cid 1, cleared", want: "offer 1, over 16", state: fxo.Idle},
		{name: "cleared while it rings", kind: hal.Cellular, caps: module, happens: "ring, cleared", want: "", state: fxo.Idle},

		{name: "a rhythm of its own", conf: rhythms, happens: "ring, 2s, pause, 500ms, known 0911, 3500ms, ring, 2s, pause", want: "listen, offer 0911 to house", state: fxo.Offered},
		{name: "two short ones", conf: rhythms, happens: "ring, 1s, pause, 500ms, ring, 1s, pause, 3500ms, ring, 1s, pause", want: "listen, offer  to shop", state: fxo.Offered},
		{name: "whatever comes first", conf: rhythms, happens: "ring, 400ms, pause, 200ms, ring, 400ms, pause, 2s, ring, 400ms, pause, 200ms, ring, 400ms, pause", want: "listen, offer  to fax", state: fxo.Offered},
		{name: "a rhythm of nobody's", conf: rhythms, happens: "ring, 1s, pause, 2s, ring, 1s, pause, 2s, ring, 1s, pause", want: "listen, offer ", state: fxo.Offered},
		{name: "a rhythm, and a caller ID that does not end", conf: rhythms, happens: "ring, 2s, pause, 3900ms, begun, 100ms, ring, 2s, pause, 3s", want: "listen, offer  to house", state: fxo.Offered},
		{name: "gives up before the rhythm is known", conf: rhythms, happens: "ring, 2s, pause, 500ms, known 0911, 9s", want: "listen", state: fxo.Idle},
		{name: "without caller ID", conf: func(l *lineconf.Line) { rhythms(l); l.UseCallerID = false }, happens: "ring, 2s, pause, 4s, ring, 2s, pause", want: "offer  to house", state: fxo.Offered},
		{name: "at once, whatever the rhythm", conf: func(l *lineconf.Line) { rhythms(l); l.Immediate = true }, happens: "ring", want: "offer ", state: fxo.Offered},

		{name: "out, by dial tone", happens: "dial 110, 300ms, dialtone, 1s, dialled", want: "seize, talk, dial 110, progress, answered", state: fxo.Up},
		{name: "out without dial tone", happens: "dial 110, 3s, dialled", want: "seize, talk, dial 110, progress, answered", state: fxo.Up},
		{name: "never without dial tone", conf: func(l *lineconf.Line) { l.StrictDialTone = true }, happens: "dial 110, 3s", want: "seize, talk, over 38, clear", state: fxo.Recovering},
		{name: "blindly", conf: func(l *lineconf.Line) { l.WaitForDialTone = 0 }, happens: "dial 110, 600ms", want: "seize, talk, dial 110", state: fxo.Dialing},
		{name: "no number", happens: "dial, 300ms, dialtone", want: "seize, talk, progress, answered", state: fxo.Up},
		{name: "digits stripped", conf: func(l *lineconf.Line) { l.StripDigits = 1 }, happens: "dial 9110, dialtone", want: "seize, talk, dial 110", state: fxo.Dialing},
		{name: "our own tones", conf: func(l *lineconf.Line) { l.ToneLength = 80 * time.Millisecond }, happens: "dial 110, dialtone, sent", want: "seize, talk, tones 110 80ms, progress, answered", state: fxo.Up},
		{name: "a device that cannot dial", caps: hal.AudioWhenIdle, happens: "dial 1, dialtone, sent", want: "seize, talk, tones 1 0s, progress, answered", state: fxo.Up},
		{name: "a device that forgets to say so", happens: "dial 1, dialtone, 8s", want: "seize, talk, dial 1, progress, answered", state: fxo.Up},
		{name: "seizing fails", port: port{fails: map[hal.OpKind]error{hal.Seize: hal.ErrBusy}}, happens: "dial 1", want: "seize, over 34, clear", state: fxo.Recovering},
		{name: "dialling fails", port: port{fails: map[hal.OpKind]error{hal.Dial: &hal.Unsupported{}}}, happens: "dial 1, dialtone", want: "seize, talk, dial 1, over 58, clear", state: fxo.Recovering},
		{name: "no audio", port: port{silent: true}, happens: "dial 1", want: "seize, talk, over 27, clear", state: fxo.Recovering},
		{name: "too soon after the last call", happens: "dial 1, dialtone, dialled, hangup, 500ms, dial 2, 1s, 1s, dialtone", want: "seize, talk, dial 1, progress, answered, over 16, clear, seize, talk, dial 2", state: fxo.Dialing},
		{name: "given up before it was dialled", happens: "dial 1, dialtone, dialled, hangup, 500ms, dial 2, hangup, 3s", want: "seize, talk, dial 1, progress, answered, over 16, clear, over 16", state: fxo.Idle},
		{name: "glare", happens: "dial 1, dialtone, dialled, hangup, 1s, dial 2, ring, dial 3", want: "seize, talk, dial 1, progress, answered, over 16, clear, over 34, listen, over 34", state: fxo.Ringing},
		{name: "answer by reversal", conf: func(l *lineconf.Line) { l.AnswerOnPolarity = true }, happens: "dial 1, dialtone, dialled, ringback, 2s, ringback, polarity", want: "seize, talk, dial 1, progress, rings, answered", state: fxo.Up},
		{name: "busy", conf: func(l *lineconf.Line) { l.AnswerOnPolarity = true }, happens: "dial 1, dialtone, dialled, busy", want: "seize, talk, dial 1, progress, over 17, clear", state: fxo.Recovering},
		{name: "congestion", conf: func(l *lineconf.Line) { l.CallProgress = true }, happens: "dial 1, dialtone, dialled, congestion", want: "seize, talk, dial 1, progress, over 34, clear", state: fxo.Recovering},
		{name: "no such number", conf: func(l *lineconf.Line) { l.CallProgress = true }, happens: "dial 1, dialtone, dialled, sit", want: "seize, talk, dial 1, progress, over 1, clear", state: fxo.Recovering},
		{name: "ringback ends", conf: func(l *lineconf.Line) { l.CallProgress = true }, happens: "dial 1, dialtone, dialled, quiet, ringback, quiet", want: "seize, talk, dial 1, progress, rings, answered", state: fxo.Up},
		{name: "somebody speaks", conf: func(l *lineconf.Line) { l.CallProgress = true }, happens: "dial 1, dialtone, dialled, voice", want: "seize, talk, dial 1, progress, answered", state: fxo.Up},
		{name: "a fax machine", conf: func(l *lineconf.Line) { l.CallProgress = true }, happens: "dial 1, dialtone, dialled, fax", want: "seize, talk, dial 1, progress, answered", state: fxo.Up},
		{name: "mobile", kind: hal.Cellular, caps: module, happens: "dial 09, dialled, ringback, answered", want: "seize, dial 09, talk, rings, answered", state: fxo.Up},
		{name: "mobile, announcement", kind: hal.Cellular, caps: module, happens: "dial 09, dialled, voice, cleared17", want: "seize, dial 09, talk, progress, over 17, clear", state: fxo.Idle},
		{name: "mobile, busy at once", kind: hal.Cellular, caps: module, happens: "dial 09, busy", want: "seize, dial 09, talk, over 17, clear", state: fxo.Idle},

		{name: "busy tone in the call", happens: "dial, dialtone, busy", want: "seize, talk, progress, answered, over 16, clear", state: fxo.Recovering},
		{name: "which may be turned off", conf: func(l *lineconf.Line) { l.BusyDetect = false }, happens: "dial, dialtone, busy", want: "seize, talk, progress, answered", state: fxo.Up},
		{name: "reversal soon after the answer", conf: func(l *lineconf.Line) { l.HangupOnPolarity = true }, happens: "dial, dialtone, 500ms, polarity, 200ms, polarity", want: "seize, talk, progress, answered, over 16, clear", state: fxo.Recovering},
		{name: "ringing in a call", happens: "dial, dialtone, 2s, ring", want: "seize, talk, progress, answered, over 16, clear", state: fxo.Recovering},
		{name: "nobody there", happens: "dial, dialtone, abandoned", want: "seize, talk, progress, answered, over 16, clear", state: fxo.Recovering},
		{name: "a flash is not a hang-up", happens: "dial, dialtone, flash, 200ms, cleared, polarity, 2s, cleared", want: "seize, talk, progress, answered, flash, over 16, clear", state: fxo.Recovering},
		{name: "no flash without a call", happens: "flash", want: "flash: line is closed", state: fxo.Idle},
		{name: "battery lost in a call", happens: "dial, dialtone, alarm, dial 5, ring", want: "seize, talk, progress, answered, over 27, clear, over 27, listen", state: fxo.Ringing},
		{name: "battery lost while offered", happens: "ring, 1s, pause, 2s, ring, alarm!, noalarm", want: "listen, offer , over 27", state: fxo.Idle},
		{name: "battery lost before dialling", happens: "dial, dialtone, hangup, dial 1, alarm", want: "seize, talk, progress, answered, over 16, clear, over 27", state: fxo.Dead},
		{name: "unplugged", happens: "dial, dialtone, lost", want: "seize, talk, progress, answered, over 27", state: fxo.Dead},
		{name: "unplugged before dialling", happens: "dial, dialtone, hangup, dial 1, lost", want: "seize, talk, progress, answered, over 16, clear, over 27", state: fxo.Dead},

		{name: "emergency in a call", happens: "dial, dialtone, preempt, dial 110, 2s, dialtone", want: "seize, talk, progress, answered, over 8, clear, seize, talk, dial 110", state: fxo.Dialing},
		{name: "emergency while it rings", happens: "ring, 1s, pause, preempt, dial 110, 1s, 1s, 2s, dialtone", want: "listen, answer, clear, seize, talk, dial 110", state: fxo.Dialing},
		{name: "and rings again", happens: "ring, preempt, dial 110, 2s, ring, 2s, 2s, dialtone", want: "listen, answer, clear, answer, clear, seize, talk, dial 110", state: fxo.Dialing},
		{name: "emergency on a mobile", kind: hal.Cellular, caps: module, happens: "ring, cid 1, preempt, dial 112", want: "offer 1, over 8, clear, seize, dial 112, talk", state: fxo.Dialing},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conf := &lineconf.Line{Options: lineconf.Default()}
				if c.conf != nil {
					c.conf(conf)
				}
				if c.caps == 0 {
					c.caps = dahdi
				}
				p := c.port
				w := world{fxo.New(&p, conf, hal.Info{Kind: c.kind, Caps: c.caps}), &p}
				w.Start()
				if c.name == "listening all the time" {
					p.Forget()
				}
				script.Play(w, c.happens, w.do)
				if got := p.String(); got != c.want {
					t.Errorf("%s:\n got  %s\n want %s", c.happens, got, c.want)
				}
				if s, _ := w.State(); s != c.state {
					t.Errorf("%s: %s, want %s", c.happens, s, c.state)
				}
			})
		})
	}
}
