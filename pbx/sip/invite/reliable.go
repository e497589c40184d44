package invite

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/negotiation"
)

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

// cleared goes on when no provisional response waits for a PRACK any more.
func (s *Session) cleared() {
	if then := s.uas.wanted; then != nil {
		s.uas.wanted = nil
		then()
	}
}

// noPrack rejects an INVITE with a 5xx whose provisional response was not
// acknowledged (RFC 3262 3).
func (s *Session) noPrack() {
	s.uas.unheard = true
	s.release(channel.RecoveryOnTimerExpire, 504, "no PRACK")
	s.reject(channel.RecoveryOnTimerExpire)
}

// prack takes the acknowledgement of a provisional response.
func (s *Session) prack(req *sip.Request, tx link.ServerTx) {
	r := &s.uas.rel
	first := s.uas.req
	if s.state != Offered || !r.Waiting() || first.CSeq() == nil || !r.Meant(req, first.CSeq().SeqNo) {
		s.reply(req, tx, 481, nil)
		return
	}
	r.Settle()
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
		r.Next()
		return
	}
	s.reply(req, tx, 200, ours)
	r.Next()
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
