package invite

import (
	"slices"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/compose"
	"branchline/pbx/sip/desk"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/negotiation"
)

// gapWait is how long a request with a CSeq beyond the next one waits for those
// it overtook: the transaction layer gives every message its own goroutine, so
// that a burst can arrive out of order.
const gapWait = 100 * time.Millisecond

// maxWaiting bounds how many do so at a time.
const maxWaiting = 16

// waiting holds requests that overtook others.
type waiting struct {
	requests []asked
	over     desk.Alarm
}

type asked struct {
	req *sip.Request
	tx  link.ServerTx
}

// drop answers what still waits when the session ends.
func (w *waiting) drop(s *Session) {
	for _, a := range w.requests {
		s.reply(a.req, a.tx, 481, nil)
	}
	w.requests = nil
}

// Receive takes a request within one of the session's dialogs. tx may be nil for
// an ACK.
func (s *Session) Receive(req *sip.Request, tx link.ServerTx) {
	s.noted("Rx: ", req)
	if !s.do(func() { s.receive(req, tx) }) && req.Method != sip.ACK && tx != nil {
		res := dialog.Respond(req, 481, "", "")
		res.AppendHeader(sip.NewHeader("Server", s.UserAgent))
		header.Carry(res, "", nil)
		if err := tx.Respond(res); err != nil {
			s.log.Debug("response not sent", "status", 481, "err", err)
		}
	}
}

func (s *Session) receive(req *sip.Request, tx link.ServerTx) {
	if req.Method == sip.ACK {
		s.acked(req)
		return
	}
	d := s.dialogOf(req)
	if d == nil || s.state == Over {
		s.reply(req, tx, 481, nil)
		return
	}
	switch d.OrderOf(req) {
	case dialog.Next:
		s.serve(d, req, tx)
		s.overtaken(d, false)
	case dialog.Gap:
		if len(s.waits.requests) >= maxWaiting {
			s.reply(req, tx, 500, nil)
			return
		}
		s.waits.requests = append(s.waits.requests, asked{req, tx})
		if len(s.waits.requests) == 1 {
			s.clock.Set(&s.waits.over, gapWait, func() { s.overtaken(d, true) })
		}
	case dialog.Stale: // 12.2.2
		s.reply(req, tx, 500, nil)
	}
}

// overtaken serves what waited, in order: as far as it now follows on, or all of
// it once the wait is over.
func (s *Session) overtaken(d *dialog.Dialog, all bool) {
	w := &s.waits
	slices.SortFunc(w.requests, func(a, b asked) int {
		return int(int64(a.req.CSeq().SeqNo) - int64(b.req.CSeq().SeqNo))
	})
	for len(w.requests) > 0 && s.state != Over {
		a := w.requests[0]
		order := d.OrderOf(a.req)
		if order == dialog.Gap && !all {
			return
		}
		w.requests = w.requests[1:]
		if order == dialog.Stale {
			s.reply(a.req, a.tx, 500, nil)
			continue
		}
		s.serve(d, a.req, a.tx)
	}
	if len(w.requests) == 0 {
		s.clock.Stop(&w.over)
	}
}

// dialogOf finds which of the session's dialogs a request belongs to.
func (s *Session) dialogOf(req *sip.Request) *dialog.Dialog {
	id := dialog.IDOf(req)
	if s.dialog != nil && s.dialog.ID() == id {
		return s.dialog
	}
	if d := s.uac.early[id.Remote]; d != nil && d.ID() == id {
		return d
	}
	return nil
}

// reply answers an in-dialog request. A body is a session description.
func (s *Session) reply(req *sip.Request, tx link.ServerTx, status int, body []byte, extra ...sip.Header) {
	if tx == nil {
		return
	}
	res := s.answerTo(req, status)
	switch {
	case status == 200 && (req.Method == sip.UPDATE || req.Method == sip.OPTIONS):
		s.describe(res)
	case status == 202:
		res.AppendHeader(&sip.ContactHeader{Address: *s.dialog.Contact.Clone()})
	}
	for _, h := range extra {
		res.AppendHeader(h)
	}
	header.Carry(res, negotiation.Type, body)
	if err := tx.Respond(res); err != nil {
		s.log.Debug("response not sent", "status", status, "err", err)
	}
}

// serve carries out a request in its turn (12.2.2).
func (s *Session) serve(d *dialog.Dialog, req *sip.Request, tx link.ServerTx) {
	d.Heard(req)
	s.peer.learn(req)
	switch req.Method {
	case sip.INVITE: // 14.2
		s.modify(d, req, tx)
	case sip.BYE: // 15.1.2
		s.ended(req, tx)
	case sip.UPDATE: // RFC 3311
		s.update(d, req, tx)
	case sip.PRACK: // RFC 3262
		s.prack(req, tx)
	case sip.INFO: // RFC 6086
		s.info(req, tx)
	case sip.OPTIONS: // 11
		s.reply(req, tx, 200, nil, sip.NewHeader("Accept", negotiation.Type+", application/dtmf-relay, application/dtmf"))
	case sip.REFER: // RFC 3515
		s.refer(req, tx)
	case sip.MESSAGE: // RFC 3428
		s.texted(req, tx)
	case sip.NOTIFY:
		s.notified(req, tx)
	case sip.CANCEL:
		s.reply(req, tx, 481, nil)
	default:
		s.reply(req, tx, 501, nil, sip.NewHeader("Allow", compose.Allow))
	}
}
