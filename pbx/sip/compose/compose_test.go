package compose

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/link"
)

func voice(e *settings.Endpoint) *Voice {
	return &Voice{Endpoint: e, Local: link.Local{Host: "198.51.100.9", Port: 5070, Transport: "TCP"}, UserAgent: "Branchline/0",
		Caller: channel.Party{Number: "1001", Name: "Anna"}}
}

// The headers of an INVITE stand in Asterisk's order, and say what the settings say.
func TestInvite(t *testing.T) {
	v := voice(&settings.Endpoint{Rel100: "required", Timers: "required", SendPAI: true})
	req := v.Invite(First{
		Target: sip.Uri{Scheme: "sip", User: "2", Host: "h"}, CallID: "c", Tag: "t", Seq: 3, Routes: []sip.Uri{{Scheme: "sip", Host: "proxy"}},
		Timer: func(r *sip.Request) { r.AppendHeader(sip.NewHeader("Session-Expires", "1800")) },
		Extra: []channel.Header{{Name: "X-Mine", Value: "1"}},
	})
	v.Finish(req, 70, "application/sdp", []byte("v=0\r\n"))
	var names []string
	for _, h := range req.Headers() {
		names = append(names, h.Name())
	}
	const order = "From To Contact Call-ID CSeq Route Allow Supported Require Session-Expires P-Asserted-Identity X-Mine Max-Forwards User-Agent Content-Type Content-Length"
	if got := strings.Join(names, " "); got != order {
		t.Errorf("got  %s\nwant %s", got, order)
	}
	for name, want := range map[string]string{
		"From": `"Anna" <sip:1001@198.51.100.9>;tag=t`, "Contact": "<sip:asterisk@198.51.100.9:5070;transport=TCP>", "Require": "100rel, timer",
		"CSeq": "3 INVITE",
	} {
		if got := req.GetHeader(name).Value(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := v.Unsupported(req); got != nil {
		t.Error("our own words are not understood", got)
	}
	req.AppendHeader(sip.NewHeader("Require", "Magic"))
	if got := v.Unsupported(req); len(got) != 1 || got[0] != "magic" {
		t.Error(got)
	}
}

func TestContact(t *testing.T) {
	legacy, named := voice(&settings.Endpoint{Legacy: true}), voice(&settings.Endpoint{Legacy: true, ContactUser: "desk"})
	called := voice(&settings.Endpoint{Legacy: true})
	called.Inbound, called.Called = true, "77"
	hidden := voice(&settings.Endpoint{Legacy: true})
	hidden.Hidden = true
	for want, v := range map[string]*Voice{
		"sip:u@198.51.100.9:5070;transport=TCP": voice(&settings.Endpoint{}), "sip:1001@198.51.100.9:5070;transport=tcp": legacy,
		"sip:77@198.51.100.9:5070;transport=tcp": called, "sip:desk@198.51.100.9:5070;transport=tcp": named,
		"sip:u@198.51.100.9:5070;transport=tcp": hidden,
	} {
		if u := v.Contact("u"); u.String() != want {
			t.Errorf("%s, want %s", u.String(), want)
		}
	}
	v := voice(&settings.Endpoint{})
	for target, want := range map[string]string{
		"5": "sip:5@198.51.100.9:5070;transport=TCP", "5@h": "sip:5@h", "sips:x@y": "sips:x@y", "tel:1": "tel:1",
	} {
		if got := v.TargetURI(target); got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

// Where a response goes without force_rport, by RFC 3261 18.2.2.
func TestRespond(t *testing.T) {
	for _, c := range []struct {
		force bool
		via   string
		want  string
	}{
		{true, "198.51.100.206:5062;branch=z9hG4bK1", ""},
		{false, "198.51.100.206:5062;branch=z9hG4bK1", "203.0.113.1:5062"},
		{false, "198.51.100.206;branch=z9hG4bK1", "203.0.113.1:5060"},
		{false, "198.51.100.206:5062;branch=z9hG4bK1;rport", ""},
	} {
		m, err := sip.ParseMessage([]byte("OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP " + c.via +
			"\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		req := m.(*sip.Request)
		req.SetSource("203.0.113.1:1024")
		plain := sip.NewResponseFromRequest(req, 200, "OK", nil).Destination()
		want := c.want
		if want == "" {
			want = plain
		}
		res := voice(&settings.Endpoint{ForceRport: c.force}).Respond(req, 200, "us")
		if got := res.Destination(); c.want != "" && got != want {
			t.Errorf("%s: to %s, want %s", c.via, got, want)
		}
		if tag, _ := res.To().Params.Get("tag"); tag != "us" || res.GetHeader("Server").Value() != "Branchline/0" {
			t.Error(res.String())
		}
	}
}

func TestReasons(t *testing.T) {
	text := func(hs []sip.Header) string {
		var out []string
		for _, h := range hs {
			out = append(out, h.Name()+": "+h.Value())
		}
		return strings.Join(out, "|")
	}
	for _, c := range []struct {
		e          settings.Endpoint
		cause      channel.Cause
		cancelling bool
		want       string
	}{
		{settings.Endpoint{}, channel.UserBusy, false, "Reason: Q.850;cause=17"},
		{settings.Endpoint{SuppressQ850: true}, channel.UserBusy, false, ""},
		{settings.Endpoint{SuppressQ850: true}, channel.AnsweredElsewhere, false, `Reason: SIP;cause=200;text="Call completed elsewhere"`},
		{settings.Endpoint{Legacy: true, SuppressQ850: true}, channel.UserBusy, true, ""},
		{settings.Endpoint{Legacy: true, SuppressQ850: true}, channel.UserBusy, false,
			"X-Asterisk-HangupCause: " + channel.UserBusy.String() + "|X-Asterisk-HangupCauseCode: 17"},
	} {
		if got := text(voice(&c.e).Reasons(c.cause, c.cancelling)); got != c.want {
			t.Errorf("%+v: %s, want %s", c.cause, got, c.want)
		}
	}
}
