package sip

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"branchline/media"
	"branchline/media/plane"
	"branchline/pbx/astconf"
	"branchline/pbx/astdb"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/extstate"
	"branchline/pbx/mailbox"
	"branchline/pbx/settings"
	"branchline/pbx/settings/pjsipconf"
	"branchline/pbx/sip/digest"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/resolve"
	"branchline/pbx/sip/siptest"
	"branchline/pbx/sip/sockets"
	"branchline/pbx/sip/transports"
)

const (
	pbxAddr = "198.51.100.9"
	pbxUDP  = pbxAddr + ":5060"
)

// office is the configuration most tests run with.
const office = `
[transport-udp]
type=transport
protocol=udp
bind=198.51.100.9

[transport-tcp]
type=transport
protocol=tcp
bind=198.51.100.9

[1001]
type=endpoint
context=default
disallow=all
allow=ulaw,alaw
aors=1001
direct_media=no

[1001]
type=aor
max_contacts=1
remove_existing=yes

[1002]
type=endpoint
aors=1002
context=default
allow=ulaw
transport=transport-tcp

[1002]
type=aor
max_contacts=1

[1003]
type=endpoint
context=default
allow=ulaw
aors=1003
auth=1003

[1003]
type=auth
username=1003
password=secret

[1003]
type=aor
max_contacts=1

[gw]
type=endpoint
context=trunk
allow=ulaw
aors=gw

[gw]
type=aor
contact=sip:198.51.100.50

[gw]
type=identify
endpoint=gw
match=198.51.100.50
`

// exchange is a toy: it dials PJSIP/<exten> for every call and joins the two.
type exchange struct {
	t    testing.TB
	tech channel.Tech
	plan map[string]string // exten -> dial argument; prefix "!" answers at once

	mu    sync.Mutex
	calls []channel.Incoming
	ends  []channel.Cause
	texts []channel.IncomingText
	done  sync.WaitGroup
}

func (x *exchange) Lookup(_, exten, _ string) (exists, more bool) {
	_, exists = x.plan[exten]
	for k := range x.plan {
		more = more || len(k) > len(exten) && strings.HasPrefix(k, exten)
	}
	return exists, more
}

func (x *exchange) Accept(_ context.Context, in channel.Incoming) error {
	x.mu.Lock()
	x.calls = append(x.calls, in)
	x.mu.Unlock()
	x.done.Add(1)
	mb := channel.NewMailbox()
	in.Leg.Bind(mb)
	go func() {
		defer x.done.Done()
		x.run(in, mb)
	}()
	return nil
}

func (x *exchange) run(in channel.Incoming, mb *channel.Mailbox) {
	dest := x.plan[in.Exten]
	var out channel.Leg
	if dest != "!" {
		var err error
		out, err = x.tech.NewLeg(context.Background(), channel.Request{
			Dest: strings.TrimPrefix(dest, "PJSIP/"), Caller: in.Caller, Codecs: in.Codecs, MaxForwards: in.MaxForwards - 1,
		})
		var no *channel.Refusal
		if errors.As(err, &no) {
			in.Leg.Hangup(no.Cause)
		} else {
			out.Bind(mb)
			out.Dial()
		}
	} else {
		in.Leg.Answer()
	}
	legs := map[channel.Leg]bool{in.Leg: true}
	if out != nil {
		legs[out] = true
	}
	limit := time.NewTimer(12 * time.Second)
	defer limit.Stop()
	for len(legs) > 0 {
		select {
		case <-limit.C:
			if out != nil {
				out.Hangup(channel.NoCause)
			}
			continue
		case <-mb.Ready():
		}
		for e, ok := mb.Next(); ok; e, ok = mb.Next() {
			switch e.Kind {
			case channel.Ringing:
				in.Leg.Ring()
			case channel.Answered:
				limit.Stop()
				in.Leg.Answer()
			case channel.Gone:
				delete(legs, e.Leg)
				x.mu.Lock()
				x.ends = append(x.ends, e.Cause)
				x.mu.Unlock()
				cause := e.Cause
				if cause == channel.NoCause {
					cause = channel.NoAnswer
				}
				for l := range legs {
					l.Hangup(cause)
				}
			}
		}
	}
}

// deaf is a media plane without media.
type deaf struct{}

func (deaf) Open(o plane.Options) (plane.Port, error) {
	a := o.Local
	if !a.IsValid() || a.IsUnspecified() {
		a = netip.MustParseAddr(pbxAddr)
	}
	return deafPort{netip.AddrPortFrom(a, 10000)}, nil
}
func (deaf) Pair(_, _ func(media.Event)) (media.Stream, media.Stream, error) {
	return deafPort{}, deafPort{}, nil
}
func (deaf) Line(func(media.Event)) (plane.Line, error) { return nil, errors.ErrUnsupported }
func (deaf) Configure(plane.Config)                     {}
func (deaf) Close() error                               { return nil }

type deafPort struct{ a netip.AddrPort }

func (deafPort) Join(media.Stream)             {}
func (deafPort) Play(*media.Program)           {}
func (deafPort) SendDigit(byte, time.Duration) {}
func (deafPort) Watch(media.Digits)            {}
func (deafPort) Codec() *media.Codec           { return nil }
func (deafPort) Stats() media.Stats            { return media.Stats{} }
func (deafPort) Close()                        {}
func (deafPort) Apply(media.Flow)              {}
func (p deafPort) Local() netip.AddrPort       { return p.a }

func load(t testing.TB, text string) *settings.Snapshot {
	t.Helper()
	f, diags := astconf.Load(fstest.MapFS{"pjsip.conf": &fstest.MapFile{Data: []byte(text)}}, "pjsip.conf")
	s, more := pjsipconf.Read(f)
	for _, d := range append(diags, more...) {
		if d.Severity == astconf.Error {
			t.Fatal(d)
		}
	}
	return s
}

// knobs are what a test can turn while the agent runs: it is made with them.
type knobs struct {
	resolver  transports.Resolver
	addresses func(device string) []netip.Addr
	channels  func() []*channel.Snapshot
	changed   func(device string)
	hints     *hints
	mailboxes *mailbox.Store
	store     *astdb.DB // nil: nothing outlives the agent
}

// hints are extensions with hints, by "exten@context", and the states of their devices.
type hints struct {
	*extstate.Watches
	mu     sync.Mutex
	plan   map[string]string
	states map[string]channel.DeviceState
}

func newHints() *hints {
	h := &hints{plan: map[string]string{}, states: map[string]channel.DeviceState{}}
	h.Watches = extstate.New(func(context, exten string) (dialplan.Hint, bool) {
		h.mu.Lock()
		defer h.mu.Unlock()
		devices, ok := h.plan[exten+"@"+context]
		return dialplan.Hint{Context: context, Exten: exten, Devices: devices}, ok
	}, func(device string) channel.DeviceState {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.states[device]
	})
	return h
}

// set sets a device's state, and waits until everybody knows.
func (h *hints) set(device string, s channel.DeviceState) {
	h.mu.Lock()
	h.states[device] = s
	h.mu.Unlock()
	h.Changed(device)
	synctest.Wait()
}

// reload puts another plan into force.
func (h *hints) reload(plan map[string]string) {
	h.mu.Lock()
	h.plan = plan
	h.mu.Unlock()
	h.Reloaded()
	synctest.Wait()
}

func (k *knobs) Targets(ctx context.Context, q resolve.Query) ([]resolve.Target, error) {
	return k.resolver.Targets(ctx, q)
}
func (k *knobs) Failed(t resolve.Target) { k.resolver.Failed(t) }
func (k *knobs) Worked(t resolve.Target) { k.resolver.Worked(t) }

// on puts the knobs into options.
func (k *knobs) on(o Options) Options {
	k.resolver = resolve.New(resolve.Options{Log: slog.New(slog.DiscardHandler)})
	k.addresses = func(string) []netip.Addr { return nil }
	k.channels = func() []*channel.Snapshot { return nil }
	k.changed = func(string) {}
	o.Resolver = k
	o.Addresses = func(device string) []netip.Addr { return k.addresses(device) }
	o.Channels = func() []*channel.Snapshot { return k.channels() }
	if k.hints == nil {
		k.hints, k.mailboxes = newHints(), &mailbox.Store{}
	}
	o.Extensions, o.Mailboxes, o.Store = k.hints, k.mailboxes, k.store
	o.Changed = func(device string) { k.changed(device) }
	return o
}

// site is an agent on a network in memory.
type site struct {
	knobs
	t     testing.TB
	net   *siptest.Net
	agent *Agent
	x     *exchange
	log   *lines
}

// lines collects the log.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newAgent(t testing.TB, x *exchange, conf string, n sockets.Network, log *lines, say func(string), k *knobs) *Agent {
	t.Helper()
	s := load(t, conf)
	v, err := digest.NewVerifier(strings.NewReader(strings.Repeat("0123456789abcdef", 64)))
	if err != nil {
		t.Fatal(err)
	}
	reg := registrar.New(registrar.Options{DB: astdb.Memory(), Log: slog.New(slog.DiscardHandler)})
	reg.Configure(s)
	a := New(k.on(Options{
		Router: x, Acceptor: x, Plane: deaf{}, Registrar: reg, Verifier: v, UserAgent: "Branchline/0", Net: n,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelInfo})), Say: say,
	}))
	x.tech = a.Tech()
	commit, diags, err := a.Prepare(nil, s)
	if err != nil || astconf.Failed(diags) {
		t.Fatal(err, diags)
	}
	commit()
	return a
}

// inSite runs f beside an exchange with conf; every goroutine must end.
func inSite(t *testing.T, conf string, plan map[string]string, f func(s *site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNet(t)
		x := &exchange{t: t, plan: plan}
		log := &lines{}
		s := &site{t: t, net: n, x: x, log: log}
		a := newAgent(t, x, conf, n.Host(pbxAddr), log, nil, &s.knobs)
		s.agent = a
		defer func() {
			time.Sleep(time.Minute) // let transactions and sessions run out
			if n := a.Sessions(); n != 0 && !t.Failed() {
				t.Errorf("%d sessions left\n%s", n, s.net.Ladder())
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait() // what the start itself says has been said
		f(s)
	})
}

func (s *site) phone(user, addr string) *siptest.Phone {
	return s.net.Phone(user, addr+":5060", pbxUDP)
}

var plan = map[string]string{"1001": "PJSIP/1001", "1002": "PJSIP/1002", "1003": "PJSIP/1003", "1009": "PJSIP/1009",
	"2001": "PJSIP/2001@gw", "77": "!", "78999": "!"}

// Seed: S-016, S-019.
func TestRegister(t *testing.T) {
	inSite(t, office, plan, func(s *site) {
		p := s.phone("1001", "198.51.100.206")
		defer p.Close()
		p.Send("REGISTER", "sip:"+pbxAddr)
		m := p.Want("200")
		if m.Header("server") != "Branchline/0" {
			t.Errorf("server %q", m.Header("server"))
		}
		q := s.phone("1003", "198.51.100.207")
		defer q.Close()
		q.Send("REGISTER", "sip:"+pbxAddr)
		c := q.Want("401")
		if h := c.Header("www-authenticate"); !strings.HasPrefix(h, "Digest ") {
			t.Errorf("challenge %q", h)
		}
		via := c.Res.Via()
		branch, _ := via.Params.Get("branch")
		if tag, _ := c.Res.To().Params.Get("tag"); tag != branch {
			t.Errorf("tag %q, branch %q", tag, branch)
		}
		r := s.phone("nobody", "198.51.100.208")
		defer r.Close()
		r.Send("REGISTER", "sip:"+pbxAddr)
		r.Want("401")
		r.Send("INVITE", "sip:1001@"+pbxAddr, r.SDP(4000, "0"))
		r.Want("401")
		if n := len(s.agent.door.Strangers()); n != 1 {
			t.Errorf("%d strangers", n)
		}
	})
}

// Seed: S-124.
func TestCall(t *testing.T) {
	inSite(t, office, plan, func(s *site) {
		a, b := s.phone("1001", "198.51.100.206"), s.net.PhoneTCP("1002", "198.51.100.55:5060", pbxUDP)
		defer a.Close()
		defer b.Close()
		b.Send("REGISTER", "sip:"+pbxAddr)
		b.Want("200")
		inv := a.Send("INVITE", "sip:1002@"+pbxAddr, a.SDP(4000, "0 8"))
		a.Want("100")
		in := b.Want("INVITE")
		if got := in.Header("from"); !strings.HasPrefix(got, "<sip:1001@"+pbxAddr+">") {
			t.Errorf("From %q", got)
		}
		if got := in.Header("max-forwards"); got != "69" {
			t.Errorf("Max-Forwards %q", got)
		}
		b.Reply(in, 180, "Ringing")
		a.Want("180")
		res := b.Reply(in, 200, "OK", b.SDP(5000, "0"))
		b.Want("ACK")
		ok := a.Want("200")
		a.Ack(inv, ok)
		a.After(3 * time.Second)
		b.Back(in, res, "BYE")
		b.Want("200 BYE")
		bye := a.Want("BYE")
		a.Reply(bye, 200, "OK")
		if !strings.Contains(bye.Header("reason"), "cause=16") {
			t.Errorf("Reason %q", bye.Header("reason"))
		}
		s.x.done.Wait()
		if len(s.x.calls) != 1 || s.x.calls[0].Endpoint != "1001" || s.x.calls[0].Exten != "1002" {
			t.Errorf("calls %+v", s.x.calls)
		}
	})
}

func TestFailures(t *testing.T) {
	for _, c := range []struct {
		name, answer, want string
		status             int
	}{
		{"busy", "Busy Here", "486", 486}, {"declined", "Decline", "403", 603}, {"not found", "Not Found", "404", 404},
		{"overload", "Service Unavailable", "503", 503},
	} {
		t.Run(c.name, func(t *testing.T) {
			inSite(t, office, plan, func(s *site) {
				a, b := s.phone("1002", "198.51.100.206"), s.phone("1001", "198.51.100.55")
				defer a.Close()
				defer b.Close()
				b.Send("REGISTER", "sip:"+pbxAddr)
				b.Want("200")
				inv := a.Send("INVITE", "sip:1001@"+pbxAddr, a.SDP(4000, "0"))
				in := b.Want("INVITE")
				b.Reply(in, c.status, c.answer)
				b.Want("ACK")
				m := a.Want(c.want)
				a.Ack(inv, m)
				s.x.done.Wait()
			})
		})
	}
}

func TestCallerGivesUp(t *testing.T) {
	inSite(t, office, plan, func(s *site) {
		a, b := s.phone("1002", "198.51.100.206"), s.phone("1001", "198.51.100.55")
		defer a.Close()
		defer b.Close()
		b.Send("REGISTER", "sip:"+pbxAddr)
		b.Want("200")
		inv := a.Send("INVITE", "sip:1001@"+pbxAddr, a.SDP(4000, "0"))
		in := b.Want("INVITE")
		b.Reply(in, 180, "Ringing")
		a.Want("180")
		a.Cancel(inv)
		a.Want("200 CANCEL")
		m := a.Want("487 INVITE")
		a.Ack(inv, m)
		c := b.Want("CANCEL")
		b.Reply(c, 200, "OK")
		b.Reply(in, 487, "Request Terminated")
		b.Want("ACK")
		s.x.done.Wait()
	})
}

func TestNoAnswer(t *testing.T) {
	inSite(t, office, plan, func(s *site) {
		a, b := s.phone("1002", "198.51.100.206"), s.phone("1001", "198.51.100.55")
		defer a.Close()
		defer b.Close()
		b.Send("REGISTER", "sip:"+pbxAddr)
		b.Want("200")
		inv := a.Send("INVITE", "sip:1001@"+pbxAddr, a.SDP(4000, "0"))
		in := b.Want("INVITE")
		b.Reply(in, 180, "Ringing")
		a.Want("180")
		c := b.WantWithin(13*time.Second, "CANCEL")
		b.Reply(c, 200, "OK")
		b.Reply(in, 487, "Request Terminated")
		b.Want("ACK")
		m := a.Want("480")
		a.Ack(inv, m)
		s.x.done.Wait()
	})
}

// A phone that has left without a word: its INVITE is repeated until timer B.
func TestNobodyThere(t *testing.T) {
	conf := strings.Replace(office, "contact=sip:198.51.100.50", "contact=sip:198.51.100.51", 1)
	inSite(t, conf, plan, func(s *site) {
		a := s.phone("1001", "198.51.100.206")
		defer a.Close()
		inv := a.Send("INVITE", "sip:2001@"+pbxAddr, a.SDP(4000, "0"))
		m := a.WantWithin(33*time.Second, "480") // the toy exchange gives up after 12 s
		a.Ack(inv, m)
		if !strings.Contains(s.net.Ladder(), "INVITE sip:2001@198.51.100.51") {
			t.Error(s.net.Ladder())
		}
		s.x.done.Wait()
	})
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name, method, uri string
		extra             []string
		want              string
		header            string // must be there
	}{
		{"unknown extension", "INVITE", "sip:5555@" + pbxAddr, nil, "404", "Server: Branchline/0"},
		{"longer one exists", "INVITE", "sip:789@" + pbxAddr, nil, "484", ""},
		{"other scheme", "INVITE", "http://198.51.100.9", nil, "416", ""},
		{"no contact to reach", "INVITE", "sip:77@" + pbxAddr, []string{"Contact: <tel:+4930123>"}, "416", ""},
		{"no call to replace", "INVITE", "sip:77@" + pbxAddr, []string{"Replaces: a;to-tag=b;from-tag=c"}, "481", ""},
		{"nothing to replace", "INVITE", "sip:77@" + pbxAddr, []string{"Replaces: a"}, "481", ""},
		{"not registered", "INVITE", "sip:1002@" + pbxAddr, nil, "404", "Reason: Q.850;cause=3"},
		{"no such endpoint", "INVITE", "sip:1009@" + pbxAddr, nil, "404", "Reason: Q.850;cause=3"},
		{"Require", "INVITE", "sip:77@" + pbxAddr, []string{"Require: foo, 100rel"}, "420", "Unsupported: foo"},
		{"no hops left", "INVITE", "sip:77@" + pbxAddr, []string{"Max-Forwards: 0"}, "483", ""},
		{"unknown dialog", "BYE", "sip:77@" + pbxAddr, []string{"To: <sip:77@" + pbxAddr + ">;tag=x"}, "481", ""},
		{"re-INVITE without dialog", "INVITE", "sip:77@" + pbxAddr, []string{"To: <sip:77@" + pbxAddr + ">;tag=x"}, "481", ""},
		{"BYE without tag", "BYE", "sip:77@" + pbxAddr, nil, "481", ""},
		{"OPTIONS", "OPTIONS", "sip:" + pbxAddr, nil, "200", "Accept: application/sdp"},
		{"OPTIONS for an extension", "OPTIONS", "sip:77@" + pbxAddr, nil, "200", "Allow: "},
		{"OPTIONS for nobody", "OPTIONS", "sip:5555@" + pbxAddr, nil, "404", "Allow: "},
		{"OPTIONS without hops is for us", "OPTIONS", "sip:" + pbxAddr, []string{"Max-Forwards: 0"}, "200", ""},
		{"SUBSCRIBE", "SUBSCRIBE", "sip:77@" + pbxAddr, []string{"Event: message-summary"}, "404", ""},
		{"SUBSCRIBE to nonsense", "SUBSCRIBE", "sip:77@" + pbxAddr, []string{"Event: weather"}, "489", ""},
		{"PUBLISH of somebody else", "PUBLISH", "sip:77@" + pbxAddr, []string{"Event: presence"}, "403", ""},
		{"PUBLISH of nonsense", "PUBLISH", "sip:1001@" + pbxAddr, []string{"Event: weather"}, "489", ""},
		{"NOTIFY", "NOTIFY", "sip:77@" + pbxAddr, nil, "501", "Allow: "},
		{"REFER", "REFER", "sip:77@" + pbxAddr, []string{"Refer-To: <sip:x@y>"}, "501", ""},
		{"unknown method", "DANCE", "sip:77@" + pbxAddr, nil, "501", "Allow: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			inSite(t, office, plan, func(s *site) {
				p := s.phone("1001", "198.51.100.206")
				defer p.Close()
				extra := c.extra
				if c.method == "INVITE" {
					extra = append(extra, p.SDP(4000, "0"))
				}
				r := p.Send(c.method, c.uri, extra...)
				m := p.Want(c.want)
				if c.method == "INVITE" {
					p.Ack(r, m)
				}
				if !strings.Contains(m.Raw, c.header) {
					t.Errorf("no %q in\n%s", c.header, m.Raw)
				}
				s.x.done.Wait()
			})
		})
	}
}

// Seed: S-275.
func TestMergedRequest(t *testing.T) {
	inSite(t, office, plan, func(s *site) {
		a := s.phone("1001", "198.51.100.206")
		defer a.Close()
		inv := a.Send("INVITE", "sip:77@"+pbxAddr, a.SDP(4000, "0"))
		m := a.Want("200")
		a.Ack(inv, m)
		twin := inv.Clone()
		twin.Via().Params.Add("branch", "z9hG4bKother")
		a.Put(twin)
		x := a.Want("482")
		a.Ack(twin, x)
		a.Within(inv, m, "BYE")
		a.Want("200 BYE")
		s.x.done.Wait()
	})
}

// Seed: S-095, S-125.
func TestDialForms(t *testing.T) {
	const more = `
[a@b]
type=endpoint
allow=ulaw
aors=a@b
[a@b]
type=aor
contact=sip:x@198.51.100.70:5070
[two]
type=endpoint
allow=ulaw
aors=none,gw,1001
[none]
type=aor
[lost]
type=endpoint
allow=ulaw
aors=gw
transport=nowhere
[proxied]
type=endpoint
allow=ulaw
aors=gw
outbound_proxy=sip:198.51.100.80:5080\;lr
`
	for _, c := range []struct{ dest, uri, where string }{
		{"gw", "sip:198.51.100.50", "198.51.100.50:5060"},
		{"2001@gw", "sip:2001@198.51.100.50", "198.51.100.50:5060"},
		{"gw/sip:u@198.51.100.60:5062", "sip:u@198.51.100.60:5062", "198.51.100.60:5062"},
		{"two/gw", "sip:198.51.100.50", "198.51.100.50:5060"},
		{"two", "sip:198.51.100.50", "198.51.100.50:5060"},
		{"a@b", "sip:x@198.51.100.70:5070", "198.51.100.70:5070"},
		{"proxied", "sip:198.51.100.50", "198.51.100.80:5080"},
		{"nobody", "", ""}, {"1001", "", ""}, {"1001@", "", ""}, {"lost", "", ""}, {"gw/none", "", ""}, {"gw/sip:", "", ""},
	} {
		t.Run(c.dest, func(t *testing.T) {
			inSite(t, office+more, plan, func(s *site) {
				leg, err := s.x.tech.NewLeg(context.Background(), channel.Request{Dest: c.dest})
				if c.uri == "" {
					var no *channel.Refusal
					if !errors.As(err, &no) || no.Cause == 0 {
						t.Fatalf("got %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				mb := channel.NewMailbox()
				leg.Bind(mb)
				leg.Dial()
				synctest.Wait()
				leg.Hangup(channel.NormalClearing)
				synctest.Wait()
				want := regexp.QuoteMeta("-> "+c.where) + ` +INVITE ` + regexp.QuoteMeta(c.uri+" ")
				if !regexp.MustCompile(want).MatchString(s.net.Ladder()) {
					t.Errorf("want %s in\n%s", want, s.net.Ladder())
				}
			})
		})
	}
}

// The seed's trap: an endpoint pinned to TCP whose phone registered over UDP is
// called over TCP, and nobody listens there.
// Seed: S-083, S-104.
func TestPinnedTransport(t *testing.T) {
	inSite(t, office, plan, func(s *site) {
		a, b := s.phone("1001", "198.51.100.206"), s.phone("1002", "198.51.100.55")
		defer a.Close()
		defer b.Close()
		b.Send("REGISTER", "sip:"+pbxAddr)
		b.Want("200")
		inv := a.Send("INVITE", "sip:1002@"+pbxAddr, a.SDP(4000, "0"))
		m := a.Want("503")
		a.Ack(inv, m)
		b.WantNothing(time.Second)
		s.x.done.Wait()
	})
}

func TestReload(t *testing.T) {
	inSite(t, office, plan, func(s *site) {
		a := s.phone("1001", "198.51.100.206")
		defer a.Close()
		old := s.agent.rack.Load().Settings
		next := load(t, strings.Replace(strings.Replace(office, "[transport-tcp]\ntype=transport\nprotocol=tcp\nbind=198.51.100.9\n",
			"[other]\ntype=transport\nprotocol=udp\nbind=198.51.100.9:5070\n", 1), "transport=transport-tcp", "", 1))
		commit, diags, err := s.agent.Prepare(old, next)
		if err != nil || len(diags) > 0 {
			t.Fatal(err, diags)
		}
		running := s.agent.rack.Load().Wire("transport-udp")
		commit()
		w := s.agent.rack.Load()
		if w.Wire("transport-udp") != running || w.Wire("transport-tcp") != nil || w.Wire("other") == nil {
			t.Errorf("transports %v", w.Wires)
		}
		b := s.net.Phone("1001", "198.51.100.206:5071", pbxAddr+":5070")
		defer b.Close()
		for _, p := range []*siptest.Phone{a, b} {
			p.Send("OPTIONS", "sip:"+pbxAddr)
			p.Want("200")
		}
		moved := load(t, strings.Replace(office, "bind=198.51.100.9\n", "bind=198.51.100.9:5080\n", 1))
		_, diags, err = s.agent.Prepare(next, moved)
		if err != nil || len(diags) != 1 || diags[0].Rule != "transport-reload" {
			t.Errorf("changed bind without allow_reload: %v %v", err, diags)
		}
		blocker, err := s.net.Host(pbxAddr).ListenPacket(netip.MustParseAddrPort(pbxAddr+":5099"), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer blocker.Close()
		taken := load(t, office+"[again]\ntype=transport\nprotocol=udp\nbind=198.51.100.9:5099\n")
		_, diags, _ = s.agent.Prepare(next, taken)
		if !astconf.Failed(diags) || !strings.Contains(diags[0].Message, "address already in use") {
			t.Errorf("address in use: %v", diags)
		}
	})
}
