package invite

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/refer"
)

// elsewhere is a transfer that we asked our party for (REFER from us).
type elsewhere struct {
	target string // waits for the ACK of our 2xx
	asked  bool   // the outcome is awaited
}

// sendElsewhere asks an established party to call target itself. Its owner
// hears the outcome from the party's NOTIFY, or from a refusal.
func (s *Session) sendElsewhere(target string) {
	s.elsewhere = elsewhere{asked: true}
	req := s.dialog.Request(sip.REFER)
	for _, h := range refer.Ask(s.targetURI(target), s.dialog.Local.URI.String()) {
		req.AppendHeader(h)
	}
	s.finish(req, s.MaxForwards, "", nil)
	s.send(req, func(r link.Reply) {
		switch {
		case r.Err != nil:
			s.log.Info("REFER not answered", "err", r.Err)
			s.wentElsewhere(408)
		case r.Response.StatusCode >= 300:
			s.log.Info("REFER refused", "status", r.Response.StatusCode)
			s.wentElsewhere(r.Response.StatusCode)
		case r.Response.StatusCode >= 200 && strings.EqualFold(header.First(r.Response, "Refer-Sub"), "false"):
			s.wentElsewhere(r.Response.StatusCode) // RFC 4488: there will be no NOTIFY
		}
	})
}

// wentElsewhere reports the outcome, once.
func (s *Session) wentElsewhere(status int) {
	if s.elsewhere.asked {
		s.elsewhere.asked = false
		s.emit(channel.Event{Kind: channel.Transferred, Status: status})
	}
}

// notified takes a NOTIFY about a REFER of ours (RFC 3515 2.4.5); no other
// subscription lives in these dialogs.
func (s *Session) notified(req *sip.Request, tx link.ServerTx) {
	status, ok := refer.Outcome(req)
	if !ok {
		s.reply(req, tx, 489, nil)
		return
	}
	s.reply(req, tx, 200, nil)
	if status >= 200 {
		s.wentElsewhere(status)
	}
}
