package callerid

import (
	"fmt"
	"strings"
	"time"

	"branchline/media/callerid/fsk"
	"branchline/media/callerid/onhook"
)

// Warning is how a telephone on hook is told that a message comes.
type Warning uint8

const (
	AfterRing     Warning = iota // in the pause after the first ring
	Reversal                     // the line is reversed
	AlertTone                    // DT-AS
	ReversalAlert                // the line is reversed, then DT-AS
	RingPulse                    // one ring of 250 ms
	NoWarning
	ShortRing // NTT: the line is reversed and rung briefly until the telephone, by itself, answers
)

// A Form is one way of telling who calls.
type Form struct {
	Signal  Signal
	Warning Warning
	Single  bool  // Bell: SDMF, the old frame with nothing but time and number
	Style   Style // DTMF
}

// FormFor is the form a country uses, by the name its tones have in
// indications.conf. Where that is unknown it is GR-30, and ok is false.
func FormFor(country string) (f Form, ok bool) {
	switch strings.ToLower(country) {
	// In Taiwan exchanges use this, V.23, or D...C, and telephones hear all three.
	case "tw", "us", "us-old", "us-o", "ca", "au", "cn", "hk", "sg", "mx", "kr", "nz", "my", "ph", "th":
		return Form{Signal: Bell}, true
	case "uk", "gb":
		return Form{Signal: V23, Warning: ReversalAlert}, true
	case "at", "bg", "ch", "cz", "de", "ee", "es", "fr", "gr", "hu", "ie", "il", "it", "lt", "lu", "lv", "no", "pl", "pt", "ro", "ru", "si", "sk", "tr", "za":
		return Form{Signal: V23}, true
	case "be", "br", "dk", "fi", "in", "is", "nl", "sa", "se", "uy":
		return Form{Signal: DTMF, Warning: Reversal, Style: Style{'A', 'C'}}, true
	case "kw":
		return Form{Signal: DTMF, Warning: Reversal, Style: Style{'D', 'C'}}, true
	case "jp":
		return Form{Signal: V23JP, Warning: ShortRing}, true
	}
	return Form{Signal: Bell}, false
}

// FormOf is the form that chan_dahdi.conf's cidsignalling and cidstart name. What
// they leave open ("auto", "") is as in the country. ok is false for words that
// name none.
func FormOf(signalling, start, country string) (f Form, ok bool) {
	f, _ = FormFor(country)
	signal := f.Signal
	switch strings.ToLower(signalling) {
	case "", "auto":
	case "bell":
		signal = Bell
	case "v23":
		signal = V23
	case "v23_jp":
		signal = V23JP
	case "dtmf":
		signal = DTMF
	default:
		return f, false
	}
	if signal != f.Signal {
		f = Form{Signal: signal}
		switch {
		case signal == V23JP:
			f.Warning = ShortRing
		case signal == DTMF:
			f.Warning = Reversal
			f.Style = Style{'A', 'C'}
			if strings.EqualFold(country, "tw") {
				f.Style.Begin = 'D'
			}
		}
	}
	switch strings.ToLower(start) {
	case "", "auto":
	case "ring":
		f.Warning = AfterRing
	case "polarity", "polarity_in":
		f.Warning = Reversal
		if f.Signal == V23 {
			f.Warning = ReversalAlert
		}
	case "dtmf":
		f.Warning = NoWarning
	default:
		return f, false
	}
	if f.Signal == V23JP {
		f.Warning = ShortRing // it knows no other
	}
	return f, true
}

func (f Form) String() string {
	s := f.Signal.String()
	if f.Signal == DTMF {
		s += " " + strings.TrimLeft(fmt.Sprintf("%c...%c", f.Style.Begin, f.Style.End), "\x00")
	}
	return s + ", " + [...]string{"after the first ring", "after a reversal", "after an alerting tone", "after a reversal and an alerting tone",
		"after a short ring", "without warning", "after short rings"}[f.Warning]
}

// StepKind says what a step of a plan does.
type StepKind uint8

const (
	Silence     StepKind = iota // send nothing for Length
	Play                        // send Sound
	Reverse                     // reverse the line
	Restore                     // put it back; also due when a plan is given up after Reverse
	Pulse                       // one burst of ringing, of Length
	Ring                        // begin to ring as usual, and go on at once
	AwaitBurst                  // until the burst of ringing is over, at most Length
	AwaitAck                    // until the telephone sends DTMF A or D; if not within Length the plan is given up
	ShortRings                  // ring 500 ms, pause 500 ms, until off hook; if not within Length go on with Ring
	AwaitOnHook                 // until on hook again; if not within Length the telephone has answered
)

func (k StepKind) String() string {
	return [...]string{"silence", "play", "reverse", "restore", "ring pulse", "ring", "await burst", "await acknowledgement",
		"short rings", "await on hook"}[k]
}

// A Step is one thing to do to a line.
type Step struct {
	Do     StepKind
	Length time.Duration
	Sound  *Sound // Play
}

// Times that the plans keep (EN 300 659-1 clause 6, GR-30 2.3, BT SIN 227).
const (
	burstMost     = 5 * time.Second
	beforeSpill   = 500 * time.Millisecond // after a ring; GR-30 has 0.5-1.5 s, EN 300 659-1 500-800 ms after a pulse
	afterSpill    = 250 * time.Millisecond // before a ring, 200-500 ms
	afterReversal = 250 * time.Millisecond // at least 100 ms before DT-AS, 200 before DTMF
	alertTime     = 100 * time.Millisecond
	alertInCall   = 80 * time.Millisecond
	afterAlert    = 100 * time.Millisecond // 45-500 ms
	pulseTime     = 250 * time.Millisecond
	ackWithin     = 500 * time.Millisecond
	afterAck      = 60 * time.Millisecond // GR-30: 50-500 ms
	keyOn, keyOff = 70 * time.Millisecond, 70 * time.Millisecond
	shortRings    = 6 * time.Second
	onHookWithin  = 7 * time.Second
)

// Plan is what to do to a line on hook, for a call or, if m is about messages
// waiting, for them. It is nil for a form that cannot tell the latter.
func (f Form) Plan(m Message) []Step {
	if m.Lamp != LampAsIs {
		return f.planLamp(m)
	}
	ring := Step{Do: Ring}
	burst := Step{Do: AwaitBurst, Length: burstMost}
	spill := f.spill(m)
	if spill == nil {
		return []Step{ring}
	}
	told := []Step{{Do: Play, Sound: spill}, {Do: Silence, Length: afterSpill}}
	switch f.Warning {
	case AfterRing:
		return append([]Step{ring, burst, {Do: Silence, Length: beforeSpill}}, told...)
	case Reversal, ReversalAlert:
		return append(append(f.warn(), told...), ring, burst, Step{Do: Restore})
	case ShortRing:
		return append(append([]Step{{Do: Reverse}, {Do: Silence, Length: afterReversal}, {Do: ShortRings, Length: shortRings},
			{Do: Silence, Length: afterReversal}}, told[0]),
			Step{Do: AwaitOnHook, Length: onHookWithin}, told[1], ring, burst, Step{Do: Restore})
	}
	return append(append(f.warn(), told...), ring)
}

// warn is what comes before the spill where that comes before the ring.
func (f Form) warn() (s []Step) {
	if f.Warning == Reversal || f.Warning == ReversalAlert {
		s = append(s, Step{Do: Reverse}, Step{Do: Silence, Length: afterReversal})
	}
	switch f.Warning {
	case AlertTone, ReversalAlert:
		s = append(s, Step{Do: Play, Sound: alertSound(alertTime)}, Step{Do: Silence, Length: afterAlert})
	case RingPulse:
		s = append(s, Step{Do: Pulse, Length: pulseTime}, Step{Do: Silence, Length: beforeSpill})
	}
	return s
}

// planLamp: without ringing, so the telephone is warned by tone where the form
// would ring (EN 300 659-1 6.2), in GR-30 not at all.
func (f Form) planLamp(m Message) []Step {
	if f.Signal == DTMF || f.Signal == V23JP {
		return nil
	}
	if f.Warning == AfterRing || f.Warning == RingPulse {
		f.Warning = NoWarning
		if f.Signal == V23 {
			f.Warning = AlertTone
		}
	}
	s := append(f.warn(), Step{Do: Play, Sound: f.spill(m)}, Step{Do: Silence, Length: afterSpill})
	if s[0].Do == Reverse {
		s = append(s, Step{Do: Restore})
	}
	return s
}

// Waiting is what to do to a line in a call, for another one that waits: the tone
// that a person hears, the tone that a telephone hears, its acknowledgement, the
// message (GR-30 2.5, EN 300 659-2). The caller's speech is away from it meanwhile.
// It is nil for forms that do not know it.
func (f Form) Waiting(m Message) []Step {
	if f.Signal == DTMF || f.Signal == V23JP {
		return nil
	}
	return []Step{
		{Do: Play, Sound: &Sound{parts: []part{newTones(waitingLevel, 300*time.Millisecond, 440)}}},
		{Do: Play, Sound: alertSound(alertInCall)},
		{Do: AwaitAck, Length: ackWithin},
		{Do: Silence, Length: afterAck},
		{Do: Play, Sound: f.modem(m, 0, 80)},
	}
}

// Samples is all that is heard on the line on hook: the alerting tone, if there is
// one, and the message.
func (f Form) Samples(m Message) []int16 {
	var s Sound
	if f.Warning == AlertTone || f.Warning == ReversalAlert {
		s.parts = append(s.parts, alertSound(alertTime), newPause(afterAlert))
	}
	if p := f.spill(m); p != nil {
		s.parts = append(s.parts, p)
	}
	out := make([]int16, s.Len())
	s.Fill(out)
	return out
}

// spill is the message itself; nil if the form has no words for it.
func (f Form) spill(m Message) *Sound {
	switch f.Signal {
	case DTMF:
		keys := f.Style.keys(m)
		if keys == "" {
			return nil
		}
		return &Sound{parts: []part{newKeys(keys, keyOn, keyOff)}}
	case V23JP:
		return f.modem(m, 0, 72)
	}
	return f.modem(m, 300, 180)
}

func (f Form) modem(m Message, seizure, mark int) *Sound {
	w := fsk.Wave{Tones: fsk.V23(), Level: modemLevel}
	if f.Signal == Bell {
		w.Tones = fsk.Bell202()
	}
	const trailer = 10
	return &Sound{parts: []part{fsk.NewSource(w, fsk.Bits(seizure, mark, f.frame(m), trailer))}}
}

func alertSound(d time.Duration) *Sound {
	return &Sound{parts: []part{newTones(alertLevel, d, onhook.AlertLow, onhook.AlertHigh)}}
}
