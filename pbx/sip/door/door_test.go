package door

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/wire"
)

// A flood of strangers is remembered up to a bound, and forgotten again.
func TestStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(nil, nil)
		at := netip.MustParseAddr("198.51.100.1")
		knock := func(a netip.Addr) {
			d.Note(&wire.Inbound{Source: netip.AddrPortFrom(a, 5060), Request: sip.NewRequest(sip.INVITE, sip.Uri{})})
		}
		knock(at)
		knock(at)
		for a := at; len(d.strange.seen) < strangersKept; a = a.Next() {
			knock(a)
		}
		knock(netip.MustParseAddr("203.0.113.1"))
		if l := d.Strangers(); len(l) != strangersKept || l[0].Addr != at || l[0].Count != 3 || l[0].What != "INVITE" {
			t.Errorf("%d, first %+v", len(l), l[0])
		}
		time.Sleep(strangerLife)
		if l := d.Strangers(); len(l) != 0 {
			t.Errorf("%d left", len(l))
		}
	})
}

func TestThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q throttle
		through := 0
		for range 3 {
			for range 2 * linesPerSecond {
				if q.allow() {
					through++
				}
			}
			time.Sleep(time.Second + time.Nanosecond)
		}
		if through != 3*linesPerSecond {
			t.Errorf("%d lines in three seconds", through)
		}
	})
}

func TestExten(t *testing.T) {
	for _, c := range []struct {
		uri   string
		cut   bool // ignore_uri_user_options
		exten string
		ok    bool
	}{
		{"sip:1001@h", false, "1001", true},
		{"sip:%31%30%300@h", false, "1000", true},
		{"sip:a%0Db%zz@h", false, "a%0Db%zz", true},
		{"sip:1001;x=y@h", false, "1001;x=y", true},
		{"sip:1001;x=y@h", true, "1001", true},
		{"sip:h", false, "", true},
		{"tel:+4930;phone-context=x", false, "+4930", true},
		{"http:h", false, "", false},
	} {
		var u sip.Uri
		if err := sip.ParseUri(c.uri, &u); err != nil {
			u = sip.Uri{Scheme: "http"}
		}
		w := &transports.World{Settings: &settings.Snapshot{Global: settings.Global{IgnoreURIUserOptions: c.cut}}}
		if got, ok := Exten(w, &u); got != c.exten || ok != c.ok {
			t.Errorf("%s: %q %v, want %q", c.uri, got, ok, c.exten)
		}
	}
}
