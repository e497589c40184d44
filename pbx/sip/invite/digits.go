package invite

import (
	"fmt"
	"mime"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/link"
)

const infoDigit = 100 * time.Millisecond

// info takes an INFO (RFC 6086); DTMF in it is heard whatever the endpoint's
// mode, as Asterisk does.
func (s *Session) info(req *sip.Request, tx link.ServerTx) {
	if key := req.GetHeader("Record"); key != nil {
		s.recordKey(req, tx, key.Value())
		return
	}
	s.reply(req, tx, 200, nil)
	if kind := header.First(req, "Content-Type"); strings.HasPrefix(strings.ToLower(kind), mediaControl) {
		s.emit(channel.Event{Kind: channel.PictureAsked})
		return
	}
	digit, length, ok := signalled(req)
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
		s.emit(channel.Event{Kind: channel.DigitEnded, Digit: digit, Length: infoDigit, Signalled: true})
	}
}

// signalled reads application/dtmf-relay ("Signal=5", "Duration=160") and
// application/dtmf (the bare digit).
func signalled(req *sip.Request) (digit byte, length time.Duration, ok bool) {
	hs := req.GetHeaders("Content-Type")
	hs = append(hs, req.GetHeaders("c")...)
	if len(hs) == 0 || len(req.Body()) > 256 {
		return 0, 0, false
	}
	kind, _, err := mime.ParseMediaType(hs[0].Value())
	if err != nil {
		return 0, 0, false
	}
	text, length := "", infoDigit
	switch kind {
	case "application/dtmf":
		text = strings.TrimSpace(string(req.Body()))
		if _, v, found := strings.Cut(text, "="); found {
			text = v
		}
	case "application/dtmf-relay":
		for _, line := range strings.FieldsFunc(string(req.Body()), func(r rune) bool { return r == '\r' || r == '\n' }) {
			k, v, _ := strings.Cut(line, "=")
			switch strings.ToLower(strings.TrimSpace(k)) {
			case "signal":
				text = v
			case "duration":
				if n, err := strconv.ParseUint(strings.TrimSpace(v), 10, 16); err == nil && n > 0 {
					length = time.Duration(n) * time.Millisecond
				}
			}
		}
	default:
		return 0, 0, false
	}
	digit, ok = digitOf(strings.TrimSpace(text))
	return digit, length, ok
}

// digitOf reads a signal: the key itself, or its event number (RFC 4733 3.2).
func digitOf(s string) (byte, bool) {
	const keys = "0123456789*#ABCD"
	if len(s) == 1 {
		if i := strings.IndexByte(keys, strings.ToUpper(s)[0]); i >= 0 {
			return keys[i], true
		}
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil || n >= uint64(len(keys)) {
		return 0, false
	}
	return keys[n], true
}

// SignalsDigits reports whether digits to this party travel as SIP INFO, so that
// the media plane cannot relay them.
func (s *Session) SignalsDigits() bool { return s.facts.Load().digits == media.InSignalling }

// SendDigit sends a digit by INFO if that is the endpoint's way, and reports
// false if it should go through the media.
func (s *Session) SendDigit(d byte, length time.Duration) bool {
	if !s.SignalsDigits() {
		return false
	}
	if length <= 0 {
		length = infoDigit
	}
	s.do(func() {
		if s.state != Confirmed || s.gone {
			return
		}
		req := s.dialog.Request(sip.INFO)
		s.finish(req, s.MaxForwards, "application/dtmf-relay", fmt.Appendf(nil, "Signal=%c\r\nDuration=%d\r\n", d, length.Milliseconds()))
		s.send(req, func(r link.Reply) {
			if r.Err == nil && r.Response.StatusCode == 481 && s.state == Confirmed { // 12.2.1.2
				s.lost(r.Response.Reason)
			}
		})
	})
	return true
}
