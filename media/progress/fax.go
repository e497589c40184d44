package progress

import (
	"math"
	"math/cmplx"

	"branchline/media/sine"
)

// A Fax hears the tones by which fax machines and modems make themselves known:
// CNG, CED and ANS, and the reversals of phase that tell echo cancellers to stay
// off. The zero value is ready.
type Fax struct {
	block [hopLen]int16
	n     int
	hop   int64

	calling, answer pitch
	level           float64 // energy of hops of the calling tone
	hushed          int     // hops of silence, at most hushMin
	odd             int     // hops since that were neither
	alone           bool    // the calling tone began in silence
	pending         bool    // it has ended as it should; silence must follow
	answering       bool
	gone            int // hops without the answer tone

	events [maxEvents]Event
	found  int
}

const (
	callingHz, callingOff = 1100, 42 // T.30 4.3.3.2: 38, and what noise adds
	answerHz, answerOff   = 2100, 22 // T.30 4.3.3.3 and V.25: 15; 22 is G.168's
	pitchShare            = 0.85     // of a hop's energy
	callingMin            = 40       // hops: 0.5 s and 15 % less
	callingMax            = 60
	reversalGap           = 20 // hops between two reversals; they come every 45
	hushMin               = 6  // hops of silence on either side of it
	answerMin             = 40 // hops; the whole tone lasts 2.6 s or longer
	answerGap             = 10
	faxEnergy             = sine.Zero * sine.Zero / 2 * hopLen * 5e-5 // -43 dBm0
	flip                  = math.Pi / 3                               // by which a reversal may miss half a turn
)

// NewFax makes a detector.
func NewFax() *Fax { return new(Fax) }

// Reset forgets what was heard so far; positions begin at 0 again.
func (f *Fax) Reset() { *f = Fax{} }

// Answering reports whether 2100 Hz sounds now.
func (f *Fax) Answering() bool { return f.answering }

// Hear takes up to 100 ms of speech. The events are valid until the next call.
func (f *Fax) Hear(speech []int16) []Event {
	f.found = 0
	for len(speech) > 0 {
		n := copy(f.block[f.n:], speech)
		f.n += n
		speech = speech[n:]
		if f.n == hopLen {
			f.n = 0
			f.look()
		}
	}
	return f.events[:f.found]
}

func (f *Fax) tell(k Kind, began bool, at int64) {
	if f.found < maxEvents {
		f.events[f.found] = Event{k, began, true, at}
		f.found++
	}
}

func (f *Fax) look() {
	f.hop++
	now := f.hop * hopLen
	var all float64
	var one, two complex128
	for i, v := range f.block {
		x := float64(v)
		all += x * x
		one += complex(x, 0) * faxWaves[0][i]
		two += complex(x, 0) * faxWaves[1][i]
	}
	was := f.calling.n
	f.calling.step(one, all, callingOff)
	f.call(was, all, now)
	f.answer.step(two, all, answerOff)
	switch {
	case f.answer.flipped && f.answering:
		f.tell(Reversal, true, now)
	case f.answer.n >= answerMin && !f.answering:
		f.answering = true
		f.tell(FaxAnswer, true, now)
	}
	if f.answer.n > 0 {
		f.gone = 0
	} else if f.gone++; f.answering && f.gone > answerGap {
		f.answering = false
		f.tell(FaxAnswer, false, now)
	}
}

// call follows a calling tone, which counts when it has ended: it lasts half a
// second and stands alone, which no note of a melody does.
func (f *Fax) call(was int, all float64, now int64) {
	switch {
	case f.calling.n > 0:
		if was == 0 {
			f.alone, f.pending = f.hushed >= hushMin, false
		}
		f.level = max(all, f.level*0.9)
		f.hushed, f.odd = 0, 0
	case was > 0:
		f.pending = f.alone && was >= callingMin && was <= callingMax
	case all <= faxEnergy || all*fallen <= f.level:
		f.level *= 0.98
		f.hushed, f.odd = min(hushMin, f.hushed+1), 0
		if f.pending && f.hushed == hushMin {
			f.pending = false
			f.tell(FaxCalling, true, now)
		}
	default:
		// An edge of the tone is neither tone nor silence.
		if f.odd++; f.odd > oddHops {
			f.hushed, f.level, f.pending = 0, 0, false
		}
	}
}

// faxWaves are the two tones over one hop, which holds whole periods of both.
var faxWaves = func() (w [2][hopLen]complex128) {
	for i := range hopLen {
		w[0][i] = cmplx.Rect(1, -2*math.Pi*callingHz*float64(i)/Rate)
		w[1][i] = cmplx.Rect(1, -2*math.Pi*answerHz*float64(i)/Rate)
	}
	return w
}()

// A pitch follows one tone from hop to hop by its phase.
type pitch struct {
	n       int           // hops it has been there
	bad     int           // hops since then that it has not
	sums    [3]complex128 // of the last hops, newest last
	turn    float64       // radians its phase moves a hop, on average
	flipped bool          // its phase has just been reversed
	rest    int           // hops before another reversal can be
}

// step takes a hop: its sum at the nominal frequency, its energy, and by how many Hz
// the tone may be off.
func (p *pitch) step(sum complex128, all, off float64) {
	p.flipped = false
	last := p.sums[2]
	p.sums = [3]complex128{p.sums[1], last, sum}
	turn := phase(sum, last)
	// What a tone beside the nominal frequency loses in a hop.
	x := turn / 2
	loss := 1.0
	if math.Abs(x) > 1e-3 {
		loss = math.Pow(math.Sin(x)/x, 2)
	}
	in := real(sum*cmplx.Conj(sum)) * 2 / hopLen
	pure := all > faxEnergy && in >= pitchShare*all*loss && math.Abs(turn) <= 2*math.Pi*off*hopLen/Rate
	if p.rest--; p.n > 8 && p.rest <= 0 && all > faxEnergy && in >= pitchShare*all &&
		math.Abs(math.Abs(math.Remainder(phase(sum, p.sums[0])-2*p.turn, 2*math.Pi))-math.Pi) < flip {
		p.flipped, p.rest = true, reversalGap
	}
	switch {
	case pure, p.flipped:
		if p.n <= 3 {
			p.turn = turn
		} else if math.Abs(turn-p.turn) < 0.5 {
			p.turn += 0.2 * (turn - p.turn)
		}
		p.n += 1 + p.bad
		p.bad = 0
	case p.n > 8 && p.bad < 2: // the hop in which the phase is reversed is not pure
		p.bad++
	default:
		p.n, p.bad = 0, 0
	}
}

// phase is by how much a is ahead of b.
func phase(a, b complex128) float64 { return cmplx.Phase(a * cmplx.Conj(b)) }
