package dialog

import (
	"errors"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func parse(t *testing.T, text string) sip.Message {
	t.Helper()
	m, err := sip.NewParser().ParseSIP([]byte(strings.ReplaceAll(strings.TrimLeft(text, "\n"), "\n", "\r\n") + "\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func uri(t *testing.T, s string) (u sip.Uri) {
	t.Helper()
	if err := sip.ParseUri(s, &u); err != nil {
		t.Fatal(err)
	}
	return u
}

const invite = `
INVITE sip:1002@192.0.2.9 SIP/2.0
Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa
Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKb
Record-Route: <sip:p1.example;lr>, <sip:p2.example;lr>
From: "Anna" <sip:1001@192.0.2.9>;tag=anna
To: <sip:1002@192.0.2.9>
Call-ID: c1
CSeq: 7 INVITE
Contact: <sip:1001@192.0.2.1:5070?X=y>
Timestamp: 5
Content-Length: 0`

const ok = `
SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa
Record-Route: <sip:p1.example;lr>
Record-Route: <sip:p2.example;lr>
From: "Anna" <sip:1001@192.0.2.9>;tag=anna
To: <sip:1002@192.0.2.9>;tag=bert
Call-ID: c1
CSeq: 7 INVITE
Contact: <sip:1002@192.0.2.55>
Content-Length: 0`

func render(req *sip.Request) string {
	lines := []string{req.StartLine()}
	for _, h := range req.Headers() {
		lines = append(lines, h.String())
	}
	return strings.Join(lines, "\n")
}

func TestAnsweringSide(t *testing.T) {
	req := parse(t, invite).(*sip.Request)
	d, err := Accepted(req, "bert", uri(t, "sip:192.0.2.9:5060"))
	if err != nil {
		t.Fatal(err)
	}
	if d.ID() != (ID{"c1", "bert", "anna"}) {
		t.Errorf("id %v", d.ID())
	}
	// 12.1.1: the route set is taken in order.
	want := `BYE sip:1001@192.0.2.1:5070 SIP/2.0
From: <sip:1002@192.0.2.9>;tag=bert
To: "Anna" <sip:1001@192.0.2.9>;tag=anna
Call-ID: c1
CSeq: 1 BYE
Route: <sip:p1.example;lr>
Route: <sip:p2.example;lr>`
	if got := render(d.Request(sip.BYE)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := d.Request(sip.INVITE).CSeq().SeqNo; got != 2 {
		t.Errorf("CSeq %d", got)
	}
}

func TestAskingSide(t *testing.T) {
	req, res := parse(t, invite).(*sip.Request), parse(t, ok).(*sip.Response)
	d, err := Made(req, res, uri(t, "sip:asterisk@192.0.2.9:5060"))
	if err != nil {
		t.Fatal(err)
	}
	if d.ID() != (ID{"c1", "anna", "bert"}) {
		t.Errorf("id %v", d.ID())
	}
	// 12.1.2: the route set is reversed. 13.2.2.4: the ACK has the INVITE's number.
	want := `ACK sip:1002@192.0.2.55 SIP/2.0
From: "Anna" <sip:1001@192.0.2.9>;tag=anna
To: <sip:1002@192.0.2.9>;tag=bert
Call-ID: c1
CSeq: 7 ACK
Route: <sip:p2.example;lr>
Route: <sip:p1.example;lr>`
	if got := render(d.Ack(7)); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	next := d.Request(sip.INVITE)
	if got := next.CSeq().SeqNo; got != 8 {
		t.Errorf("CSeq %d", got)
	}
	if got := next.Contact().Address.String(); got != "sip:asterisk@192.0.2.9:5060" {
		t.Errorf("Contact %s", got)
	}
}

func TestStrictRouter(t *testing.T) {
	d := &Dialog{CallID: "c", Target: uri(t, "sip:a@192.0.2.1"), Routes: []sip.Uri{uri(t, "sip:old.example:5080;x=1"), uri(t, "sip:new.example;lr")}}
	req := d.Request(sip.BYE)
	if got := req.Recipient.String(); got != "sip:old.example:5080;x=1" {
		t.Errorf("Request-URI %s", got)
	}
	var routes []string
	for _, h := range req.GetHeaders("Route") {
		routes = append(routes, h.Value())
	}
	if got := strings.Join(routes, " "); got != "<sip:new.example;lr> <sip:a@192.0.2.1>" {
		t.Errorf("Route %s", got)
	}
	if got := req.Destination(); got != "old.example:5080" {
		t.Errorf("destination %s", got)
	}
}

func TestRefresh(t *testing.T) {
	d := &Dialog{Target: uri(t, "sip:a@192.0.2.1")}
	for _, c := range []*sip.ContactHeader{nil, {Address: sip.Uri{Wildcard: true}}, {}, {Address: uri(t, "sip:a@192.0.2.1")}} {
		if d.Refresh(c) {
			t.Errorf("%v moved the target", c)
		}
	}
	if !d.Refresh(&sip.ContactHeader{Address: uri(t, "sip:a@192.0.2.7")}) || d.Target.Host != "192.0.2.7" {
		t.Errorf("target %s", d.Target.String())
	}
}

func TestOrder(t *testing.T) {
	d := &Dialog{}
	at := func(m sip.RequestMethod, n uint32) *sip.Request {
		req := sip.NewRequest(m, sip.Uri{Host: "x"})
		req.AppendHeader(&sip.CSeqHeader{SeqNo: n, MethodName: m})
		return req
	}
	steps := []struct {
		m    sip.RequestMethod
		n    uint32
		want Order
	}{
		{sip.INFO, 0, Next}, {sip.INFO, 1, Next}, {sip.INFO, 1, Stale}, {sip.INFO, 3, Gap}, {sip.INFO, 2, Stale},
		{sip.ACK, 1, Next}, {sip.BYE, 4, Next}, {sip.INFO, 1<<31 - 1, Gap},
	}
	for i, s := range steps {
		req := at(s.m, s.n)
		if got := d.OrderOf(req); got != s.want {
			t.Errorf("step %d, %s %d: %v, want %v", i, s.m, s.n, got, s.want)
		}
		d.Heard(req)
	}
}

func TestIncomplete(t *testing.T) {
	for _, without := range []string{"Contact", "Call-ID", "CSeq", "From", "To"} {
		var kept []string
		for _, l := range strings.Split(invite, "\n") {
			if !strings.HasPrefix(l, without+":") {
				kept = append(kept, l)
			}
		}
		req := parse(t, strings.Join(kept, "\n")).(*sip.Request)
		if _, err := Accepted(req, "x", sip.Uri{}); !errors.Is(err, ErrIncomplete) {
			t.Errorf("without %s: %v", without, err)
		}
		IDOf(req)
		Respond(req, 400, "", "x")
	}
}

func TestRespond(t *testing.T) {
	req := parse(t, invite).(*sip.Request)
	req.SetSource("203.0.113.5:6000")
	lines := func(res *sip.Response) string {
		out := []string{res.StartLine()}
		for _, h := range res.Headers() {
			out = append(out, h.String())
		}
		return strings.Join(out, "\n")
	}
	const vias = `Via: SIP/2.0/UDP 192.0.2.1:5070;rport=6000;received=203.0.113.5;branch=z9hG4bKa
Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKb
`
	tests := []struct {
		status int
		want   string
	}{
		{100, "SIP/2.0 100 Trying\n" + vias + `Call-ID: c1
From: "Anna" <sip:1001@192.0.2.9>;tag=anna
To: <sip:1002@192.0.2.9>
CSeq: 7 INVITE
Timestamp: 5`},
		{180, "SIP/2.0 180 Ringing\n" + vias + `Record-Route: <sip:p1.example;lr>
Record-Route: <sip:p2.example;lr>
Call-ID: c1
From: "Anna" <sip:1001@192.0.2.9>;tag=anna
To: <sip:1002@192.0.2.9>;tag=bert
CSeq: 7 INVITE`},
		{404, "SIP/2.0 404 Not Found\n" + vias + `Call-ID: c1
From: "Anna" <sip:1001@192.0.2.9>;tag=anna
To: <sip:1002@192.0.2.9>;tag=bert
CSeq: 7 INVITE`},
	}
	for _, tt := range tests {
		res := Respond(req, tt.status, "", "bert")
		if got := lines(res); got != tt.want {
			t.Errorf("got\n%s\nwant\n%s", got, tt.want)
		}
		if res.Destination() != "203.0.113.5:6000" {
			t.Errorf("destination %s", res.Destination())
		}
	}
	req.To().Params.Add("tag", "bert") // as the agent does first thing
	if got := Respond(req, 100, "", "bert").To().Params.Has("tag"); got {
		t.Error("100 shows our tag")
	}
	if got, _ := Respond(req, 180, "", "bert").To().Params.Get("tag"); got != "bert" {
		t.Errorf("tag %q", got)
	}
}
