package transaction

import "time"

// Timers are those of RFC 3261 17; table 4 lists what follows from them.
type Timers struct {
	T1 time.Duration // round trip estimate, 500 ms
	T2 time.Duration // longest interval between retransmissions, 4 s
	T4 time.Duration // how long a message can stay in the network, 5 s
	// B is how long a transaction waits for its far side: timers B, D, F, H, J,
	// L and M. pjsip.conf's timer_b; 0: 64 times T1.
	B time.Duration
}

// Filled has defaults where t has zeros.
func (t Timers) Filled() Timers {
	if t.T1 <= 0 {
		t.T1 = 500 * time.Millisecond
	}
	if t.T2 <= 0 {
		t.T2 = 4 * time.Second
	}
	if t.T4 <= 0 {
		t.T4 = 5 * time.Second
	}
	if t.B <= 0 {
		t.B = 64 * t.T1
	}
	return t
}

// next doubles a retransmission interval up to T2.
func (t Timers) next(d time.Duration) time.Duration { return min(2*d, t.T2) }
