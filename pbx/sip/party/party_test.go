package party

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
)

func TestIdentityOfCallers(t *testing.T) {
	pai := `P-Asserted-Identity: "Anna" <sip:5551@x>, <tel:+1>`
	rpid := `Remote-Party-ID: "Bert" <sip:5552@x>;party=calling;privacy=full;screen=yes`
	tests := []struct {
		name  string
		trust bool
		extra []string
		want  channel.Party
	}{
		{"From", false, []string{pai, rpid}, channel.Party{Number: "1001", Name: "Anna"}},
		{"asserted", true, []string{rpid, pai}, channel.Party{Number: "5551", Name: "Anna", Presentation: channel.AllowedPassedScreen}},
		{"asserted, private", true, []string{pai, "Privacy: id"}, channel.Party{Number: "5551", Name: "Anna", Presentation: channel.ProhibPassedScreen}},
		{"remote party", true, []string{rpid}, channel.Party{Number: "5552", Name: "Bert", Presentation: channel.ProhibPassedScreen}},
		{"called remote party", true, []string{`Remote-Party-ID: <sip:9@x>;party=called`}, channel.Party{Number: "1001", Name: "Anna"}},
		{"trusted but nothing there", true, nil, channel.Party{Number: "1001", Name: "Anna"}},
	}
	for _, tt := range tests {
		if got := Caller(message(t, tt.extra...), &settings.Endpoint{TrustIDInbound: tt.trust}); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	desk := &settings.Endpoint{CallerID: channel.Party{Number: "77", Name: "Desk"}}
	req := message(t, `Diversion: "B, C" <sip:3000@x>;reason=no-answer;counter=1, <sip:1@y>`, "Diversion: <sip:2@z>")
	if got := Caller(req, desk); got.Number != "77" || got.Name != "Desk" {
		t.Errorf("callerid: %+v", got)
	}
	if got := Redirecting(req); got.Number != "3000" || got.Name != "B, C" || got.Reason != "no-answer" || got.Count != 2 {
		t.Errorf("redirecting %+v", got)
	}
}

// What one exchange writes about parties another one reads.
func TestToldAndRead(t *testing.T) {
	anna := channel.Party{Number: "1001", Name: `An"na`, Presentation: channel.AllowedPassedScreen}
	e := &settings.Endpoint{SendPAI: true, SendRPID: true, SendDiversion: true, SendHistoryInfo: true, TrustIDInbound: true}
	var lines []string
	for _, h := range Identity(e, anna, false, "calling", "198.51.100.9") {
		lines = append(lines, h.Name()+": "+h.Value())
	}
	if len(lines) != 2 {
		t.Fatal(lines)
	}
	for _, l := range lines {
		if got := Caller(message(t, l), e); got != anna {
			t.Errorf("%s: %+v, want %+v", l, got, anna)
		}
		if got, ok := Named(message(t, l)); !ok || got != anna {
			t.Errorf("%s: %+v, want %+v", l, got, anna)
		}
	}
	if len(Identity(e, anna, true, "calling", "x")) != 0 {
		t.Error("a hidden caller was shown to who is not trusted")
	}
	by := channel.Party{Number: "3000", Reason: "no-answer", Count: 1}
	for _, hs := range [][]sip.Header{Diversion(e, by, "h"), History(e, by, channel.Party{Number: "3001"}, "h")} {
		lines = nil
		for _, h := range hs {
			lines = append(lines, h.Name()+": "+h.Value())
		}
		if got := Redirecting(message(t, lines...)); got.Number != by.Number || got.Reason != by.Reason || got.Count != 1 {
			t.Errorf("%q: %+v", lines, got)
		}
	}
	if Diversion(&settings.Endpoint{}, by, "h") != nil || History(&settings.Endpoint{}, by, by, "h") != nil {
		t.Error("told to an endpoint that is not to know")
	}
}

// message is an INVITE from Anna with more headers.
func message(t *testing.T, extra ...string) *sip.Request {
	t.Helper()
	text := "INVITE sip:77@198.51.100.9 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.206:5060;branch=z9hG4bK1\r\n" +
		"From: \"Anna\" <sip:1001@198.51.100.9>;tag=1\r\nTo: <sip:77@198.51.100.9>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n" +
		strings.Join(append(extra, ""), "\r\n") + "Content-Length: 0\r\n\r\n"
	m, err := sip.ParseMessage([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m.(*sip.Request)
}
