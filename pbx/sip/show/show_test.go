package show

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"branchline/pbx/astconf"
	"branchline/pbx/astdb"
	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/settings"
	"branchline/pbx/settings/pjsipconf"
	"branchline/pbx/settings/sipconf"
	"branchline/pbx/sip/identify"
	"branchline/pbx/sip/outreg"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/subscribe"
)

// The outputs in testdata are what Asterisk 22 printed for this configuration
// and these phones, but for passwords, product name and the qualify timeout,
// of which it shows 0 whatever is set.

func snapshot(t testing.TB, file string) *settings.Snapshot {
	t.Helper()
	f, ds := astconf.Load(os.DirFS(filepath.Dir(file)), filepath.Base(file))
	s, more := pjsipconf.Read(f)
	if ds = append(ds, more...); astconf.Failed(ds) {
		t.Fatal(ds)
	}
	return s
}

// phones answers OPTIONS as fast as the real ones did.
type phones map[string]time.Duration

func (p phones) Ping(_ context.Context, c *registrar.Contact, _ *settings.AOR) (int, error) {
	d, ok := p[c.URI]
	if !ok {
		return 0, errors.New("no answer")
	}
	time.Sleep(d)
	return 200, nil
}

// registered is what the phones' REGISTERs left in the store.
func registered(t testing.TB) *astdb.DB {
	t.Helper()
	db := astdb.Memory()
	for _, c := range []struct{ aor, hash, uri, host, callID, qualify string }{
		{"1001", "e5594b7d95b6358b58018080d7211101", "sip:1001@198.51.100.206:5060", "198.51.100.206", "t71zmyct", "0"},
		{"1002", "2ff8bfed58dc09354e6760da9af76483", "sip:1002@198.51.100.55:5060;transport=tcp", "198.51.100.55", "dp4p4k67", "0"},
		{"1003", "3b4d2a92886d7d7372b027349590edf4", "sip:1003@198.51.100.101:5060", "198.51.100.101", "mv5tcdbq", "5"},
		{"1003", "a394d3749ae9fac1ef210e4f3e365582", "sip:1003@198.51.100.103:5060", "198.51.100.103", "5zfq3ik6", "5"},
	} {
		// Half an hour less than shown: what is found at start is trusted so much longer.
		err := db.Put("registrar", "contact/"+c.aor+";@"+c.hash, `{"via_addr":"`+c.host+`","qualify_timeout":"3.000000","qualify_2xx_only":"false","call_id":"`+c.callID+
			`","reg_server":"","prune_on_boot":"no","path":"","endpoint":"`+c.aor+`","via_port":"5060","authenticate_qualify":"no","uri":"`+c.uri+
			`","qualify_frequency":"`+c.qualify+`","user_agent":"peers-phone/1","expiration_time":"1795362363","outbound_proxy":""}`)
		if err != nil {
			t.Fatal(err)
		}
	}
	return db
}

type accounts struct {
	list []outreg.Status
	sent []string
}

func (a *accounts) Statuses() []outreg.Status { return a.list }

func (a *accounts) Send(id string, on bool) bool {
	if !slices.ContainsFunc(a.list, func(s outreg.Status) bool { return s.ID == id }) {
		return false
	}
	a.sent = append(a.sent, id)
	return true
}

// tree has the commands of a running exchange: 1001 talks to 1002 since up.
func tree(t testing.TB, snap *settings.Snapshot, contacts *registrar.Registrar, up time.Duration, regs *accounts) *cli.Tree {
	t.Helper()
	now := time.Now()
	calls := map[string][]*channel.Snapshot{
		"1001": {{Name: "PJSIP/1001-00000000", App: "Dial", State: channel.Up, Exten: "1002", Inbound: true, Created: now.Add(-up), Connected: channel.Party{Number: "1002"}}},
		"1002": {{Name: "PJSIP/1002-00000001", App: "AppDial", State: channel.Up, Exten: "1002", Created: now.Add(-up), Connected: channel.Party{Number: "1001"}}},
	}
	states := map[string]channel.DeviceState{"1001": channel.DeviceInUse, "1002": channel.DeviceInUse, "1003": channel.DeviceNotInUse,
		"1009": channel.DeviceUnavailable, "SIP3": channel.DeviceNotInUse}
	deps := Deps{
		Snapshot: func() *settings.Snapshot { return snap }, Identifiers: identify.New(snap).Order, Contacts: contacts,
		Channels: func(e string) []*channel.Snapshot { return calls[e] },
		State:    func(e string) channel.DeviceState { return states[e] },
		Qualify:  contacts.Qualify, Probes: contacts.Probes, UserAgent: "Branchline/1.0 (as long as what stood there)", Version: "v1",
		Subscriptions: func() []subscribe.Entry { return nil },
	}
	if regs != nil {
		deps.Registrations = regs
	}
	tr := cli.NewTree()
	if err := tr.Add(Commands(deps)...); err != nil {
		t.Fatal(err)
	}
	return tr
}

// Seed: S-146, S-147, S-155, S-156, S-159 to S-162, S-164, S-174 to S-177, S-181 to S-184,
// S-186 to S-188, S-191, S-192, S-194, S-197, S-198, S-300.
func TestAsAsteriskPrints(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 30 {
		t.Fatal(files, err)
	}
	texts := map[string]string{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts[f] = string(data)
	}
	snap := snapshot(t, "testdata/pjsip.conf")
	synctest.Test(t, func(t *testing.T) {
		reg := registrar.New(registrar.Options{DB: registered(t), Log: slog.New(slog.DiscardHandler),
			Pinger: phones{"sip:1003@198.51.100.101:5060": 428 * time.Microsecond, "sip:1003@198.51.100.103:5060": 860 * time.Microsecond}})
		reg.Configure(snap)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- reg.Run(ctx) }()
		time.Sleep(time.Second)
		synctest.Wait()
		for _, f := range files {
			line, want, _ := strings.Cut(texts[f], "\n")
			up, ago := time.Second, 2*time.Second
			if regexp.MustCompile(`00:00:02|3s ago`).MatchString(want) {
				up, ago = 2*time.Second, 3*time.Second
			}
			tr := tree(t, snap, reg, up, &accounts{list: []outreg.Status{{Registration: snap.Registrations[0], State: outreg.Rejected, Expires: time.Now().Add(-ago)}}})
			var out bytes.Buffer
			tr.Run(context.Background(), &out, strings.TrimPrefix(line, "*CLI> "))
			if got := out.String(); got != want {
				t.Errorf("%s: %s", f, difference(got, want))
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// difference shows the first line that is not as wanted.
func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := "(nothing)", "(nothing)"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return "line " + string(rune('0'+i/100)) + string(rune('0'+i/10%10)) + string(rune('0'+i%10)) + "\n got " + a + "|\nwant " + b + "|"
		}
	}
	return "equal"
}

// Seed: S-170, S-171, S-200.
func TestOddities(t *testing.T) {
	dir := t.TempDir()
	long := "averyveryveryverylongaornamethatgoesbeyondthecolumnsofthetable1"
	conf := "[averyveryveryverylongtransportnamehere]\ntype=transport\nprotocol=tcp\nbind=198.51.100.9\ntos=cs3\ncos=3\n" +
		"[ep]\ntype=endpoint\naors=" + long + ",o2,gone\nauth=x1,x2\noutbound_auth=x1,gone\ncallerid=\"Fred\" <123>\n" +
		"transport=averyveryveryverylongtransportnamehere\ndevice_state_busy_at=2\n" +
		"[" + long + "]\ntype=aor\nmax_contacts=100\ncontact=sip:" + long + "@10.0.0.1:5060\n[o2]\ntype=aor\ncontact=sip:10.0.0.1,sip:b@10.0.0.2:5080\\;transport=tcp\n" +
		"[x1]\ntype=auth\nusername=u\npassword=p\n[x2]\ntype=auth\nusername=u2\npassword=p\n" +
		"[i2]\ntype=identify\nendpoint=ep\nmatch=10.9.0.1,!10.8.0.1\nmatch_header=X: y\nmatch_request_uri=/a/\n"
	if err := os.WriteFile(filepath.Join(dir, "pjsip.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	snap := snapshot(t, filepath.Join(dir, "pjsip.conf"))
	reg := registrar.New(registrar.Options{DB: astdb.Memory(), Log: slog.New(slog.DiscardHandler)})
	reg.Configure(snap)
	regs := &accounts{}
	tr := tree(t, snap, reg, 0, regs)
	block := " Endpoint:  ep/123                                               Unknown       0 of 2\n" +
		"    OutAuth:  x1/u\n     InAuth:  x1/u\n     InAuth:  x2/u2\n" +
		"        Aor:  averyveryveryverylongaornamethatgoesbey          100\n" +
		"      Contact:  " + long + "/sip:" + long + "@10.0.0.1:5060 de0ad18ffc NonQual        -nan\n" +
		"        Aor:  o2                                                 0\n" +
		"      Contact:  o2/sip:b@10.0.0.2:5080;transport=tcp       86b361d27a NonQual        -nan\n" +
		"      Contact:  o2/sip:10.0.0.1                            d1cc1378a3 NonQual        -nan\n" +
		"  Transport:  averyveryveryverylongtransportnamehere     tcp      3     96  198.51.100.9:5060\n" +
		"   Identify:  i2/ep\n        Match: 10.9.0.1/32\n        Match: !10.8.0.1/32\n       Header: X: y\n   RequestURI: /a/\n\n"
	for _, c := range []struct {
		line, want string
		outcome    cli.Outcome
	}{
		{"pjsip show endpoints like ep", "\n" + endpointHead + rule + "\n" + block + "\nObjects found: 1\n\n", cli.Done},
		{"pjsip show endpoints like nomatch", "No objects found.\n\n", cli.Done},
		{"pjsip list endpoints like [", "No objects found.\n\n", cli.Done},
		{"pjsip list aors", "\n      Aor:  <Aor..............................................>  <MaxContact>\n" + rule + "\n" +
			"      Aor:  averyveryveryverylongaornamethatgoesbeyon          100\n      Aor:  o2                                                   0\n\nObjects found: 2\n\n", cli.Done},
		{"pjsip show endpoint", "No object specified.\nCommand 'pjsip show endpoint' failed.\n", cli.Failed},
		{"pjsip qualify", "", cli.Misused},
		{"pjsip qualify nope", "Unable to retrieve endpoint nope\nCommand 'pjsip qualify nope' failed.\n", cli.Failed},
		{"pjsip show qualify aor nope", "Unable to retrieve aor 'nope' qualify options\nCommand 'pjsip show qualify aor nope' failed.\n", cli.Failed},
		{"pjsip show qualify endpoint nope", "Unable to retrieve endpoint nope\nCommand 'pjsip show qualify endpoint nope' failed.\n", cli.Failed},
		{"pjsip show registrations", "No objects found.\n\n", cli.Done},
		{"pjsip send register nope", "Unable to retrieve registration nope\nCommand 'pjsip send register nope' failed.\n", cli.Failed},
		{"pjsip send register *all", "", cli.Done},
		{"pjsip show version", "SIP stack currently running: v1\n", cli.Done},
	} {
		var out bytes.Buffer
		outcome := tr.Run(context.Background(), &out, c.line)
		if outcome != c.outcome || out.String() != c.want && c.outcome != cli.Misused {
			t.Errorf("%s: %s, %s", c.line, outcome, difference(out.String(), c.want))
		}
	}
}

func TestCompletion(t *testing.T) {
	snap := snapshot(t, "testdata/pjsip.conf")
	reg := registrar.New(registrar.Options{DB: astdb.Memory(), Log: slog.New(slog.DiscardHandler)})
	reg.Configure(snap)
	tr := tree(t, snap, reg, 0, nil)
	for line, want := range map[string]string{
		"pjsip show endpoint 10":   "1001 1002 1003 1009",
		"pjsip show auth 3":        "3001_out",
		"pjsip show contact SIP":   "SIP3/sip:198.51.100.52",
		"pjsip show transport ":    "transport-tcp transport-udp",
		"pjsip qualify SI":         "SIP3",
		"pjsip show registration ": "",
	} {
		if got := strings.Join(tr.Complete(line), " "); got != want {
			t.Errorf("%q: %s, want %s", line, got, want)
		}
	}
}

func TestPasswordsAreMasked(t *testing.T) {
	snap := snapshot(t, "testdata/pjsip.conf")
	reg := registrar.New(registrar.Options{DB: astdb.Memory(), Log: slog.New(slog.DiscardHandler)})
	tr := tree(t, snap, reg, 0, nil)
	for _, line := range []string{"pjsip show auths", "pjsip show auth 1001_auth", "pjsip show endpoint 1001", "pjsip show endpoints"} {
		var out bytes.Buffer
		tr.Run(context.Background(), &out, line)
		if strings.Contains(out.String(), "1234567890") {
			t.Errorf("%s shows a password", line)
		}
	}
}

// What comes from sip.conf is shown by its own commands, not by these.
func TestLegacyLeftOut(t *testing.T) {
	f, _ := astconf.Load(fstest.MapFS{"sip.conf": {Data: []byte("[general]\nregister => u:p@198.51.100.1\n[1001]\ntype=friend\nhost=dynamic\nsecret=x\n")}}, "sip.conf")
	legacy, _ := sipconf.Read(f)
	all, _ := pjsipconf.Read(nil)
	legacy.Join(all)
	if len(all.AORs) != 1 || len(all.Transports) != 1 || len(all.Registrations) != 1 {
		t.Fatalf("joined: %+v", all)
	}
	s := modern(func() *settings.Snapshot { return all })()
	if len(s.AORs) != 0 || len(s.Transports) != 0 || len(s.Registrations) != 0 {
		t.Errorf("shown: %v %v %v", s.AORs, s.Transports, s.Registrations)
	}
}
