package fxs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"branchline/hal"
	"branchline/pbx/channel"
	"branchline/pbx/line/fxs"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/pbxtest/script"
)

// port writes down what the machine does.
type port struct {
	script.Story
	fails  map[hal.OpKind]error
	silent bool
	refuse bool
	waits  bool
	on     bool
}

func (p *port) Do(op hal.Op) error {
	switch op.Kind {
	case hal.SetPolarity:
		p.Tell("%s", map[bool]string{true: "reverse", false: "restore"}[op.Reversed])
	case hal.Ring:
		p.Tell("ring %s%s", op.Caller.Number, map[bool]string{true: "withheld"}[op.Caller.Withheld])
	default:
		p.Tell("%s", op.Kind)
	}
	return p.fails[op.Kind]
}

func (p *port) Speak(on bool) error {
	if p.silent && on {
		return errors.New("none")
	}
	p.on = on
	return nil
}

func (p *port) Play(tone string) {
	if tone != "" {
		p.Tell("tone %s", tone)
	}
}

func (p *port) Sound(s fxs.Sound) {
	if s != nil {
		p.Tell("sound")
	}
}

func (p *port) Beep() { p.Tell("beep") }

func (p *port) Connect(slots ...int) {
	if len(slots) > 0 {
		p.Tell("connect %v", slots)
	}
}

func (p *port) Enter(slot int, number string) bool {
	p.Tell("enter %d %s", slot, number)
	return !p.refuse
}

// Lookup knows 2xx, 100 and 1000, and *79.
func (p *port) Lookup(n string) (exists, more bool) {
	for _, known := range []string{"100", "1000", "*79"} {
		exists = exists || n == known
		more = more || strings.HasPrefix(known, n) && n != known
	}
	if strings.HasPrefix("2", n) || strings.HasPrefix(n, "2") {
		exists, more = exists || len(n) == 3, more || len(n) < 3
	}
	return exists, more
}

func (p *port) Report(slot int, k channel.EventKind) {
	p.Tell("%s %d", map[channel.EventKind]string{channel.Ringing: "rings", channel.Answered: "answered", channel.Held: "held", channel.Unheld: "unheld"}[k], slot)
}
func (p *port) Over(slot int, c channel.Cause) { p.Tell("over %d %d", slot, c) }
func (p *port) Transfer(held, other int)       { p.Tell("transfer %d %d", held, other) }
func (p *port) Waiting() bool                  { return p.waits }
func (p *port) Note(string, ...any)            {}

type world struct {
	*fxs.Machine
	p *port
}

func (w world) do(word, arg string) bool {
	event := map[string]hal.Event{
		"lift": {Kind: hal.OffHook}, "down": {Kind: hal.OnHook}, "flash": {Kind: hal.HookFlash}, "burst": {Kind: hal.RingEnd},
		"alarm": {Kind: hal.AlarmBegin, Err: errors.New("hot")}, "noalarm": {Kind: hal.AlarmEnd}, "lost": {Kind: hal.Lost},
	}
	if e, ok := event[word]; ok {
		w.Happened(e)
		return true
	}
	slot := 0
	if arg != "" {
		slot = int(arg[0] - '0')
	}
	switch word {
	case "keys":
		for _, d := range []byte(arg) {
			w.DigitBegan(d)
			w.Digit(d)
		}
	case "pulse":
		w.Happened(hal.Event{Kind: hal.Digit, Digit: arg[0], Pulse: true})
	case "call", "anonymous":
		s, ok := w.Takes()
		if !ok {
			w.p.Tell("busy")
			return true
		}
		caller := channel.Party{Number: "0911", Name: "Lin"}
		if word == "anonymous" {
			caller.Presentation = channel.Prohib
		}
		w.Dial(s, caller, nil)
	case "ringing":
		w.Ring(slot)
	case "progress":
		w.Progress(slot)
	case "answer":
		w.Answer(slot)
	case "end": // end SLOT CAUSE
		var cause channel.Cause = channel.NormalClearing
		if len(arg) > 1 {
			fmt.Sscan(arg[2:], &cause)
		}
		w.Hangup(slot, cause)
	case "played":
		w.SoundOver()
	default:
		return false
	}
	return true
}

func TestMachine(t *testing.T) {
	const caps = hal.AudioWhenIdle | hal.Reverses
	for _, c := range []struct {
		name          string
		conf          func(*lineconf.Line)
		caps          hal.Caps
		port          port
		happens, want string
		state         fxs.State
	}{
		{name: "a number", happens: "lift, keys 201", want: "tone dial, enter 0 201", state: fxs.InCall},
		{name: "messages wait", port: port{waits: true}, happens: "lift, keys *67201", want: "tone stutter, tone dialrecall, enter 0 201", state: fxs.InCall},
		{name: "ringing, then answered", happens: "lift, keys 201, ringing 0, answer 0", want: "tone dial, enter 0 201, tone ring, connect [0]", state: fxs.InCall},
		{name: "early speech", happens: "lift, keys 201, ringing 0, progress 0, ringing 0, end 0 17", want: "tone dial, enter 0 201, tone ring, connect [0], over 0 17, tone busy", state: fxs.Toned},
		{name: "may be longer", happens: "lift, keys 100, 4s", want: "tone dial, enter 0 100", state: fxs.InCall},
		{name: "is longer", happens: "lift, keys 1000", want: "tone dial, enter 0 1000", state: fxs.InCall},
		{name: "that was all", happens: "lift, keys 100#", want: "tone dial, enter 0 100", state: fxs.InCall},
		{name: "dial plate", happens: "lift, pulse 2, pulse 0, pulse 1", want: "tone dial, enter 0 201", state: fxs.InCall},
		{name: "not complete", happens: "lift, keys 20, 9s", want: "tone dial, tone congestion", state: fxs.Toned},
		{name: "no such number", happens: "lift, keys 5", want: "tone dial, tone congestion", state: fxs.Toned},
		{name: "nothing, then howling, then silence", happens: "lift, 17s, 21s, 61s, down", want: "tone dial, tone congestion, tone howler", state: fxs.Idle},
		{name: "hot line", conf: func(l *lineconf.Line) { l.Immediate = true }, happens: "lift", want: "enter 0 s", state: fxs.InCall},
		{name: "the dialplan is full", port: port{refuse: true}, happens: "lift, keys 201", want: "tone dial, enter 0 201, tone congestion", state: fxs.Toned},
		{name: "no audio", port: port{silent: true}, happens: "lift", want: "", state: fxs.Idle},
		{name: "hide the number", happens: "lift, keys *67201", want: "tone dial, tone dialrecall, enter 0 201", state: fxs.InCall},
		{name: "a code of the dialplan's own", happens: "lift, keys *79", want: "tone dial, enter 0 *79", state: fxs.InCall},
		{name: "let nobody disturb", happens: "lift, keys *70201, answer 0, call", want: "tone dial, tone dialrecall, enter 0 201, connect [0], busy", state: fxs.InCall},
		{name: "congestion from the dialplan", happens: "lift, keys 201, end 0 34", want: "tone dial, enter 0 201, over 0 34, tone congestion", state: fxs.Toned},
		{name: "the far side hangs up", happens: "lift, keys 201, answer 0, end 0, 1s, down", want: "tone dial, enter 0 201, connect [0], over 0 16, clear, tone congestion", state: fxs.Idle},
		{name: "put back", happens: "lift, keys 201, answer 0, down", want: "tone dial, enter 0 201, connect [0], over 0 16", state: fxs.Idle},
		{name: "put back while dialling", happens: "lift, keys 20, down, 10s", want: "tone dial", state: fxs.Idle},

		{name: "rings, Bell 202 after the first burst", conf: func(l *lineconf.Line) { l.ToneZone = "us" }, happens: "call, 1s, burst, 600ms, played, 1s, lift", want: "ring 0911, rings 0, sound, answered 0, connect [0]", state: fxs.InCall},
		{name: "after the second", conf: func(l *lineconf.Line) { l.CIDAfter = 2 }, happens: "call, 1s, burst, 600ms, 1s, burst, 600ms", want: "ring 0911, rings 0, sound", state: fxs.Ringing},
		{name: "lifted before", happens: "call, 1s, lift, burst, 1s", want: "ring 0911, rings 0, answered 0, connect [0]", state: fxs.InCall},
		{name: "by digits, before the ring", conf: func(l *lineconf.Line) { l.ToneZone = "dk" }, happens: "call, 300ms, played, 300ms, 1s, burst", want: "reverse, rings 0, sound, ring 0911, restore", state: fxs.Ringing},
		{name: "given up before it rang", conf: func(l *lineconf.Line) { l.ToneZone = "dk" }, happens: "call, 300ms, end 0, 5s", want: "reverse, rings 0, sound, over 0 16, restore, stop ringing", state: fxs.Idle},
		{name: "Japanese telephones answer by themselves", conf: func(l *lineconf.Line) { l.ToneZone = "jp" }, happens: "call, 300ms, lift, 300ms, played, down, 300ms, 1s, burst, lift", want: "reverse, rings 0, ring , stop ringing, sound, ring 0911, restore, answered 0, connect [0]", state: fxs.InCall},
		{name: "or their users do", conf: func(l *lineconf.Line) { l.ToneZone = "jp" }, happens: "call, 300ms, lift, 300ms, played, 8s", want: "reverse, rings 0, ring , stop ringing, sound, restore, answered 0, connect [0]", state: fxs.InCall},
		{name: "or nobody", conf: func(l *lineconf.Line) { l.ToneZone = "jp" }, happens: "call, 300ms, 7s", want: "reverse, rings 0, ring , restore, ring 0911", state: fxs.Ringing},
		{name: "withheld", happens: "anonymous", want: "ring withheld, rings 0", state: fxs.Ringing},
		{name: "without caller ID", conf: func(l *lineconf.Line) { l.UseCallerID = false }, happens: "call, burst, 5s", want: "ring , rings 0", state: fxs.Ringing},
		{name: "a device without audio on hook", caps: hal.SetsCadence, happens: "call, burst, 5s", want: "ring 0911, rings 0", state: fxs.Ringing},
		{name: "no audio to ring with", port: port{silent: true}, happens: "call, lift", want: "ring 0911, rings 0, over 0 27", state: fxs.Toned},
		{name: "a port that does not ring", port: port{fails: map[hal.OpKind]error{hal.Ring: hal.ErrClosed}}, happens: "call, call", want: "ring 0911, stop ringing, over 0 27, ring 0911, stop ringing, over 0 27", state: fxs.Idle},
		{name: "given up", happens: "call, 1s, end 0", want: "ring 0911, rings 0, over 0 16, stop ringing", state: fxs.Idle},
		{name: "two at a time", happens: "call, call", want: "ring 0911, rings 0, busy", state: fxs.Ringing},

		{name: "a call waits", happens: "lift, keys 201, answer 0, call, played, played, keys D, 100ms, played, 10s, flash", want: "tone dial, enter 0 201, connect [0], rings 1, sound, sound, sound, beep, answered 1, held 0, connect [1]", state: fxs.InCall},
		{name: "for a telephone that cannot show it", happens: "lift, keys 201, answer 0, call, played, played, 1s, 10s, 10s", want: "tone dial, enter 0 201, connect [0], rings 1, sound, sound, beep, beep", state: fxs.InCall},
		{name: "the user presses a key", happens: "lift, keys 201, answer 0, call, played, played, keys 5", want: "tone dial, enter 0 201, connect [0], rings 1, sound, sound", state: fxs.InCall},
		{name: "beeps only", conf: func(l *lineconf.Line) { l.CallWaitingID = false }, happens: "lift, keys 201, answer 0, call, end 1, 11s", want: "tone dial, enter 0 201, connect [0], rings 1, beep, over 1 16, connect [0]", state: fxs.InCall},
		{name: "Danish telephones know no waiting", conf: func(l *lineconf.Line) { l.ToneZone = "dk" }, happens: "lift, keys 201, answer 0, call", want: "tone dial, enter 0 201, connect [0], rings 1, beep", state: fxs.InCall},
		{name: "not wanted", conf: func(l *lineconf.Line) { l.CallWaiting = false }, happens: "lift, keys 201, answer 0, call", want: "tone dial, enter 0 201, connect [0], busy", state: fxs.InCall},
		{name: "not while dialling", happens: "lift, keys 2, call", want: "tone dial, busy", state: fxs.Collecting},
		{name: "the first goes, the second waits", conf: func(l *lineconf.Line) { l.CallWaitingID = false }, happens: "lift, keys 201, answer 0, call, end 0", want: "tone dial, enter 0 201, connect [0], rings 1, beep, over 0 16, answered 1, connect [1]", state: fxs.InCall},
		{name: "put back while one waits", conf: func(l *lineconf.Line) { l.CallWaitingID, l.UseCallerID = false, false }, happens: "lift, keys 201, answer 0, call, down, lift", want: "tone dial, enter 0 201, connect [0], rings 1, beep, over 0 16, ring , rings 1, answered 1, connect [1]", state: fxs.InCall},
		{name: "to and fro", conf: func(l *lineconf.Line) { l.CallWaitingID = false }, happens: "lift, keys 201, answer 0, call, flash, flash, end 1, end 0, 1s", want: "tone dial, enter 0 201, connect [0], rings 1, beep, answered 1, held 0, connect [1], held 1, unheld 0, connect [0], over 1 16, connect [0], over 0 16, clear, tone congestion", state: fxs.Toned},
		{name: "put back while one is held", conf: func(l *lineconf.Line) { l.CallWaitingID = false }, happens: "lift, keys 201, answer 0, call, flash, down, lift", want: "tone dial, enter 0 201, connect [0], rings 1, beep, answered 1, held 0, connect [1], over 1 16, ring , unheld 0, connect [0]", state: fxs.InCall},

		{name: "three talk", happens: "lift, keys 201, answer 0, flash, keys 202, answer 1, flash, flash, down", want: "tone dial, enter 0 201, connect [0], held 0, tone dialrecall, enter 1 202, connect [1], unheld 0, connect [1 0], over 1 16, connect [0], over 0 16", state: fxs.Idle},
		{name: "three, one goes", happens: "lift, keys 201, answer 0, flash, keys 202, answer 1, flash, end 0, end 1, 1s", want: "tone dial, enter 0 201, connect [0], held 0, tone dialrecall, enter 1 202, connect [1], unheld 0, connect [1 0], over 0 16, connect [1], over 1 16, clear, tone congestion", state: fxs.Toned},
		{name: "three, put back", conf: func(l *lineconf.Line) { l.Transfer = false }, happens: "lift, keys 201, answer 0, flash, keys 202, answer 1, flash, down", want: "tone dial, enter 0 201, connect [0], held 0, tone dialrecall, enter 1 202, connect [1], unheld 0, connect [1 0], over 0 16, over 1 16", state: fxs.Idle},
		{name: "transferred", happens: "lift, keys 201, answer 0, flash, keys 202, answer 1, down", want: "tone dial, enter 0 201, connect [0], held 0, tone dialrecall, enter 1 202, connect [1], transfer 0 1", state: fxs.Idle},
		{name: "transferred while it rings", happens: "lift, keys 201, answer 0, flash, keys 202, ringing 1, down", want: "tone dial, enter 0 201, connect [0], held 0, tone dialrecall, enter 1 202, tone ring, transfer 0 1", state: fxs.Idle},
		{name: "changed one's mind while dialling", happens: "lift, keys 201, answer 0, flash, keys 2, flash", want: "tone dial, enter 0 201, connect [0], held 0, tone dialrecall, unheld 0, connect [0]", state: fxs.InCall},
		{name: "the second is busy", happens: "lift, keys 201, answer 0, flash, keys 202, end 1 17, flash", want: "tone dial, enter 0 201, connect [0], held 0, tone dialrecall, enter 1 202, over 1 17, tone busy, unheld 0, connect [0]", state: fxs.InCall},
		{name: "nobody answers", happens: "lift, keys 201, answer 0, flash, keys 202, ringing 1, flash", want: "tone dial, enter 0 201, connect [0], held 0, tone dialrecall, enter 1 202, tone ring, over 1 16, unheld 0, connect [0]", state: fxs.InCall},
		{name: "put back while dialling the second", conf: func(l *lineconf.Line) { l.UseCallerID = false }, happens: "lift, keys 201, answer 0, flash, keys 2, down", want: "tone dial, enter 0 201, connect [0], held 0, tone dialrecall, ring ", state: fxs.Ringing},
		{name: "neither wanted", conf: func(l *lineconf.Line) { l.ThreeWay, l.Transfer = false, false }, happens: "lift, keys 201, answer 0, flash", want: "tone dial, enter 0 201, connect [0]", state: fxs.InCall},
		{name: "no flash before the answer", happens: "lift, flash, keys 201, flash", want: "tone dial, enter 0 201", state: fxs.InCall},

		{name: "out of order", happens: "lift, keys 201, answer 0, alarm, call, noalarm", want: "tone dial, enter 0 201, connect [0], over 0 27, busy", state: fxs.Idle},
		{name: "unplugged", happens: "call, 1s, lost", want: "ring 0911, rings 0, over 0 27", state: fxs.Idle},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conf := &lineconf.Line{Options: lineconf.Default()}
				if c.conf != nil {
					c.conf(conf)
				}
				if c.caps == 0 {
					c.caps = caps
				}
				p := c.port
				w := world{fxs.New(&p, conf, hal.Info{Kind: hal.FXS, Caps: c.caps}), &p}
				w.Start()
				script.Play(w, c.happens, w.do)
				if got := p.String(); got != c.want {
					t.Errorf("%s:\n got  %s\n want %s", c.happens, got, c.want)
				}
				s, _ := w.State()
				if s != c.state {
					t.Errorf("%s: %s, want %s", c.happens, s, c.state)
				}
				if s == fxs.Idle && p.on {
					t.Error("the audio is still open")
				}
			})
		})
	}
}
