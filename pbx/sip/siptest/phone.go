package siptest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/octets"
	"branchline/pbx/sip/sockets"
)

// patience is how long Want waits; in a bubble it passes at once.
const patience = 5 * time.Second

// A Phone is a scripted telephone. It does what it is told and nothing by
// itself: no retransmission, no automatic answer.
type Phone struct {
	User   string
	Server netip.AddrPort
	Addr   netip.AddrPort // ours
	TCP    bool
	// Repeats lets Want see messages identical to one seen before; otherwise
	// they are skipped, as are 100s nobody asked for.
	Repeats bool

	t      testing.TB
	ladder func() string
	in     chan []byte
	seen   map[string]bool
	cseq   uint32
	n      int

	packet sockets.PacketConn
	stream net.Conn
	listen sockets.Listener
	mu     sync.Mutex // guards stream
}

// Phone makes a telephone on UDP at addr that talks to server.
func (n *Net) Phone(user, addr, server string) *Phone {
	a := netip.MustParseAddrPort(addr)
	return newPhone(n.t, n.Host(a.Addr().String()), n.Ladder, user, a, netip.MustParseAddrPort(server), false)
}

// PhoneTCP makes a telephone that listens on TCP at addr and opens a connection
// to server with its first message.
func (n *Net) PhoneTCP(user, addr, server string) *Phone {
	a := netip.MustParseAddrPort(addr)
	return newPhone(n.t, n.Host(a.Addr().String()), n.Ladder, user, a, netip.MustParseAddrPort(server), true)
}

// NewPhone makes a telephone on any network, real sockets included.
func NewPhone(t testing.TB, on sockets.Network, user string, addr, server netip.AddrPort, tcp bool) *Phone {
	return newPhone(t, on, nil, user, addr, server, tcp)
}

func newPhone(t testing.TB, on sockets.Network, ladder func() string, user string, addr, server netip.AddrPort, tcp bool) *Phone {
	t.Helper()
	p := &Phone{
		User: user, Server: server, Addr: addr, TCP: tcp, t: t, ladder: ladder,
		in: make(chan []byte, 1024), seen: map[string]bool{},
	}
	if p.ladder == nil {
		p.ladder = func() string { return "" }
	}
	if tcp {
		l, err := on.Listen(addr, 0)
		p.must(err)
		p.listen, p.Addr = l, l.LocalAddr()
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				p.use(c)
			}
		}()
		c, err := on.Dial(context.Background(), addr.Addr(), server, 0)
		p.must(err)
		p.use(c)
	} else {
		c, err := on.ListenPacket(addr, 0)
		p.must(err)
		p.packet, p.Addr = c, c.LocalAddr()
		go func() {
			buf := make([]byte, 65536)
			for {
				n, _, _, err := c.ReadFrom(buf)
				if err != nil {
					return
				}
				p.in <- append([]byte(nil), buf[:n]...)
			}
		}()
	}
	return p
}

// use makes c the connection messages go out on; all connections are read.
func (p *Phone) use(c net.Conn) {
	p.mu.Lock()
	p.stream = c
	p.mu.Unlock()
	go func() {
		var acc []byte
		buf := make([]byte, 4096)
		for {
			n, err := c.Read(buf)
			acc = append(acc, buf[:n]...)
			for {
				acc = []byte(strings.TrimLeft(string(acc), "\r\n"))
				head, _, ok := strings.Cut(string(acc), "\r\n\r\n")
				if !ok {
					break
				}
				total := len(head) + 4 + length(head)
				if len(acc) < total {
					break
				}
				p.in <- append([]byte(nil), acc[:total]...)
				acc = acc[total:]
			}
			if err != nil {
				return
			}
		}
	}()
}

func length(head string) int {
	for line := range strings.SplitSeq(head, "\r\n") {
		if name, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(strings.TrimSpace(name), "content-length") {
			n, _ := strconv.Atoi(strings.TrimSpace(v))
			return n
		}
	}
	return 0
}

// Close takes the phone off the network.
func (p *Phone) Close() {
	if p.packet != nil {
		p.must(p.packet.Close())
		return
	}
	p.must(p.listen.Close())
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stream != nil {
		p.must(p.stream.Close())
	}
}

func (p *Phone) must(err error) {
	if err != nil {
		p.t.Helper()
		p.t.Fatal(err)
	}
}

func (p *Phone) fail(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("%s: %s\n%s", p.User, fmt.Sprintf(format, args...), p.ladder())
}

// SendRaw sends text as it is; bare line ends become CRLF.
func (p *Phone) SendRaw(text string) {
	p.t.Helper()
	p.write([]byte(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")))
}

// SendBytes sends octets untouched.
func (p *Phone) SendBytes(b []byte) { p.write(b) }

func (p *Phone) write(b []byte) {
	p.t.Helper()
	if p.packet != nil {
		p.must(p.packet.WriteTo(b, p.Server, netip.Addr{}))
		return
	}
	p.mu.Lock()
	c := p.stream
	p.mu.Unlock()
	_, err := c.Write(b)
	p.must(err)
}

// Protocol is "UDP" or "TCP".
func (p *Phone) Protocol() string {
	if p.TCP {
		return "TCP"
	}
	return "UDP"
}

// Contact is the phone's own URI.
func (p *Phone) Contact() string {
	s := "sip:" + p.User + "@" + p.Addr.String()
	if p.TCP {
		s += ";transport=tcp"
	}
	return s
}

// Make builds a request with everything RFC 3261 8.1.1 asks for. Each extra
// line "Name: value" replaces the header of that name, or is added; "Name:"
// removes it. A line that begins with "v=0" is the SDP body.
func (p *Phone) Make(method, uri string, extra ...string) *sip.Request {
	p.t.Helper()
	p.n++
	p.cseq++
	to := uri
	if method == "REGISTER" {
		to = "sip:" + p.User + "@" + strings.TrimPrefix(uri, "sip:")
	}
	lines := []string{
		fmt.Sprintf("Via: SIP/2.0/%s %s;branch=z9hG4bK%s.%d;rport", p.Protocol(), p.Addr, p.User, p.n),
		"Max-Forwards: 70",
		fmt.Sprintf("From: <sip:%s@%s>;tag=%s-%d", p.User, bracketed(p.Server.Addr()), p.User, p.n),
		"To: <" + to + ">",
		fmt.Sprintf("Call-ID: %s-call-%d", p.User, p.n),
		fmt.Sprintf("CSeq: %d %s", p.cseq, method),
		"Contact: <" + p.Contact() + ">",
	}
	var body string
	for _, x := range extra {
		if strings.HasPrefix(x, "v=0") {
			body = strings.ReplaceAll(strings.ReplaceAll(x, "\r\n", "\n"), "\n", "\r\n")
			lines = append(lines, "Content-Type: application/sdp")
			continue
		}
		name, value, _ := strings.Cut(x, ":")
		for i, l := range lines {
			if n, _, _ := strings.Cut(l, ":"); n == name {
				lines = append(lines[:i], lines[i+1:]...)
				break
			}
		}
		if strings.TrimSpace(value) != "" {
			lines = append(lines, x)
		}
	}
	text := method + " " + uri + " SIP/2.0\r\n" + strings.Join(lines, "\r\n") +
		fmt.Sprintf("\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	m, err := sip.ParseMessage([]byte(text))
	p.must(err)
	r, ok := m.(*sip.Request)
	if !ok {
		p.fail("not a request: %s", text)
	}
	return r
}

// Send sends a request (see Make) and returns it.
func (p *Phone) Send(method, uri string, extra ...string) *sip.Request {
	p.t.Helper()
	r := p.Make(method, uri, extra...)
	p.Put(r)
	return r
}

// Put sends a message.
func (p *Phone) Put(m sip.Message) {
	p.t.Helper()
	p.write(octets.Render(m))
}

func bracketed(a netip.Addr) string {
	if a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}

// A Message is something received.
type Message struct {
	Raw string
	Req *sip.Request  // or
	Res *sip.Response // never both
}

// Header is the value of the first header of that name.
func (m *Message) Header(name string) string {
	var hs []sip.Header
	if m.Req != nil {
		hs = m.Req.GetHeaders(name)
	} else {
		hs = m.Res.GetHeaders(name)
	}
	if len(hs) == 0 {
		return ""
	}
	return hs[0].Value()
}

// Body is the message body.
func (m *Message) Body() string {
	if m.Req != nil {
		return string(m.Req.Body())
	}
	return string(m.Res.Body())
}

func (m *Message) what() string {
	if m.Req == nil && m.Res == nil {
		line, _, _ := strings.Cut(m.Raw, "\r\n")
		if _, status, ok := strings.Cut(line, " "); ok && len(status) >= 3 && strings.HasPrefix(line, "SIP/2.0 ") {
			return status[:3]
		}
		return line
	}
	if m.Req != nil {
		return string(m.Req.Method)
	}
	return strconv.Itoa(m.Res.StatusCode)
}

// Want waits for the next message, which must be what is said: a method
// ("INVITE") or a status ("180"), optionally with the CSeq method ("200 BYE").
func (p *Phone) Want(what string) *Message {
	p.t.Helper()
	return p.WantWithin(patience, what)
}

// WantWithin is Want with its own patience.
func (p *Phone) WantWithin(d time.Duration, what string) *Message {
	p.t.Helper()
	want, method, _ := strings.Cut(what, " ")
	m := p.next(d, want == "100")
	if m == nil {
		p.fail("want %s, got nothing in %v", what, d)
		return nil
	}
	if m.what() != want || method != "" && m.Res != nil && string(m.Res.CSeq().MethodName) != method {
		p.fail("want %s, got\n%s", what, m.Raw)
	}
	return m
}

// WantNothing lets d pass, in which no message may come.
func (p *Phone) WantNothing(d time.Duration) {
	p.t.Helper()
	if m := p.next(d, true); m != nil {
		p.fail("want nothing for %v, got\n%s", d, m.Raw)
	}
}

// After lets d pass, whatever comes meanwhile waits.
func (p *Phone) After(d time.Duration) { time.Sleep(d) }

// next is the next message, nil after d.
func (p *Phone) next(d time.Duration, trying bool) *Message {
	p.t.Helper()
	limit := time.NewTimer(d)
	defer limit.Stop()
	for {
		select {
		case raw := <-p.in:
			if p.seen[string(raw)] && !p.Repeats {
				continue
			}
			p.seen[string(raw)] = true
			m := &Message{Raw: string(raw)}
			msg, err := sip.ParseMessage(raw)
			if err != nil {
				return m // an answer that repeats what we did wrong, for instance
			}
			switch x := msg.(type) {
			case *sip.Request:
				m.Req = x
			case *sip.Response:
				if x.StatusCode == 100 && !trying {
					continue
				}
				m.Res = x
			}
			return m
		case <-limit.C:
			return nil
		}
	}
}

// Reply answers a request received, with our tag and Contact; extra as for Make.
func (p *Phone) Reply(m *Message, status int, reason string, extra ...string) *sip.Response {
	p.t.Helper()
	res := sip.NewResponseFromRequest(m.Req, status, reason, nil)
	if status > 100 && res.To() != nil {
		res.To().Params.Add("tag", "to-"+p.User)
	}
	c := sip.ContactHeader{}
	p.must(sip.ParseUri(p.Contact(), &c.Address))
	res.AppendHeader(&c)
	for _, x := range extra {
		if strings.HasPrefix(x, "v=0") {
			res.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
			res.SetBody([]byte(strings.ReplaceAll(strings.ReplaceAll(x, "\r\n", "\n"), "\n", "\r\n")))
			continue
		}
		name, value, _ := strings.Cut(x, ":")
		res.AppendHeader(sip.NewHeader(name, strings.TrimSpace(value)))
	}
	p.Put(res)
	return res
}

// Ack acknowledges a final response to inv: with a new branch after 2xx, within
// the transaction after a failure.
func (p *Phone) Ack(inv *sip.Request, m *Message) {
	p.t.Helper()
	ack := p.within(inv, m.Res, "ACK")
	ack.CSeq().SeqNo = inv.CSeq().SeqNo
	if !m.Res.IsSuccess() {
		ack.Recipient = inv.Recipient
		ack.ReplaceHeader(inv.Via().Clone())
	}
	p.Put(ack)
}

// Cancel cancels inv.
func (p *Phone) Cancel(inv *sip.Request) {
	p.t.Helper()
	c := p.Make("CANCEL", inv.Recipient.String())
	c.ReplaceHeader(inv.Via().Clone())
	for _, name := range []string{"From", "To", "Call-ID"} {
		c.ReplaceHeader(sip.HeaderClone(inv.GetHeader(name)))
	}
	c.CSeq().SeqNo = inv.CSeq().SeqNo
	p.Put(c)
}

// Within sends a request in the dialog that res answered inv with, as caller.
func (p *Phone) Within(inv *sip.Request, m *Message, method string, extra ...string) *sip.Request {
	p.t.Helper()
	r := p.within(inv, m.Res, method, extra...)
	p.Put(r)
	return r
}

func (p *Phone) within(inv *sip.Request, res *sip.Response, method string, extra ...string) *sip.Request {
	p.t.Helper()
	uri := inv.Recipient.String()
	if c := res.Contact(); c != nil {
		uri = c.Address.String()
	}
	r := p.Make(method, uri, extra...)
	r.ReplaceHeader(sip.HeaderClone(inv.From()))
	r.ReplaceHeader(sip.HeaderClone(res.To()))
	r.ReplaceHeader(sip.HeaderClone(inv.CallID()))
	return r
}

// Back sends a request in the dialog of an INVITE received and answered with
// res, as callee.
func (p *Phone) Back(inv *Message, res *sip.Response, method string, extra ...string) *sip.Request {
	p.t.Helper()
	r := p.Make(method, inv.Req.Contact().Address.String(), extra...)
	from, to := res.To().AsFrom(), inv.Req.From().AsTo()
	r.ReplaceHeader(&from)
	r.ReplaceHeader(&to)
	r.ReplaceHeader(sip.HeaderClone(inv.Req.CallID()))
	p.Put(r)
	return r
}

// SDP is an offer or answer of the usual shape; formats like "0 8 101".
func (p *Phone) SDP(port int, formats string) string {
	var b strings.Builder
	host := p.Addr.Addr()
	family := "IP4"
	if host.Is6() {
		family = "IP6"
	}
	fmt.Fprintf(&b, "v=0\no=- 1 1 IN %s %s\ns=-\nc=IN %s %s\nt=0 0\nm=audio %d RTP/AVP %s\n", family, host, family, host, port, formats)
	for f := range strings.FieldsSeq(formats) {
		switch f {
		case "0":
			b.WriteString("a=rtpmap:0 PCMU/8000\n")
		case "8":
			b.WriteString("a=rtpmap:8 PCMA/8000\n")
		case "101":
			b.WriteString("a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-16\n")
		}
	}
	b.WriteString("a=ptime:20\na=sendrecv\n")
	return b.String()
}

// Hang closes the phone's connections as a crash would, without a word.
func (p *Phone) Hang() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stream != nil {
		p.must(p.stream.Close())
		p.stream = nil
	}
}

// Next is the next message, nil if none comes within d.
func (p *Phone) Next(d time.Duration) *Message {
	p.t.Helper()
	return p.next(d, false)
}

// Statuses lets d pass and lists the statuses of the responses that came,
// repetitions and 100s left out.
func (p *Phone) Statuses(d time.Duration) (out []string) {
	p.t.Helper()
	for end := time.Now().Add(d); ; {
		m := p.next(time.Until(end), false)
		if m == nil {
			return out
		}
		out = append(out, m.what())
	}
}
