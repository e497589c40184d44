// Package speech is the way of speech between a telephone line and the media plane.
// A Path has one goroutine, which the line's own clock drives: it reads 20 ms from
// the line, takes our echo out of it, looks for digits and tones in it, and hands it
// on as RTP packets; and it collects what the plane has for the line, evens out its
// arrival, and writes 20 ms to the line. Tones, digits and caller IDs for the line
// are made here too.
//
// Nothing is allocated or locked for a frame. What is heard is reported to a
// function that must not block.
package speech

import (
	"sync/atomic"
	"time"

	"branchline/hal"
	"branchline/media"
	"branchline/media/plane"
	"branchline/media/progress"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/line/orders"
)

// Kind says what was heard, or is over.
type Kind uint8

const (
	DigitBegan    Kind = iota // from the line
	DigitEnded                // Digit, Length
	Tone                      // Tone has been recognised
	RingbackOver              // ringback has not come again
	Voice                     // somebody speaks
	Abandoned                 // dial tone or howler for too long
	CallerBegun               // a caller ID is coming in
	CallerKnown               // Caller
	CallerDamaged             // it was not fit to be shown
	DigitsSent                // those of DialTones
	SoundOver                 // that of Sound
	PeerDigit                 // the peer has sent Digit, and Config.Relay is set
	Ended                     // the line gives no more speech
)

// Heard is one thing that was noticed on the line.
type Heard struct {
	Kind   Kind
	Digit  byte
	Length time.Duration
	Tone   hal.Tone
	Vague  bool // the tone is known by its rhythm only
	Caller hal.Caller
}

// Config is how a Path begins.
type Config struct {
	Audio  hal.Audio
	Heard  func(Heard) // called on the path's goroutine; must not block
	Ears   Ears
	RxGain float64 // dB, towards the plane
	TxGain float64 // dB, towards the line
	// EchoTaps is how long an echo is cancelled, in samples, 0: not at all; EchoDelay
	// how far away it may begin.
	EchoTaps, EchoDelay int
	Zone                *progress.Zone // whose tones are listened for
	Busy                Cadence
	Relay               bool // digits of the peer are for the device, not for us to sound
}

// ForCall is how the speech of a call goes over a line, as it is configured and as far
// as its device leaves something to do; usual are the gains if none are set, in dB.
func ForCall(conf *lineconf.Line, info hal.Info, usual float64, zone *progress.Zone) Config {
	c := Config{
		Zone: zone, Ears: Progress | Fax, RxGain: conf.RxGain.Or(usual), TxGain: conf.TxGain.Or(usual),
		Busy: Cadence{Count: conf.BusyCount, On: conf.BusyOn, Off: conf.BusyOff},
	}
	if !info.Caps.Has(hal.ReportsDigits) && conf.DigitsFromLine {
		c.Ears |= Digits
	}
	if !info.Caps.Has(hal.CancelsEcho) {
		c.EchoTaps, c.EchoDelay = conf.EchoTaps, info.EchoDelay
	}
	return c
}

// Cadence is when a busy tone ends a call: after Count cycles, of On and Off if they
// are not zero, else of what the zone has.
type Cadence struct {
	Count   int
	On, Off time.Duration
}

// Level is how loud the last second was, in dBm0, and what the echo canceller makes
// of it.
type Level struct {
	Rx, Tx float64
	// ReturnLoss is how much weaker than what we send its echo comes back, Enhancement
	// how much more the canceller takes away; dB, 0 if not known yet.
	ReturnLoss, Enhancement float64
}

// A Path is the speech of a line while it is open.
type Path struct {
	audio hal.Audio
	chain *chain
	done  chan struct{}

	orders *orders.Queue[*chain]
	level  atomic.Pointer[Level]
}

// Open begins to read and write audio. The path owns it until Close.
func Open(c Config) *Path {
	p := &Path{audio: c.Audio, done: make(chan struct{}), orders: orders.New[*chain]()}
	p.chain = newChain(&c)
	p.level.Store(&Level{})
	go p.run()
	return p
}

// Close ends the path; nothing is heard of it any more.
func (p *Path) Close() {
	_ = p.audio.Close() // that it is closed is all that matters
	<-p.done
}

// Stats are the counters of the line's audio.
func (p *Path) Stats() hal.AudioStats { return p.audio.Stats() }

// Level is how loud it is.
func (p *Path) Level() Level { return *p.level.Load() }

// levelEvery is how many frames a Level is about: a second.
const levelEvery = 50

func (p *Path) run() {
	defer close(p.done)
	var rx, tx hal.Frame
	for n := 1; ; n++ {
		if err := p.audio.Read(&rx); err != nil {
			p.chain.tell(Heard{Kind: Ended})
			return
		}
		select {
		case <-p.orders.Ready():
			p.orders.Obey(p.chain)
		default:
		}
		p.chain.frame(&rx, &tx)
		if err := p.audio.Write(&tx); err != nil {
			p.chain.tell(Heard{Kind: Ended})
			return
		}
		if n%levelEvery == 0 {
			p.level.Store(p.chain.level())
		}
	}
}

// Connect says whose speech the line hears, and who hears it; several hear each
// other too. A line that was connected before goes on as it was.
func (p *Path) Connect(lines ...plane.Line) {
	fresh := make([]*conn, len(lines))
	for i, l := range lines {
		fresh[i] = newConn(l)
	}
	p.orders.Add(func(c *chain) { c.connect(fresh) })
}

// Play lets the line hear tones instead of speech; nil ends them.
func (p *Path) Play(s media.Source) { p.orders.Add(func(c *chain) { c.tone = s }) }

// Beep lets it hear s over the speech, until s ends.
func (p *Path) Beep(s media.Source) { p.orders.Add(func(c *chain) { c.beep = s }) }

// A Sound fills frames with linear samples until it gives fewer than asked for.
type Sound interface{ Fill(out []int16) int }

// Sound sends s instead of everything else, exactly as loud as it is, and reports
// SoundOver; nil stops it, and nothing is reported.
func (p *Path) Sound(s Sound) { p.orders.Add(func(c *chain) { c.sound = s }) }

// DialTones sends digits as tones, each for length (0: 100 ms), and reports
// DigitsSent. 'w' is half a second of silence.
func (p *Path) DialTones(digits string, length time.Duration) {
	p.orders.Add(func(c *chain) { c.keys.dial(digits, length) })
}

// Digit tells the peers of a digit that the device itself has recognised.
func (p *Path) Digit(d byte, length time.Duration) {
	p.orders.Add(func(c *chain) { c.announce(d, length) })
}

// Listen changes what is listened for.
func (p *Path) Listen(e Ears) { p.orders.Add(func(c *chain) { c.ears.listen(e) }) }
