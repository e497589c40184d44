package invite

import (
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/sip/info"
	"branchline/pbx/sip/link"
)

// info takes an INFO (RFC 6086); DTMF in it is heard whatever the endpoint's
// mode, as Asterisk does.
func (s *Session) info(req *sip.Request, tx link.ServerTx) {
	if key := req.GetHeader("Record"); key != nil {
		s.recordKey(req, tx, key.Value())
		return
	}
	s.reply(req, tx, 200, nil)
	if info.AsksPicture(req) {
		s.emit(channel.Event{Kind: channel.PictureAsked})
		return
	}
	digit, length, ok := info.Digit(req)
	if !ok || s.gone {
		return
	}
	s.emit(channel.Event{Kind: channel.DigitBegan, Digit: digit, Signalled: true})
	s.emit(channel.Event{Kind: channel.DigitEnded, Digit: digit, Length: length, Signalled: true})
}

// recordKey is a phone's recording key ("Record: on", "off"): it stands for the code
// of a feature, which goes where dialled ones go.
func (s *Session) recordKey(req *sip.Request, tx link.ServerTx, position string) {
	feature := ""
	switch strings.ToLower(strings.TrimSpace(position)) {
	case "on":
		feature = s.Endpoint.RecordOn
	case "off":
		feature = s.Endpoint.RecordOff
	default:
		s.reply(req, tx, 400, nil)
		return
	}
	code := ""
	if s.Endpoint.OneTouchRecording && s.FeatureCode != nil {
		code = s.FeatureCode(feature)
	}
	if code == "" || s.gone {
		s.reply(req, tx, 403, nil)
		return
	}
	s.reply(req, tx, 200, nil)
	for _, digit := range []byte(code) {
		s.emit(channel.Event{Kind: channel.DigitBegan, Digit: digit, Signalled: true})
		s.emit(channel.Event{Kind: channel.DigitEnded, Digit: digit, Length: info.Length, Signalled: true})
	}
}

// SignalsDigits reports whether digits to this party travel as SIP INFO, so that
// the media plane cannot relay them.
func (s *Session) SignalsDigits() bool { return s.facts.Load().Digits == media.InSignalling }

// SendDigit sends a digit by INFO if that is the endpoint's way, and reports
// false if it should go through the media.
func (s *Session) SendDigit(d byte, length time.Duration) bool {
	if !s.SignalsDigits() {
		return false
	}
	if length <= 0 {
		length = info.Length
	}
	s.do(func() {
		if s.state != Confirmed || s.gone {
			return
		}
		req := s.dialog.Request(sip.INFO)
		kind, body := info.Relay(d, length)
		s.finish(req, s.MaxForwards, kind, body)
		s.send(req, func(r link.Reply) {
			if r.Err == nil && r.Response.StatusCode == 481 && s.state == Confirmed { // 12.2.1.2
				s.lost(r.Response.Reason)
			}
		})
	})
	return true
}
