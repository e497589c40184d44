package q850

import (
	"testing"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
)

// What a cause becomes and a response is; a cause that goes through both need not
// come back as itself.
func TestThereAndBack(t *testing.T) {
	for _, c := range []struct {
		cause  channel.Cause
		status int
		back   channel.Cause
	}{
		{channel.Unallocated, 404, channel.Unallocated},
		{channel.UserBusy, 486, channel.UserBusy},
		{channel.NoUserResponse, 408, channel.NoUserResponse},
		{channel.NoAnswer, 480, channel.NoAnswer},
		{channel.CallRejected, 403, channel.CallRejected},
		{channel.SwitchCongestion, 503, channel.NormalCircuitCongestion},
		{channel.BearerCapabilityNotAvail, 488, channel.BearerCapabilityNotAvail},
		{channel.RedirectedToNew, 603, channel.CallRejected},
		{channel.NoCause, 603, channel.CallRejected},
	} {
		if got := Status(c.cause); got != c.status {
			t.Errorf("%v is %d, want %d", c.cause, got, c.status)
		}
		if got := Cause(c.status); got != c.back {
			t.Errorf("%d is %v, want %v", c.status, got, c.back)
		}
	}
	for status := 300; status < 700; status++ {
		if c := Cause(status); c == channel.NoCause && status >= 400 {
			t.Errorf("%d is no cause", status)
		}
	}
}

func TestTold(t *testing.T) {
	for value, want := range map[string]channel.Cause{
		"Q.850;cause=17":                    channel.UserBusy,
		"SIP;cause=200, q.850 ; cause = 34": channel.NormalCircuitCongestion,
		`Q.850;text="x";cause=16`:           channel.NormalClearing,
		"SIP;cause=486":                     0,
		"Q.850;cause=0":                     0,
		"Q.850;cause=128":                   0,
		"Q.850":                             0,
	} {
		req := sip.NewRequest(sip.BYE, sip.Uri{})
		req.AppendHeader(sip.NewHeader("Reason", value))
		if got, ok := Told(req); got != want || ok != (want != 0) {
			t.Errorf("%s: %v %v, want %v", value, got, ok, want)
		}
	}
}
