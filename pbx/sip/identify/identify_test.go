package identify

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/astconf"
	"branchline/pbx/settings/pjsipconf"
)

func index(t testing.TB, text string) *Index {
	t.Helper()
	f, ds := astconf.Load(fstest.MapFS{"pjsip.conf": {Data: []byte(text)}}, "pjsip.conf")
	snap, more := pjsipconf.Read(f)
	if ds = append(ds, more...); astconf.Failed(ds) {
		t.Fatal(ds)
	}
	return New(snap)
}

func request(t testing.TB, headers ...string) *sip.Request {
	t.Helper()
	lines := append([]string{"INVITE sip:3001@198.51.100.52 SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx",
		"Call-ID: x", "CSeq: 1 INVITE"}, headers...)
	if !slices.ContainsFunc(headers, func(h string) bool { return strings.HasPrefix(h, "To:") }) {
		lines = append(lines, "To: <sip:3001@198.51.100.52>")
	}
	msg, err := sip.ParseMessage([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return msg.(*sip.Request)
}

const endpoints = `[udp]
type=transport
bind=198.51.100.52
domain=office.example
[1001]
type=endpoint
[1002]
type=endpoint
identify_by=auth_username
[1003]
type=endpoint
identify_by=ip
[1004@real.example]
type=endpoint
[1005@office.example]
type=endpoint
[alias.example]
type=domain_alias
domain=real.example
[trunk]
type=endpoint
[other]
type=endpoint
[guarded]
type=endpoint
deny=0.0.0.0/0
permit=192.0.2.0/24
[contacts]
type=endpoint
contact_deny=10.0.0.0/8
`

// Seed: S-096 to S-101, S-296.
func TestFind(t *testing.T) {
	const from1001 = "From: <sip:1001@198.51.100.52>;tag=1"
	for _, c := range []struct {
		name, conf, src string
		headers         []string
		want            string
	}{
		{"user", "", "192.0.2.1:5060", []string{from1001}, "1001 username"},
		{"nobody", "", "192.0.2.1:5060", []string{"From: <sip:2001@x>;tag=1"}, ""},
		{"identify_by without username", "", "192.0.2.1:5060", []string{"From: <sip:1003@x>;tag=1"}, ""},
		{"user@domain", "", "192.0.2.1:5060", []string{"From: <sip:1004@real.example>;tag=1"}, "1004@real.example username"},
		{"user@alias", "", "192.0.2.1:5060", []string{"From: <sip:1004@ALIAS.example>;tag=1"}, "1004@real.example username"},
		{"user at another domain", "", "192.0.2.1:5060", []string{"From: <sip:1004@else.example>;tag=1"}, ""},
		{"transport's domain", "", "192.0.2.1:5060", []string{"From: <sip:1005@198.51.100.52>;tag=1"}, "1005@office.example username"},
		{"one domain only", "[g]\ntype=global\ndisable_multi_domain=yes\n", "192.0.2.1:5060", []string{"From: <sip:1004@real.example>;tag=1"}, ""},
		{"user options", "[g]\ntype=global\nignore_uri_user_options=yes\n", "192.0.2.1:5060", []string{"From: <sip:1001;phone-context=x@y>;tag=1"}, "1001 username"},
		{"no sip URI", "", "192.0.2.1:5060", []string{"From: <tel:1001>;tag=1"}, ""},
		{"credentials", "", "192.0.2.1:5060", []string{"From: <sip:x@y>;tag=1", `Authorization: Digest username="1002",realm="r"`}, "1002 auth_username"},
		{"credentials with realm", "[1006@r]\ntype=endpoint\nidentify_by=auth_username\n", "192.0.2.1:5060", []string{"From: <sip:x@y>;tag=1", `Authorization: Digest username="1006",realm="r"`}, "1006@r auth_username"},
		{"anonymous", "[anonymous]\ntype=endpoint\n", "192.0.2.1:5060", []string{"From: <sip:x@y>;tag=1"}, "anonymous anonymous"},
		{"anonymous@domain", "[anonymous]\ntype=endpoint\n[anonymous@y]\ntype=endpoint\n", "192.0.2.1:5060", []string{"From: <sip:x@y>;tag=1"}, "anonymous@y anonymous"},
		{"anonymous after username", "[anonymous]\ntype=endpoint\n", "192.0.2.1:5060", []string{from1001}, "1001 username"},

		{"address beats user", "[i]\ntype=identify\nendpoint=trunk\nmatch=192.0.2.1\n", "192.0.2.1:5060", []string{from1001}, "trunk ip"},
		{"mapped address", "[i]\ntype=identify\nendpoint=trunk\nmatch=192.0.2.1\n", "[::ffff:192.0.2.1]:5060", []string{from1001}, "trunk ip"},
		{"other address", "[i]\ntype=identify\nendpoint=trunk\nmatch=192.0.2.1\n", "192.0.2.2:5060", []string{from1001}, "1001 username"},
		{"order", "[g]\ntype=global\nendpoint_identifier_order=username,ip\n[i]\ntype=identify\nendpoint=trunk\nmatch=192.0.2.1\n", "192.0.2.1:5060", []string{from1001}, "1001 username"},
		{"unlisted identifiers still run", "[g]\ntype=global\nendpoint_identifier_order=header\n[i]\ntype=identify\nendpoint=trunk\nmatch=192.0.2.1\n", "192.0.2.1:5060", []string{"From: <sip:x@y>;tag=1"}, "trunk ip"},
		{"list", "[i]\ntype=identify\nendpoint=trunk\nmatch=192.0.2.7, 192.0.2.1\n", "192.0.2.1:5060", []string{from1001}, "trunk ip"},
		{"first in the file", "[i]\ntype=identify\nendpoint=trunk\nmatch=192.0.0.0/16\n[j]\ntype=identify\nendpoint=other\nmatch=192.0.2.1\n", "192.0.2.1:5060", []string{from1001}, "trunk ip"},
		{"exclusion", "[i]\ntype=identify\nendpoint=trunk\nmatch=192.0.2.0/24,!192.0.2.1\n", "192.0.2.1:5060", []string{from1001}, "1001 username"},
		{"beside an exclusion", "[i]\ntype=identify\nendpoint=trunk\nmatch=192.0.2.0/24,!192.0.2.1\n", "192.0.2.2:5060", []string{from1001}, "trunk ip"},
		{"exclusion overruled", "[i]\ntype=identify\nendpoint=trunk\nmatch=!192.0.2.0/24,192.0.2.1\n", "192.0.2.1:5060", []string{from1001}, "trunk ip"},
		{"port", "[i]\ntype=identify\nendpoint=trunk\nmatch=192.0.2.1:5070\n", "192.0.2.1:5070", []string{from1001}, "trunk ip"},
		{"other port", "[i]\ntype=identify\nendpoint=trunk\nmatch=192.0.2.1:5070\n", "192.0.2.1:5060", []string{from1001}, "1001 username"},
		{"IPv6 network", "[i]\ntype=identify\nendpoint=trunk\nmatch=2001:db8::/32\n", "[2001:db8::7]:5060", []string{from1001}, "trunk ip"},
		{"IPv6 beside IPv4 of one length", "[i]\ntype=identify\nendpoint=trunk\nmatch=10.0.0.1/32\n", "[2001:db8::7]:5060", []string{from1001}, "1001 username"},
		{"missing endpoint", "[i]\ntype=identify\nendpoint=nope\nmatch=192.0.2.1\n", "192.0.2.1:5060", []string{from1001}, "1001 username"},

		{"header", "[i]\ntype=identify\nendpoint=trunk\nmatch_header=X-Trunk: a: b\n", "192.0.2.1:5060", []string{"From: <sip:x@y>;tag=1", "x-trunk: a: b"}, "trunk header"},
		{"header, second instance", "[i]\ntype=identify\nendpoint=trunk\nmatch_header=X-Trunk: b\n", "192.0.2.1:5060", []string{"From: <sip:x@y>;tag=1", "X-Trunk: a", "X-Trunk: b"}, "trunk header"},
		{"header, other value", "[i]\ntype=identify\nendpoint=trunk\nmatch_header=X-Trunk: b\n", "192.0.2.1:5060", []string{"From: <sip:x@y>;tag=1", "X-Trunk: bb"}, ""},
		{"header expression", "[i]\ntype=identify\nendpoint=trunk\nmatch_header=X-Trunk: /^b+$/\n", "192.0.2.1:5060", []string{"From: <sip:x@y>;tag=1", "X-Trunk: bbb"}, "trunk header"},
		{"the seed's To", "[i]\ntype=identify\nendpoint=trunk\nmatch_header=To: <sip:3002@198.51.100.52>\n", "192.0.2.1:5060", []string{"From: <sip:x@y>;tag=1", "To: <sip:3002@198.51.100.52>;tag=ours"}, "trunk header"},
		{"header after username", "[i]\ntype=identify\nendpoint=trunk\nmatch_header=X: 1\n", "192.0.2.1:5060", []string{from1001, "X: 1"}, "1001 username"},
		{"request URI", "[i]\ntype=identify\nendpoint=trunk\nmatch_request_uri=sip:3001@198.51.100.52\n", "192.0.2.1:5060", []string{"From: <sip:x@y>;tag=1"}, "trunk request_uri"},
		{"request URI expression", "[i]\ntype=identify\nendpoint=trunk\nmatch_request_uri=/^sip:30/\n", "192.0.2.1:5060", []string{"From: <sip:x@y>;tag=1"}, "trunk request_uri"},

		{"access list", "", "203.0.113.1:5060", []string{"From: <sip:guarded@y>;tag=1"}, ""},
		{"inside access list", "", "192.0.2.1:5060", []string{"From: <sip:guarded@y>;tag=1"}, "guarded username"},
		{"contact refused", "", "192.0.2.1:5060", []string{"From: <sip:contacts@y>;tag=1", "Contact: <sip:a@10.1.1.1>"}, ""},
		{"contact let in", "", "192.0.2.1:5060", []string{"From: <sip:contacts@y>;tag=1", "Contact: <sip:a@192.0.2.9>"}, "contacts username"},
	} {
		x := index(t, endpoints+c.conf)
		ep, by := x.Find(request(t, c.headers...), netip.MustParseAddrPort(c.src))
		got := ""
		if ep != nil {
			got = ep.ID + " " + by
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Seed: S-074.
func TestOrder(t *testing.T) {
	want := []string{"name not specified", "ip", "username", "anonymous", "auth_username", "header", "request_uri"} // as Asterisk 22
	if got := index(t, endpoints).Order(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	want = []string{"name not specified", "anonymous", "username", "ip", "auth_username", "header", "request_uri"} // the seed's comment
	if got := index(t, endpoints+"[global]\ntype=global\nendpoint_identifier_order=anonymous,username,ip\n").Order(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestPermitted(t *testing.T) {
	x := index(t, endpoints+"[a]\ntype=acl\ndeny=0.0.0.0/0\npermit=192.0.2.0/24\n[b]\ntype=acl\ncontact_deny=192.0.2.66\n")
	req := request(t, "From: <sip:x@y>;tag=1", "Contact: <sip:a@192.0.2.7>")
	bad := request(t, "From: <sip:x@y>;tag=1", "Contact: <sip:a@192.0.2.66:5062>")
	for _, c := range []struct {
		req  *sip.Request
		src  string
		want bool
	}{{req, "192.0.2.1", true}, {req, "203.0.113.1", false}, {bad, "192.0.2.1", false}} {
		if got := x.Permitted(c.req, netip.MustParseAddr(c.src)); got != c.want {
			t.Errorf("%s: %v", c.src, got)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	var conf strings.Builder
	conf.WriteString(endpoints)
	for i := range 1000 {
		fmt.Fprintf(&conf, "[t%d]\ntype=endpoint\n[t%d]\ntype=identify\nendpoint=t%d\nmatch=10.%d.%d.0/24\n", i, i, i, i/250, i%250)
	}
	x := index(b, conf.String())
	req := request(b, "From: <sip:1001@198.51.100.52>;tag=1")
	src := netip.MustParseAddrPort("192.0.2.1:5060")
	b.ReportAllocs()
	for b.Loop() {
		if ep, _ := x.Find(req, src); ep == nil {
			b.Fatal("not found")
		}
	}
}

func TestOwners(t *testing.T) {
	x := index(t, "[b]\ntype=endpoint\naors=shared,own\n[a]\ntype=endpoint\naors=shared\n[c]\ntype=endpoint\n[shared]\ntype=aor\n[own]\ntype=aor\n")
	for aor, want := range map[string]string{"shared": "[a b]", "own": "[b]", "c": "[]"} {
		if got := fmt.Sprint(x.Owners(aor)); got != want {
			t.Errorf("%s belongs to %s, want %s", aor, got, want)
		}
	}
	if got := (*Index)(nil).Owners("own"); got != nil {
		t.Errorf("nothing is configured, and own belongs to %v", got)
	}
}
