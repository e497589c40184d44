package echo

// sums are energies of one block.
type sums struct {
	sent, heard       float32
	fore, tried, back float32 // errors of the three filters
	echo              float32 // output of fore
	steps             float32 // what the learner's steps were worth, see subtract
	around            float32 // mean power of the reference over fore
}

// control decides which filter is believed. Two people talking at once and an
// echo path that has changed look alike at first: an error that cannot be
// explained. So the learner is let loose on it for a while, and what it makes of
// it has to stand the test.
type control struct {
	contest
	sent, heard  float32 // over 30 ms, as the next two
	fErr, bErr   float32
	loose        int // blocks since the learner was let loose, 0: it was not
	rest         int // blocks until it may be again
	lost         int // blocks for which the filter has added echo
	resets       int
	taught       int     // blocks of speech since the path was last unknown
	echoIn       float32 // heard and left in blocks without near speech, over 0.3 s
	echoOut      float32
	talk         whitening
	frame        [chunk]float32 // the last 20 ms of the output
	fTail, tTail [order]float32
	talkR        [order + 1]float32
}

// A contest compares the errors of fore and trial on speech that neither has
// learnt from, whitened so that a voice on the far side is not correlated with
// itself. If the far side talks, its speech is in both errors and does not favour
// the trial; chance does sometimes, within the spread of the difference.
type contest struct {
	fore, trial, apart, spread  float32
	left, tried, back           float32 // the errors of all three, not whitened
	fresh                       int     // samples whose whitening has seen no other filter's errors
	blocks, wins, losses, stale int
}

const (
	drift    = 2e-9 // the share of a path's power that changes from sample to sample: -48 dB in a second
	audible  = 1000 // mean power that makes a block count: -54 dBm0
	longest  = 80   // blocks of a contest
	cautious = 1.2  // widens the spread: a block of 40 samples is about 7 independent ones
)

// A rule says what a trial has to show.
type rule struct {
	blocks int     // how long it has to be the better one
	worth  float32 // the improvement, as a share of the error
	chance float32 // its square over the spread
}

var (
	// Before anything is known of the path, whatever is better is good.
	first = rule{3, 0.1, 6}
	usual = rule{10, 0.02, 9}
	// A learner that was let loose while fore knew the path has mostly learnt from
	// the far side's speech. Two voices of one pitch agree for a vowel, not for longer.
	doubtful = rule{30, 0.5, 25}
)

// decide goes on to the next block, of n samples.
func (c *Canceller) decide(s *sums, n int) {
	t := &c.control
	size := float32(n)
	// The distance to the true path shrinks as theory has it for a white reference; the
	// more slowly the more colour had to be taken out of it, which never succeeds
	// quite. And the path changes a little all the time.
	c.back.miss *= 1 - min(0.5, (0.15+0.85/c.white.gain)*s.steps/float32(c.n))
	if s.steps > 0 {
		c.back.miss = max(c.back.miss+drift*size*energy(c.back.w), 1e-7)
	}

	const shortly = 1.0 / 6
	t.sent += (s.sent/size - t.sent) * shortly
	t.heard += (s.heard/size - t.heard) * shortly
	t.fErr += (s.fore/size - t.fErr) * shortly
	t.bErr += (s.back/size - t.bErr) * shortly

	if !(s.back < 1e18) { // the learner has lost its mind: no number, or one as good as none
		c.back.copy(&c.fore)
		c.errs = [order]float32{}
		c.noisy, c.gain, s.back, t.bErr = 0, 0, s.fore, t.fErr
	}
	speaks := s.sent > audible*size
	c.compare(s, n, speaks)
	rule := usual
	switch {
	case c.fore.miss > green:
		rule = first
	case t.tried < 0.1*t.left:
		// The trial explains what fore does not, as with a tone that fore has learnt
		// nothing of: hardly anything that the far side says would be explained.
		rule = usual
	case c.trial.miss > 4*c.fore.miss:
		rule = doubtful
	}
	switch {
	case c.fade > 0:
	case t.stale > 0 && t.apart < 0.03*t.contest.fore:
		c.challenge() // the trial is as good as fore itself, and the learner better
	case t.blocks < rule.blocks:
	case t.proven(rule):
		c.replace()
		c.fore.copy(&c.trial)
		if rule == first && t.back < t.tried {
			c.fore.copy(&c.back) // the trial has proved that it learns
		}
		c.suppressor.trust(c.fore.miss / energy(c.fore.w))
		t.lost = 0
		c.challenge()
	case t.trial > 1.3*t.contest.fore:
		c.recall()
		c.back.copy(&c.fore)
		t.loose, t.rest = 0, 20
		c.challenge()
	case t.stale > rule.blocks || t.blocks > longest:
		c.challenge()
	}

	if t.loose > 0 {
		t.loose++
	}
	if t.rest > 0 {
		t.rest--
	} else if (t.loose == 0 || t.loose > 60) && t.bErr > 0.1*t.heard && t.sent > 1e4 && t.heard > audible && t.heard < t.sent {
		t.loose = 1
		c.back.miss = max(c.back.miss, hybrid)
	}
	c.guard(speaks)
	if speaks && s.fore < 0.5*s.heard {
		t.echoIn += (s.heard/size - t.echoIn) * (1.0 / 64)
		t.echoOut += (s.fore/size - t.echoOut) * (1.0 / 64)
	}
}

// compare takes one block into the contest.
func (c *Canceller) compare(s *sums, n int, speaks bool) {
	t := &c.control
	var fore, trial, apart float32
	for i := range n {
		ef, et := c.out[i], c.tried[i]
		wf, wt := ef, et
		for k, a := range t.talk.a {
			wf += a * t.fTail[k]
			wt += a * t.tTail[k]
		}
		copy(t.fTail[1:], t.fTail[:])
		copy(t.tTail[1:], t.tTail[:])
		t.fTail[0], t.tTail[0] = ef, et
		if t.fresh < order {
			t.fresh++
			continue
		}
		fore += wf * wf
		trial += wt * wt
		apart += (wf - wt) * (wf - wt)
	}
	copy(t.frame[:], t.frame[n:])
	copy(t.frame[chunk-n:], c.out[:n])
	t.talkR = correlations(t.frame[:])
	t.talk.solve(&t.talkR)

	if c.fade > 0 {
		t.fresh = 0
		return // the errors are not fore's alone
	}
	t.left += s.fore
	t.tried += s.tried
	t.back += s.back
	t.contest.fore += fore
	t.contest.trial += trial
	t.contest.apart += apart
	t.contest.spread += cautious * fore * apart
	if !speaks {
		return
	}
	t.blocks++
	t.taught++
	if apart > 0.03*fore {
		if trial < fore {
			t.wins++
		} else {
			t.losses++
		}
	}
	if s.back < 0.7*s.tried {
		t.stale++ // the learner knows more by now
	}
}

// proven reports whether trial is better than fore. If the difference of the two outputs had nothing to do with the
// error of fore, the error of trial would be that much larger: that is what gain
// must be measured from.
func (t *contest) proven(r rule) bool {
	gain := t.fore - t.trial
	z := gain + t.apart
	return gain > r.worth*t.fore && z*z > r.chance*t.spread && t.wins > 3*t.losses
}

// unexplained reports that what is left has little to do with what is sent: the
// learner has had half a second of speech, and can make nothing of it.
func (t *control) unexplained() bool { return t.taught > 100 && t.bErr > 0.6*t.fErr }

// challenge begins a new contest with what the learner knows now.
func (c *Canceller) challenge() {
	c.trial.copy(&c.back)
	c.control.contest = contest{}
}

// guard throws the filter away when it adds echo, which it does after the path
// has changed: then there is nothing better for the moment than no filter and a
// strict suppressor.
func (c *Canceller) guard(speaks bool) {
	t := &c.control
	switch {
	case t.fErr > 1.4*t.heard && t.fErr > audible:
		t.lost++
	case speaks && t.lost > 0:
		t.lost--
	}
	if t.lost > 25 && c.fade == 0 {
		c.replace()
		t.lost = 0
		t.resets++
		t.taught = 0
		c.fore.forget()
		c.back.miss = max(c.back.miss, hybrid)
		t.contest = contest{}
		if c.finder != nil {
			c.finder.forget()
		}
	}
}
