package speech

import (
	"time"

	"branchline/hal"
	"branchline/media/dtmf"
)

// keys are the digits the line hears as tones: one string of ours at a time, and
// those of the peer as they come.
type keys struct {
	tone    dtmf.Tone
	digits  string
	length  int // samples of each
	left    int // samples of the present tone, or pause
	pause   bool
	dialing bool

	held byte // the peer's digit that sounds
	got  int  // samples of it so far
}

const (
	keyTime   = 100 * hal.Rate / 1000 // of a digit if nothing else is said
	keyGap    = 80 * hal.Rate / 1000
	waitTime  = hal.Rate / 2
	leastTone = 80 * hal.Rate / 1000 // a peer's digit is never shorter on the line
)

func (k *keys) dial(digits string, length time.Duration) {
	k.digits, k.length = digits, int(length*hal.Rate/time.Second)
	if k.length == 0 {
		k.length = keyTime
	}
	k.dialing, k.left, k.pause = true, keyGap, true
}

// fill writes the digits of dial; over is true once, when they are out.
func (k *keys) fill(f *hal.Frame) (over bool) {
	for done := 0; done < len(f); {
		if k.left == 0 && !k.next() {
			clear(f[done:])
			k.dialing = false
			return true
		}
		n := min(len(f)-done, k.left)
		if k.pause {
			clear(f[done : done+n])
		} else {
			k.tone.Fill(f[done : done+n])
		}
		done += n
		k.left -= n
	}
	return false
}

// next goes from a tone to its pause, and from that to the next tone.
func (k *keys) next() bool {
	if !k.pause {
		k.pause, k.left = true, keyGap
		return true
	}
	for k.digits != "" {
		d := k.digits[0]
		k.digits = k.digits[1:]
		switch {
		case d == 'w' || d == 'W' || d == ',':
			k.left = waitTime
			return true
		case dtmf.Valid(d):
			k.tone.Start(d)
			k.pause, k.left = false, k.length
			return true
		}
	}
	return false
}

// follow sounds the peer's digit as long as it lasts, and no shorter than a receiver
// needs; false if there is none.
func (k *keys) follow(i *incoming, began byte, f *hal.Frame) bool {
	if began != 0 {
		k.held, k.got = began, 0
		k.tone.Start(began)
	}
	if k.held == 0 {
		return false
	}
	if !i.on && k.got >= leastTone {
		k.held = 0
		return false
	}
	k.tone.Fill(f[:])
	k.got += len(f)
	return true
}
