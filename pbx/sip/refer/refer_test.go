package refer

import (
	"testing"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/dialog"
)

func request(m sip.RequestMethod, body string, lines ...string) *sip.Request {
	req := sip.NewRequest(m, sip.Uri{})
	for i := 0; i < len(lines); i += 2 {
		req.AppendHeader(sip.NewHeader(lines[i], lines[i+1]))
	}
	req.SetBody([]byte(body))
	return req
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  Request
		ok    bool
	}{
		{[]string{"Refer-To", "<sip:3005@h>", "Referred-By", "<sip:a@b>"}, Request{Target: "sip:3005@h", Number: "3005", By: "<sip:a@b>"}, true},
		{[]string{"r", "sip:3005@h", "Refer-Sub", " False"}, Request{Target: "sip:3005@h", Number: "3005", Quiet: true}, true},
		{[]string{"Refer-To", "<sip:h>"}, Request{Target: "sip:h"}, true},
		{nil, Request{}, false},
		{[]string{"Refer-To", "<sip:1@h>", "Refer-To", "<sip:2@h>"}, Request{}, false},
		{[]string{"Refer-To", "<nonsense"}, Request{}, false},
	} {
		got, ok := Read(request(sip.REFER, "", c.lines...))
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %+v %v, want %+v", c.lines, got, ok, c.want)
		}
	}
	for text, want := range map[string]dialog.ID{
		"x%3Bto-tag%3D1%3Bfrom-tag%3D2": {CallID: "x", Local: "1", Remote: "2"},
		"x%3Bto-tag%3D1":                {},
	} {
		got, ok := Read(request(sip.REFER, "", "Refer-To", "<sip:3005@h?Replaces="+text+">"))
		if !ok || !got.Replaces || got.Dialog != want {
			t.Errorf("%s: %+v %v", text, got, ok)
		}
	}
}

// What one side writes the other reads.
func TestProgressAndOutcome(t *testing.T) {
	for _, status := range []int{100, 180, 200, 486} {
		hs, _, body := Progress(7, status)
		req := request(sip.NOTIFY, string(body))
		for _, h := range hs {
			req.AppendHeader(h)
		}
		if got, ok := Outcome(req); !ok || got != status {
			t.Errorf("%d: %d %v", status, got, ok)
		}
	}
	if got, ok := Outcome(request(sip.NOTIFY, "", "Event", "refer", "Subscription-State", "terminated;reason=x")); !ok || got != 200 {
		t.Error("the end without a word", got, ok)
	}
	if got, ok := Outcome(request(sip.NOTIFY, "SIP/2.0 999 x", "Event", "refer")); !ok || got != 0 {
		t.Error("nonsense", got, ok)
	}
	if _, ok := Outcome(request(sip.NOTIFY, "", "Event", "presence")); ok {
		t.Error("another event")
	}
	if got := Ask("sip:1@h;x=y", "sip:me@h"); got[0].Value() != "<sip:1@h;x=y>" || got[1].Value() != "<sip:me@h>" {
		t.Error(got)
	}
}
