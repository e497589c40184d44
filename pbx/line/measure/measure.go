// Package measure tests a telephone line that nobody else uses: is there a dial
// tone, how loud are tone and noise, how much of what we send comes back, and does a
// caller ID sent into the line arrive in the receiver.
package measure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"time"

	"branchline/hal"
	"branchline/media/callerid"
	"branchline/media/dtmf"
	"branchline/media/level"
	"branchline/media/progress"
	"branchline/media/sine"
)

// A Result is what one measurement found.
type Result struct {
	What  string // "dial tone"
	Found string // "after 240 ms, -14.8 dBm0"
	Good  bool
}

// How long and how loud.
const (
	dialToneWithin = 5 * time.Second
	settle         = 800 * time.Millisecond // for the exchange to end its dial tone
	listen         = time.Second
	sendFor        = 2 * time.Second
	sendLevel      = -13.0 // dBm0 of noise
	quietEnough    = -45.0 // dBm0
	lossEnough     = 6.0   // dB, what ITU-T G.168 expects of a hybrid
	lostMost       = 100   // one frame of so many
	toneLeast      = -30.0
	toneMost       = -3.0
)

// A bench is a line being measured.
type bench struct {
	audio hal.Audio
	zone  *progress.Zone
	delay int
	say   func(Result)
}

// Line measures l, which must be idle and nobody else's, and hangs it up at the end.
func Line(ctx context.Context, l hal.Line, zone *progress.Zone, say func(Result)) error {
	info := l.Info()
	if info.Kind == hal.Cellular {
		say(Result{"module", "answers; speech can only be measured in a call", true})
		return nil
	}
	if info.Kind == hal.FXS && !info.Caps.Has(hal.AudioWhenIdle) {
		say(Result{"port", "answers; it has no audio while the telephone is on hook", true})
		return nil
	}
	if info.Kind == hal.FXO {
		if err := l.Do(ctx, hal.Op{Kind: hal.Seize}); err != nil {
			return fmt.Errorf("going off hook: %w", err)
		}
		defer func() { _ = l.Do(context.WithoutCancel(ctx), hal.Op{Kind: hal.Clear}) }() // the line's owner sees what becomes of it
	}
	audio, err := l.Audio()
	if err != nil {
		return fmt.Errorf("audio: %w", err)
	}
	b := &bench{audio: audio, zone: zone, delay: info.EchoDelay, say: say}
	err = b.run(ctx, info.Kind)
	if e := audio.Close(); err == nil && !errors.Is(e, io.EOF) {
		err = e
	}
	return err
}

func (b *bench) run(ctx context.Context, k hal.Kind) error {
	if k == hal.FXO {
		heard, err := b.dialTone(ctx)
		if err != nil {
			return err
		}
		if heard { // one digit makes the exchange listen instead of speak
			var t dtmf.Sender
			t.Start("1", dtmf.Form{})
			if err := b.play(ctx, func(f *hal.Frame) bool { t.Fill(f[:]); return !t.Done() }, nil); err != nil {
				return err
			}
			if err := b.pass(ctx, settle, nil); err != nil {
				return err
			}
		}
	}
	for _, step := range []func(context.Context, hal.Kind) error{b.noise, b.echo, b.callerID} {
		if err := step(ctx, k); err != nil {
			return err
		}
	}
	s := b.audio.Stats()
	lost := s.Overruns + s.Dropped
	b.say(Result{"frames", fmt.Sprintf("%d read, %d written, %d lost", s.Read, s.Written, lost), lost*lostMost <= s.Read})
	return nil
}

// play sends what sound makes until it returns false; heard gets what comes back.
func (b *bench) play(ctx context.Context, sound func(*hal.Frame) bool, heard func(sent, got *hal.Frame)) error {
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var rx, tx hal.Frame
		if err := b.audio.Read(&rx); err != nil {
			return fmt.Errorf("audio: %w", err)
		}
		more = sound(&tx)
		if heard != nil {
			heard(&tx, &rx)
		}
		if err := b.audio.Write(&tx); err != nil {
			return fmt.Errorf("audio: %w", err)
		}
	}
	return nil
}

// pass sends silence for d.
func (b *bench) pass(ctx context.Context, d time.Duration, heard func(got *hal.Frame)) error {
	left := int(d * hal.Rate / time.Second / hal.FrameSize)
	return b.play(ctx, func(*hal.Frame) bool { left--; return left > 0 }, func(_, got *hal.Frame) {
		if heard != nil {
			heard(got)
		}
	})
}

// dialTone waits for it.
func (b *bench) dialTone(ctx context.Context) (heard bool, err error) {
	l := progress.New(progress.Config{Zone: b.zone})
	frames, at := int(dialToneWithin*hal.Rate/time.Second/hal.FrameSize), 0
	var m level.Meter
	err = b.play(ctx, func(*hal.Frame) bool { return at < frames && !heard }, func(_, got *hal.Frame) {
		at++
		for _, e := range l.Hear(got[:]) {
			heard = heard || e.Kind == progress.Dial && e.Began
		}
	})
	if err != nil {
		return false, err
	}
	if !heard {
		b.say(Result{"dial tone", fmt.Sprintf("none in %v", dialToneWithin), false})
		return false, nil
	}
	if err := b.pass(ctx, listen/2, func(got *hal.Frame) { m.Add(got[:]) }); err != nil {
		return false, err
	}
	loud := m.DBm0()
	b.say(Result{"dial tone", fmt.Sprintf("after %d ms, %.1f dBm0", at*hal.FrameSize*1000/hal.Rate, loud), loud >= toneLeast && loud <= toneMost})
	return true, nil
}

// noise listens to the silent line.
func (b *bench) noise(ctx context.Context, _ hal.Kind) error {
	var m level.Meter
	if err := b.pass(ctx, listen, func(got *hal.Frame) { m.Add(got[:]) }); err != nil {
		return err
	}
	loud := m.DBm0()
	found := "none"
	if !math.IsInf(loud, 0) {
		found = fmt.Sprintf("%.1f dBm0", loud)
	}
	b.say(Result{"noise", found, loud <= quietEnough})
	return nil
}

// echo measures how much weaker what we send comes back.
func (b *bench) echo(ctx context.Context, k hal.Kind) error {
	var sent, got level.Meter
	left := int(sendFor * hal.Rate / time.Second / hal.FrameSize)
	skip := left/4 + b.delay/hal.FrameSize // until the echo is there
	n := 0
	peak := sine.Peak(sendLevel) * math.Sqrt(1.5) // uniform noise of that power
	random := rand.New(rand.NewPCG(1, 2))
	err := b.play(ctx, func(f *hal.Frame) bool {
		for i := range f {
			f[i] = int16((2*random.Float64() - 1) * peak)
		}
		left--
		return left > 0
	}, func(tx, rx *hal.Frame) {
		if n++; n > skip {
			sent.Add(tx[:])
			got.Add(rx[:])
		}
	})
	if err != nil {
		return err
	}
	loss := sent.DBm0() - got.DBm0()
	if math.IsInf(loss, 0) || math.IsNaN(loss) {
		b.say(Result{"echo return loss", "nothing comes back", true})
		return nil
	}
	b.say(Result{"echo return loss", fmt.Sprintf("%.1f dB", loss), loss >= lossEnough || k == hal.FXS})
	return b.pass(ctx, settle, nil)
}

// callerID sends one in each form and listens to its echo. An echo may be too weak
// or too uneven to be read, which says nothing about the line; a number that was not
// sent does.
func (b *bench) callerID(ctx context.Context, _ hal.Kind) error {
	const number = "0123456789"
	for _, country := range [...]string{"us", "de"} {
		f, _ := callerid.FormFor(country)
		got, err := b.spill(ctx, f.Samples(callerid.Message{Number: number}))
		switch {
		case err != nil:
			return err
		case got == number:
			b.say(Result{"caller ID loop", f.Signal.String() + ", sent and read in the echo", true})
			return nil
		case got != "":
			b.say(Result{"caller ID loop", fmt.Sprintf("%s: read %q in the echo of %s", f.Signal, got, number), false})
			return nil
		}
	}
	b.say(Result{"caller ID loop", "not to be read in this line's echo, which is no fault", true})
	return nil
}

// spill sends samples and gives the number read in what comes back.
func (b *bench) spill(ctx context.Context, samples []int16) (number string, err error) {
	r := callerid.NewReceiver(callerid.HearFSK)
	at, tail := 0, b.delay+hal.Rate/2
	err = b.play(ctx, func(f *hal.Frame) bool {
		n := copy(f[:], samples[min(at, len(samples)):])
		clear(f[n:])
		at += len(f)
		return at < len(samples)+tail
	}, func(_, rx *hal.Frame) {
		if e := r.Hear(rx[:]); e.Kind == callerid.Complete {
			number = e.Message.Number
		}
	})
	return number, err
}
