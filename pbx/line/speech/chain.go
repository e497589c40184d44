package speech

import (
	"math"
	"time"

	"branchline/hal"
	"branchline/media"
	"branchline/media/echo"
	"branchline/media/g711"
	"branchline/media/level"
)

// A chain is what every frame goes through. It belongs to the path's goroutine.
type chain struct {
	report func(Heard)
	relay  bool
	rxGain level.Gain
	txGain level.Gain
	echo   *echo.Canceller // nil: none
	ears   ears
	conns  []*conn

	tone  media.Source
	beep  media.Source
	sound Sound
	keys  keys

	rx, tx level.Meter
	fader  level.Fader // takes digits out of the speech
	codes  [hal.FrameSize]byte
	extra  hal.Frame
	fax    bool
}

func newChain(c *Config) *chain {
	h := &chain{report: c.Heard, relay: c.Relay, rxGain: gain(c.RxGain), txGain: gain(c.TxGain)}
	if c.EchoTaps > 0 {
		h.echo = echo.New(echo.Config{Tail: c.EchoTaps, Delay: c.EchoDelay})
	}
	h.ears.open(c, h.tell)
	return h
}

func gain(dB float64) level.Gain { return level.NewGain(int(math.Round(dB * 10))) }

func (h *chain) tell(e Heard) {
	if h.report != nil {
		h.report(e)
	}
}

// connect makes fresh the conns, keeping those whose line was there before.
func (h *chain) connect(fresh []*conn) {
	for i, f := range fresh {
		for _, old := range h.conns {
			if old.line == f.line {
				fresh[i] = old
			}
		}
	}
	h.conns = fresh
}

// announce tells all peers of a digit.
func (h *chain) announce(d byte, length time.Duration) {
	samples := uint32(max(length, 60*time.Millisecond) * hal.Rate / time.Second)
	for _, c := range h.conns {
		c.begin(d, samples)
	}
}

// frame takes 20 ms from the line and makes 20 ms for it.
func (h *chain) frame(rx, tx *hal.Frame) {
	h.rxGain.Apply(rx[:])
	h.towardsLine(tx)
	if h.echo != nil {
		h.echo.Process(tx[:], rx[:])
	}
	h.rx.Add(rx[:])
	h.tx.Add(tx[:])
	h.fromLine(rx)
}

// towardsLine fills tx with what the line is to hear.
func (h *chain) towardsLine(tx *hal.Frame) {
	clear(tx[:])
	digit := false
	for _, c := range h.conns {
		began := c.collect()
		if began != 0 && h.relay {
			h.tell(Heard{Kind: PeerDigit, Digit: began})
		}
		add(tx, &c.speech)
		if !h.relay && !digit && h.keys.follow(&c.in, began, &h.extra) {
			digit = true
		}
	}
	if digit {
		*tx = h.extra
	}
	if h.tone != nil {
		if n := h.source(h.tone, tx[:]); n < len(tx) {
			h.tone = nil
		}
	}
	if h.beep != nil {
		if n := h.source(h.beep, tx[:]); n < len(tx) {
			h.beep = nil
		}
	}
	if h.keys.dialing && h.keys.fill(tx) {
		h.tell(Heard{Kind: DigitsSent})
	}
	h.txGain.Apply(tx[:])
	if h.sound != nil {
		n := h.sound.Fill(tx[:])
		clear(tx[n:])
		if n < len(tx) {
			h.sound = nil
			h.tell(Heard{Kind: SoundOver})
		}
	}
}

// source fills out from s; what s does not fill is silent.
func (h *chain) source(s media.Source, out []int16) int {
	n := s.Fill(h.codes[:len(out)])
	g711.ULaw().Decode(out[:n], h.codes[:n])
	clear(out[n:])
	return n
}

// fromLine looks at what came from the line and hands it on.
func (h *chain) fromLine(rx *hal.Frame) {
	change, mute := h.ears.hear(rx)
	h.fader.Mute(mute)
	h.fader.Apply(rx[:])
	for i, c := range h.conns {
		if change.Ended != 0 {
			c.end()
		}
		if change.Began != 0 {
			c.begin(change.Began, 0)
		}
		out := rx
		if len(h.conns) > 1 {
			h.extra = *rx
			for j, o := range h.conns {
				if i != j {
					add(&h.extra, &o.speech)
				}
			}
			out = &h.extra
		}
		c.deliver(out)
	}
	if h.ears.faxBegan && !h.fax {
		h.fax = true
		h.passFax()
	}
}

// passFax gets everything out of the way that alters speech.
func (h *chain) passFax() {
	if h.echo != nil {
		h.echo.Bypass(true)
	}
	for _, c := range h.conns {
		c.jitter.Fax(true)
	}
}

// add mixes s into f.
func add(f, s *hal.Frame) {
	for i, v := range s {
		f[i] = int16(max(math.MinInt16, min(math.MaxInt16, int(f[i])+int(v))))
	}
}

// level is how loud it was since the last time.
func (h *chain) level() *Level {
	l := &Level{Rx: h.rx.DBm0(), Tx: h.tx.DBm0()}
	if h.echo != nil {
		r := h.echo.Report()
		l.ReturnLoss, l.Enhancement = r.ReturnLoss, r.Enhancement
	}
	h.rx.Reset()
	h.tx.Reset()
	return l
}
