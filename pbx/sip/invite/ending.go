package invite

import (
	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/sip/desk"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/q850"
)

// ending is the way out of a call that stands.
type ending struct {
	cause channel.Cause
	said  bool // BYE was sent
	tries int
	wait  desk.Alarm
}

// bye ends the dialog (RFC 3261 15.1.1). The called side may not before the ACK
// has come; and a re-INVITE of ours that is about to be answered, such as the
// one that takes media back, is let through first.
func (s *Session) bye(c channel.Cause) {
	s.ending.cause = c
	switch s.state {
	case Accepted:
		s.state = Ending
	case Confirmed:
		s.state = Ending
		switch n := &s.news; {
		case n.open:
			s.clock.Set(&s.ending.wait, s.lifetime(), s.sayBye)
			return
		case n.fresh:
			s.clock.Set(&s.ending.wait, goodbye, s.sayBye)
			return
		}
		if s.reinvite.tx != nil {
			s.clock.Set(&s.ending.wait, 4*s.T1, s.sayBye)
			return
		}
		s.sayBye()
	case Idle, Calling, Proceeding, Cancelling, Offered, Ending, Over:
	}
}

// hurryBye sends the BYE that only waited for a re-INVITE.
func (s *Session) hurryBye() {
	if s.news.held {
		s.tell()
	}
	if !s.news.open && !s.news.fresh {
		s.sayBye()
	}
}

func (s *Session) sayBye() {
	if s.ending.said || s.dialog == nil {
		return
	}
	s.ending.said = true
	s.clock.Stop(&s.ending.wait)
	s.sendBye(nil)
}

func (s *Session) sendBye(challenge *sip.Response) {
	req := s.dialog.Request(sip.BYE)
	for _, h := range s.reasons(s.ending.cause) {
		req.AppendHeader(h)
	}
	s.finish(req, s.MaxForwards, "", nil)
	if challenge != nil {
		if s.Credentials == nil || s.Credentials.Authorize(req, challenge) != nil {
			s.state = Over
			return
		}
	}
	s.send(req, func(r link.Reply) {
		switch {
		case r.Err != nil:
			s.log.Info("BYE not answered", "err", r.Err)
			s.state = Over
		case r.Response.StatusCode < 200:
		case (r.Response.StatusCode == 401 || r.Response.StatusCode == 407) && s.ending.tries < 2:
			s.ending.tries++
			s.sendBye(r.Response)
		default:
			s.state = Over
		}
	})
}

// ended: the other side sent BYE (15.1.2).
func (s *Session) ended(req *sip.Request, tx link.ServerTx) {
	s.reply(req, tx, 200, nil)
	cause := channel.NormalClearing
	if c, ok := q850.Told(req); ok {
		cause = c
	}
	if s.state == Offered { // 15.1.2: requests still pending get a 487
		res := s.answerTo(s.uas.req, 487)
		header.Carry(res, "", nil)
		s.respond(res)
	}
	if s.state == Ending && s.ending.said {
		return // the two BYEs crossed: ours ends the session when it is answered
	}
	switch s.state {
	case Calling, Proceeding: // in an early dialog, where a called party should have refused
		s.release(cause, 0, "")
		s.cancel(cause)
		return
	case Cancelling:
		return
	case Idle, Offered, Accepted, Confirmed, Ending, Over:
	}
	if s.reinvite.tx != nil {
		s.reinvite.tx.Terminate()
	}
	s.release(cause, 0, "")
	s.state = Over
}
