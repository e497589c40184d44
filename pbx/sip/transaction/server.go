package transaction

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/octets"
)

// serverState is where a server transaction stands (RFC 3261 17.2, RFC 6026).
type serverState uint8

const (
	proceeding serverState = iota // Trying and Proceeding
	completed                     // final response sent, INVITE: ACK awaited
	confirmed                     // INVITE: ACK of a failure received
	accepted                      // INVITE: 2xx sent, the dialog looks after it
	ended
)

func (s serverState) String() string {
	return [...]string{"proceeding", "completed", "confirmed", "accepted", "ended"}[s]
}

// A Server answers one request. Its methods may be called from any goroutine and do
// not wait. It is the part of a transaction that outlives its request: it keeps the
// octets of the last response and where they go, and nothing else once final.
type Server struct {
	l      *Layer
	key    string
	invite bool
	local  netip.Addr

	mu       sync.Mutex
	state    serverState
	req      *sip.Request // until the final response, for the answer to a CANCEL
	to       netip.AddrPort
	conn     Connection // TCP
	last     []byte
	interval time.Duration
	resend   *time.Timer // G
	limit    *time.Timer // H, I, L
	onCancel func(*sip.Request)
	canceled bool
	counted  bool // in Layer.live
	plain    bool // answered without keeping anything
}

// Respond sends a response. Before the final one it may be called with any
// number of provisional ones; after a 2xx to INVITE, again with the same. Any
// other response is too late: ErrGone.
func (s *Server) Respond(res *sip.Response) error {
	b := octets.Render(res)
	final := res.StatusCode >= 200
	s.mu.Lock()
	switch {
	case s.state == proceeding:
	case s.state == accepted && res.IsSuccess():
	default:
		s.mu.Unlock()
		return ErrGone
	}
	s.last = b
	var settle func()
	if final && s.state == proceeding {
		settle = s.finish(res.IsSuccess())
	}
	s.mu.Unlock()
	if settle != nil {
		settle()
	}
	return s.send(b)
}

// finish moves on after the final response; the rest runs outside s.mu. Timers
// are those of figures 7 and 8 of RFC 3261, as RFC 6026 7.1 changed them.
func (s *Server) finish(success bool) func() {
	t := s.l.o.Timers
	s.req, s.onCancel = nil, nil
	if !s.invite {
		s.state = completed
		if s.l.t.Reliable() || s.plain { // timer J is zero
			s.state = ended
			return func() { s.l.forget(s) }
		}
		response, port := s.last, s.to.Port()
		return func() { s.l.remember(s, response, port) }
	}
	if success {
		s.state = accepted
		s.limit = time.AfterFunc(t.B, s.end) // L
		return func() { s.l.settled(s) }
	}
	if s.plain {
		s.state = ended
		return func() { s.l.forget(s) }
	}
	s.state = completed
	if !s.l.t.Reliable() {
		s.interval = t.T1
		s.resend = time.AfterFunc(s.interval, s.repeat) // G
	}
	s.limit = time.AfterFunc(t.B, s.end) // H
	return nil
}

// repeat is timer G: a failure response goes out until it is acknowledged.
func (s *Server) repeat() {
	s.mu.Lock()
	if s.state != completed {
		s.mu.Unlock()
		return
	}
	b := s.last
	s.interval = s.l.o.Timers.next(s.interval)
	s.resend.Reset(s.interval)
	s.mu.Unlock()
	s.l.o.Counts.Retransmitted.Add(1)
	s.l.o.Note(s.send(b), "repeat response")
}

// again answers a repeated request with the last response, if there is one.
func (s *Server) again() {
	s.mu.Lock()
	b := s.last
	if s.state == confirmed || s.state == ended || s.state == accepted {
		b = nil // accepted: the dialog repeats its 2xx itself (RFC 6026 7.1)
	}
	s.mu.Unlock()
	if b != nil {
		s.l.o.Counts.Retransmitted.Add(1)
		s.l.o.Note(s.send(b), "repeat response")
	}
}

// acked takes an ACK that matches the INVITE; it reports true if the
// transaction wanted it, false if it belongs to the dialog.
func (s *Server) acked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case completed:
		s.state = confirmed
		if s.resend != nil {
			s.resend.Stop()
		}
		s.limit.Stop()
		if s.l.t.Reliable() { // timer I is zero
			s.state = ended
			go s.l.forget(s)
			return true
		}
		s.limit = time.AfterFunc(s.l.o.Timers.T4, s.end)
		go s.l.settled(s)
		return true
	case accepted:
		return false
	}
	return true
}

// OnCancel registers what to do when the request is cancelled; the CANCEL and
// the INVITE have been answered by then. It reports false if that has happened
// already or the transaction is over.
func (s *Server) OnCancel(f sip.FnTxCancel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.canceled || s.state != proceeding {
		return false
	}
	s.onCancel = f
	return true
}

// cancel answers the INVITE with 487 if it is not answered yet (RFC 3261 9.2).
func (s *Server) cancel(c *sip.Request) {
	s.mu.Lock()
	if s.state != proceeding || s.canceled {
		s.mu.Unlock()
		return
	}
	s.canceled = true
	f, req := s.onCancel, s.req
	s.mu.Unlock()
	err := s.Respond(s.l.answer(req, sip.StatusRequestTerminated))
	if errors.Is(err, ErrGone) {
		return // answered in the same instant: RFC 3261 9.2 lets the CANCEL pass
	}
	s.l.o.Note(err, "answer cancelled INVITE")
	if f != nil {
		f(c)
	}
}

// Terminate forgets the transaction at once, answered or not. An ACK's has
// nothing to forget.
func (s *Server) Terminate() { s.end() }

func (s *Server) end() {
	s.mu.Lock()
	if s.state == ended {
		s.mu.Unlock()
		return
	}
	s.state = ended
	s.req, s.onCancel, s.last = nil, nil, nil
	if s.resend != nil {
		s.resend.Stop()
	}
	if s.limit != nil {
		s.limit.Stop()
	}
	s.mu.Unlock()
	s.l.forget(s)
}

// Plain makes the next final response a stateless one (RFC 3261 8.2.7): nothing
// is kept, a repeated request is looked at afresh, a failure is not repeated.
// Challenges are sent this way, so that strangers cost no memory.
func (s *Server) Plain() {
	s.mu.Lock()
	s.plain = true
	s.mu.Unlock()
}

// AnswerAt sends responses to another address than the source.
func (s *Server) AnswerAt(to netip.AddrPort) {
	s.mu.Lock()
	s.to = to
	s.mu.Unlock()
}

func (s *Server) send(b []byte) error {
	s.mu.Lock()
	to, conn := s.to, s.conn
	s.mu.Unlock()
	if conn == nil {
		return s.l.t.SendPacket(b, to, s.local)
	}
	if err := conn.Send(b); err == nil {
		return nil
	}
	// The connection is gone: RFC 3261 18.2.2 sends the answer to the address
	// in Via over a new one.
	return s.l.t.SendStream(b, to)
}

// serverKey identifies the transaction a request belongs to (RFC 3261 17.2.3);
// method is the request's own, except that ACK and CANCEL ask for "INVITE". The
// second rule is for senders that know no magic cookie.
func serverKey(r *sip.Request, method sip.RequestMethod) (string, bool) {
	via, cseq := r.Via(), r.CSeq()
	if via == nil || cseq == nil {
		return "", false
	}
	var b strings.Builder
	b.Grow(96)
	branch, _ := via.Params.Get("branch")
	if len(branch) > len(sip.RFC3261BranchMagicCookie) && strings.HasPrefix(branch, sip.RFC3261BranchMagicCookie) {
		b.WriteString(branch)
	} else {
		from, id := r.From(), r.CallID()
		if from == nil || id == nil {
			return "", false
		}
		tag, _ := from.Params.Get("tag")
		b.WriteString(tag)
		b.WriteByte(0)
		b.WriteString(id.Value())
		b.WriteByte(0)
		b.WriteString(strconv.FormatUint(uint64(cseq.SeqNo), 10))
	}
	b.WriteByte(0)
	b.WriteString(strings.ToLower(via.Host))
	b.WriteByte(':')
	b.WriteString(strconv.Itoa(via.Port))
	b.WriteByte(0)
	b.WriteString(string(method))
	return b.String(), true
}

// tag is our To tag, while the request is still waiting for its answer.
func (s *Server) tag() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.req == nil {
		return ""
	}
	tag, _ := s.req.To().Params.Get("tag")
	return tag
}
