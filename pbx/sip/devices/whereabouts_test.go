package devices

import (
	"strings"
	"testing"

	"branchline/pbx/astdb"
	"branchline/pbx/settings"
)

// What was kept before a restart counts after it.
func TestStoredPlaces(t *testing.T) {
	db := astdb.Memory()
	if err := db.Put(registryFamily, "Desk", "198.51.100.55:5060:120:desk:sip:desk@198.51.100.55:5060;transport=tcp"); err != nil {
		t.Fatal(err)
	}
	again := newWhereabouts(db)
	if at, ok := again.place(&settings.Device{Name: "desk"}); !ok || at.network != "tcp" || !at.held || again.at(at.addr) != "desk" {
		t.Errorf("read back %+v %v", at, ok)
	}
	if s, ok := storedPlace("[2001:db8::1]:5060:60:u:sip:u@[2001:db8::1]:5060"); !ok || s.addr.String() != "[2001:db8::1]:5060" || s.held {
		t.Errorf("%+v %v", s, ok)
	}
	for _, broken := range []string{"", ":", "1.2.3.4:x:1:2:3", "1.2.3.4:5:6"} {
		if _, ok := storedPlace(broken); ok {
			t.Errorf("%q was read", broken)
		}
	}
}

func TestParseCallee(t *testing.T) {
	s := &settings.Snapshot{SIP: &settings.SIP{}}
	for _, c := range []struct{ dest, exten, host, why string }{
		{"5@198.51.100.78:5090", "5", "198.51.100.78:5090", ""},
		{"gw/77", "77", "gw", ""},
		{"gw!someone", "", "gw", ""},
		{"gw//proxy", "", "", "a proxy"},
		{"u:p@198.51.100.77", "u:p", "198.51.100.77", "a password"},
		{"1234567", "", "1234567", "Purely numeric hostname"},
	} {
		to, why := Parse(s, c.dest)
		if to.exten != c.exten || to.Host != c.host || !strings.HasPrefix(why, c.why) || why != "" && c.why == "" {
			t.Errorf("%s: %+v %q", c.dest, to, why)
		}
	}
}
