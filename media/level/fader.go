package level

// A Fader mutes speech and lets it through again without a click, over 5 ms. The
// zero value lets everything through.
type Fader struct {
	muted bool
	down  int // of ramp
}

const ramp = 40

// Mute says what is wanted from the next frame on.
func (f *Fader) Mute(on bool) { f.muted = on }

// Muted reports what is wanted.
func (f *Fader) Muted() bool { return f.muted }

// Apply fades frame in place.
func (f *Fader) Apply(frame []int16) {
	for i, v := range frame {
		switch {
		case f.muted && f.down < ramp:
			f.down++
		case !f.muted && f.down == 0:
			return
		case !f.muted:
			f.down--
		}
		frame[i] = int16(int32(v) * int32(ramp-f.down) / ramp)
	}
}
