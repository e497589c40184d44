package invite

import (
	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/compose"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/negotiation"
)

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
	s.line.Take(d, req, tx)
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
