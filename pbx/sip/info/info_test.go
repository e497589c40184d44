package info

import (
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

func request(kind, body string) *sip.Request {
	req := sip.NewRequest(sip.INFO, sip.Uri{})
	if kind != "" {
		req.AppendHeader(sip.NewHeader("Content-Type", kind))
	}
	req.SetBody([]byte(body))
	return req
}

func TestDigit(t *testing.T) {
	for _, c := range []struct {
		kind, body string
		digit      byte
		length     time.Duration
	}{
		{"application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", '5', 160 * time.Millisecond},
		{"Application/DTMF-Relay; x=y", "signal = 11\n", '#', Length},
		{"application/dtmf", "*", '*', Length},
		{"application/dtmf", "Signal=d", 'D', Length},
		{"application/dtmf", "16", 0, 0},
		{"application/dtmf", "x", 0, 0},
		{"text/plain", "5", 0, 0},
		{"", "5", 0, 0},
	} {
		digit, length, ok := Digit(request(c.kind, c.body))
		if digit != c.digit || ok != (c.digit != 0) || ok && length != c.length {
			t.Errorf("%s %q: %q %v %v", c.kind, c.body, digit, length, ok)
		}
	}
	kind, body := Relay('7', 80*time.Millisecond)
	if digit, length, ok := Digit(request(kind, string(body))); !ok || digit != '7' || length != 80*time.Millisecond {
		t.Errorf("%s %s: %q %v", kind, body, digit, length)
	}
}

func TestPicture(t *testing.T) {
	kind, body := Picture()
	if !AsksPicture(request(kind, string(body))) || AsksPicture(request("application/dtmf", "1")) {
		t.Error("misread")
	}
}
