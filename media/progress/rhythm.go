package progress

// A rhythm finds a busy tone by nothing but its sounding and pausing evenly, at one
// level: that of an unknown exchange.
type rhythm struct {
	on, off float64 // what it must be, in hops; 0: anything
	need    int     // cycles
	deaf    bool

	sounds    bool
	n         int     // hops of this state
	level     float64 // energy of a window while it sounds
	low, high float64 // of windows within the sound, without its edges
	pairs     [6]pair
	count     int
	edge      [2]float64 // the last two windows, which may be the falling edge
}

// A pair is one cycle.
type pair struct {
	on, off float64 // hops
	level   float64
}

const (
	shortest  = 7.5   // hops; E.180 has none shorter, and neither has Asterisk
	longest   = 310.0 // hops
	alike     = 0.10  // of the mean by which times differ
	alikeTo   = 0.07  // of what is known
	alikeHops = 2.0   // or so many hops
	steady    = 4.0   // strongest to weakest window of a tone: 6 dB
	sameLevel = 2.0   // of one sound to another: 3 dB
	// A busy tone sounds about as long as it pauses (E.180 6.3); ringing does not.
	ratioMin, ratioMax = 0.6, 1.7
)

var soundEnergy = energyOf(-40)

func (r *rhythm) reset() {
	*r = rhythm{on: r.on, off: r.off, need: r.need, deaf: r.deaf}
}

// step takes the next hop and reports whether a busy tone was found.
func (r *rhythm) step(energy float64) bool {
	if r.deaf {
		return false
	}
	// What is 12 dB below the sound before it is a pause, in which a line may be noisy.
	sounds := energy > soundEnergy && energy*fallen > r.level
	if sounds == r.sounds {
		r.n++
		if sounds {
			r.inside(energy)
		}
		if float64(r.n) > longest {
			r.count, r.level = 0, 0
		}
		return false
	}
	found := false
	if sounds {
		found = r.begins()
		r.level, r.low, r.high = max(energy, r.level*0.1), 0, 0
		r.edge = [2]float64{}
	} else {
		r.ends()
	}
	r.sounds, r.n = sounds, 1
	return found
}

// inside watches how even a sound is.
func (r *rhythm) inside(energy float64) {
	r.level = max(r.level, energy)
	// A window is part of the sound's middle when two more have followed it.
	if e := r.edge[0]; e > 0 && r.n > 4 {
		if r.low == 0 {
			r.low, r.high = e, e
		}
		r.low, r.high = min(r.low, e), max(r.high, e)
	}
	r.edge[0], r.edge[1] = r.edge[1], energy
}

// ends takes a sound that is over.
func (r *rhythm) ends() {
	n := float64(r.n)
	if n < shortest || n > longest || r.high > r.low*steady {
		r.count = 0
		return
	}
	r.pairs[r.count%len(r.pairs)] = pair{on: n, level: r.level}
	r.count++
}

// begins takes a pause that is over.
func (r *rhythm) begins() bool {
	if r.count == 0 {
		return false
	}
	p := &r.pairs[(r.count-1)%len(r.pairs)]
	p.off = float64(r.n)
	if p.off < shortest || p.off > longest {
		r.count = 0
		return false
	}
	if r.count < r.need || !r.even() {
		return false
	}
	r.count = 0
	return true
}

// even compares the last cycles with each other.
func (r *rhythm) even() bool {
	var mean pair
	for i := range r.need {
		p := &r.pairs[(r.count-1-i)%len(r.pairs)]
		mean.on += p.on / float64(r.need)
		mean.off += p.off / float64(r.need)
		mean.level += p.level / float64(r.need)
	}
	if r.on > 0 && r.off > 0 {
		if !within(mean.on, r.on, alikeTo) || !within(mean.off, r.off, alikeTo) {
			return false
		}
	} else if mean.on < ratioMin*mean.off || mean.on > ratioMax*mean.off {
		return false
	}
	for i := range r.need {
		p := &r.pairs[(r.count-1-i)%len(r.pairs)]
		if !within(p.on, mean.on, alike) || !within(p.off, mean.off, alike) || p.level > mean.level*sameLevel || p.level*sameLevel < mean.level {
			return false
		}
	}
	return true
}

func within(have, want, part float64) bool {
	by := max(part*want, alikeHops)
	return have >= want-by && have <= want+by
}

// A voice is found where sound is neither a tone of the zone nor even.
type voice struct {
	before float64 // energy of the window before
	lively float64 // hops that changed, forgotten slowly
	told   bool
}

var voiceEnergy = energyOf(-38)

// step takes the next hop and reports whether somebody began to speak.
func (v *voice) step(tone bool, energy float64) bool {
	change := energy > v.before*1.6 || energy*1.6 < v.before
	loud := energy > voiceEnergy && v.before > voiceEnergy
	v.before = energy
	v.lively *= 0.993 // half is gone after a second
	if tone {
		v.lively *= 0.9
	} else if loud && change {
		v.lively++
	}
	if v.lively < 1 {
		v.told = false
	}
	if v.told || v.lively < 12 {
		return false
	}
	v.told = true
	return true
}
