package speech

import (
	"time"

	"branchline/hal"
	"branchline/media/callerid"
	"branchline/media/dtmf"
	"branchline/media/progress"
)

// Ears say what is listened for.
type Ears uint8

const (
	CallerID Ears = 1 << iota
	Digits
	Progress
	Fax
)

// ears are the receivers that listen to the line.
type ears struct {
	on       Ears
	tell     func(Heard)
	digits   *dtmf.Detector
	tones    *progress.Listener // nil: no zone was given
	fax      progress.Fax
	caller   *callerid.Receiver
	faxBegan bool // since the path was opened
}

func (e *ears) open(c *Config, tell func(Heard)) {
	e.tell = tell
	e.digits = dtmf.NewDetector()
	if c.Zone != nil {
		e.tones = progress.New(progress.Config{Zone: c.Zone, Count: c.Busy.Count, On: c.Busy.On, Off: c.Busy.Off})
	}
	e.caller = callerid.NewReceiver(callerid.HearAll)
	e.listen(c.Ears)
}

// listen changes what is listened for; receivers that come anew begin anew.
func (e *ears) listen(on Ears) {
	fresh := on &^ e.on
	e.on = on
	if fresh&Digits != 0 {
		e.digits.Reset()
	}
	if fresh&Progress != 0 && e.tones != nil {
		e.tones.Reset()
	}
	if fresh&CallerID != 0 {
		e.caller.Reset()
	}
}

// hear takes a frame from the line. mute says that it may be part of a digit, which
// the peer is told in another way.
func (e *ears) hear(f *hal.Frame) (change dtmf.Change, mute bool) {
	if e.on&CallerID != 0 {
		e.hearCaller(f)
	}
	if e.on&Progress != 0 && e.tones != nil {
		for _, h := range e.tones.Hear(f[:]) {
			e.heard(h)
		}
	}
	if e.on&Fax != 0 {
		for _, h := range e.fax.Hear(f[:]) {
			e.heard(h)
		}
	}
	if e.on&Digits == 0 {
		return change, false
	}
	change = e.digits.Hear(f[:])
	if change.Ended != 0 {
		e.tell(Heard{Kind: DigitEnded, Digit: change.Ended, Length: time.Duration(change.Samples) * time.Second / hal.Rate})
	}
	if change.Began != 0 {
		e.tell(Heard{Kind: DigitBegan, Digit: change.Began})
	}
	return change, e.digits.Suspect()
}

func (e *ears) hearCaller(f *hal.Frame) {
	switch h := e.caller.Hear(f[:]); h.Kind {
	case callerid.Begun:
		e.tell(Heard{Kind: CallerBegun})
	case callerid.Complete:
		m := h.Message
		if m.Lamp != callerid.LampAsIs { // about waiting messages, not about a call
			return
		}
		e.tell(Heard{Kind: CallerKnown, Caller: hal.Caller{
			Number: m.Number, Name: m.Name, Withheld: m.Withheld, Unavailable: m.Unavailable, Time: m.Stamp.Time(time.Now()),
		}})
	case callerid.Damaged:
		e.tell(Heard{Kind: CallerDamaged})
	}
}

// heard tells of a tone in the line's words.
func (e *ears) heard(h progress.Event) {
	if !h.Began {
		if h.Kind == progress.Ringback {
			e.tell(Heard{Kind: RingbackOver})
		}
		return
	}
	t := hal.NoTone
	switch h.Kind {
	case progress.Dial:
		t = hal.DialTone
	case progress.Ringback:
		t = hal.Ringback
	case progress.Busy:
		t = hal.Busy
	case progress.Congestion:
		t = hal.Congestion
	case progress.Information:
		t = hal.SpecialInformation
	case progress.FaxCalling:
		t, e.faxBegan = hal.FaxCalling, true
	case progress.FaxAnswer:
		t, e.faxBegan = hal.FaxAnswer, true
	case progress.DialTooLong, progress.Howler:
		e.tell(Heard{Kind: Abandoned})
		return
	case progress.Voice:
		e.tell(Heard{Kind: Voice})
		return
	case progress.Reversal: // the echo canceller listens for it itself
		return
	}
	e.tell(Heard{Kind: Tone, Tone: t, Vague: h.Kind == progress.Busy && !h.Exact})
}
