package invite

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/party"
)

// maxTexts bounds how many messages wait for the call to stand.
const maxTexts = 16

// texted takes a MESSAGE within the call (RFC 3428): the owner passes it on.
func (s *Session) texted(req *sip.Request, tx link.ServerTx) {
	kind := header.First(req, "Content-Type")
	if kind == "" {
		kind = "text/plain"
	}
	if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(kind)), "text/") {
		s.reply(req, tx, 415, nil, sip.NewHeader("Accept", "text/*"))
		return
	}
	s.reply(req, tx, 202, nil)
	s.emit(channel.Event{Kind: channel.Texted, Text: &channel.Text{Body: string(req.Body()), ContentType: kind}})
}

// SendText sends the party a MESSAGE once the call stands.
func (s *Session) SendText(t channel.Text) bool {
	return s.do(func() {
		switch s.state {
		case Confirmed:
			s.sendText(t, nil)
		case Accepted, Offered, Calling, Proceeding:
			if len(s.texts) < maxTexts {
				s.texts = append(s.texts, t)
			}
		case Idle, Cancelling, Ending, Over:
		}
	})
}

// tellTexts sends what waited.
func (s *Session) tellTexts() {
	if s.state != Confirmed || s.gone {
		return
	}
	for _, t := range s.texts {
		s.sendText(t, nil)
	}
	s.texts = nil
}

func (s *Session) sendText(t channel.Text, challenge *sip.Response) {
	req := s.dialog.Request(sip.MESSAGE)
	if from := req.From(); from != nil && t.FromName != "" {
		from.DisplayName = party.Quote(t.FromName)
	}
	if to := req.To(); to != nil && t.ToName != "" {
		to.DisplayName = party.Quote(t.ToName)
	}
	kind := t.ContentType
	if kind == "" || strings.ContainsAny(kind, "\r\n") {
		kind = "text/plain"
	}
	s.finish(req, s.MaxForwards, kind, []byte(t.Body))
	if challenge != nil {
		if s.Credentials == nil || s.Credentials.Authorize(req, challenge) != nil {
			s.log.Info("MESSAGE refused", "status", challenge.StatusCode)
			return
		}
	}
	s.send(req, func(r link.Reply) {
		switch {
		case r.Err != nil:
			s.log.Info("MESSAGE not answered", "err", r.Err)
		case r.Response.StatusCode == 401 || r.Response.StatusCode == 407:
			if challenge == nil {
				s.sendText(t, r.Response)
				return
			}
			s.log.Info("MESSAGE refused", "status", r.Response.StatusCode)
		case r.Response.StatusCode >= 300:
			s.log.Info("MESSAGE refused", "status", r.Response.StatusCode)
		}
	})
}
