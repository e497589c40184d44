// Package reliable repeats the responses to an INVITE that must not be lost, until
// they are acknowledged: provisional ones by PRACK (RFC 3262), 2xx by ACK (RFC 3261
// 13.3.1.4), which the transaction layer does not repeat. Both belong to the
// goroutine of their clock.
package reliable

import (
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/desk"
	"branchline/pbx/sip/header"
)

// Lifetime is how long an acknowledgement is waited for, in T1.
const Lifetime = 64

// Provisionals are the reliable provisional responses to one INVITE: one at a time
// waits for its PRACK, the others queue (RFC 3262 3).
type Provisionals struct {
	Clock *desk.Clock
	T1    time.Duration
	Send  func(*sip.Response)
	Clear func() // none waits any more
	Lost  func() // no PRACK came within 64*T1

	seq    uint32
	sent   *sip.Response // waits for its PRACK
	queue  []*sip.Response
	repeat desk.Alarm
	giveUp desk.Alarm
	every  time.Duration
}

// Outstanding reports whether a PRACK is waited for.
func (p *Provisionals) Outstanding() bool { return p.sent != nil || len(p.queue) > 0 }

// Waiting reports whether a response has been sent that waits for its PRACK.
func (p *Provisionals) Waiting() bool { return p.sent != nil }

// Say numbers a 18x and sends it, now or when the one before it is acknowledged.
// first is the number to begin with, less than 2^31.
func (p *Provisionals) Say(res *sip.Response, kind string, body []byte, first func() uint64) {
	if p.seq == 0 {
		p.seq = uint32(first() / 2) // leaves room to count up within 2^31
	}
	p.seq++
	res.AppendHeader(sip.NewHeader("Require", "100rel"))
	res.AppendHeader(sip.NewHeader("RSeq", strconv.FormatUint(uint64(p.seq), 10)))
	header.Carry(res, kind, body)
	p.queue = append(p.queue, res)
	if p.sent == nil {
		p.Next()
	}
}

// Next sends the one after an acknowledged one.
func (p *Provisionals) Next() {
	if len(p.queue) == 0 {
		p.sent = nil
		p.Clear()
		return
	}
	p.sent, p.queue = p.queue[0], p.queue[1:]
	p.every = p.T1
	p.Send(p.sent)
	var again func()
	again = func() {
		p.Send(p.sent)
		p.every *= 2
		p.Clock.Set(&p.repeat, p.every, again)
	}
	p.Clock.Set(&p.repeat, p.every, again)
	p.Clock.Set(&p.giveUp, Lifetime*p.T1, func() {
		p.Clock.Stop(&p.repeat)
		p.Lost()
	})
}

// Settle stops repeating the one that waits.
func (p *Provisionals) Settle() {
	p.Clock.Stop(&p.repeat)
	p.Clock.Stop(&p.giveUp)
}

// Meant reports whether a PRACK is for the response that waits (RFC 3262 7.2);
// invite is the CSeq of the INVITE.
func (p *Provisionals) Meant(prack *sip.Request, invite uint32) bool {
	h := prack.GetHeader("RAck")
	if h == nil {
		return false
	}
	f := strings.Fields(h.Value())
	return len(f) == 3 && f[2] == "INVITE" &&
		f[0] == strconv.FormatUint(uint64(p.seq-uint32(len(p.queue))), 10) &&
		f[1] == strconv.FormatUint(uint64(invite), 10)
}
