package pjsipconf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"branchline/media"
	"branchline/pbx/astconf"
	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/settings/option/optiontest"
)

func load(t *testing.T, text string) *astconf.File {
	t.Helper()
	f, ds := astconf.Load(fstest.MapFS{"pjsip.conf": {Data: []byte(text)}}, "pjsip.conf")
	for _, d := range ds {
		t.Fatalf("the test's own file: %v", d)
	}
	return f
}

const transport = "[udp]\ntype=transport\nbind=192.0.2.1\n"

// findings prints the diagnostics without their notes of rules not asked for.
func findings(ds []astconf.Diag) []string {
	var out []string
	for _, d := range ds {
		out = append(out, fmt.Sprintf("%d %s %s", d.Line, d.Severity, d.Rule))
	}
	return out
}

func TestDefaultsAreOfTheirKind(t *testing.T) {
	optiontest.Defaults(t, "endpoint", endpointOptions())
	optiontest.Defaults(t, "transport", transportOptions())
	optiontest.Defaults(t, "auth", authOptions())
	optiontest.Defaults(t, "aor", aorOptions())
	optiontest.Defaults(t, "identify", identifyOptions())
	optiontest.Defaults(t, "registration", registrationOptions())
	optiontest.Defaults(t, "global", globalOptions())
	optiontest.Defaults(t, "system", systemOptions())
	optiontest.Defaults(t, "acl", aclOptions())
}

// Seed: S-081.
func TestSeedEndpoint(t *testing.T) {
	s, ds := Read(load(t, `[transport-tcp]
type=transport
protocol=tcp
bind=198.51.100.9

[1001]
type=endpoint
outbound_auth=1001_auth
aors=1001
transport=transport-tcp
context=default
disallow=all
allow=ulaw
dtmf_mode=inband

[1001_auth]
type=auth
auth_type=userpass
username=3001
password=1234567890

[1001]
type=aor
max_contacts=1
remove_existing=yes

[SIP3]
type=endpoint
aors=SIP3
transport=transport-tcp
disallow=all
allow=ulaw

[SIP3]
type=identify
endpoint=SIP3
match=198.51.100.206, 198.51.100.55

[SIP3]
type=aor
contact=sip:198.51.100.52
`))
	want := []string{"6 warning no-inbound-auth", "27 warning no-inbound-auth"}
	if got := findings(ds); !slices.Equal(got, want) {
		t.Fatalf("diagnostics %q, want %q", got, want)
	}
	if d := ds[0]; !strings.Contains(d.Message, "anyone who can reach 198.51.100.9 can register and call as 1001") || d.Cure != "add auth=1001_auth" {
		t.Errorf("D5: %v", d)
	}
	e := s.Endpoints["1001"]
	if e.DTMF != settings.DTMFInband || !slices.Equal(e.Codecs, []*media.Codec{media.PCMU}) || !e.DirectMedia || !e.ForceRport ||
		e.TimersExpires != 30*time.Minute || e.Rel100 != "yes" || !slices.Equal(e.IdentifyBy, []string{"username", "ip"}) {
		t.Errorf("endpoint %+v", e)
	}
	if a := s.AORs["1001"]; a.MaxContacts != 1 || !a.RemoveExisting || a.MinExpiry != time.Minute || a.MaxExpiry != 2*time.Hour || a.QualifyTimeout != 3*time.Second {
		t.Errorf("aor %+v", a)
	}
	if tr := s.Transport("transport-tcp"); tr.Bind.String() != "198.51.100.9:5060" || tr.Protocol != "tcp" {
		t.Errorf("transport %+v", tr)
	}
	if id := s.Identifies[0]; len(id.Matches) != 2 || id.Matches[1].Text != "198.51.100.55/32" {
		t.Errorf("identify %+v", id)
	}
	if a := s.Auths["1001_auth"]; a.Username != "3001" || a.NonceLifetime != 32*time.Second || !slices.Equal(a.Algorithms, []string{"MD5"}) {
		t.Errorf("auth %+v", a)
	}
	if v, _ := s.Auths["1001_auth"].Option("password"); v != "********" {
		t.Errorf("password is shown as %q", v)
	}
	if s.Global.DefaultRealm != "asterisk" || s.System.TimerT1 != 500*time.Millisecond || s.Global.MaxForwards != 70 {
		t.Errorf("global %+v system %+v", s.Global, s.System)
	}
}

// TestDiagnostics is one line of file each, in an object that is otherwise
// right; what is found, and whether the object lives.
func TestDiagnostics(t *testing.T) {
	for _, c := range []struct {
		typ, line string
		want      string // "" for nothing, else "severity rule" and a piece of text
		text      string
		lives     bool
	}{
		{"endpoint", "aor=1", "error unknown-option", "did you mean aors?", false},
		{"endpoint", "max_contacts=1", "error unknown-option", "max_contacts belongs to type=aor", false},
		{"endpoint", "Force_Rport=NO", "", "", true},
		{"endpoint", "@mine=1", "", "", true},
		{"endpoint", "force_rport=maybe", "warning doubtful-value", "taken as no", true},
		{"endpoint", "rtp_timeout=abc", "error bad-value", "want a whole number from 0 to 2147483647", false},
		{"endpoint", "rtp_timeout=-5", "error bad-value", "out of range", false},
		{"endpoint", "dtmf_mode=bogus", "error bad-value", "rfc4733, inband", false},
		{"endpoint", "dtmf_mode=RFC4733", "", "", true},
		{"endpoint", "from_user=a@b", "error bad-value", "from_domain", false},
		{"endpoint", "timers_min_se=50", "error bad-object", "90 or more", false},
		{"endpoint", "timers=forced", "", "", true},
		{"endpoint", "100rel=maybe", "error bad-value", "peer_supported", false},
		{"endpoint", "callerid=Fred 123", "", "", true},
		{"endpoint", "call_group=1,99", "warning doubtful-value;note not-yet-honoured", "", true},
		{"endpoint", "set_var=novalue", "error bad-value", "NAME=value", false},
		{"endpoint", "identify_by=bogus", "error bad-value", "bogus", false},
		{"endpoint", "allow=", "error bad-value", "names no codec", false},
		{"endpoint", "allow=alwa", "error bad-value", `no codec "alwa"`, false},
		{"endpoint", "allow=silk8", "warning doubtful-value", "silk8", true},
		{"endpoint", "allow=alaw:400", "error bad-value", "packet time", false},
		{"endpoint", "permit=foo", "error bad-value", "not an address", false},
		{"endpoint", "tos_audio=zzz", "error bad-value", "cs0-cs7", false},
		{"endpoint", "webrtc=yes", "note not-yet-honoured", "webrtc", true},
		{"endpoint", "webrtc=no", "", "", true},
		{"endpoint", "stir_shaken=on", "note ignored-option", "no effect", true},
		{"endpoint", "outbound_proxy=10.0.0.1", "warning doubtful-value", "sip:", true},
		{"endpoint", "auth=x_auht", "warning dangling-auth", "answered 500", true},
		{"endpoint", "outbound_auth=nope", "warning dangling-outbound-auth", "", true},
		{"endpoint", "aors=nope", "warning dangling-aors", "", true},
		{"endpoint", "transport=nope", "warning dangling-transport", "", true},
		{"endpoint", "disallow=all", "warning no-codecs", "488", true},
		{"aor", "contact=192.0.2.9", "error bad-value", "does not begin with sip:", false},
		{"aor", "qualify_frequency=99999", "error bad-value", "86400", false},
		{"aor", "qualify_timeout=2.5", "", "", true},
		{"aor", "max_contacts=-1", "error bad-value", "", false},
		{"auth", "username=", "error bad-object", "username is missing", false},
		{"auth", "password=", "error bad-object", "neither password nor digest", false},
		{"auth", "md5_cred=short", "error bad-value", "32 hexadecimal digits", false},
		{"auth", "auth_type=google_oauth", "warning not-supported", "", false},
		{"auth", "supported_algorithms_uas=SHA-256,FOO", "error bad-value", "FOO", false},
		{"identify", "match=10.0.0.0/33", "error bad-value", "", false},
		{"identify", "match=!10.0.1.5,10.1.0.0/255.255.0.0", "", "", true},
		{"identify", "match=10.0.0.0/255.0.255.0", "error bad-value", "hole", false},
		{"identify", "match_header=NoColon", "error bad-value", "Name: value", false},
		{"identify", "match_header=X: /b(r/", "error bad-value", "", false},
		{"identify", "match=0.0.0.0/0", "warning identify-everyone", "", true},
		{"identify", "endpoint=nope", "warning dangling-endpoint", "", true},
		{"transport", "bind=foo bar", "error bad-value", "want ip", false},
		{"transport", "bind=192.168.50.", "error bad-value", "want ip", false},
		{"transport", "bind=eth0:sip", "error bad-value", "want ip", false},
		{"transport", "bind=eth0.40:5061", "", "", true},
		{"transport", "bind=192.0.2.1:99999", "error bad-value", "", false},
		{"transport", "protocol=xyz", "error bad-value", "udp, tcp", false},
		{"transport", "protocol=tls", "warning not-supported", "not supported yet", false},
		{"transport", "external_signaling_port=5060", "error bad-object", "", false},
		{"transport", "local_net=foo", "error bad-value", "", false},
		{"acl", "deny=foo", "error bad-value", "", false},
		{"global", "max_forwards=0", "error bad-value", "1 to 255", false},
		{"system", "timer_t1=5", "error bad-value", "", false},
		{"registration", "expiration=x", "error bad-value", "", false},
	} {
		base := map[string]string{
			"endpoint": "auth=x_auth\nallow=ulaw\n", "auth": "username=u\npassword=p\n", "identify": "endpoint=e\nmatch=192.0.2.77\n",
			"transport": "bind=192.0.2.1:5070\n", "registration": "server_uri=sip:a\nclient_uri=sip:b\n",
		}[c.typ]
		s, ds := Read(load(t, transport+
			"[x_auth]\ntype=auth\nusername=x\npassword=secret\n[e]\ntype=endpoint\nauth=x_auth\nallow=ulaw\n"+
			"[x]\ntype="+c.typ+"\n"+base+c.line+"\n"))
		var got []string
		for _, d := range ds {
			got = append(got, d.Severity.String()+" "+d.Rule)
			if d.File != "pjsip.conf" || d.Line == 0 {
				t.Errorf("%s: %s: no place: %v", c.typ, c.line, d)
			}
			if !strings.Contains(d.String(), c.text) {
				t.Errorf("%s: %s: %v, want %q in it", c.typ, c.line, d, c.text)
			}
		}
		if strings.Join(got, ";") != c.want {
			t.Errorf("%s: %s: %q, want %q", c.typ, c.line, got, c.want)
		}
		lives := map[string]bool{
			"endpoint": s.Endpoints["x"] != nil, "aor": s.AORs["x"] != nil, "auth": s.Auths["x"] != nil,
			"identify": len(s.Identifies) == 1, "transport": s.Transport("x") != nil, "acl": len(s.ACLs) == 1,
			"global": s.Global.ID == "x", "system": s.System.ID == "x", "registration": len(s.Registrations) == 1,
		}[c.typ]
		if lives != c.lives {
			t.Errorf("%s: %s: object lives: %v, want %v", c.typ, c.line, lives, c.lives)
		}
	}
}

// Seed: S-041.
func TestSections(t *testing.T) {
	s, ds := Read(load(t, transport+`[a]
type=Endpoint
[b]
foo=bar
[c]
type=endpoitn
[d]
type=phoneprov
[e]
type=aor
type=acl
[f]
type=aor
[f]
type=aor
max_contacts=3
[g]
type=global
[h]
type=global
max_forwards=5
[alias.example]
type=domain_alias
domain=real.example
`))
	want := []string{"5 warning unknown-type", "6 warning missing-type", "9 warning unknown-type", "11 note ignored-type",
		"17 error duplicate-object", "22 warning second-section"}
	if got := findings(ds); !slices.Equal(got, want) {
		t.Fatalf("got %q\nwant %q", got, want)
	}
	if !strings.Contains(ds[0].Cure, "type=endpoint") || !strings.Contains(ds[4].Message, "pjsip.conf:15") {
		t.Errorf("%v\n%v", ds[0], ds[4])
	}
	if s.AORs["e"] == nil || len(s.ACLs) != 1 {
		t.Error("two types in one section are two objects")
	}
	if s.AORs["f"].MaxContacts != 0 || s.Global.MaxForwards != 70 || s.Aliases["alias.example"] != "real.example" {
		t.Error("the first of two must stand")
	}
}

func TestCodecLists(t *testing.T) {
	for _, c := range []struct{ lines, want string }{
		{"disallow=all\nallow=ulaw", "(ulaw)"},
		{"allow=alaw,ulaw", "(alaw|ulaw)"},
		{"allow=alaw\nallow=ulaw", "(alaw|ulaw)"},
		{"allow=!all,ulaw", "(ulaw)"},
		{"allow=alaw,!alaw,gsm", "(gsm)"},
		{"allow=ulaw,alaw,gsm\ndisallow=alaw", "(ulaw|gsm)"},
		{"allow=ulaw\nallow=ulaw", "(ulaw)"},
		{"allow=all\ndisallow=all\nallow=G722", "(g722)"},
		{"disallow=all", "(nothing)"},
	} {
		s, _ := Read(load(t, transport+"[x]\ntype=endpoint\n"+c.lines+"\n"))
		if got, _ := s.Endpoints["x"].Option("allow"); got != c.want && len(s.Endpoints["x"].Codecs) > 0 {
			t.Errorf("%q: %s, want %s", c.lines, got, c.want)
		}
		if got := settings.CodecWords(s.Endpoints["x"].Codecs); got != c.want {
			t.Errorf("%q: %s, want %s", c.lines, got, c.want)
		}
	}
	s, _ := Read(load(t, transport+"[x]\ntype=endpoint\nallow=ulaw,alaw:40\n[y]\ntype=endpoint\nallow=all\n[z]\ntype=endpoint\nallow=all\ndisallow=ulaw\n"))
	if s.Endpoints["x"].PacketTimes[media.PCMA] != 40*time.Millisecond || len(s.Endpoints["x"].PacketTimes) != 1 {
		t.Errorf("packet times %v", s.Endpoints["x"].PacketTimes)
	}
	if len(s.Endpoints["y"].Codecs) != len(media.Codecs) || media.Codecs[0] != media.PCMU {
		t.Error("lists of endpoints share memory")
	}
}

func TestEndpointValues(t *testing.T) {
	s, _ := Read(load(t, transport+`[a5]
type=endpoint
timers=always
timers_min_se=100
timers_sess_expires=300
allow=ulaw
callerid="Fred" <123>
callerid_privacy=prohib
callerid_tag=tag
call_group=1,3-5
named_call_group=a,b
set_var=A=1
set_var=B=2=3
permit=10.0.0.0/8
deny=0.0.0.0/0.0.0.0
identify_by=ip,Username,header
tos_audio=ef
connected_line_method=reinvite
contact_user=fred
device_state_busy_at=2
`))
	e := s.Endpoints["a5"]
	if e.CallerID != (channel.Party{Name: "Fred", Number: "123", Presentation: channel.Prohib, Tag: "tag"}) {
		t.Errorf("caller id %+v", e.CallerID)
	}
	if e.CallGroup != 1<<1|1<<3|1<<4|1<<5 || e.TOSAudio != 184 || e.Limit() != "2" {
		t.Errorf("%+v", e)
	}
	if settings.Permitted(e.ACL, netip.MustParseAddr("10.1.2.3")) {
		t.Error("the last rule must win")
	}
	for name, want := range map[string]string{
		"callerid": `"Fred" <123>`, "call_group": "1, 3, 4, 5", "named_call_group": "a, b", "A": "", "acl": "deny/permit", "tos_audio": "184",
		"identify_by": "ip,username,header", "connected_line_method": "invite", "contact_user": "fred", "timers": "always", "webrtc": "no",
	} {
		if got, _ := e.Option(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	var vars []string
	for _, o := range e.Options() {
		if o.Name == "A" || o.Name == "B" {
			vars = append(vars, o.Name+" "+o.Value)
		}
	}
	if !slices.Equal(vars, []string{"A 1", "B 2=3"}) {
		t.Errorf("variables %q", vars)
	}
	for text, want := range map[string]string{`"A B" <1>`: `"A B" <1>`, "Joe <12>": `"Joe" <12>`, "<5>": "<5>", "123": "<123>", "Fred 123": "Fred 123", "": "<unknown>"} {
		if got := partyWords(settings.ParseParty(text, 0)); got != want {
			t.Errorf("caller id %q is shown %q, want %q", text, got, want)
		}
	}
}

func TestIdentifyMatches(t *testing.T) {
	s, ds := Read(load(t, transport+`[e]
type=endpoint
auth=a
allow=ulaw
[a]
type=auth
username=a
password=a
[i]
type=identify
endpoint=e
match=10.0.0.1,10.0.1.0/24,!10.0.1.5
match=10.2.0.0/255.255.0.0
match=10.3.0.1:5070
match=[2001:db8::1]:5061
match=2001:db8::/32
match=pbx.example:5062
match_header=X-Foo: /b.*r/
`))
	if len(ds) != 0 {
		t.Fatal(ds)
	}
	var got []string
	for _, o := range s.Identifies[0].Options() {
		if o.Name == "match" {
			got = append(got, o.Value)
		}
	}
	// As Asterisk 22 prints them, but for the host name.
	want := []string{"10.0.0.1/255.255.255.255", "10.0.1.0/255.255.255.0", "!10.0.1.5/255.255.255.255", "10.2.0.0/255.255.0.0",
		"10.3.0.1:5070/255.255.255.255", "[2001:db8::1]:5061/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::/ffff:ffff::", "pbx.example:5062"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestNoTransport(t *testing.T) {
	_, ds := Read(load(t, "[e]\ntype=aor\n"))
	if len(ds) != 1 || ds[0].Rule != "no-transport" {
		t.Error(ds)
	}
	if s, ds := Read(nil); len(ds) != 0 || s.Global.DefaultRealm != "asterisk" || s.RTP.PortFirst != 10000 {
		t.Error("an absent file is nothing to complain about", ds)
	}
	_, ds = Read(load(t, transport+"[udp2]\ntype=transport\nbind=192.0.2.1:5060\n"))
	if len(ds) != 1 || ds[0].Rule != "bind-conflict" || ds[0].Severity != astconf.Error {
		t.Error(ds)
	}
}

// Ten thousand endpoints must neither take long to read nor much to keep.
func BenchmarkLoad1000(b *testing.B) {
	var sb strings.Builder
	sb.WriteString(transport)
	for i := range 1000 {
		fmt.Fprintf(&sb, "[%d]\ntype=endpoint\naors=%d\nauth=%d_auth\ndisallow=all\nallow=ulaw,alaw\n[%d]\ntype=aor\nmax_contacts=1\n[%d_auth]\ntype=auth\nusername=%d\npassword=x\n", i, i, i, i, i, i)
	}
	f, _ := astconf.Load(fstest.MapFS{"pjsip.conf": {Data: []byte(sb.String())}}, "pjsip.conf")
	b.ReportAllocs()
	for b.Loop() {
		Read(f)
	}
}
