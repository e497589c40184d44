package invite

import (
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/sip/desk"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/negotiation"
)

// reliable is the state of provisional responses that must be acknowledged
// (RFC 3262 3): one at a time, the others queue.
type reliable struct {
	seq    uint32
	sent   *sip.Response // waits for its PRACK
	queue  []*sip.Response
	repeat desk.Alarm
	giveUp desk.Alarm
	every  time.Duration
	failed bool // a PRACK never came
}

func (r *reliable) outstanding() bool { return r.sent != nil || len(r.queue) > 0 }

// reliably reports whether provisional responses to this caller are reliable.
func (s *Session) reliably() bool {
	switch s.Endpoint.Rel100 {
	case "no":
		return false
	case "required":
		return true
	case "peer_supported":
		if s.peer.supported["100rel"] {
			return true
		}
	}
	return header.Requires(s.uas.req, "100rel")
}

// sendReliable numbers a 18x and sends it, now or when the one before it is
// acknowledged.
func (s *Session) sendReliable(res *sip.Response, body []byte) {
	r := &s.uas.rel
	if r.seq == 0 {
		r.seq = uint32(s.number() / 2) // leaves room to count up within 2^31
	}
	r.seq++
	res.AppendHeader(sip.NewHeader("Require", "100rel"))
	res.AppendHeader(sip.NewHeader("RSeq", strconv.FormatUint(uint64(r.seq), 10)))
	header.Carry(res, negotiation.Type, body)
	r.queue = append(r.queue, res)
	if r.sent == nil {
		s.nextReliable()
	}
}

func (s *Session) nextReliable() {
	r := &s.uas.rel
	if len(r.queue) == 0 {
		r.sent = nil
		if then := s.uas.wanted; then != nil {
			s.uas.wanted = nil
			then()
		}
		return
	}
	r.sent, r.queue = r.queue[0], r.queue[1:]
	r.every = s.T1
	s.respond(r.sent)
	var again func()
	again = func() {
		s.respond(r.sent)
		r.every *= 2
		s.clock.Set(&r.repeat, r.every, again)
	}
	s.clock.Set(&r.repeat, r.every, again)
	s.clock.Set(&r.giveUp, s.lifetime(), func() {
		// RFC 3262 3: no PRACK within 64*T1 rejects the INVITE with a 5xx.
		s.clock.Stop(&r.repeat)
		r.failed = true
		s.release(channel.RecoveryOnTimerExpire, 504, "no PRACK")
		s.reject(channel.RecoveryOnTimerExpire)
	})
}

// prack takes the acknowledgement of a provisional response.
func (s *Session) prack(req *sip.Request, tx link.ServerTx) {
	r := &s.uas.rel
	if s.state != Offered || r.sent == nil || !s.acknowledges(req) {
		s.reply(req, tx, 481, nil)
		return
	}
	s.clock.Stop(&r.repeat)
	s.clock.Stop(&r.giveUp)
	body, err := negotiation.Read(req)
	var ours []byte
	switch {
	case err != nil || body == nil:
	case s.talk.Open != nil: // our 18x had the offer
		err = s.takeAnswer(body)
		s.talk.Open = nil
	default: // RFC 3262 5: a PRACK may carry a new offer
		ours, err = s.answerNow(body)
	}
	if err != nil {
		s.reply(req, tx, 488, nil)
		s.nextReliable()
		return
	}
	s.reply(req, tx, 200, ours)
	s.nextReliable()
}

// acknowledges compares RAck with the response that waits (RFC 3262 7.2).
func (s *Session) acknowledges(req *sip.Request) bool {
	h := req.GetHeader("RAck")
	invite := s.uas.req.CSeq()
	if h == nil || invite == nil {
		return false
	}
	f := strings.Fields(h.Value())
	return len(f) == 3 && f[2] == "INVITE" &&
		f[0] == strconv.FormatUint(uint64(s.uas.rel.seq-uint32(len(s.uas.rel.queue))), 10) &&
		f[1] == strconv.FormatUint(uint64(invite.SeqNo), 10)
}

// confirm acknowledges a reliable provisional response to our INVITE (RFC 3262
// 4). It reports false for a repetition or one out of order, which are ignored.
func (s *Session) confirm(d *dialog.Dialog, invite *sip.Request, res *sip.Response) bool {
	h := res.GetHeader("RSeq")
	if h == nil || !header.Tokens(res, "Require", strings.ToLower)["100rel"] || s.Endpoint.Rel100 == "no" {
		return true
	}
	n, err := strconv.ParseUint(strings.TrimSpace(h.Value()), 10, 32)
	if err != nil {
		return true
	}
	last, heard := s.uac.rseq[d.Remote.Tag]
	if heard && uint32(n) != last+1 {
		return false
	}
	s.uac.rseq[d.Remote.Tag] = uint32(n)
	seq := uint32(0)
	if c := invite.CSeq(); c != nil {
		seq = c.SeqNo
	}
	// The CSeq of the dialogs of one INVITE must not fall behind each other: the
	// next INVITE of the call counts on from the highest.
	req := d.Request(sip.PRACK)
	req.AppendHeader(sip.NewHeader("RAck", strconv.FormatUint(n, 10)+" "+strconv.FormatUint(uint64(seq), 10)+" INVITE"))
	s.finish(req, s.MaxForwards, "", nil)
	s.send(req, func(r link.Reply) {
		if r.Err != nil {
			s.log.Info("PRACK not answered", "err", r.Err)
		}
	})
	return true
}
