package sipconf

import (
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
	"branchline/pbx/settings/option"
	"branchline/pbx/settings/pjsipconf"
)

func sipFile(t *testing.T, text string) *astconf.File {
	t.Helper()
	f, ds := astconf.Load(fstest.MapFS{"sip.conf": {Data: []byte(text)}}, "sip.conf")
	if astconf.Failed(ds) {
		t.Fatal(ds)
	}
	return f
}

func fromSIP(t *testing.T, text string) (*conf, []astconf.Diag) {
	t.Helper()
	return read(sipFile(t, text))
}

const scenarioA = `[general]
context=default
udpbindaddr=0.0.0.0
tcpenable=yes
tcpbindaddr=0.0.0.0
transport=udp,tcp
srvlookup=yes
allow=all
disallow=h263
videosupport=always
directmedia=yes

[1001]
type=friend
host=dynamic
secret=1234567890

[1009]
type=friend
host=dynamic
secret=1234567890
setvar=DEST_IP=198.51.100.52
`

// An empty sip.conf is no legacy front end (D3).
// Seed: S-032.
func TestSIPOff(t *testing.T) {
	for _, text := range []string{"", "\n", "; nothing\n"} {
		if s, ds := fromSIP(t, text); s != nil || len(ds) > 0 {
			t.Errorf("%q: %v %v, want nothing", text, s, ds)
		}
	}
	if s, ds := Read(nil); s != nil || ds != nil {
		t.Errorf("nil file: %v %v", s, ds)
	}
	for _, text := range []string{"[general]\n", "[1001]\ntype=friend\nhost=dynamic\nsecret=x\n"} {
		if s, _ := fromSIP(t, text); s == nil {
			t.Errorf("%q: off, want on", text)
		}
	}
}

func TestScenarioA(t *testing.T) {
	s, ds := fromSIP(t, scenarioA)
	var rules []string
	for _, d := range ds {
		rules = append(rules, d.Rule)
	}
	if !slices.Equal(rules, []string{"guest-calls"}) {
		t.Errorf("findings %v, want the one about guests only", ds)
	}
	d := s.Devices["1009"]
	e := d.Endpoint
	if !e.Legacy || e.ID != "SIP/1009" || e.Context != "default" || !e.DirectMedia || !e.AllowOverlap || e.Rel100 != "no" || e.Timers != "accept" {
		t.Errorf("endpoint %+v", e)
	}
	if slices.Contains(e.Codecs, media.H263) || e.Codecs[0] != media.PCMU || !slices.Contains(e.Codecs, media.H264) {
		t.Errorf("codecs %v", e.Codecs)
	}
	if len(e.SetVars) != 1 || e.SetVars[0] != (channel.Header{Name: "DEST_IP", Value: "198.51.100.52"}) {
		t.Errorf("variables %v", e.SetVars)
	}
	if len(s.Devices["1001"].Endpoint.SetVars) != 0 {
		t.Error("1001 has the variable of 1009")
	}
	a := d.AOR
	if a.MaxContacts != 1 || !a.RemoveExisting || a.MinExpiry != time.Minute || a.MaxExpiry != time.Hour || a.DefaultExpiry != 2*time.Minute {
		t.Errorf("aor %+v", a)
	}
	auth := s.Auths[e.Auths[0]]
	if auth.Username != "1009" || auth.Password != "1234567890" || auth.Realm != "asterisk" {
		t.Errorf("auth %+v", auth)
	}
	if !slices.Equal(d.Networks, []string{"udp", "tcp"}) || !d.NAT.AutoRport || e.ForceRport || !d.NATted.ForceRport {
		t.Errorf("networks %v, nat %+v", d.Networks, d.NAT)
	}
	snap, _ := pjsipconf.Read(nil)
	if ds := s.join(snap); len(ds) > 0 {
		t.Error(ds)
	}
	if len(snap.Transports) != 2 || snap.Transport("sip-tcp").Bind.String() != "0.0.0.0:5060" || snap.AORs["SIP/1001"] == nil || len(snap.Endpoints) != 0 {
		t.Errorf("joined: %v %v %v", snap.Transports, snap.AORs, snap.Endpoints)
	}
	if snap.Device("1001") == nil || s.Guest == nil || s.Guest.Context != "default" {
		t.Error("no device or no guest")
	}
}

func TestDeviceOptions(t *testing.T) {
	phone := func(lines string) string {
		return "[general]\nallowguest=no\n[Bob]\ntype=friend\nhost=dynamic\nsecret=s\n" + lines
	}
	for _, c := range []struct {
		lines string
		ok    func(*device) bool
	}{
		{"nat=no", func(d *device) bool { return d.NAT == settings.NAT{} && !d.NATted.ForceRport }},
		{"nat=yes", func(d *device) bool { return d.Endpoint.ForceRport && d.Endpoint.RTPSymmetric }},
		{"nat=force_rport,comedia", func(d *device) bool { return d.Endpoint.ForceRport && d.Endpoint.RTPSymmetric }},
		{"nat=auto_force_rport,auto_comedia", func(d *device) bool {
			return !d.Endpoint.ForceRport && !d.Endpoint.RTPSymmetric && d.NATted.ForceRport && d.NATted.RTPSymmetric
		}},
		{"insecure=port,invite", func(d *device) bool { return d.InsecurePort && d.InsecureInvite }},
		{"insecure=no", func(d *device) bool { return !d.InsecurePort && !d.InsecureInvite }},
		{"qualify=yes", func(d *device) bool {
			return d.AOR.QualifyTimeout == 2*time.Second && d.AOR.QualifyFrequency == time.Minute
		}},
		{"qualify=500\nqualifyfreq=30", func(d *device) bool {
			return d.AOR.QualifyTimeout == 500*time.Millisecond && d.AOR.QualifyFrequency == 30*time.Second
		}},
		{"directmedia=nonat", func(d *device) bool { return d.Endpoint.DirectMedia && d.Endpoint.DisableDirectMediaOnNAT }},
		{"canreinvite=no", func(d *device) bool { return !d.Endpoint.DirectMedia }},
		{"dtmfmode=info", func(d *device) bool { return d.Endpoint.DTMF == settings.DTMFInfo }},
		{"disallow=all\nallow=alaw\nallow=ulaw", func(d *device) bool {
			return slices.Equal(d.Endpoint.Codecs, []*media.Codec{media.PCMA, media.PCMU})
		}},
		{"videosupport=no", func(d *device) bool {
			return !slices.ContainsFunc(d.Endpoint.Codecs, func(c *media.Codec) bool { return c.Video })
		}},
		{`callerid="Bob B" <1001>`, func(d *device) bool {
			return d.Endpoint.CallerID.Name == "Bob B" && d.Endpoint.CallerID.Number == "1001"
		}},
		{"callingpres=prohib", func(d *device) bool { return d.Endpoint.CallerID.Presentation == channel.Prohib }},
		{"callingpres=32", func(d *device) bool { return d.Endpoint.CallerID.Presentation == channel.ProhibNotScreened }},
		{"sendrpid=pai\ntrustrpid=yes", func(d *device) bool { return d.Endpoint.SendPAI && !d.Endpoint.SendRPID && d.Endpoint.TrustIDInbound }},
		{"callgroup=1,3-4\npickupgroup=1", func(d *device) bool { return d.Endpoint.CallGroup == 1<<1|1<<3|1<<4 && d.Endpoint.PickupGroup == 2 }},
		{"call-limit=2\nbusylevel=1", func(d *device) bool { return d.CallLimit == 2 && d.Endpoint.DeviceStateBusyAt == 1 }},
		{"host=198.51.100.7:5070", func(d *device) bool {
			return !d.Dynamic && d.Port == 5070 && d.Addresses[0] == netip.MustParseAddr("198.51.100.7") && d.AOR.Contacts[0] == "sip:198.51.100.7:5070"
		}},
		{"host=198.51.100.7\nport=5070\nusername=me\ntransport=tcp", func(d *device) bool {
			return d.AOR.Contacts[0] == "sip:me@198.51.100.7:5070;transport=tcp"
		}},
		{"remotesecret=other\ndefaultuser=me", func(d *device) bool { return len(d.Endpoint.OutboundAuths) == 1 }},
		{"deny=0.0.0.0/0\npermit=198.51.100.0/24", func(d *device) bool {
			return !settings.Permitted(d.Endpoint.ACL, netip.MustParseAddr("192.0.2.1")) && settings.Permitted(d.Endpoint.ACL, netip.MustParseAddr("198.51.100.1"))
		}},
		{"outboundproxy=tcp://proxy.example.com:5070,force", func(d *device) bool {
			return d.Endpoint.OutboundProxy == "sip:proxy.example.com:5070;lr;transport=tcp"
		}},
		{"session-timers=refuse", func(d *device) bool { return d.Endpoint.Timers == "no" }},
		{"allowoverlap=no", func(d *device) bool { return !d.Endpoint.AllowOverlap }},
	} {
		s, ds := fromSIP(t, phone(c.lines))
		for _, d := range ds {
			if d.Severity > astconf.Note {
				t.Errorf("%s: %s", c.lines, d)
			}
		}
		if d := s.Devices["bob"]; d == nil || !c.ok(d) {
			t.Errorf("%s: device %+v\nendpoint %+v", c.lines, d, d.Endpoint)
		}
	}
}

func TestSIPFindings(t *testing.T) {
	for _, c := range []struct {
		lines, rule string
		line        int
		severity    astconf.Severity
	}{
		{"[general]\nallowguest=yes\n", "guest-calls", 2, astconf.Warning},
		{"[general]\n", "guest-calls", 1, astconf.Warning},
		{"[general]\nallowguest=no\nudpbindadr=0.0.0.0\n", "unknown-option", 3, astconf.Warning},
		{"[general]\nudpbindaddr=nowhere\n", "bad-value", 2, astconf.Error},
		{"[general]\nsecret=x\n", "misplaced-option", 2, astconf.Warning},
		{"[general]\nexternaddr=192.0.2.1\n", "no-localnet", 2, astconf.Warning},
		{"[general]\nregister => nobody\n", "bad-value", 2, astconf.Error},
		{"[a]\ntype=friend\nhost=dynamic\nsecret=x\ntcpenable=yes\n", "misplaced-option", 5, astconf.Warning},
		{"[a]\nhost=dynamic\n", "missing-type", 1, astconf.Warning},
		{"[a]\ntype=frend\nhost=dynamic\n", "unknown-type", 2, astconf.Warning},
		{"[a]\ntype=friend\nhost=dynamic\n", "no-inbound-auth", 1, astconf.Warning},
		{"[a]\ntype=peer\nsecret=x\n", "no-host", 1, astconf.Warning},
		{"[a]\ntype=peer\nhost=1.2.3.4\ninsecure=very\n", "bad-value", 4, astconf.Error},
		{"[a]\ntype=peer\nhost=1.2.3.4\npermit=somewhere\n", "bad-value", 4, astconf.Error},
		{"[a]\ntype=peer\nhost=1.2.3.4\nnat=perhaps\n", "bad-value", 4, astconf.Warning},
		{"[a]\ntype=peer\nhost=1.2.3.4\nnat=yes\n", "deprecated-option", 4, astconf.Note},
		{"[a]\ntype=peer\nhost=1.2.3.4\ncanreinvite=no\n", "deprecated-option", 4, astconf.Note},
		{"[a]\ntype=peer\nhost=1.2.3.4\nallow=nonesuch\n", "doubtful-value", 4, astconf.Warning},
		{"[a]\ntype=peer\nhost=1.2.3.4\ndisallow=all\n", "no-codecs", 1, astconf.Warning},
		{"[a]\ntype=peer\nhost=1.2.3.4\n[A]\nqualify=yes\n", "duplicate-object", 4, astconf.Warning},
	} {
		_, ds := fromSIP(t, c.lines)
		found := slices.ContainsFunc(ds, func(d astconf.Diag) bool {
			return d.Rule == c.rule && d.Line == c.line && d.Severity == c.severity
		})
		if !found {
			t.Errorf("%q: no %s %s in line %d, but %v", c.lines, c.severity, c.rule, c.line, ds)
		}
	}
}

// No secret is ever printed (D9), not even that of a line that is wrong.
func TestSIPSecretsMasked(t *testing.T) {
	_, ds := fromSIP(t, "[general]\nmwi => me:hunter2@host/1\nregister => me:hunter2@host:0\n[a]\ntype=peer\nhost=1.2.3.4\nmd5secret=hunter2\nauth=hunter2\n")
	for _, d := range ds {
		if strings.Contains(d.String(), "hunter2") {
			t.Error(d)
		}
	}
}

// [general] is the default of every device, also of those above it; a second
// section of a device adds to the first.
func TestSIPDefaultsAndSecondSection(t *testing.T) {
	s, _ := fromSIP(t, "[a]\ntype=friend\nhost=dynamic\nsecret=x\nsetvar=A=1\n[general]\nallowguest=no\ncontext=office\nlanguage=de\n[A]\ncontext=hall\nsetvar=B=2\n")
	d := s.Devices["a"]
	if len(s.List) != 1 || d.Name != "a" || d.Endpoint.Language != "de" || d.Endpoint.Context != "hall" || len(d.Endpoint.SetVars) != 2 {
		t.Errorf("%d devices, %+v", len(s.List), d.Endpoint)
	}
}

func TestRegisterLines(t *testing.T) {
	for _, c := range []struct {
		line, client, server, contact, user, secret, network string
		expiry                                               time.Duration
	}{
		{"u:p@host.example.com", "sip:u@host.example.com", "sip:host.example.com", "s", "u", "p", "udp", 2 * time.Minute},
		{"u@dom.example.com:p@198.51.100.1:5070/3001", "sip:u@dom.example.com", "sip:198.51.100.1:5070", "3001", "u", "p", "udp", 2 * time.Minute},
		{"u:p@ss/w~d@198.51.100.1~600", "sip:u@198.51.100.1", "sip:198.51.100.1", "s", "u", "p@ss/w~d", "udp", 10 * time.Minute},
		{"tcp://u:p:auth@198.51.100.1/7~60", "sip:u@198.51.100.1", "sip:198.51.100.1", "7", "auth", "p", "tcp", time.Minute},
		{"gw?u:p@ignored.example.com", "sip:u@ignored.example.com", "sip:198.51.100.77", "s", "u", "p", "tcp", 2 * time.Minute},
		{"u@dom.example.com:5070:p:auth@198.51.100.1", "sip:u@dom.example.com:5070", "sip:198.51.100.1", "s", "auth", "p", "udp", 2 * time.Minute},
	} {
		s, ds := fromSIP(t, "[general]\nallowguest=no\ntcpenable=yes\nregister => "+c.line+"\n[gw]\ntype=peer\nhost=198.51.100.77\ntransport=tcp\n")
		snap, _ := pjsipconf.Read(nil)
		ds = append(ds, s.join(snap)...)
		if len(snap.Registrations) != 1 {
			t.Errorf("%s: %v", c.line, ds)
			continue
		}
		r := snap.Registrations[0]
		auth := snap.NamedAuths(r.OutboundAuths)[0]
		if r.ClientURI != c.client || r.ServerURI != c.server || r.ContactUser != c.contact || r.Expiration != c.expiry ||
			r.Transport != "sip-"+c.network || auth.Username != c.user || auth.Password != c.secret || !r.Legacy {
			t.Errorf("%s: %+v %+v", c.line, r, auth)
		}
	}
}

// Both front ends on one address share its socket, and the user is told with
// both lines (D4). Guests are not let in there by a default nobody wrote.
func TestJoinConflict(t *testing.T) {
	pjsip, _ := astconf.Load(fstest.MapFS{"pjsip.conf": {Data: []byte("[t]\ntype=transport\nprotocol=udp\nbind=198.51.100.9\n")}}, "pjsip.conf")
	for _, c := range []struct {
		general string
		shared  bool
		guest   bool
	}{
		{"udpbindaddr=198.51.100.9", true, false},
		{"udpbindaddr=0.0.0.0", true, false},
		{"udpbindaddr=0.0.0.0\nallowguest=yes", true, true},
		{"udpbindaddr=198.51.100.9:5070", false, true},
		{"udpbindaddr=198.51.100.10", false, true},
	} {
		snap, _ := pjsipconf.Read(pjsip)
		s, _ := fromSIP(t, "[general]\n"+c.general+"\n")
		ds := s.join(snap)
		if !c.shared {
			if len(ds) > 0 || len(s.Shared) > 0 || len(snap.Transports) != 2 {
				t.Errorf("%s: %v %v", c.general, ds, s.Shared)
			}
		} else if len(ds) != 1 || ds[0].Rule != "bind-conflict" || ds[0].Line != 2 || !strings.Contains(ds[0].Message, "pjsip.conf:1") || len(snap.Transports) != 1 || s.Transports[0] != "t" {
			t.Errorf("%s: %v %v", c.general, ds, s.Transports)
		}
		if (s.Guest != nil) != c.guest {
			t.Errorf("%s: guest %v, want %v", c.general, s.Guest != nil, c.guest)
		}
	}
}

// Every default in the tables is a value of its own kind.
func TestSIPDefaultsReadable(t *testing.T) {
	check := func(name, def string, k option.Kind, plain bool) {
		if plain && def != "" && k.Read != nil {
			if _, _, err := k.Read(def); err != nil {
				t.Errorf("%s: default %q: %v", name, def, err)
			}
		}
	}
	for _, o := range generalOptions() {
		check(o.Name, o.Default, o.Kind, o.Take == nil)
	}
	for _, o := range deviceOptions() {
		check(o.Name, o.Default, o.Kind, o.Take == nil)
	}
}

func FuzzRegister(f *testing.F) {
	for _, s := range []string{"u:p@host", "peer?tcp://u@d:5060:p:a@[::1]:5070/x~60", "@", "u@", "a?b://c@d/e~f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if a, err := parseRegister(line); err == nil && (a.user == "" || a.host == "" || a.expiry < 0 || a.port < 0 || a.port > 65535) {
			t.Errorf("%q: %+v", line, a)
		}
	})
}
