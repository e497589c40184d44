package invite

import (
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/link"
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
	to := s.targetURI(target)
	if strings.ContainsAny(to, ",;?") { // RFC 3261 20.10: brackets where the URI could be misread
		to = "<" + to + ">"
	}
	req.AppendHeader(sip.NewHeader("Refer-To", to))
	req.AppendHeader(sip.NewHeader("Referred-By", "<"+s.dialog.Local.URI.String()+">"))
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
	event, _, _ := strings.Cut(header.First(req, "Event"), ";")
	if !strings.EqualFold(strings.TrimSpace(event), "refer") {
		s.reply(req, tx, 489, nil)
		return
	}
	s.reply(req, tx, 200, nil)
	state, _, _ := strings.Cut(header.First(req, "Subscription-State"), ";")
	switch status := fragment(req.Body()); {
	case status >= 200:
		s.wentElsewhere(status)
	case strings.EqualFold(strings.TrimSpace(state), "terminated"): // without a word
		s.wentElsewhere(200)
	}
}

// fragment is the status that a message/sipfrag begins with (RFC 3420), or 0.
func fragment(body []byte) int {
	f := strings.Fields(string(body[:min(len(body), 64)]))
	if len(f) < 2 || !strings.HasPrefix(f[0], "SIP/") {
		return 0
	}
	n, err := strconv.Atoi(f[1])
	if err != nil || n < 100 || n > 699 {
		return 0
	}
	return n
}
