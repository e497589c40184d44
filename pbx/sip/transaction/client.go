package transaction

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/octets"
)

// A Client is a request of ours under way: a client transaction (RFC 3261
// 17.1, with RFC 6026's Accepted state).
type Client struct {
	l      *Layer
	key    string
	to     netip.AddrPort
	invite bool
	calls  sync.Mutex // one call of on at a time

	mu       sync.Mutex
	on       func(*sip.Response, error) // nil once nothing more will be told: it holds on to a whole session
	state    clientState
	req      *sip.Request // until the final response
	raw      []byte       // the request, later the ACK of a failure
	conn     Connection
	interval time.Duration
	resend   *time.Timer
	limit    *time.Timer
	cancels  []sip.Header // a CANCEL waits for the first provisional response
	cancel   bool
}

type clientState uint8

const (
	calling  clientState = iota
	ringing              // Proceeding: a provisional response came
	failed               // Completed
	answered             // Accepted
	over
)

func (s clientState) String() string {
	return [...]string{"calling", "proceeding", "completed", "accepted", "terminated"}[s]
}

// Start sends req, which has its topmost Via, to the given address in a new client
// transaction. on is called with every response: each provisional one, the
// final one, and for INVITE each further 2xx (repeated, or another fork's). If
// no final response comes it is called once with ErrTimeout, ErrRefused,
// ErrLost, ErrClosed or a system error. on is not called concurrently and must
// not block.
func (l *Layer) Start(req *sip.Request, to netip.AddrPort, on func(*sip.Response, error)) *Client {
	branch, _ := req.Via().Params.Get("branch")
	o := &Client{
		l: l, key: branch + "\x00" + string(req.Method), to: to,
		invite: req.IsInvite(), on: on, req: req, raw: octets.Render(req),
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		o.state = over
		later(func() { on(nil, ErrClosed) })
		return o
	}
	l.clients.put(o.key, o)
	l.mu.Unlock()
	if l.t.Reliable() {
		l.t.Connect(to, o.begin)
	} else {
		o.begin(nil, nil)
	}
	return o
}

// later runs f on a goroutine of its own: callers of Start may hold locks
// that the callback needs.
func later(f func()) { go f() }

// begin sends the request for the first time and starts timers A or E, B or F.
func (o *Client) begin(conn Connection, err error) {
	if err != nil {
		later(func() { o.end(err) })
		return
	}
	t := o.l.o.Timers
	o.mu.Lock()
	if o.state != calling {
		o.mu.Unlock()
		return
	}
	o.conn = conn
	if conn == nil {
		o.interval = t.T1
		o.resend = time.AfterFunc(o.interval, o.repeat)
	}
	o.limit = time.AfterFunc(t.B, func() { o.end(ErrTimeout) })
	raw := o.raw
	o.mu.Unlock()
	if conn != nil {
		conn.Watch(o)
	}
	if err := o.send(raw); err != nil {
		later(func() { o.end(err) })
	}
}

// repeat is timer A (doubling) or E (doubling up to T2, then T2 in Proceeding).
func (o *Client) repeat() {
	o.mu.Lock()
	if o.state > ringing || o.state == ringing && o.invite {
		o.mu.Unlock()
		return
	}
	switch {
	case o.state == ringing:
		o.interval = o.l.o.Timers.T2
	case o.invite:
		o.interval *= 2
	default:
		o.interval = o.l.o.Timers.next(o.interval)
	}
	o.resend.Reset(o.interval)
	raw := o.raw
	o.mu.Unlock()
	if err := o.send(raw); err != nil {
		o.end(err)
	}
}

func (o *Client) send(raw []byte) error {
	if o.conn != nil {
		return o.conn.Send(raw)
	}
	return o.l.t.SendPacket(raw, o.to, netip.Addr{})
}

// take is a response to this request.
func (o *Client) take(res *sip.Response) {
	o.mu.Lock()
	var after func()
	on := o.on
	switch o.state {
	case calling, ringing:
		switch {
		case res.IsProvisional():
			after = o.progress()
		case o.invite && res.IsSuccess():
			after = o.settle(answered, o.l.o.Timers.B) // M
		case o.invite:
			ack := octets.Render(ackOf(o.req, res))
			wait := o.l.o.Timers.B // D
			if o.conn != nil {
				wait = 0
			}
			settle := o.settle(failed, wait)
			o.raw = ack
			after = func() {
				o.l.o.Note(o.send(ack), "acknowledge failure")
				settle()
			}
		default:
			wait := o.l.o.Timers.T4 // K
			if o.conn != nil {
				wait = 0
			}
			after = o.settle(failed, wait)
		}
	case answered:
		if !res.IsSuccess() {
			on = nil
		}
	case failed:
		on = nil
		if o.invite && res.StatusCode >= 300 {
			raw := o.raw
			after = func() { o.l.o.Note(o.send(raw), "acknowledge failure") }
		}
	case over:
		on = nil
	}
	if o.state > ringing && o.state != answered {
		o.on = nil
	}
	o.mu.Unlock()
	if after != nil {
		after()
	}
	o.tell(on, res, nil)
}

func (o *Client) tell(on func(*sip.Response, error), res *sip.Response, err error) {
	if on == nil {
		return
	}
	o.calls.Lock()
	defer o.calls.Unlock()
	on(res, err)
}

// progress is the first and any further provisional response.
func (o *Client) progress() func() {
	first := o.state == calling
	o.state = ringing
	if o.invite {
		if o.resend != nil {
			o.resend.Stop()
		}
		if first && o.limit != nil {
			o.limit.Stop() // B ends: how long it rings is not our business
		}
	}
	if first && o.cancel {
		return o.sendCancel()
	}
	return nil
}

// settle takes the final response; wait is how long stray repetitions are
// still recognised.
func (o *Client) settle(s clientState, wait time.Duration) func() {
	o.state = s
	o.req = nil
	if o.resend != nil {
		o.resend.Stop()
	}
	if o.limit != nil {
		o.limit.Stop()
	}
	if o.conn != nil {
		o.conn.Unwatch(o)
	}
	if s == answered || !o.invite {
		o.raw = nil
	}
	if wait == 0 {
		o.state = over
		return func() { o.l.drop(o) }
	}
	o.limit = time.AfterFunc(wait, func() { o.end(nil) })
	return func() {}
}

// end is the end without, or long after, a final response.
func (o *Client) end(err error) {
	o.mu.Lock()
	if o.state == over {
		o.mu.Unlock()
		return
	}
	on := o.on
	if o.state > ringing || err == nil {
		on = nil
	}
	o.on = nil
	o.settle(over, 0)
	o.mu.Unlock()
	o.l.drop(o)
	o.tell(on, nil, err)
}

// Lost says that the connection the request waits on has ended.
func (o *Client) Lost() { o.end(ErrLost) }

// Terminate forgets the request: on is not called any more. The far side is
// told nothing.
func (o *Client) Terminate() {
	o.mu.Lock()
	o.on = nil
	acknowledging := o.state == failed
	o.mu.Unlock()
	if !acknowledging {
		o.end(nil)
	}
}

// Cancel asks the far side to give up an INVITE (RFC 3261 9.1), with extra
// headers at the end. Before any provisional response it waits for the first;
// after the final one it does nothing. If the far side then stays silent for
// 64*T1 the transaction ends with ErrTimeout.
func (o *Client) Cancel(extra ...sip.Header) {
	o.mu.Lock()
	if !o.invite || o.cancel || o.state > ringing {
		o.mu.Unlock()
		return
	}
	o.cancel, o.cancels = true, extra
	var send func()
	if o.state == ringing {
		send = o.sendCancel()
	}
	o.mu.Unlock()
	if send != nil {
		send()
	}
}

func (o *Client) sendCancel() func() {
	req := cancelOf(o.req, o.cancels)
	o.limit = time.AfterFunc(o.l.o.Timers.B, func() { o.end(ErrTimeout) })
	return func() { o.l.Start(req, o.to, func(*sip.Response, error) {}) }
}

func (l *Layer) drop(o *Client) {
	l.mu.Lock()
	l.clients.remove(o.key, o)
	l.mu.Unlock()
}

// ackOf is the ACK of a failure, part of the INVITE's transaction (RFC 3261
// 17.1.1.3).
func ackOf(req *sip.Request, res *sip.Response) *sip.Request {
	ack := related(req, sip.ACK)
	if to := res.To(); to != nil {
		ack.AppendHeader(sip.HeaderClone(to))
	}
	finishRelated(ack, req, sip.ACK)
	return ack
}

// cancelOf is the CANCEL of an INVITE (RFC 3261 9.1): same Request-URI, Call-ID,
// From, To, CSeq number, topmost Via and Route.
func cancelOf(req *sip.Request, extra []sip.Header) *sip.Request {
	c := related(req, sip.CANCEL)
	if to := req.To(); to != nil {
		c.AppendHeader(sip.HeaderClone(to))
	}
	finishRelated(c, req, sip.CANCEL)
	for _, h := range extra {
		c.AppendHeader(h)
	}
	c.SetBody(nil)
	return c
}

func related(req *sip.Request, method sip.RequestMethod) *sip.Request {
	m := sip.NewRequest(method, req.Recipient)
	m.AppendHeader(req.Via().Clone())
	for _, h := range req.GetHeaders("route") {
		m.AppendHeader(sip.HeaderClone(h))
	}
	if from := req.From(); from != nil {
		m.AppendHeader(sip.HeaderClone(from))
	}
	return m
}

func finishRelated(m, req *sip.Request, method sip.RequestMethod) {
	if id := req.CallID(); id != nil {
		m.AppendHeader(sip.HeaderClone(id))
	}
	if c := req.CSeq(); c != nil {
		m.AppendHeader(&sip.CSeqHeader{SeqNo: c.SeqNo, MethodName: method})
	}
	hops := sip.MaxForwardsHeader(70)
	m.AppendHeader(&hops)
	if ua := req.GetHeader("user-agent"); ua != nil {
		m.AppendHeader(sip.HeaderClone(ua))
	}
	m.SetBody(nil)
}

// clientKey identifies the transaction a response belongs to (RFC 3261 17.1.3).
func clientKey(res *sip.Response) (string, bool) {
	via, cseq := res.Via(), res.CSeq()
	if via == nil || cseq == nil {
		return "", false
	}
	branch, _ := via.Params.Get("branch")
	return branch + "\x00" + strings.ToUpper(string(cseq.MethodName)), branch != ""
}
