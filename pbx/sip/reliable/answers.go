package reliable

import (
	"slices"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/desk"
)

// t2 is the longest interval between retransmissions (RFC 3261 17.1.1.1).
const t2 = 4 * time.Second

// Answers are the 2xx to INVITEs of one session whose ACK is missing.
type Answers struct {
	Clock *desk.Clock
	T1    time.Duration
	Lost  func() // no ACK came within 64*T1

	list []*answer
}

type answer struct {
	seq    uint32
	offer  bool // the ACK must bring an answer
	repeat desk.Alarm
	giveUp desk.Alarm
	every  time.Duration
}

// Waiting reports whether an ACK is missing.
func (a *Answers) Waiting() bool { return len(a.list) > 0 }

// Insist sends the 2xx to an INVITE and keeps sending it; offer says that it holds
// an offer.
func (a *Answers) Insist(invite *sip.Request, offer bool, send func()) {
	one := &answer{offer: offer, every: a.T1}
	if c := invite.CSeq(); c != nil {
		one.seq = c.SeqNo
	}
	a.list = append(a.list, one)
	send()
	var again func()
	again = func() {
		send()
		one.every = min(2*one.every, t2)
		a.Clock.Set(&one.repeat, one.every, again)
	}
	a.Clock.Set(&one.repeat, one.every, again)
	a.Clock.Set(&one.giveUp, Lifetime*a.T1, func() {
		a.settle(one)
		a.Lost()
	})
}

// Acked takes an ACK. It reports false for one that nothing waits for, which is a
// repetition; offer says that it should bring the answer to an offer.
func (a *Answers) Acked(ack *sip.Request) (offer, ok bool) {
	cseq := ack.CSeq()
	if cseq == nil {
		return false, false
	}
	for _, one := range a.list {
		if one.seq == cseq.SeqNo {
			a.settle(one)
			return one.offer, true
		}
	}
	return false, false
}

func (a *Answers) settle(one *answer) {
	a.Clock.Stop(&one.repeat)
	a.Clock.Stop(&one.giveUp)
	a.list = slices.DeleteFunc(a.list, func(x *answer) bool { return x == one })
}
