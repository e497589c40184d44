package invite

import (
	"errors"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/media/sdp"
	"branchline/pbx/channel"
	"branchline/pbx/sip/compose"
	"branchline/pbx/sip/desk"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/negotiation"
	"branchline/pbx/sip/sessiontimer"
)

// reinvite is the state of our own changes to a call (RFC 3261 14.1).
type reinvite struct {
	tx      link.ClientTx // our re-INVITE or UPDATE without a final response
	wanted  bool          // another change is due when this one is through
	renewal bool          // the connected party is to be told then
	retry   desk.Alarm    // after 491
	acks    map[uint32]*sip.Request
}

// busy reports that an offer is under way in either direction, so that a new one
// would be glare.
func (s *Session) busy() bool {
	return s.reinvite.tx != nil || s.talk.Open != nil || s.answers.Waiting()
}

// pending goes on with a change that had to wait.
func (s *Session) pending() {
	if s.news.held && s.direct == nil && !s.busy() && !s.reinvite.wanted {
		s.tell()
	}
	if s.reinvite.wanted && !s.busy() {
		s.reinvite.wanted = false
		s.renegotiate()
	}
	s.tellTexts()
	if t := s.elsewhere.target; t != "" && s.state == Confirmed && !s.gone {
		s.sendElsewhere(t)
	}
	if s.reinvite.renewal && !s.busy() {
		s.reinvite.renewal = false
		s.renew()
	}
}

// renegotiate offers our media as it now should be.
func (s *Session) renegotiate() {
	if s.gone {
		return
	}
	if s.state != Confirmed || s.busy() {
		s.reinvite.wanted = true
		return
	}
	s.reinvite.wanted = false // the offer says how things are by now
	s.sendReinvite(nil)
}

func (s *Session) sendReinvite(challenge *sip.Response) {
	req := s.dialog.Request(sip.INVITE)
	req.AppendHeader(sip.NewHeader("Allow", compose.Allow))
	req.AppendHeader(sip.NewHeader("Supported", s.voice().Supported()))
	s.timing.Ask(s.Endpoint, req)
	s.introduce(req.AppendHeader)
	body := s.makeOffer()
	s.finish(req, s.MaxForwards, negotiation.Type, body)
	if challenge != nil {
		if s.Credentials == nil || s.Credentials.Authorize(req, challenge) != nil {
			s.unchanged()
			return
		}
	}
	s.reinvite.tx = s.send(req, func(r link.Reply) { s.reinvited(req, r) })
}

// reinvited takes the responses to a re-INVITE of ours (14.1).
func (s *Session) reinvited(req *sip.Request, r link.Reply) {
	ri := &s.reinvite
	if r.Err != nil {
		ri.tx = nil
		s.talk.Open = nil
		if s.state == Confirmed && errors.Is(r.Err, link.ErrClosed) { // our address has changed under it
			s.clock.Set(&ri.retry, closedWait, s.renegotiate)
			return
		}
		s.lost(r.Err.Error())
		return
	}
	res := r.Response
	seq := req.CSeq().SeqNo
	if res.StatusCode < 200 {
		return
	}
	if res.StatusCode < 300 {
		if ack := ri.acks[seq]; ack != nil {
			s.Network.Send(ack.Clone())
			return
		}
		s.dialog.Refresh(res.Contact())
		s.rewrite(s.dialog, res)
		ri.acks = map[uint32]*sip.Request{seq: s.ack(s.dialog, req)}
	}
	ri.tx = nil
	if s.state == Ending {
		s.hurryBye()
		return
	}
	switch code := res.StatusCode; {
	case code < 300:
		s.changed(res)
	case code == 401 || code == 407:
		s.talk.Open = nil
		if s.uac.tries++; s.uac.tries > maxTries {
			s.unchanged()
			return
		}
		s.sendReinvite(res)
	case code == 422:
		s.talk.Open = nil
		if !s.timing.Longer(res) {
			s.unchanged()
			return
		}
		s.timing.Interval = 0
		s.sendReinvite(nil)
	case code == 491:
		s.talk.Open = nil
		s.clock.Set(&ri.retry, s.glareWait(), s.renegotiate)
	case code == 408 || code == 481: // 12.2.1.2
		s.talk.Open = nil
		s.lost(res.Reason)
	default:
		s.unchanged()
	}
}

// changed puts the answer to our re-INVITE into force.
func (s *Session) changed(res *sip.Response) {
	answer, err := negotiation.Read(res)
	if err == nil && answer == nil {
		err = negotiation.ErrBody
	}
	if err == nil {
		err = s.takeAnswer(answer)
	}
	s.talk.Open = nil
	if err != nil {
		s.fail(channel.BearerCapabilityNotAvail, 488, err.Error())
		return
	}
	s.timing.Hear(s.Endpoint, res)
	s.startTimer()
	s.pending()
}

// unchanged: the other side does not want the change; the call goes on as it
// was (14.1). Direct media is given up on both sides.
func (s *Session) unchanged() {
	s.talk.Open = nil
	if s.direct != nil {
		s.part()
	}
	s.pending()
}

// lost ends a call whose dialog the other side does not know any more, or that
// does not answer.
func (s *Session) lost(why string) {
	if s.state == Ending {
		s.sayBye()
		return
	}
	s.fail(channel.NoUserResponse, 408, why)
}

// closedWait is the pause before a change whose transport was closed is tried again.
const closedWait = time.Second

// glareWait is the pause before a change is tried again (14.1): 2.1 to 4 s for
// the owner of the Call-ID, up to 2 s for the other, in steps of 10 ms.
func (s *Session) glareWait() time.Duration {
	n := s.number()
	if s.dialog.Caller {
		return 2100*time.Millisecond + time.Duration(n%191)*10*time.Millisecond
	}
	return time.Duration(n%201) * 10 * time.Millisecond
}

// refresh keeps the session alive (RFC 4028 7.4): with UPDATE where the other
// side knows it, since that leaves the media alone.
func (s *Session) refresh() {
	if s.state != Confirmed || s.busy() {
		if s.state == Confirmed || s.state == Accepted {
			s.clock.Set(&s.timing.refresh, time.Second, s.refresh)
		}
		return
	}
	if !s.peer.allow["UPDATE"] {
		s.sendReinvite(nil)
		return
	}
	s.sendUpdate(s.dialog)
}

// sendUpdate refreshes the session without touching the media.
func (s *Session) sendUpdate(d *dialog.Dialog) {
	req := d.Request(sip.UPDATE)
	req.AppendHeader(sip.NewHeader("Supported", s.voice().Supported()))
	s.timing.Ask(s.Endpoint, req)
	s.introduce(req.AppendHeader)
	s.finish(req, s.MaxForwards, "", nil)
	s.reinvite.tx = s.send(req, func(r link.Reply) {
		if r.Err == nil && r.Response.StatusCode < 200 {
			return
		}
		s.reinvite.tx = nil
		switch {
		case s.state == Ending:
			s.hurryBye()
		case d != s.dialog && (r.Err != nil || r.Response.StatusCode >= 300): // the call is not up yet
			s.log.Info("UPDATE in an early dialog refused")
		case r.Err != nil:
			s.lost(r.Err.Error())
		case r.Response.StatusCode < 300:
			d.Refresh(r.Response.Contact())
			s.rewrite(d, r.Response)
			if s.state == Confirmed {
				s.timing.Hear(s.Endpoint, r.Response)
				s.startTimer()
			}
			s.pending()
		case r.Response.StatusCode == 408 || r.Response.StatusCode == 481:
			s.lost(r.Response.Reason)
		case r.Response.StatusCode == 422:
			s.timing.Longer(r.Response)
			s.timing.Interval = s.timing.Wish(s.Endpoint)
			s.clock.Set(&s.timing.refresh, time.Second, s.refresh)
		default:
			s.clock.Set(&s.timing.refresh, s.glareWait(), s.refresh)
			s.pending()
		}
	})
}

// modify takes a re-INVITE (14.2).
func (s *Session) modify(d *dialog.Dialog, req *sip.Request, tx link.ServerTx) {
	switch {
	case s.state == Ending && s.talk.Ours != nil && !s.busy():
		// It crossed our BYE, which has not been answered. As measured, the call is
		// held up as it was until then.
		d.Refresh(req.Contact())
		res := s.answerTo(req, 200)
		s.describe(res)
		header.Carry(res, negotiation.Type, s.talk.Ours.Bytes())
		s.insist(req, tx, res, false)
		return
	case s.state == Ending:
		s.reply(req, tx, 481, nil)
		return
	case s.state == Offered: // the INVITE before has no final response yet
		s.reply(req, tx, 500, nil, sip.NewHeader("Retry-After", "2"))
		return
	case s.state != Confirmed || s.busy():
		s.reply(req, tx, 491, nil)
		return
	}
	body, extra, status := s.reoffered(d, req, true)
	if status != 200 {
		s.reply(req, tx, status, nil, extra...)
		return
	}
	res := s.answerTo(req, 200)
	s.describe(res)
	s.introduce(res.AppendHeader)
	for _, h := range s.timing.Answer() {
		res.AppendHeader(h)
	}
	header.Carry(res, negotiation.Type, body)
	s.insist(req, tx, res, s.talk.Open != nil)
	s.startTimer()
}

// update takes an UPDATE (RFC 3311 5.2), with or without an offer.
func (s *Session) update(d *dialog.Dialog, req *sip.Request, tx link.ServerTx) {
	if s.state == Ending || s.state == Cancelling {
		s.reply(req, tx, 481, nil)
		return
	}
	offers := len(req.Body()) > 0
	switch {
	case offers && s.state == Offered && s.talk.Ours == nil:
		// The INVITE's own offer is not answered yet.
		s.reply(req, tx, 500, nil, sip.NewHeader("Retry-After", "5"))
		return
	case offers && (s.talk.Open != nil || s.reinvite.tx != nil):
		s.reply(req, tx, 491, nil)
		return
	}
	body, extra, status := s.reoffered(d, req, false)
	if status == 200 {
		extra = append(extra, s.timing.Answer()...)
		if s.state == Confirmed {
			s.startTimer()
		}
	}
	s.reply(req, tx, status, body, extra...)
}

// reoffered makes the checks on a re-INVITE or UPDATE and returns our
// description, or the status that refuses it and leaves everything as it was.
func (s *Session) reoffered(d *dialog.Dialog, req *sip.Request, ours bool) (body []byte, extra []sip.Header, status int) {
	if tags := s.voice().Unsupported(req); len(tags) > 0 {
		for _, t := range tags {
			extra = append(extra, sip.NewHeader("Unsupported", t))
		}
		return nil, extra, 420
	}
	before := s.timing.State
	if s.timing.Take(s.Endpoint, req, s.knowsTimer(req)) {
		s.timing.Undo(before)
		return nil, []sip.Header{sip.NewHeader("Min-SE", sessiontimer.Seconds(sessiontimer.MinSE(s.Endpoint)))}, 422
	}
	offer, err := negotiation.Read(req)
	switch {
	case errors.Is(err, negotiation.ErrBody):
		s.timing.Undo(before)
		return nil, []sip.Header{sip.NewHeader("Accept", negotiation.Type)}, 415
	case err != nil:
		s.timing.Undo(before)
		return nil, nil, 400
	case offer != nil:
		body, err = s.answerNow(offer)
		if err != nil {
			s.timing.Undo(before)
			return nil, nil, 488
		}
	case ours:
		body = s.makeOffer()
	}
	d.Refresh(req.Contact())
	s.rewrite(d, req)
	s.meet(req)
	return body, nil, 200
}

// answerNow answers an offer and puts the result into force.
func (s *Session) answerNow(offer *sdp.Description) ([]byte, error) {
	d, r, err := s.makeAnswer(offer)
	if err != nil {
		return nil, err
	}
	s.talk.Ours = d
	s.pictures.theirs = s.talk.InForce
	s.apply(r)
	s.pictures.theirs = false
	return d.Bytes(), nil
}
