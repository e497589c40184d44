package transaction

import (
	"net/netip"
	"strconv"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/octets"
)

// Begins reports whether a request can ask for something new.
func Begins(r *sip.Request) bool {
	switch r.Method {
	case sip.ACK, sip.CANCEL, sip.BYE, sip.PRACK:
		return false
	}
	to := r.To()
	return to == nil || !to.Params.Has("tag")
}

// Overloaded sends a stateless 503 (RFC 3261 21.5.4).
func (l *Layer) Overloaded(r *sip.Request, o Origin) {
	l.o.Counts.Refused.Add(1)
	l.normalise(r, o.From)
	res := l.answer(r, sip.StatusServiceUnavailable)
	res.AppendHeader(sip.NewHeader("Retry-After", strconv.Itoa(5)))
	l.t.Reply(octets.Render(res), o)
}

// repeat answers a request again whose transaction is over.
func (l *Layer) repeat(answer []byte, to netip.AddrPort, o Origin) {
	l.o.Counts.Retransmitted.Add(1)
	l.o.Note(l.t.SendPacket(answer, to, o.Local), "repeat response")
}

// Response takes a response to the request it belongs to.
func (l *Layer) Response(res *sip.Response) {
	key, ok := clientKey(res)
	if !ok {
		return
	}
	l.mu.Lock()
	c := l.clients.m[key]
	l.mu.Unlock()
	if c != nil {
		c.take(res)
	}
}

// Request matches a request with its transaction (RFC 3261 17.2.3), or makes
// one and shows it to the exchange.
func (l *Layer) Request(r *sip.Request, o Origin) {
	rport := l.normalise(r, o.From)
	method := r.Method
	if r.IsAck() || r.IsCancel() {
		method = sip.INVITE
	}
	key, ok := serverKey(r, method)
	if !ok || !complete(r) {
		l.o.Counts.Malformed.Add(1)
		if !r.IsAck() && r.Via() != nil && l.o.Tolerate(o.From.Addr()) {
			l.t.Reply(octets.Render(l.answer(r, sip.StatusBadRequest)), o)
		}
		return
	}
	s, answer, to := l.known(key, o)
	switch {
	case r.IsAck():
		if s != nil && s.acked() {
			return
		}
		l.o.Receive(New{Request: r, Origin: o, Server: &Server{l: l, state: ended}, Symmetric: rport})
		return
	case r.IsCancel():
		l.cancelled(r, s, o)
		return
	case s != nil:
		s.again()
		return
	case answer != nil:
		l.repeat(answer, to, o)
		return
	}
	fresh := Begins(r)
	s, tagged := l.newServer(r, key, o)
	l.mu.Lock()
	if l.closed || l.live >= l.o.Live && fresh {
		l.mu.Unlock()
		l.Overloaded(r, o)
		return
	}
	l.servers.put(key, s)
	s.counted = true
	l.live++
	l.mu.Unlock()
	l.o.Receive(New{Request: r, Origin: o, Server: s, Tagged: tagged, Symmetric: rport})
}

// newServer makes the transaction of a request, and says whether it had to give it a
// To tag.
func (l *Layer) newServer(r *sip.Request, key string, o Origin) (s *Server, tagged bool) {
	if to := r.To(); !to.Params.Has("tag") {
		// One tag for every answer, those of the transport included.
		to.Params.Add("tag", l.o.Token())
		tagged = true
	}
	return &Server{l: l, key: key, invite: r.IsInvite(), req: r, to: o.From, conn: o.Conn, local: o.Local}, tagged
}

// cancelled answers a CANCEL: 200 and the end of its INVITE, or 481 (RFC 3261
// 9.2). It has a transaction of its own, for its retransmissions.
func (l *Layer) cancelled(r *sip.Request, invite *Server, o Origin) {
	key, _ := serverKey(r, sip.CANCEL)
	s, answer, to := l.known(key, o)
	switch {
	case s != nil:
		s.again()
		return
	case answer != nil:
		l.repeat(answer, to, o)
		return
	}
	status := sip.StatusCallTransactionDoesNotExists
	if invite != nil {
		status = sip.StatusOK
		if tag := invite.tag(); tag != "" {
			r.To().Params.Add("tag", tag)
		}
	}
	s, _ = l.newServer(r, key, o)
	if invite == nil {
		s.Plain()
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.servers.put(key, s)
	l.mu.Unlock()
	l.o.Note(s.Respond(l.answer(r, status)), "answer CANCEL")
	if invite != nil {
		invite.cancel(r)
	}
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
func (l *Layer) normalise(r *sip.Request, from netip.AddrPort) bool {
	network := "UDP"
	if l.t.Reliable() {
		network = "TCP"
	}
	r.SetTransport(network)
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
func (l *Layer) answer(r *sip.Request, status int) *sip.Response {
	if l.o.Answer != nil {
		return l.o.Answer(r, status)
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
