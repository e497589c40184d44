package wire

import (
	"fmt"
	"hash/maphash"
	"net/netip"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/emiago/sipgo/sip"
)

// An arrival is a parsed message with the way it came.
type arrival struct {
	msg   sip.Message
	from  netip.AddrPort
	local netip.Addr
	conn  *connection // TCP
}

// startLanes starts as many lanes as there are processors, at most four: the
// exchange behind them is never the bottleneck of an office.
func (w *Wire) startLanes() {
	w.lanes = make([]chan *arrival, min(4, runtime.GOMAXPROCS(0)))
	for i := range w.lanes {
		lane := make(chan *arrival, w.c.Limits.Queue)
		w.lanes[i] = lane
		w.wait.Add(1)
		go func() {
			defer w.wait.Done()
			for {
				select {
				case <-w.done:
					return
				case a := <-lane:
					w.deliver(*a)
				}
			}
		}()
	}
}

var laneSeed = maphash.MakeSeed()

// dispatch puts a message into its Call-ID's lane. When the lane is full, what
// would begin something new is answered 503 at once; all else waits, which lets
// the kernel's buffer (or TCP's window) hold back the sender.
func (w *Wire) dispatch(a arrival) {
	lane := w.lanes[0]
	if id := a.msg.CallID(); id != nil && len(w.lanes) > 1 {
		lane = w.lanes[maphash.String(laneSeed, id.Value())%uint64(len(w.lanes))]
	}
	select {
	case lane <- &a:
		return
	default:
	}
	if r, ok := a.msg.(*sip.Request); ok && begins(r.Method) && !inDialog(r) {
		w.overloaded(r, a)
		return
	}
	select {
	case lane <- &a:
	case <-w.done:
	}
}

// begins reports whether a method can ask for something new.
func begins(m sip.RequestMethod) bool {
	switch m {
	case sip.ACK, sip.CANCEL, sip.BYE, sip.PRACK:
		return false
	}
	return true
}

func inDialog(r *sip.Request) bool {
	to := r.To()
	return to != nil && to.Params.Has("tag")
}

// overloaded sends a stateless 503 (RFC 3261 21.5.4).
func (w *Wire) overloaded(r *sip.Request, a arrival) {
	w.counts.Refused.Add(1)
	w.normalise(r, a.from)
	res := w.answer(r, sip.StatusServiceUnavailable)
	res.AppendHeader(sip.NewHeader("Retry-After", strconv.Itoa(5)))
	w.reply(render(res), a)
}

// reply sends octets back to where an arrival came from, without a transaction.
func (w *Wire) reply(b []byte, a arrival) {
	if a.conn != nil {
		w.note(a.conn.send(b), "reply")
		return
	}
	w.note(w.sendPacket(b, a.from, a.local), "reply")
}

// repeat answers a request again whose transaction is over.
func (w *Wire) repeat(answer []byte, to netip.AddrPort, a arrival) {
	w.counts.Retransmitted.Add(1)
	w.note(w.sendPacket(answer, to, a.local), "repeat response")
}

// deliver is the boundary that a panic does not cross: one message of a hostile
// sender must not end everybody's calls.
func (w *Wire) deliver(a arrival) {
	defer func() {
		if p := recover(); p != nil {
			w.counts.Panics.Add(1)
			w.c.Log.Error("message dropped after a panic", "transport", w.String(), "source", a.from,
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	switch m := a.msg.(type) {
	case *sip.Request:
		w.request(m, a)
	case *sip.Response:
		m.SetSource(a.from.String())
		w.response(m)
	}
}

func (w *Wire) response(res *sip.Response) {
	key, ok := clientKey(res)
	if !ok {
		return
	}
	w.mu.Lock()
	o := w.clients.m[key]
	w.mu.Unlock()
	if o != nil {
		o.take(res)
	}
}

// request matches a request with its transaction (RFC 3261 17.2.3), or makes
// one and shows it to the exchange.
func (w *Wire) request(r *sip.Request, a arrival) {
	rport := w.normalise(r, a.from)
	method := r.Method
	if r.IsAck() || r.IsCancel() {
		method = sip.INVITE
	}
	key, ok := serverKey(r, method)
	if !ok || !complete(r) {
		w.counts.Malformed.Add(1)
		if !r.IsAck() && r.Via() != nil && w.bad.allow(a.from.Addr()) {
			w.reply(render(w.answer(r, sip.StatusBadRequest)), a)
		}
		return
	}
	s, answer, to := w.known(key, a)
	switch {
	case r.IsAck():
		if s != nil && s.acked() {
			return
		}
		w.c.Receive(&Inbound{Request: r, Source: a.from, Local: a.local, Wire: w, rport: rport,
			server: &server{w: w, state: ended}})
		return
	case r.IsCancel():
		w.cancelled(r, s, a)
		return
	case s != nil:
		s.again()
		return
	case answer != nil:
		w.repeat(answer, to, a)
		return
	}
	in := w.newInbound(r, key, a)
	in.rport = rport
	w.mu.Lock()
	if w.closed || w.live >= w.c.Limits.Live && in.Fresh && begins(r.Method) {
		w.mu.Unlock()
		w.overloaded(r, a)
		return
	}
	w.servers.put(key, in.server)
	in.counted = true
	w.live++
	w.mu.Unlock()
	w.c.Receive(in)
}

func (w *Wire) newInbound(r *sip.Request, key string, a arrival) *Inbound {
	s := &server{w: w, key: key, invite: r.IsInvite(), req: r, to: a.from, conn: a.conn, local: a.local}
	if to := r.To(); !to.Params.Has("tag") {
		// One tag for every answer, those of the transport included.
		to.Params.Add("tag", w.c.Token())
		return &Inbound{Request: r, Source: a.from, Local: a.local, Wire: w, server: s, Fresh: true}
	}
	return &Inbound{Request: r, Source: a.from, Local: a.local, Wire: w, server: s}
}

// cancelled answers a CANCEL: 200 and the end of its INVITE, or 481 (RFC 3261
// 9.2). It has a transaction of its own, for its retransmissions.
func (w *Wire) cancelled(r *sip.Request, invite *server, a arrival) {
	key, _ := serverKey(r, sip.CANCEL)
	s, answer, to := w.known(key, a)
	switch {
	case s != nil:
		s.again()
		return
	case answer != nil:
		w.repeat(answer, to, a)
		return
	}
	status := sip.StatusCallTransactionDoesNotExists
	if invite != nil {
		status = sip.StatusOK
		if tag := invite.tag(); tag != "" {
			r.To().Params.Add("tag", tag)
		}
	}
	in := w.newInbound(r, key, a)
	if invite == nil {
		in.Plain()
	}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return
	}
	w.servers.put(key, in.server)
	w.mu.Unlock()
	w.note(in.Respond(w.answer(r, status)), "answer CANCEL")
	if invite != nil {
		invite.cancel(r)
	}
}

// tag is our To tag, while the request is still waiting for its answer.
func (s *server) tag() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.req == nil {
		return ""
	}
	tag, _ := s.req.To().Params.Get("tag")
	return tag
}

// complete reports whether the headers every request must have are there
// (RFC 3261 8.1.1) and agree with the request line.
func complete(r *sip.Request) bool {
	from, to, cseq := r.From(), r.To(), r.CSeq()
	if from == nil || to == nil || r.CallID() == nil || cseq == nil || r.Via().Host == "" {
		return false
	}
	return cseq.MethodName == r.Method && r.CallID().Value() != "" && !repeats(r)
}

// repeats reports whether a header that may stand once stands twice: which of
// the two would count is anybody's guess (RFC 4475 3.3.8, 3.3.9).
func repeats(r *sip.Request) bool {
	var seen [6]bool
	for _, h := range r.Headers() {
		i := 0
		switch h.(type) {
		case *sip.FromHeader:
		case *sip.ToHeader:
			i = 1
		case *sip.CallIDHeader:
			i = 2
		case *sip.CSeqHeader:
			i = 3
		case *sip.MaxForwardsHeader:
			i = 4
		case *sip.ContentLengthHeader:
			i = 5
		default:
			continue
		}
		if seen[i] {
			return true
		}
		seen[i] = true
	}
	return false
}

// normalise writes the real source into the topmost Via (RFC 3261 18.2.1,
// RFC 3581 4), always, as Asterisk does; it reports whether rport was asked for.
func (w *Wire) normalise(r *sip.Request, from netip.AddrPort) bool {
	r.SetTransport(upper(w.c.Network))
	r.SetSource(from.String())
	r.SetDestination("")
	via := r.Via()
	if via == nil {
		return false
	}
	asked := via.Params.Has("rport")
	via.Params.Add("rport", strconv.Itoa(int(from.Port())))
	via.Params.Add("received", from.Addr().WithZone("").String())
	return asked
}

// answer makes one of the transport's own responses.
func (w *Wire) answer(r *sip.Request, status int) *sip.Response {
	if w.c.Answer != nil {
		return w.c.Answer(r, status)
	}
	res := sip.NewResponseFromRequest(r, status, reasons[status], nil)
	res.SipVersion = "SIP/2.0"
	return res
}

var reasons = map[int]string{
	sip.StatusOK: "OK", sip.StatusBadRequest: "Bad Request", sip.StatusRequestTerminated: "Request Terminated",
	sip.StatusCallTransactionDoesNotExists: "Call/Transaction Does Not Exist",
	sip.StatusServiceUnavailable:           "Service Unavailable",
}

// note logs an error that nobody else will hear of.
func (w *Wire) note(err error, doing string) {
	if err != nil {
		w.c.Log.Debug(doing, "transport", w.String(), "error", err)
	}
}

func upper(network string) string {
	if network == "tcp" {
		return "TCP"
	}
	return "UDP"
}
