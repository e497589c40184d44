package sip

import (
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/configs"
	"branchline/media"
	"branchline/media/plane"
	"branchline/pbx/astconf"
	"branchline/pbx/astdb"
	exchanges "branchline/pbx/exchange"
	"branchline/pbx/extstate"
	"branchline/pbx/pbxtest"
	"branchline/pbx/settings"
	"branchline/pbx/settings/pjsipconf"
	"branchline/pbx/settings/sipconf"
	"branchline/pbx/sip/digest"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/siptest"
)

// A branch is a whole exchange on the network in memory: agent, dialplan and
// applications, with the files of one directory.
type branch struct {
	t      *testing.T
	net    *siptest.Net
	addr   string
	office *pbxtest.Office
	agent  *Agent
	reg    *registrar.Registrar
	db     *astdb.DB
	log    *lines
}

// files reads a sample, moved to the addresses of documentation.
func files(t *testing.T, dir string) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	for _, name := range []string{"sip.conf", "pjsip.conf", "extensions.conf"} {
		text, err := fs.ReadFile(configs.FS, dir+"/"+name)
		if err == nil {
			out[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(text), "192.168.50.", "198.51.100."))}
		}
	}
	if len(out) < 2 {
		t.Fatalf("%s: no sample", dir)
	}
	return out
}

func joined(t *testing.T, from fs.FS) *settings.Snapshot {
	t.Helper()
	read := func(name string) *astconf.File {
		if _, err := fs.Stat(from, name); err != nil {
			return nil
		}
		f, _ := astconf.Load(from, name)
		return f
	}
	s, diags := pjsipconf.Read(read("pjsip.conf"))
	old, more := sipconf.Read(read("sip.conf"))
	diags = append(append(diags, more...), old.Join(s)...)
	for _, d := range diags {
		if d.Severity == astconf.Error {
			t.Fatal(d)
		}
	}
	return s
}

func openBranch(t *testing.T, n *siptest.Net, addr string, from fstest.MapFS) *branch {
	t.Helper()
	b := &branch{t: t, net: n, addr: addr, db: astdb.Memory(), log: &lines{}}
	extensions := ""
	if f := from["extensions.conf"]; f != nil {
		extensions = string(f.Data)
	}
	var watches *extstate.Watches
	changed := func(device string) { watches.Changed(device) }
	b.office = pbxtest.OpenWith(t, extensions, exchanges.Options{Changed: changed})
	watches = extstate.New(b.office.System.HintOf, b.office.DeviceState)
	v, err := digest.NewVerifier(strings.NewReader(strings.Repeat("0123456789abcdef", 64)))
	if err != nil {
		t.Fatal(err)
	}
	s := joined(t, from)
	b.reg = registrar.New(registrar.Options{DB: b.db, Log: slog.New(slog.DiscardHandler), Changed: func(aor string) { b.agent.ContactsChanged(aor) }})
	b.reg.Configure(s)
	b.agent = New(Options{
		Router: b.office, Acceptor: b.office, Plane: hasty{}, Registrar: b.reg, Store: b.db, Verifier: v, UserAgent: "Branchline/0",
		Net: n.Host(addr), Channels: b.office.Channels, Extensions: watches, Changed: changed,
		Log: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelInfo})),
	})
	b.office.AddTech(b.agent.Tech())
	b.office.AddTech(b.agent.LegacyTech())
	commit, diags, err := b.agent.Prepare(nil, s)
	if err != nil || astconf.Failed(diags) {
		t.Fatal(err, diags)
	}
	commit()
	return b
}

func (b *branch) close() {
	time.Sleep(time.Minute)
	b.office.Close()
	if n := b.agent.Sessions(); n != 0 && !b.t.Failed() {
		b.t.Errorf("%s: %d sessions left\n%s", b.addr, n, b.net.Ladder())
	}
	if err := b.agent.Close(); err != nil {
		b.t.Error(err)
	}
	if b.t.Failed() {
		b.t.Logf("%s:\n%s", b.addr, b.log)
	}
}

// hasty is a plane without media whose programmes are over at once.
type hasty struct{ deaf }

func (hasty) Open(o plane.Options) (plane.Port, error) {
	p, err := deaf{}.Open(o)
	port, _ := p.(deafPort)
	return &hastyPort{deafPort: port, events: o.Events}, err
}

type hastyPort struct {
	deafPort
	events func(media.Event)
}

func (p *hastyPort) Play(m *media.Program) {
	if m != nil {
		go p.events(media.Event{Kind: media.PlayDone, ID: m.ID, Whole: true})
	}
}

// in runs f in a bubble beside the exchanges of a scenario.
func in(t *testing.T, where map[string]fstest.MapFS, f func(n *siptest.Net, at map[string]*branch)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNet(t)
		at := map[string]*branch{}
		for addr, from := range where {
			at[addr] = openBranch(t, n, "198.51.100."+addr, from)
		}
		defer func() {
			for _, b := range at {
				b.close()
			}
		}()
		f(n, at)
	})
}

// ask sends a request that must be challenged, then again with the password,
// and gives what was sent last.
func ask(p *siptest.Phone, password, method, uri string, extra ...string) *sip.Request {
	first := p.Send(method, uri, extra...)
	m := p.Want("401")
	if method == "INVITE" {
		p.Ack(first, m)
	}
	again := p.Make(method, uri, append(extra, "Call-ID: "+first.CallID().Value(), "From: "+first.From().Value())...)
	var c digest.Client
	auth := []*settings.Auth{{Type: "userpass", Username: p.User, Password: password}}
	if err := c.Answer(again, m.Res, auth); err != nil {
		panic(err)
	}
	p.Put(again)
	return again
}

const password = "1234567890"

// register makes a phone known.
func register(p *siptest.Phone) *siptest.Message {
	ask(p, password, "REGISTER", "sip:"+p.Server.Addr().String())
	return p.Want("200")
}

// talk lets b answer the call that is about to reach it, and both hang up.
func talk(a *siptest.Phone, inv *sip.Request, b *siptest.Phone, at string) *siptest.Message {
	in := b.Want("INVITE")
	b.Reply(in, 180, "Ringing")
	a.Want("180")
	res := b.Reply(in, 200, "OK", b.SDP(5000, "0"))
	b.Want("ACK")
	ok := a.Want("200")
	a.Ack(inv, ok)
	a.After(time.Second)
	b.Back(in, res, "BYE")
	return in
}

const seed = "198.51.100."

// Seed: S-001, S-004, S-055, S-057, S-071, S-072, S-121.
func TestScenarioA(t *testing.T) {
	in(t, map[string]fstest.MapFS{"9": files(t, "scenario-a/server1")}, func(n *siptest.Net, at map[string]*branch) {
		const server = seed + "9"
		a, c := n.Phone("1001", seed+"206:5060", server+":5060"), n.Phone("1003", seed+"103:5060", server+":5060")
		b := n.PhoneTCP("1002", seed+"55:5060", server+":5060")
		defer a.Close()
		defer b.Close()
		defer c.Close()

		challenge := a.Send("REGISTER", "sip:"+server)
		m := a.Want("401")
		if h := m.Header("www-authenticate"); !strings.HasPrefix(h, `Digest algorithm=MD5, realm="asterisk", nonce="`) || strings.Contains(h, "qop") || challenge == nil {
			t.Errorf("challenge %s", h)
		}
		m = register(a)
		if m.Header("expires") != "120" || m.Header("contact") != "<"+a.Contact()+">;expires=120" || m.Header("date") == "" {
			t.Errorf("200: %s", m.Raw)
		}
		register(b)
		register(c)
		if v, _ := at["9"].db.Get("SIP/Registry", "1001"); v != seed+"206:5060:120:1001:sip:1001@"+seed+"206:5060" {
			t.Errorf("database: %q", v)
		}
		for asked, granted := range map[string]string{"10": "60", "99999": "3600", "600": "600"} {
			ask(c, password, "REGISTER", "sip:"+server, "Expires: "+asked)
			if m := c.Want("200"); m.Header("expires") != granted {
				t.Errorf("Expires %s: granted %s, want %s", asked, m.Header("expires"), granted)
			}
		}

		wrong := n.Phone("1009", seed+"109:5060", server+":5060")
		defer wrong.Close()
		ask(wrong, "guess", "REGISTER", "sip:"+server)
		bad := wrong.Want("403")
		nobody := n.Phone("4711", seed+"110:5060", server+":5060")
		defer nobody.Close()
		ask(nobody, "guess", "REGISTER", "sip:"+server)
		if same := nobody.Want("403"); same.Res.Reason != bad.Res.Reason {
			t.Errorf("an unknown name is told from a wrong password: %s and %s", same.Res.Reason, bad.Res.Reason)
		}

		inv := ask(a, password, "INVITE", "sip:1002@"+server, a.SDP(4000, "0 8"))
		got := talk(a, inv, b, "9")
		if r := got.Req; r.Recipient.String() != "sip:1002@"+seed+"55:5060;transport=tcp" {
			t.Errorf("called %s", r.Recipient.String())
		}
		if h := got.Header("contact"); h != "<sip:1001@"+server+":5060;transport=tcp>" {
			t.Errorf("Contact %s", h)
		}
		if h := got.Header("to"); h != "<sip:1002@"+seed+"55:5060;transport=tcp>" {
			t.Errorf("To %s", h)
		}
		b.Want("200 BYE")
		bye := a.Want("BYE")
		a.Reply(bye, 200, "OK")
		if bye.Header("x-asterisk-hangupcausecode") != "16" || bye.Header("x-asterisk-hangupcause") != "Normal Clearing" || bye.Header("reason") != "" {
			t.Errorf("BYE %s", bye.Raw)
		}

		for exten, want := range map[string]string{"1004": "503", "2001": "404", "10": "484", "": "404"} {
			inv := ask(a, password, "INVITE", "sip:"+exten+"@"+server, a.SDP(4000, "0"))
			m := a.Want(want)
			a.Ack(inv, m)
			if exten == "1004" && m.Header("x-asterisk-hangupcausecode") != "20" {
				t.Errorf("1004: %s", m.Raw)
			}
		}

		// A guest: nobody we know, from nowhere we know.
		guest := n.Phone("boss", seed+"200:5060", server+":5060")
		defer guest.Close()
		inv = guest.Send("INVITE", "sip:1003@"+server, guest.SDP(4000, "0"))
		talk(guest, inv, c, "9")
		c.Want("200 BYE")
		guest.Reply(guest.Want("BYE"), 200, "OK")
		// The measured trap: any name from the address of 1001 is asked for 1001's password.
		trap := a.Send("INVITE", "sip:1003@"+server, "From: <sip:boss@"+server+">;tag=x", a.SDP(4000, "0"))
		a.Ack(trap, a.Want("401"))

		for _, c := range []struct{ method, extra, want string }{
			{"OPTIONS", "X-A: b", "200"}, {"NOTIFY", "Event: keep-alive", "200"}, {"REFER", "Refer-To: <sip:1@x>", "603"},
			{"INFO", "X-A: b", "481"}, {"BYE", "X-A: b", "481"}, {"PUBLISH", "Event: dialog", "489"}, {"FROB", "X-A: b", "501"},
			{"MESSAGE", "Content-Type: application/foo", "415"},
		} {
			guest.Send(c.method, "sip:1003@"+server, c.extra)
			guest.Want(c.want)
		}
	})
}

// What a callee answers, and what the caller then gets: 480 and 603 are busy
// to dialplans written for chan_sip.
func TestLegacyFailures(t *testing.T) {
	for status, want := range map[int]string{486: "486", 603: "486", 480: "486", 404: "503", 503: "503"} {
		in(t, map[string]fstest.MapFS{"9": files(t, "scenario-a/server1")}, func(n *siptest.Net, at map[string]*branch) {
			a, b := n.Phone("1001", seed+"206:5060", seed+"9:5060"), n.Phone("1002", seed+"55:5060", seed+"9:5060")
			defer a.Close()
			defer b.Close()
			register(b)
			inv := ask(a, password, "INVITE", "sip:1002@"+seed+"9", a.SDP(4000, "0"))
			in := b.Want("INVITE")
			b.Reply(in, status, "No")
			b.Want("ACK")
			m := a.Want(want)
			a.Ack(inv, m)
		})
	}
}

// Seed: S-008 to S-012, S-073, S-120, S-122, S-123.
func TestScenarioD(t *testing.T) {
	for _, c := range []struct {
		dir  string
		from map[string]bool // caller -> reaches server3
	}{
		{"scenario-d1", map[string]bool{"1001": true, "1009": true}},
		{"scenario-d2", map[string]bool{"1001": true, "1009": true}},
		{"scenario-d3", map[string]bool{"1001": true, "1009": true}},
		{"scenario-d4", map[string]bool{"1001": false, "1009": true}},
	} {
		t.Run(c.dir, func(t *testing.T) {
			in(t, map[string]fstest.MapFS{"9": files(t, c.dir+"/server1"), "52": files(t, c.dir+"/server3")}, func(n *siptest.Net, at map[string]*branch) {
				b := n.PhoneTCP("3001", seed+"61:5060", seed+"52:5060")
				defer b.Close()
				b.Send("REGISTER", "sip:"+seed+"52")
				b.Want("200")
				for caller, reaches := range c.from {
					a := n.Phone(caller, seed+"206:5060", seed+"9:5060")
					register(a)
					inv := ask(a, password, "INVITE", "sip:3001@"+seed+"9", a.SDP(4000, "0 101"))
					if !reaches {
						a.Ack(inv, a.Want("503"))
						if !strings.Contains(at["9"].log.String(), "Purely numeric hostname (), and not a peer--rejecting!") {
							t.Error("the log does not say why")
						}
						a.Close()
						continue
					}
					got := talk(a, inv, b, "52")
					if !strings.Contains(got.Header("via"), "SIP/2.0/TCP "+seed+"52") {
						t.Errorf("Via %s", got.Header("via"))
					}
					b.Want("200 BYE")
					for m := a.Want("INVITE"); ; m = a.Next(time.Second) { // direct media, then the end
						if m.Req.IsInvite() {
							a.Reply(m, 200, "OK", a.SDP(4000, "0 101"))
							a.Want("ACK")
							continue
						}
						a.Reply(m, 200, "OK")
						break
					}
					a.Close()
				}
				// Not registered at server3: its prompts answer.
				a := n.Phone("1009", seed+"206:5060", seed+"9:5060")
				defer a.Close()
				inv := ask(a, password, "INVITE", "sip:3009@"+seed+"9", a.SDP(4000, "0 101"))
				a.Ack(inv, a.Want("200"))
				for {
					m := a.Next(5 * time.Second)
					if m == nil {
						t.Fatal("no BYE")
					}
					if m.Req.IsInvite() {
						a.Reply(m, 200, "OK", a.SDP(4000, "0 101"))
						a.Want("ACK")
						continue
					}
					a.Reply(m, 200, "OK")
					break
				}
				// Back there is no rule.
				inv = b.Send("INVITE", "sip:1001@"+seed+"52", b.SDP(4000, "0"))
				b.Ack(inv, b.Want("404"))
				// Nobody else may come in at server3.
				x := n.Phone("2001", seed+"77:5060", seed+"52:5060")
				defer x.Close()
				inv = x.Send("INVITE", "sip:3001@"+seed+"52", x.SDP(4000, "0"))
				x.Ack(inv, x.Want("401"))
			})
		})
	}
}

// answerTo puts credentials for a challenge on a request.
func answerTo(req *sip.Request, m *siptest.Message, user string) {
	var c digest.Client
	if err := c.Answer(req, m.Res, []*settings.Auth{{Type: "userpass", Username: user, Password: password}}); err != nil {
		panic(err)
	}
}
