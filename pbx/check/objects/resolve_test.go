package objects_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/fstest"

	"branchline/pbx/astconf"
	"branchline/pbx/check/objects"
	"branchline/pbx/settings/pjsipconf"
)

func TestResolve(t *testing.T) {
	files := fstest.MapFS{"pjsip.conf": {Data: []byte("[a]\ntype=aor\ncontact=sip:100@good.example.net:5062\ncontact=sip:192.0.2.1,sip:[2001:db8::1]:5060\n" +
		"[b]\ntype=aor\ncontact=sip:bad.example.net\n[c]\ntype=registration\nserver_uri=sip:bad.example.net\\;transport=tcp\nclient_uri=sip:x@bad.example.net\n" +
		"[d]\ntype=identify\nendpoint=e\nmatch=192.0.2.7,worse.example.net\n")}}
	f, _ := astconf.Load(files, "pjsip.conf")
	snap, _ := pjsipconf.Read(f)
	asked := map[string]int{}
	found := objects.Resolve(t.Context(), snap, func(_ context.Context, _, host string) ([]netip.Addr, error) {
		asked[host]++
		if host == "good.example.net" {
			return []netip.Addr{netip.MustParseAddr("192.0.2.9")}, nil
		}
		return nil, errors.New("no such host")
	})
	if len(found) != 3 || len(asked) != 3 || asked["bad.example.net"] != 1 {
		t.Errorf("asked %v, found %v", asked, found)
	}
	lines := map[string]int{}
	for _, d := range found {
		lines[fmt.Sprintf("%s %s:%d", d.Rule, d.Near, d.Line)]++
	}
	for _, want := range []string{"unresolved-host bad.example.net:7", "unresolved-host bad.example.net:10", "unresolved-host worse.example.net:15"} {
		if lines[want] != 1 {
			t.Errorf("%v, want %s", lines, want)
		}
	}
}
