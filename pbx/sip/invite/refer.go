package invite

import (
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/sip/desk"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/refer"
)

// refer takes a REFER within the call (RFC 3515 2.4.2): the owner is asked to
// send our party's peer to another number, and the party hears in NOTIFYs what
// became of it.
func (s *Session) refer(req *sip.Request, tx link.ServerTx) {
	ask, ok := refer.Read(req)
	var replaced *Session
	switch {
	case s.state != Confirmed || s.gone:
		s.reply(req, tx, 481, nil)
		return
	case !s.Endpoint.AllowTransfer:
		s.reply(req, tx, 603, nil) // as measured
		return
	case !ok:
		s.reply(req, tx, 400, nil)
		return
	case ask.Replaces: // an attended transfer makes one call of two of ours
		if replaced = s.otherCall(ask.Dialog); replaced == nil {
			s.log.Info("REFER refused: the call to be replaced is not here", "target", ask.Target)
			s.reply(req, tx, 404, nil)
			return
		}
	case ask.Number == "":
		s.log.Info("REFER refused: no number", "target", ask.Target)
		s.reply(req, tx, 501, nil)
		return
	}
	cseq := req.CSeq()
	s.reply(req, tx, 202, nil, ask.Accepted()...)
	replies := make(chan int, 8)
	e := channel.Event{Kind: channel.Transfer, Target: ask.Number, Referrer: ask.By}
	if replaced != nil {
		e.Target, e.Replaces = "", replaced.Name()
	}
	if e.Referrer == "" {
		e.Referrer = "<" + s.dialog.Target.String() + ">"
	}
	if ask.Quiet || cseq == nil {
		s.emit(e)
		return
	}
	e.Replies = replies
	s.news.open = true
	s.emit(e)
	if s.direct != nil {
		// The owner will take the media back first; the news follow the re-INVITE.
		s.news.held = true
		s.clock.Set(&s.news.wait, 4*s.T1, s.tell)
	}
	s.referred(cseq.SeqNo, 100)
	go func() {
		for {
			select {
			case status, ok := <-replies:
				if !ok {
					return
				}
				s.do(func() { s.referred(cseq.SeqNo, status) })
			case <-s.done:
				return
			}
		}
	}()
}

// otherCall is the session that the Replaces of a Refer-To names: one of ours,
// and not this one.
func (s *Session) otherCall(id dialog.ID) *Session {
	if o := s.Dialogs.Find(id); o != s {
		return o
	}
	return nil
}

// news is what a party that asked for a transfer is told about it. It is the
// one to hang up when it knows (RFC 5589 6.1); our own BYE waits for that.
type news struct {
	held  bool // NOTIFYs are put off until media are back
	due   []func()
	wait  desk.Alarm
	open  bool // the last word is not said yet
	fresh bool // it has just been said
	grace desk.Alarm
}

// goodbye is how long a party has to hang up after it knows how its transfer
// ended.
const goodbye = 2 * time.Second

// settled notes that the last word is said.
func (n *news) settled(s *Session) {
	n.open = false
	if s.state == Ending {
		s.clock.Set(&s.ending.wait, goodbye, s.sayBye)
		return
	}
	n.fresh = true
	s.clock.Set(&n.grace, goodbye, func() { n.fresh = false })
}

// tell sends what was put off.
func (s *Session) tell() {
	s.clock.Stop(&s.news.wait)
	s.news.held = false
	for _, notify := range s.news.due {
		notify()
	}
	s.news.due = nil
}

// referred tells the party how its transfer fares (RFC 3515 2.4.5).
func (s *Session) referred(id uint32, status int) {
	if s.news.held {
		s.news.due = append(s.news.due, func() { s.referred(id, status) })
		return
	}
	if s.state != Confirmed && s.state != Ending || s.ending.said {
		return
	}
	if status >= 200 {
		defer s.news.settled(s)
	}
	req := s.dialog.Request(sip.NOTIFY)
	headers, kind, body := refer.Progress(id, status)
	for _, h := range headers {
		req.AppendHeader(h)
	}
	s.finish(req, s.MaxForwards, kind, body)
	s.send(req, func(r link.Reply) {
		if r.Err != nil {
			s.log.Info("NOTIFY not answered", "err", r.Err)
		}
	})
}
