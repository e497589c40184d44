package registrar

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/astconf"
	"branchline/pbx/astdb"
	"branchline/pbx/settings"
	"branchline/pbx/settings/pjsipconf"
	"branchline/pbx/sip/digest"
	"branchline/pbx/sip/identify"
)

const conf = `[transport-udp]
type=transport
bind=198.51.100.9
[transport-tcp]
type=transport
protocol=tcp
bind=198.51.100.9
[1001]
type=endpoint
aors=1001
transport=transport-udp
[1001]
type=aor
max_contacts=1
remove_existing=yes
[1002]
type=endpoint
aors=1002,extra,1002@office.example
transport=transport-tcp
identify_by=username,auth_username
[1002]
type=aor
max_contacts=2
[extra]
type=aor
max_contacts=5
support_path=yes
contact=sip:192.0.2.77
[1002@office.example]
type=aor
max_contacts=1
[alias.example]
type=domain_alias
domain=office.example
[1003]
type=endpoint
aors=1003
[1003]
type=aor
max_contacts=2
remove_unavailable=yes
qualify_frequency=60
qualify_timeout=2
contact=sip:fixed@192.0.2.50
[closed]
type=endpoint
aors=closed
[closed]
type=aor
[none]
type=endpoint
`

func snapshot(t testing.TB, text string) *settings.Snapshot {
	t.Helper()
	f, ds := astconf.Load(fstest.MapFS{"pjsip.conf": {Data: []byte(text)}}, "pjsip.conf")
	s, more := pjsipconf.Read(f)
	if ds = append(ds, more...); astconf.Failed(ds) {
		t.Fatal(ds)
	}
	return s
}

type rig struct {
	*Registrar
	t       testing.TB
	snap    *settings.Snapshot
	db      *astdb.DB
	log     strings.Builder
	mu      sync.Mutex
	said    []string
	changes []string
}

func newRig(t testing.TB, db *astdb.DB, pinger Pinger) *rig {
	t.Helper()
	r := &rig{t: t, snap: snapshot(t, conf), db: db}
	r.Registrar = New(Options{DB: db, Pinger: pinger,
		Log: slog.New(slog.NewTextHandler(&r.log, nil)),
		Changed: func(aor string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.changes = append(r.changes, aor)
		},
		Verbose: func(_ int, format string, args ...any) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.said = append(r.said, fmt.Sprintf(format, args...))
		}})
	r.Configure(r.snap)
	return r
}

var phone = Source{Addr: netip.MustParseAddrPort("198.51.100.206:5060"), Protocol: "UDP", Transport: "transport-udp"}

func request(t testing.TB, to string, headers ...string) *sip.Request {
	t.Helper()
	lines := slices.Concat([]string{"REGISTER sip:198.51.100.9 SIP/2.0", "Via: SIP/2.0/UDP 198.51.100.206:5060;branch=z9hG4bKx", "From: <sip:x@y>;tag=1",
		"To: " + to, "Call-ID: abc", "CSeq: 1 REGISTER", "User-Agent: test/1"}, headers)
	msg, err := sip.ParseMessage([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return msg.(*sip.Request)
}

// register sends a REGISTER of an endpoint for its own name and gives the
// status and the headers answered, in short.
func (r *rig) register(endpoint string, headers ...string) string {
	r.t.Helper()
	return r.registerAs(endpoint, "<sip:"+endpoint+"@198.51.100.9>", headers...)
}

func (r *rig) registerAs(endpoint, to string, headers ...string) string {
	r.t.Helper()
	return short(r.Register(request(r.t, to, headers...), phone, r.snap.Endpoints[endpoint], ""))
}

func short(a Answer) string {
	out := fmt.Sprint(a.Status)
	for _, h := range a.Headers {
		if h.Name() != "Date" {
			out += " " + h.Name()[:1] + ":" + h.Value()
		}
	}
	return out
}

func (r *rig) uris(aor string) string {
	var out []string
	for _, c := range r.Contacts(aor) {
		out = append(out, c.URI)
	}
	return strings.Join(out, " ")
}

// TestAlgorithm goes through compat's steps 1 to 8, each row from nothing.
func TestAlgorithm(t *testing.T) {
	for _, c := range []struct {
		name, endpoint, to string
		send               []string // headers of one REGISTER each, joined by |
		want               string   // the last answer
		left               string   // contacts afterwards, newest first
	}{
		{"no aors", "none", "<sip:none@x>", []string{"Contact: <sip:a@192.0.2.1>"}, "403", ""},
		{"somebody else's aor", "1001", "<sip:1002@x>", []string{"Contact: <sip:a@192.0.2.1>"}, "404", ""},
		{"To is not SIP", "1001", "<tel:1001>", []string{"Contact: <sip:a@192.0.2.1>"}, "416", ""},
		{"max_contacts 0", "closed", "<sip:closed@x>", []string{"Contact: <sip:a@192.0.2.1>"}, "403", ""},
		{"another of its aors", "1002", "<sip:extra@x>", []string{"Contact: <sip:a@192.0.2.1>"}, "200 C:<sip:192.0.2.77> C:<sip:a@192.0.2.1>;expires=3600", ""},
		{"user@domain first", "1002", "<sip:1002@office.example>", []string{"Contact: <sip:a@192.0.2.1>"}, "200 C:<sip:a@192.0.2.1>;expires=3600", ""},
		{"user@alias", "1002", "<sip:1002@ALIAS.example>", []string{"Contact: <sip:a@192.0.2.1>"}, "200 C:<sip:a@192.0.2.1>;expires=3600", ""},

		{"query of nothing", "1001", "", []string{""}, "200", ""},
		{"query", "1001", "", []string{"Contact: <sip:a@192.0.2.1>;expires=100", ""}, "200 C:<sip:a@192.0.2.1>;expires=100", "sip:a@192.0.2.1"},
		{"expires of the header", "1001", "", []string{"Contact: <sip:a@192.0.2.1>|Expires: 600"}, "200 C:<sip:a@192.0.2.1>;expires=600 E:600", "sip:a@192.0.2.1"},
		{"expires of the contact wins", "1001", "", []string{"Contact: <sip:a@192.0.2.1>;expires=90|Expires: 600"}, "200 C:<sip:a@192.0.2.1>;expires=90 E:600", "sip:a@192.0.2.1"},
		{"too short", "1001", "", []string{"Contact: <sip:a@192.0.2.1>|Expires: 10"}, "200 C:<sip:a@192.0.2.1>;expires=60 E:60", "sip:a@192.0.2.1"},
		{"too long", "1001", "", []string{"Contact: <sip:a@192.0.2.1>|Expires: 99999"}, "200 C:<sip:a@192.0.2.1>;expires=7200 E:7200", "sip:a@192.0.2.1"},
		{"beyond 32 bits", "1001", "", []string{"Contact: <sip:a@192.0.2.1>|Expires: 99999999999999999999"}, "200 C:<sip:a@192.0.2.1>;expires=7200 E:7200", "sip:a@192.0.2.1"},
		{"no number", "1001", "", []string{"Contact: <sip:a@192.0.2.1>;expires=soon|Expires: later"}, "200 C:<sip:a@192.0.2.1>;expires=3600", "sip:a@192.0.2.1"},
		{"removed", "1001", "", []string{"Contact: <sip:a@192.0.2.1>", "Contact: <sip:a@192.0.2.1>|Expires: 0"}, "200 E:0", ""},
		{"removing what is not there", "1001", "", []string{"Contact: <sip:a@192.0.2.1>|Expires: 0"}, "200 E:0", ""},
		{"star", "1002", "", []string{"Contact: <sip:a@192.0.2.1>,<sip:b@192.0.2.1>", "Contact: *|Expires: 0"}, "200 E:0", ""},
		{"star that stays", "1001", "", []string{"Contact: <sip:a@192.0.2.1>", "Contact: *|Expires: 60"}, "400", "sip:a@192.0.2.1"},
		{"star without Expires", "1001", "", []string{"Contact: *"}, "400", ""},
		{"star in company", "1001", "", []string{"Contact: *|Contact: <sip:a@192.0.2.1>|Expires: 0"}, "400", ""},
		{"contact is not SIP", "1001", "", []string{"Contact: <tel:123>"}, "400", ""},
		{"contact without host", "1001", "", []string{"Contact: <sip:>"}, "400", ""},

		{"over the limit", "1002", "", []string{"Contact: <sip:a@192.0.2.1>", "Contact: <sip:b@192.0.2.1>", "Contact: <sip:c@192.0.2.1>"}, "403", "sip:b@192.0.2.1 sip:a@192.0.2.1"},
		{"three at once", "1002", "", []string{"Contact: <sip:a@192.0.2.1>,<sip:b@192.0.2.1>, <sip:c@192.0.2.1>"}, "403", ""},
		{"one in, one out", "1002", "", []string{"Contact: <sip:a@192.0.2.1>,<sip:b@192.0.2.1>", "Contact: <sip:c@192.0.2.1>,<sip:a@192.0.2.1>;expires=0"},
			"200 C:<sip:b@192.0.2.1>;expires=3600 C:<sip:c@192.0.2.1>;expires=3600", "sip:c@192.0.2.1 sip:b@192.0.2.1"},
		{"displaced", "1001", "", []string{"Contact: <sip:a@192.0.2.1>", "Contact: <sip:b@192.0.2.1>"}, "200 C:<sip:b@192.0.2.1>;expires=3600", "sip:b@192.0.2.1"},
		{"two with remove_existing", "1001", "", []string{"Contact: <sip:a@192.0.2.1>,<sip:b@192.0.2.1>"}, "403", ""},
		{"refreshed", "1001", "", []string{"Contact: <sip:a@192.0.2.1>", "Contact: <sip:a@192.0.2.1>;expires=90"}, "200 C:<sip:a@192.0.2.1>;expires=90", "sip:a@192.0.2.1"},
		{"the same written otherwise", "1001", "", []string{"Contact: <sip:a@host.example>", "Contact: <sip:%61@HOST.example;x=1>"}, "200 C:<sip:%61@HOST.example;x=1>;expires=3600", "sip:%61@HOST.example;x=1"},
		{"named twice", "1001", "", []string{"Contact: <sip:a@192.0.2.1>;expires=60,<sip:a@192.0.2.1>;expires=90"}, "200 C:<sip:a@192.0.2.1>;expires=90", "sip:a@192.0.2.1"},
		{"compact", "1001", "", []string{"m: <sip:a@192.0.2.1>"}, "200 C:<sip:a@192.0.2.1>;expires=3600", "sip:a@192.0.2.1"},

		{"path", "1002", "<sip:extra@x>", []string{"Contact: <sip:a@192.0.2.1>|Path: <sip:p1;lr>, <sip:p2;lr>|Supported: 100rel, path"},
			"200 C:<sip:192.0.2.77> C:<sip:a@192.0.2.1>;expires=3600 P:<sip:p1;lr>, <sip:p2;lr>", ""},
		{"path undeclared", "1002", "<sip:extra@x>", []string{"Contact: <sip:a@192.0.2.1>|Path: <sip:p1;lr>"}, "420 U:path", ""},
		{"path not kept", "1001", "", []string{"Contact: <sip:a@192.0.2.1>|Path: <sip:p1;lr>"}, "200 C:<sip:a@192.0.2.1>;expires=3600", "sip:a@192.0.2.1"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, astdb.Memory(), nil)
			to := c.to
			if to == "" {
				to = "<sip:" + c.endpoint + "@198.51.100.9>"
			}
			got := ""
			for _, headers := range c.send {
				var list []string
				if headers != "" {
					list = strings.Split(headers, "|")
				}
				got = r.registerAs(c.endpoint, to, list...)
			}
			if got != c.want {
				t.Errorf("%s: answered %s\nwant %s", c.name, got, c.want)
			}
			if c.to == "" && r.uris(c.endpoint) != c.left {
				t.Errorf("%s: left %q, want %q", c.name, r.uris(c.endpoint), c.left)
			}
			if n := len(r.db.List("/registrar/contact")); c.to == "" && n != len(strings.Fields(c.left)) {
				t.Errorf("%s: %d in the store", c.name, n)
			}
		})
	}
}

func TestDigestUser(t *testing.T) {
	r := newRig(t, astdb.Memory(), nil)
	req := request(t, "<sip:phone@office>", "Contact: <sip:a@192.0.2.1>")
	if got := r.Register(req, phone, r.snap.Endpoints["1002"], "1002"); got.Status != 200 {
		t.Error(got)
	}
	if got := r.Register(req, phone, r.snap.Endpoints["1001"], "1001"); got.Status != 404 {
		t.Error("only with auth_username in identify_by:", got)
	}
}

// Seed: S-149.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, astdb.Memory(), nil)
		ctx, cancel := context.WithCancel(t.Context())
		go r.Run(ctx)
		r.register("1001", "Contact: <sip:a@192.0.2.1>;expires=100")
		time.Sleep(90 * time.Second)
		r.register("1001", "Contact: <sip:a@192.0.2.1>;expires=100")
		time.Sleep(99 * time.Second)
		synctest.Wait()
		if r.uris("1001") == "" {
			t.Error("gone before its time")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if r.uris("1001") != "" || len(r.db.List("/registrar")) != 0 {
			t.Error("still there", r.uris("1001"), r.db.List("/registrar"))
		}
		r.register("1001", "Contact: <sip:a@192.0.2.1>;expires=1000")
		r.register("1001", "Contact: <sip:a@192.0.2.1>;expires=60") // shorter than planned
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if len(r.db.List("/registrar")) != 0 {
			t.Error("a shortened registration outlived its time")
		}
		want := []string{"1001", "1001", "1001", "1001"} // came, went, came, went
		if !slices.Equal(r.changes, want) {
			t.Errorf("told of %q", r.changes)
		}
		if all := strings.Join(r.said, "\n"); !strings.Contains(all, "Removed contact 'sip:a@192.0.2.1' from AOR '1001' due to expiration") {
			t.Errorf("the console was told\n%s", all)
		}
		if n := len(r.agenda); n != 1 { // the item of the planned 1000 s
			t.Error("agenda holds", n)
		}
		cancel()
		synctest.Wait()
	})
}

// Seed: S-019, S-094, S-148.
func TestStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "astdb")
		db, err := astdb.Open(path, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		r := newRig(t, db, nil)
		r.register("1001", "Contact: <sip:1001@198.51.100.206:5060>")
		r.registerAs("1002", "<sip:extra@x>", "Contact: <sip:1002@192.0.2.1;transport=tcp>", "Path: <sip:p;lr>", "Supported: path")
		// What Asterisk 22 stored for the same phone, but for the times.
		want := `{"via_addr":"198.51.100.206","qualify_timeout":"3.000000","qualify_2xx_only":"false","call_id":"abc","reg_server":"",` +
			`"prune_on_boot":"yes","path":"","endpoint":"1001","via_port":"5060","authenticate_qualify":"no","uri":"sip:1001@198.51.100.206:5060",` +
			`"qualify_frequency":"0","user_agent":"test/1","expiration_time":"` + fmt.Sprint(time.Now().Unix()+3600) + `","outbound_proxy":""}`
		want = strings.Replace(want, `"prune_on_boot":"yes"`, `"prune_on_boot":"no"`, 1) // UDP has no connection to lose
		if got, _ := db.Get("registrar", "contact/1001;@e5594b7d95b6358b58018080d7211101"); got != want {
			t.Errorf("stored %s\nwant   %s", got, want)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if db, err = astdb.Open(path, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		again := newRig(t, db, nil)
		if again.uris("1001") != "sip:1001@198.51.100.206:5060" {
			t.Error("lost at restart:", db.List(""))
		}
		c := again.Contacts("extra")[0]
		if c.Uri.User != "1002" || !slices.Equal(c.Path, []string{"<sip:p;lr>"}) || c.Endpoint != "1002" || c.Hash() != hashOf(c.URI) {
			t.Errorf("%+v", c)
		}
		if left := time.Until(c.Expires); left < 3540*time.Second || left > 3570*time.Second {
			t.Error("time left", left)
		}
		// The console's command takes effect at once.
		if n, err := db.DelTree("registrar/contact", ""); n != 2 || err != nil {
			t.Error(n, err)
		}
		if again.uris("1001") != "" || again.uris("extra") != "sip:192.0.2.77" {
			t.Error("still there:", again.uris("1001"), again.uris("extra"))
		}
		if err := db.Put("registrar", "contact/1001;@e5594b7d95b6358b58018080d7211101", want); err != nil {
			t.Fatal(err)
		}
		if again.uris("1001") != "sip:1001@198.51.100.206:5060" {
			t.Error("a contact that was typed is not there")
		}
		for _, bad := range []string{"contact/x", "contact/1001;@zz", "contact/;@e5594b7d95b6358b58018080d7211101"} {
			if err := db.Put("registrar", bad, want); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Put("registrar", "contact/1001;@e5594b7d95b6358b58018080d7211101", "garbage"); err != nil || again.uris("1001") != "" {
			t.Error(err, again.uris("1001"))
		}
	})
}

func TestExpiredWhileStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := astdb.Memory()
		newRig(t, db, nil).register("1001", "Contact: <sip:a@192.0.2.1>;expires=100")
		time.Sleep(90*time.Second + lazy) // within the time that a refresh may be unwritten
		if newRig(t, db, nil).uris("1001") == "" {
			t.Error("a contact whose refresh may be unwritten is lost")
		}
		time.Sleep(time.Minute)
		if newRig(t, db, nil).uris("1001") != "" || len(db.List("/registrar")) != 0 {
			t.Error("an expired contact came back")
		}
	})
}

// A store that was closed holds every refresh: nothing is believed longer than it says.
func TestExpiredWhileClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "astdb")
		open := func() *astdb.DB {
			db, err := astdb.Open(path, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			return db
		}
		db := open()
		newRig(t, db, nil).register("1001", "Contact: <sip:a@192.0.2.1>;expires=100")
		for _, c := range []struct {
			after time.Duration
			there bool
		}{{time.Minute, true}, {time.Minute, false}} {
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(c.after)
			db = open()
			if got := newRig(t, db, nil).uris("1001") != ""; got != c.there {
				t.Errorf("another %v after the close: there %v", c.after, got)
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestConnectionBound(t *testing.T) {
	db := astdb.Memory()
	r := newRig(t, db, nil)
	src := Source{Addr: netip.MustParseAddrPort("192.0.2.1:40000"), Protocol: "TCP", Transport: "transport-tcp"}
	fixed := r.snap.Endpoints["1002"]
	rewritten := *fixed
	rewritten.RewriteContact = true
	r.Register(request(t, "<sip:1002@x>", "Contact: <sip:a@192.0.2.1:40000;transport=tcp>"), src, &rewritten, "")
	r.Register(request(t, "<sip:1002@x>", "Contact: <sip:b@192.0.2.1:5060;transport=tcp>"), src, &rewritten, "")
	if got := newRig(t, db, nil).uris("1002"); got != "sip:b@192.0.2.1:5060;transport=tcp" {
		t.Error("after a restart:", got)
	}
	other := src
	other.Addr = netip.MustParseAddrPort("192.0.2.1:40001")
	r.ConnectionClosed(other)
	r.ConnectionClosed(src)
	if got := r.uris("1002"); got != "sip:b@192.0.2.1:5060;transport=tcp" {
		t.Error("after the connection closed:", got)
	}
	r.Register(request(t, "<sip:1002@x>", "Contact: <sip:b@192.0.2.1:5060;transport=tcp>;expires=0"), src, fixed, "")
	r.Register(request(t, "<sip:1002@x>", "Contact: <sip:c@192.0.2.1:40000;transport=tcp>"), src, fixed, "")
	r.ConnectionClosed(src)
	if got := newRig(t, db, nil).uris("1002"); got != "sip:c@192.0.2.1:40000;transport=tcp" {
		t.Error("a contact that was not rewritten:", got)
	}
}

// Seed: S-104.
func TestWrongProtocol(t *testing.T) {
	r := newRig(t, astdb.Memory(), nil)
	r.register("1002", "Contact: <sip:a@192.0.2.1>")
	if got := r.log.String(); !strings.Contains(got, "called over") || !strings.Contains(got, "transport=transport-udp into endpoint [1002]") {
		t.Error(got)
	}
	r.log.Reset()
	r.register("1002", "Contact: <sip:a@192.0.2.1>") // a refresh says it no more
	r.register("1001", "Contact: <sip:a@192.0.2.1>")
	if got := r.log.String(); got != "" {
		t.Error(got)
	}
	want := []string{"Added contact 'sip:a@192.0.2.1' to AOR '1002' with expiration of 3600 seconds",
		"Added contact 'sip:a@192.0.2.1' to AOR '1001' with expiration of 3600 seconds"}
	if !slices.Equal(r.said, want) {
		t.Errorf("%q", r.said)
	}
}

// answers is a Pinger whose contacts answer after a while, or not at all.
type answers struct {
	asked  chan string
	mu     sync.Mutex
	status map[string]int
}

func (a *answers) Ping(ctx context.Context, c *Contact, _ *settings.AOR) (int, error) {
	select {
	case a.asked <- c.URI:
	default:
	}
	a.mu.Lock()
	s := a.status[c.URI]
	a.mu.Unlock()
	if s != 0 {
		time.Sleep(40 * time.Millisecond)
		return s, nil
	}
	<-ctx.Done()
	return 0, errors.New("no answer")
}

func TestQualify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &answers{asked: make(chan string, 100), status: map[string]int{"sip:fixed@192.0.2.50": 404, "sip:a@192.0.2.1": 200}}
		r := newRig(t, astdb.Memory(), p)
		ctx, cancel := context.WithCancel(t.Context())
		go r.Run(ctx)
		state := func(aor string) string {
			synctest.Wait()
			var out []string
			for _, c := range r.Contacts(aor) {
				out = append(out, fmt.Sprintf("%s %s %v", c.Uri.User, c.Status(), c.RTT()))
			}
			return strings.Join(out, ", ")
		}
		if got := state("1003"); got != "fixed Unknown 0s" {
			t.Error(got)
		}
		time.Sleep(time.Second)
		if got := state("1003"); got != "fixed Avail 40ms" {
			t.Error("any answer means reachable:", got)
		}
		r.register("1003", "Contact: <sip:a@192.0.2.1>")
		r.register("1003", "Contact: <sip:b@192.0.2.1>")
		time.Sleep(3 * time.Second)
		if got := state("1003"); got != "b Unavail 0s, a Avail 40ms, fixed Avail 40ms" {
			t.Error(got)
		}
		if got := len(r.Usable("1003")); got != 2 {
			t.Error("usable:", got)
		}
		// Over the limit, the unreachable one makes room.
		if got := r.register("1003", "Contact: <sip:c@192.0.2.1>"); !strings.HasPrefix(got, "200") {
			t.Error(got)
		}
		if got := r.uris("1003"); got != "sip:c@192.0.2.1 sip:a@192.0.2.1 sip:fixed@192.0.2.50" {
			t.Error(got)
		}
		p.mu.Lock()
		p.status["sip:c@192.0.2.1"] = 200
		p.mu.Unlock()
		time.Sleep(3 * time.Second)
		for len(p.asked) > 0 {
			<-p.asked
		}
		time.Sleep(600 * time.Second)
		synctest.Wait()
		if n := len(p.asked); n < 29 || n > 31 { // three contacts, ten minutes, once a minute
			t.Error("asked", n, "times")
		}
		if !r.Qualify("extra") || r.Qualify("closed") {
			t.Error("qualify finds the wrong ones")
		}
		time.Sleep(time.Minute)
		if got := state("extra"); got != " NonQual 0s" {
			t.Error("asking once must not change a contact that is not watched:", got)
		}
		// A reload that ends probing.
		changed := snapshot(t, strings.Replace(conf, "qualify_frequency=60", "qualify_frequency=0", 1))
		r.Configure(changed)
		time.Sleep(2 * time.Minute)
		if got := state("1003"); got != "c NonQual 0s, a NonQual 0s, fixed NonQual 0s" {
			t.Error(got)
		}
		for len(p.asked) > 0 {
			<-p.asked
		}
		r.Configure(r.Registrar.snap)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := len(p.asked); n != 0 {
			t.Error("still asking", n)
		}
		cancel()
		synctest.Wait()
	})
}

func TestManyPings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text strings.Builder
		for i := range 200 {
			fmt.Fprintf(&text, "[a%d]\ntype=aor\nqualify_frequency=3600\ncontact=sip:%d@192.0.2.1\n", i, i)
		}
		p := &answers{asked: make(chan string, 1000), status: map[string]int{}}
		r := newRig(t, astdb.Memory(), p)
		ctx, cancel := context.WithCancel(t.Context())
		r.Configure(snapshot(t, text.String()))
		go r.Run(ctx)
		synctest.Wait()
		if n := len(p.asked); n != maxPings {
			t.Error("at once:", n)
		}
		time.Sleep(time.Minute) // 3 s each
		synctest.Wait()
		if n := len(p.asked); n != 200 {
			t.Error("in all:", n)
		}
		cancel()
		synctest.Wait()
	})
}

func TestReload(t *testing.T) {
	r := newRig(t, astdb.Memory(), nil)
	r.register("1001", "Contact: <sip:a@192.0.2.1>")
	fixed := r.Contacts("extra")[0]
	r.Configure(snapshot(t, strings.Replace(conf, "[1001]\ntype=aor", "[1001x]\ntype=aor", 1)))
	if r.uris("1001") != "" {
		t.Error("contacts of an aor that is gone")
	}
	r.Configure(snapshot(t, conf))
	if r.uris("1001") != "sip:a@192.0.2.1" || r.Contacts("extra")[0] != fixed {
		t.Error("a contact did not survive a reload")
	}
}

func TestSameURI(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{ // RFC 3261 section 19.1.4's examples, and then some
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true},
		{"sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true},
		{"sip:biloxi.com;transport=tcp;method=REGISTER", "sip:biloxi.com;method=REGISTER;transport=tcp", true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		{"sip:bob@x", "sips:bob@x", false},
		{"sip:bob:pw@x", "sip:bob@x", false},
		{"sip:a%zz@x", "sip:a%zz@x", true},
	} {
		var a, b sip.Uri
		if err := errors.Join(sip.ParseUri(c.a, &a), sip.ParseUri(c.b, &b)); err != nil {
			t.Fatal(err)
		}
		if sameURI(&a, &b) != c.want || sameURI(&b, &a) != c.want {
			t.Errorf("%s and %s: want %v", c.a, c.b, c.want)
		}
	}
}

func FuzzRegister(f *testing.F) {
	f.Add("Contact: <sip:a@192.0.2.1>;expires=60", "Expires: 0", "Path: <sip:p;lr>")
	f.Add("Contact: *", "Expires: 99999999999", "Supported: path")
	f.Add(`Contact: "a, b" <sip:a@[::1]:5060;transport=tcp?x=y>;q=1`, "m: <sip:b@c>", "User-Agent: \xff")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if strings.ContainsAny(a+b+c, "\r\n") {
			return
		}
		msg, err := sip.ParseMessage([]byte("REGISTER sip:x SIP/2.0\r\nTo: <sip:extra@x>\r\nFrom: <sip:x@y>\r\nCall-ID: x\r\nCSeq: 1 REGISTER\r\n" + a + "\r\n" + b + "\r\n" + c + "\r\n\r\n"))
		if err != nil {
			return
		}
		req, ok := msg.(*sip.Request)
		if !ok {
			return
		}
		db := astdb.Memory()
		r := newRig(t, db, nil)
		answer := r.Register(req, phone, r.snap.Endpoints["1002"], "")
		if answer.Status < 200 {
			t.Fatalf("%+v", answer)
		}
		before := r.uris("extra")
		again := newRig(t, db, nil)
		if got := len(strings.Fields(again.uris("extra"))); got != len(strings.Fields(before)) {
			t.Errorf("%q is %q after a restart: %v", before, again.uris("extra"), db.List(""))
		}
	})
}

// BenchmarkDigestRegister is a whole registration as a phone does it, from the
// bytes of the datagrams on: REGISTER, challenge, REGISTER with credentials,
// 200. The transaction layer is not in it.
func BenchmarkDigestRegister(b *testing.B) {
	db, err := astdb.Open(filepath.Join(b.TempDir(), "astdb"), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	var text strings.Builder
	const phones = 1000
	for i := range phones {
		fmt.Fprintf(&text, "[%d]\ntype=endpoint\naors=%d\nauth=%d\n[%d]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n[%d]\ntype=auth\nusername=%d\npassword=secret\n", i, i, i, i, i, i)
	}
	snap := snapshot(b, text.String())
	index := identify.New(snap)
	verifier, err := digest.NewVerifier(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	r := New(Options{DB: db, Log: slog.New(slog.DiscardHandler)})
	r.Configure(snap)
	packets := make([][]byte, phones)
	for i := range packets {
		packets[i] = []byte(fmt.Sprintf("REGISTER sip:198.51.100.9 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.206:5060;branch=z9hG4bK%d\r\nFrom: <sip:%d@x>;tag=1\r\n"+
			"To: <sip:%d@x>\r\nCall-ID: call-%d\r\nCSeq: 1 REGISTER\r\nUser-Agent: bench/1\r\nContact: <sip:%d@198.51.100.206:5060>\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n", i, i, i, i, i))
	}
	parse := func(i int) (*sip.Request, *settings.Endpoint) {
		msg, err := sip.ParseMessage(packets[i])
		if err != nil {
			b.Fatal(err)
		}
		req := msg.(*sip.Request)
		ep, _ := index.Find(req, phone.Addr)
		return req, ep
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i = (i + 1) % phones {
		req, ep := parse(i)
		auths, _ := snap.UASAuths(ep)
		if verifier.Check(req, phone.Addr.Addr(), auths, "asterisk").OK {
			b.Fatal("accepted without credentials")
		}
		res := sip.NewResponse(401, "Unauthorized")
		res.AppendHeader(sip.NewHeader("WWW-Authenticate", verifier.Challenges(phone.Addr.Addr(), auths, "asterisk", false)[0]))
		var client digest.Client // the phone's share is measured too
		req, ep = parse(i)
		if err := client.Answer(req, res, auths); err != nil {
			b.Fatal(err)
		}
		verdict := verifier.Check(req, phone.Addr.Addr(), auths, "asterisk")
		if a := r.Register(req, phone, ep, verdict.Username); !verdict.OK || a.Status != 200 {
			b.Fatal(verdict, a)
		}
	}
}

// BenchmarkRefresh is a phone's usual REGISTER, parsed already.
func BenchmarkRefresh(b *testing.B) {
	db, err := astdb.Open(filepath.Join(b.TempDir(), "astdb"), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	var text strings.Builder
	const phones = 1000
	for i := range phones {
		fmt.Fprintf(&text, "[%d]\ntype=endpoint\naors=%d\n[%d]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n", i, i, i)
	}
	r := New(Options{DB: db, Log: slog.New(slog.DiscardHandler)})
	snap := snapshot(b, text.String())
	r.Configure(snap)
	reqs := make([]*sip.Request, phones)
	for i := range reqs {
		reqs[i] = request(b, fmt.Sprintf("<sip:%d@x>", i), fmt.Sprintf("Contact: <sip:%d@192.0.2.1:5060>", i), "Expires: 3600")
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		if a := r.Register(reqs[i%phones], phone, snap.Endpoints[fmt.Sprint(i%phones)], ""); a.Status != 200 {
			b.Fatal(a)
		}
	}
}
