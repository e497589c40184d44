package invite

import (
	"testing"
	"testing/synctest"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
)

func TestHangupWith(t *testing.T) {
	for _, c := range []struct {
		status string
		ok     bool
		codes  string
	}{
		{"437", true, "100 437"}, {"unsupported_certificate", true, "100 437"}, {"CALL_TRANSACTION_DOES_NOT_EXIST", true, "100 481"},
		{"486", true, "100 486"}, {"200", false, "100"}, {"302", false, "100"}, {"999", false, "100"}, {"NONSENSE", false, "100"}, {"", false, "100"},
	} {
		t.Run(c.status, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				s, in, _ := r.call(offerText("198.51.100.206", 4000, "0"))
				if ok := s.HangupWith(c.status); ok != c.ok {
					t.Errorf("%v", ok)
				}
				r.wait()
				want(t, "answers", in.codes(), c.codes)
				s.Hangup(channel.NormalClearing)
				r.over(s)
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.up()
		s.HangupWith("486")
		r.take(sip.BYE).respond(200, "", "")
		r.over(s)
	})
}

// TestReinviteMeetsBye: a re-INVITE that crosses our BYE.
func TestReinviteMeetsBye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.up()
		s.Hangup(channel.NormalClearing)
		bye := r.take(sip.BYE)
		in := r.phone.send(s, sip.INVITE, "")
		want(t, "re-INVITE", in.codes(), "200")
		r.phone.send(s, sip.ACK, "")
		bye.respond(200, "", "")
		r.over(s)
	})
}

func TestRecordKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		s, _ := r.up()
		want(t, "not allowed", r.phone.send(s, sip.INFO, "", "Record: on").codes(), "403")
		s.Endpoint.OneTouchRecording, s.Endpoint.RecordOn, s.Endpoint.RecordOff = true, "automixmon", "automon"
		want(t, "no features", r.phone.send(s, sip.INFO, "", "Record: on").codes(), "403")
		s.FeatureCode = func(name string) string { return map[string]string{"automixmon": "*3"}[name] }
		want(t, "off has no code", r.phone.send(s, sip.INFO, "", "Record: off").codes(), "403")
		want(t, "nonsense", r.phone.send(s, sip.INFO, "", "Record: perhaps").codes(), "400")
		want(t, "on", r.phone.send(s, sip.INFO, "", "Record: on").codes(), "200")
		r.wantEvents("digit:* end:*:100ms digit:3 end:3:100ms")
		r.hangup(s)
	})
}
