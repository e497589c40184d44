package level

import "math"

// A ReturnLoss is the echo return loss of a line under test: how much weaker what
// comes back is than what is sent (ITU-T G.122). Send noise or speech and be quiet at
// the other end. The zero value is ready.
type ReturnLoss struct{ sent, heard Meter }

// Add takes what was sent and what was heard at the same time. An echo that comes
// later than the last frame is not counted, which is no matter in a second.
func (r *ReturnLoss) Add(sent, heard []int16) {
	r.sent.Add(sent)
	r.heard.Add(heard)
}

// DB is the loss in dB, and false if too little was sent to tell: less than half a
// second, or below -40 dBm0. A line that returns nothing has an infinite loss.
func (r *ReturnLoss) DB() (float64, bool) {
	if r.sent.n < 4000 || r.sent.DBm0() < -40 {
		return 0, false
	}
	if r.heard.sum == 0 {
		return math.Inf(1), true
	}
	return r.sent.DBm0() - r.heard.DBm0(), true
}
