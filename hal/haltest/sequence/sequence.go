// Package sequence is samples that tell whether one of them is missing.
package sequence

import (
	"sync"

	"github.com/zaf/g711"
)

// value is the n-th sample of a sequence in which a lost sample shows. It survives
// u-law, and is never zero, which is silence.
func value(n int) int16 {
	code := n % 254
	if code >= 0x7f {
		code++ // minus zero
	}
	return g711.DecodeUlawFrame(byte(code))
}

// A Count makes the sequence.
type Count struct{ next int }

// Fill gives the next samples.
func (c *Count) Fill(samples []int16) {
	for i := range samples {
		samples[i] = value(c.next)
		c.next++
	}
}

// A Judge listens to the sequence and counts what is wrong with it. Silence before
// its beginning is not.
type Judge struct {
	mu      sync.Mutex
	next    int
	verdict Verdict
	total   int
	more    chan struct{} // capacity 1
}

// A Verdict is what a Judge has heard.
type Verdict struct {
	Right   int // samples that followed the one before
	Wrong   int // samples that did not
	Silence int // zero samples after the beginning
}

// Hear takes samples in.
func (j *Judge) Hear(samples []int16) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.total += len(samples)
	if j.more != nil {
		select {
		case j.more <- struct{}{}:
		default:
		}
	}
	for _, s := range samples {
		switch {
		case s == value(j.next):
			j.verdict.Right++
			j.next++
		case s == 0:
			if j.verdict.Right > 0 {
				j.verdict.Silence++
			}
		default:
			j.verdict.Wrong++
			for n := range 254 {
				if value(n) == s {
					j.next = n + 1
				}
			}
		}
	}
}

// Await returns when so many samples were heard, silence included.
func (j *Judge) Await(samples int) {
	for {
		j.mu.Lock()
		if j.more == nil {
			j.more = make(chan struct{}, 1)
		}
		enough, more := j.total >= samples, j.more
		j.mu.Unlock()
		if enough {
			return
		}
		<-more
	}
}

// Verdict is what was heard so far.
func (j *Judge) Verdict() Verdict {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.verdict
}
