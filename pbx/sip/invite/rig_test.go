package invite

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/media"
	"branchline/media/plane"
	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/link"
)

// A rig is one session with a network, a media plane and an agent's table made
// of slices, all inside one synctest bubble.
type rig struct {
	t            *testing.T
	mu           sync.Mutex // the loop writes below, the test reads
	cfg          Config
	sent         []*outgoing
	acks         []*sip.Request
	dialogsAtAck int // how many there were when the last of them left
	tokens       int
	ports        []*fakePort
	dialogs      map[dialog.ID]*Session
	mb           *channel.Mailbox
	ended        int
	phone        phone
}

// outgoing is a request the session sent.
type outgoing struct {
	rig        *rig
	req        *sip.Request
	reply      func(link.Reply)
	at         time.Time
	cancelled  bool
	cancelWith []sip.Header
	terminated bool
}

func (o *outgoing) Cancel(extra ...sip.Header) {
	o.rig.mu.Lock()
	defer o.rig.mu.Unlock()
	o.cancelled, o.cancelWith = true, extra
}

func (o *outgoing) Terminate() {
	o.rig.mu.Lock()
	defer o.rig.mu.Unlock()
	o.terminated = true
}

func (r *rig) Request(req *sip.Request, reply func(link.Reply)) link.ClientTx {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := &outgoing{rig: r, req: req, reply: reply, at: time.Now()}
	r.sent = append(r.sent, o)
	return o
}

func (r *rig) Send(req *sip.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acks = append(r.acks, req)
	r.dialogsAtAck = len(r.dialogs)
}

// wait lets the session do all it can now.
func (r *rig) wait() { r.sleep(0) }

// sleep lets time pass.
func (r *rig) sleep(d time.Duration) {
	r.order()
	time.Sleep(d)
	synctest.Wait()
	r.order()
}

// order tells the race detector that what the test did so far and what the
// session did so far follow each other.
func (r *rig) order() {
	r.mu.Lock()
	defer r.mu.Unlock()
}

func (r *rig) Token() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tokens++
	return fmt.Sprintf("%08x-0000-4000-8000-000000000000", 0x1000+r.tokens)
}

func (r *rig) Add(id dialog.ID, s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dialogs[id] = s
}

func (r *rig) Find(id dialog.ID) *Session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dialogs[id]
}

func (r *rig) Remove(id dialog.ID, s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dialogs[id] == s {
		delete(r.dialogs, id)
	}
}

// fakePort is a stream that remembers what it was told.
type fakePort struct {
	rig    *rig
	local  netip.AddrPort
	flows  []media.Flow
	plays  []*media.Program
	closed int
	events func(media.Event)
}

func (p *fakePort) Join(media.Stream) {}
func (p *fakePort) Play(m *media.Program) {
	p.rig.mu.Lock()
	defer p.rig.mu.Unlock()
	p.plays = append(p.plays, m)
}
func (p *fakePort) SendDigit(byte, time.Duration) {}
func (p *fakePort) Watch(media.Digits)            {}
func (p *fakePort) Codec() *media.Codec           { return nil }
func (p *fakePort) Stats() media.Stats            { return media.Stats{} }
func (p *fakePort) Close()                        { p.rig.mu.Lock(); defer p.rig.mu.Unlock(); p.closed++ }
func (p *fakePort) Apply(f media.Flow) {
	p.rig.mu.Lock()
	defer p.rig.mu.Unlock()
	p.flows = append(p.flows, f)
}
func (p *fakePort) Local() netip.AddrPort { return p.local }
func (p *fakePort) last() media.Flow {
	if len(p.flows) == 0 {
		return media.Flow{}
	}
	return p.flows[len(p.flows)-1]
}

func (r *rig) Open(o plane.Options) (plane.Port, error) {
	p := &fakePort{rig: r, local: netip.AddrPortFrom(netip.MustParseAddr("198.51.100.9"), uint16(10000+2*len(r.ports))), events: o.Events}
	r.ports = append(r.ports, p)
	return p, nil
}
func (r *rig) Pair(a, b func(media.Event)) (media.Stream, media.Stream, error) { return nil, nil, nil }
func (r *rig) Line(func(media.Event)) (plane.Line, error)                      { return nil, errors.ErrUnsupported }
func (r *rig) Configure(plane.Config)                                          {}
func (r *rig) Close() error                                                    { return nil }

func endpoint(id string) *settings.Endpoint {
	return &settings.Endpoint{
		Object: settings.Object{ID: id}, Codecs: []*media.Codec{media.PCMU, media.PCMA},
		ForceRport: true, DirectMedia: true, Rel100: "yes", Timers: "yes",
		TimersMinSE: 90 * time.Second, TimersExpires: 1800 * time.Second,
		SDPOwner: "-", SDPSession: "Branchline", FollowEarlyMediaFork: true, RedirectMethod: "user", SendDiversion: true,
		SendConnectedLine: true, TrustConnectedLine: true, ConnectedLineMethod: "invite",
	}
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, dialogs: map[dialog.ID]*Session{}, mb: channel.NewMailbox()}
	r.cfg = Config{
		Name: "PJSIP/1001-00000001", Endpoint: endpoint("1001"), UserAgent: "Branchline/1.0",
		Local:   link.Local{Host: "198.51.100.9", Port: 5060, Transport: "UDP", Media: netip.MustParseAddr("198.51.100.9")},
		Network: r, Plane: r, Dialogs: r, Ended: func(*Session) { r.mu.Lock(); defer r.mu.Unlock(); r.ended++ },
	}
	r.phone = phone{r: r, tag: "phone", callID: "call-1", user: "1001", addr: "198.51.100.206:5060", seq: 1}
	return r
}

// events drains the mailbox into short words.
func (r *rig) events() string {
	r.wait()
	var words []string
	for {
		e, ok := r.mb.Next()
		if !ok {
			return strings.Join(words, " ")
		}
		switch e.Kind {
		case channel.Ringing:
			words = append(words, "ringing")
		case channel.Progressed:
			words = append(words, "progressed")
		case channel.Answered:
			words = append(words, "answered")
		case channel.Gone:
			words = append(words, fmt.Sprintf("gone:%d:%d", e.Cause, e.Status))
		case channel.Held:
			words = append(words, "held")
		case channel.Unheld:
			words = append(words, "unheld")
		case channel.DigitBegan:
			words = append(words, "digit:"+string(e.Digit))
		case channel.DigitEnded:
			words = append(words, fmt.Sprintf("end:%c:%v", e.Digit, e.Length))
		case channel.Forwarded:
			words = append(words, "forwarded:"+e.Target)
		case channel.MediaLost:
			words = append(words, "medialost")
		case channel.Transferred:
			words = append(words, fmt.Sprintf("transferred:%d", e.Status))
		case channel.Diverted:
			words = append(words, "diverted:"+e.Party.Number+":"+e.Party.Reason+":"+e.Target)
		case channel.Identity:
			words = append(words, "identity:"+e.Party.Name+":"+e.Party.Number)
		default:
			words = append(words, fmt.Sprint(e.Kind))
		}
	}
}

func (r *rig) wantEvents(want string) {
	r.t.Helper()
	if got := r.events(); got != want {
		r.t.Errorf("events %q, want %q", got, want)
	}
}

// take is the next request the session sent; it must have this method.
func (r *rig) take(m sip.RequestMethod) *outgoing {
	r.t.Helper()
	r.wait()
	if len(r.sent) == 0 {
		r.t.Fatalf("no %s was sent", m)
	}
	o := r.sent[0]
	r.sent = r.sent[1:]
	if o.req.Method != m {
		r.t.Fatalf("%s was sent, want %s", o.req.Method, m)
	}
	return o
}

func (r *rig) quiet() {
	r.t.Helper()
	r.wait()
	for _, o := range r.sent {
		r.t.Errorf("unexpected %s", o.req.Method)
	}
	r.sent = nil
}

func (r *rig) over(s *Session) {
	r.t.Helper()
	r.wait()
	if r.ended != 1 {
		r.t.Errorf("session ended %d times, want once (state %v)", r.ended, s.state)
	}
	if len(r.dialogs) != 0 {
		r.t.Errorf("dialogs left: %v", r.dialogs)
	}
	for i, p := range r.ports {
		if p.closed != 1 {
			r.t.Errorf("port %d closed %d times", i, p.closed)
		}
	}
}

// respond answers a request of the session as the called phone would. extra
// holds header lines; a body makes it carry SDP.
func (o *outgoing) respond(status int, tag, body string, extra ...string) {
	res := sip.NewResponse(status, dialog.Phrase(status))
	res.AppendHeader(sip.HeaderClone(o.req.From()))
	to := sip.HeaderClone(o.req.To()).(*sip.ToHeader)
	if tag != "" {
		to.Params.Add("tag", tag)
	}
	res.AppendHeader(to)
	res.AppendHeader(sip.HeaderClone(o.req.CallID()))
	res.AppendHeader(sip.HeaderClone(o.req.CSeq()))
	contact := false
	for _, h := range extra {
		k, v, _ := strings.Cut(h, ": ")
		contact = contact || k == "Contact"
		add(res, k, v)
	}
	if !contact && tag != "" {
		add(res, "Contact", "<sip:callee@198.51.100.55:5062>")
	}
	if body != "" {
		add(res, "Content-Type", "application/sdp")
	}
	res.SetBody([]byte(body))
	res.SetSource("198.51.100.55:5062")
	o.reply(link.Reply{Response: res})
	o.rig.wait()
}

type adder interface{ AppendHeader(sip.Header) }

func add(m adder, name, value string) {
	hs, err := sip.HeadersParser(sip.DefaultHeadersParser()).ParseHeader(nil, []byte(name+": "+value))
	if err != nil {
		panic(err)
	}
	for _, h := range hs {
		m.AppendHeader(h)
	}
}

// incoming is a request the phone sent and what the session answered.
type incoming struct {
	rig      *rig
	req      *sip.Request
	res      []*sip.Response
	at       []time.Time
	onCancel sip.FnTxCancel
}

func (i *incoming) Respond(res *sip.Response) error {
	i.rig.mu.Lock()
	defer i.rig.mu.Unlock()
	i.res = append(i.res, res)
	i.at = append(i.at, time.Now())
	return nil
}
func (i *incoming) OnCancel(f sip.FnTxCancel) bool { i.onCancel = f; return true }
func (i *incoming) Terminate()                     {}

func (i *incoming) codes() string {
	i.rig.wait()
	var out []string
	for _, r := range i.res {
		out = append(out, fmt.Sprint(r.StatusCode))
	}
	return strings.Join(out, " ")
}

func (i *incoming) last() *sip.Response {
	i.rig.wait()
	if len(i.res) == 0 {
		return sip.NewResponse(0, "nothing")
	}
	return i.res[len(i.res)-1]
}

// A phone writes requests.
type phone struct {
	r           *rig
	tag, callID string
	user, addr  string
	seq         uint32
	serverTag   string
	to          string
}

func (p *phone) request(m sip.RequestMethod, body string, extra ...string) *incoming {
	to := "sip:2002@198.51.100.9"
	if p.to != "" {
		to = p.to
	}
	var u sip.Uri
	if err := sip.ParseUri("sip:2002@198.51.100.9", &u); err != nil {
		panic(err)
	}
	req := sip.NewRequest(m, u)
	add(req, "Via", "SIP/2.0/UDP "+p.addr+";rport;branch=z9hG4bK"+fmt.Sprint(p.seq)+string(m))
	add(req, "From", `"Anna" <sip:`+p.user+`@198.51.100.9>;tag=`+p.tag)
	if p.serverTag != "" {
		add(req, "To", "<"+to+">;tag="+p.serverTag)
	} else {
		add(req, "To", "<"+to+">")
	}
	add(req, "Call-ID", p.callID)
	add(req, "CSeq", fmt.Sprintf("%d %s", p.seq, m))
	add(req, "Contact", "<sip:"+p.user+"@"+p.addr+">")
	add(req, "Max-Forwards", "70")
	typed := false
	for _, h := range extra {
		k, v, _ := strings.Cut(h, ": ")
		typed = typed || k == "Content-Type"
		add(req, k, v)
	}
	if body != "" && !typed {
		add(req, "Content-Type", "application/sdp")
	}
	req.SetBody([]byte(body))
	req.SetSource(p.addr)
	req.SetTransport("UDP")
	return &incoming{rig: p.r, req: req}
}

// send puts an in-dialog request to the session, with the next CSeq.
func (p *phone) send(s *Session, m sip.RequestMethod, body string, extra ...string) *incoming {
	if m != sip.ACK {
		p.seq++
	}
	in := p.request(m, body, extra...)
	s.Receive(in.req, in)
	p.r.wait()
	return in
}

// call opens an inbound session.
func (r *rig) call(body string, extra ...string) (*Session, *incoming, error) {
	in := r.phone.request(sip.INVITE, body, extra...)
	s, err := Incoming(r.cfg, in.req, in)
	if s != nil {
		s.Bind(r.mb)
		r.phone.serverTag = s.uas.tag
	}
	r.wait()
	return s, in, err
}

// up brings an inbound call to Confirmed.
func (r *rig) up(extra ...string) (*Session, *incoming) {
	r.t.Helper()
	s, in, err := r.call(offerText("198.51.100.206", 4000, "0 8 101"), extra...)
	if err != nil {
		r.t.Fatal(err)
	}
	s.Answer()
	if got := in.last().StatusCode; got != 200 {
		r.t.Fatalf("answer %d", got)
	}
	r.phone.send(s, sip.ACK, "")
	return s, in
}

// dialled opens an outbound session and sends its INVITE.
func (r *rig) dialled(call Call) (*Session, *outgoing) {
	r.t.Helper()
	if call.Target.Host == "" {
		if err := sip.ParseUri("sip:1002@198.51.100.55:5062", &call.Target); err != nil {
			r.t.Fatal(err)
		}
	}
	s, err := Outgoing(r.cfg, call)
	if err != nil {
		r.t.Fatal(err)
	}
	s.Bind(r.mb)
	s.Dial()
	return s, r.take(sip.INVITE)
}

// talking brings an outbound call to Confirmed.
func (r *rig) talking(extra ...string) (*Session, *outgoing) {
	r.t.Helper()
	s, o := r.dialled(Call{Caller: channel.Party{Number: "1001"}})
	o.respond(180, "t1", "")
	o.respond(200, "t1", offerText("198.51.100.55", 6000, "0"), extra...)
	r.wantEvents("ringing answered")
	r.phone = phone{r: r, tag: "t1", callID: s.uac.callID, user: "1002", addr: "198.51.100.55:5062", serverTag: s.uac.tag, seq: 100, to: "sip:1001@198.51.100.9"}
	return s, o
}

func offerText(host string, port int, formats string, attrs ...string) string {
	b := fmt.Sprintf("v=0\r\no=- 7 1 IN IP4 %s\r\ns=x\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n", host, host, port, formats)
	if strings.Contains(formats, "101") {
		b += "a=rtpmap:101 telephone-event/8000\r\n"
	}
	for _, a := range attrs {
		b += "a=" + a + "\r\n"
	}
	return b
}

func headerOf(m sip.Message, name string) string {
	var out []string
	for _, h := range m.GetHeaders(name) {
		out = append(out, h.Value())
	}
	return strings.Join(out, " | ")
}

func want(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func contains(t *testing.T, what, got, part string) {
	t.Helper()
	if !strings.Contains(got, part) {
		t.Errorf("%s: %q lacks %q", what, got, part)
	}
}
