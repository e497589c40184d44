// Package invite is the INVITE usage: one Session per SIP leg, as caller or as
// called party, from the first INVITE to the last transaction of its BYE.
//
// A Session is a channel.Leg. One goroutine, loop, owns its dialog, its offer
// and answer, and its timers; everything that happens to it (a leg method, a
// request from the agent, a response, a timer) is queued as a step for that
// goroutine (package desk). Reading order: Session here; Incoming in uas.go and
// Outgoing in uac.go, each in the order of RFC 3261 section 13; inside.go for what
// comes within the dialog (sections 12, 14, 15); media.go for what offer and answer
// do.
//
// What messages say is read and written by packages that know no session:
// negotiation, party, compose, refer, info, sessiontimer, q850.
package invite

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/media"
	"branchline/media/plane"
	"branchline/pbx/channel"
	"branchline/pbx/sip/desk"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/facts"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/inorder"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/negotiation"
	"branchline/pbx/sip/reliable"
	"branchline/pbx/sip/ringback"
)

// A Session is one SIP leg.
type Session struct {
	Config
	inbound bool
	log     *slog.Logger
	inbox   *desk.Inbox
	clock   desk.Clock
	done    chan struct{} // closed when the session is over
	events  desk.Outbox
	last    atomic.Pointer[string] // the last request, "Rx: BYE", for the console
	facts   atomic.Pointer[facts.Facts]
	ringing ringback.Tone // what an inband_progress caller hears
	port    plane.Port
	video   plane.Port     // nil: no video on this leg
	codecs  []*media.Codec // what may be offered and accepted, best first
	agreed  []*media.Codec // with an inbound caller; set before the loop starts

	// What follows belongs to loop.
	state  State
	gone   bool           // Gone was sent: the owner has let go of the leg
	dialog *dialog.Dialog // of the call; for a caller, of the 2xx that won
	talk   negotiation.State
	timing timing // session timer, RFC 4028
	peer   peer   // what the other side said it can do
	extra  header.Shared
	line   inorder.Line // requests within the dialog

	uas       uas
	uac       uac
	reinvite  reinvite
	answers   reliable.Answers // 2xx to INVITEs whose ACK is missing
	ending    ending
	news      news
	held      bool
	parties   parties
	pictures  pictures
	texts     []channel.Text // to be sent once the call stands
	elsewhere elsewhere
	met       channel.Party // as the other side last called itself
	direct    *Session      // whose party ours exchanges media with directly
	applied   *Session      // direct when what is in force was agreed
}

// State is how far a session is (RFC 3261 13, 15).
type State uint8

const (
	Idle       State = iota // outbound, not dialled
	Calling                 // INVITE sent, nothing heard
	Proceeding              // INVITE sent, provisional response heard
	Cancelling              // owner has let go; the INVITE's final response is awaited (9.1)
	Offered                 // INVITE received, no final response sent
	Accepted                // 2xx sent, ACK awaited
	Confirmed               // call stands
	Ending                  // BYE sent, or put off until it may be sent
	Over
)

func (s State) String() string {
	return [...]string{"Idle", "Calling", "Proceeding", "Cancelling", "Offered", "Accepted", "Confirmed", "Ending", "Over"}[s]
}

// peer is what the other side's headers told.
type peer struct {
	allow     map[string]bool // methods, upper case; nil: not said
	supported map[string]bool // option tags, lower case
}

func newSession(c Config, inbound bool) (*Session, error) {
	if c.T1 <= 0 {
		c.T1 = 500 * time.Millisecond
	}
	if c.MaxForwards <= 0 {
		c.MaxForwards = 70
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Session{Config: c, inbound: inbound, log: c.Log.With("call", c.Name, "endpoint", c.Endpoint.ID)}
	s.inbox, s.done = desk.NewInbox(), make(chan struct{})
	s.clock.In = s.inbox
	s.line = inorder.Line{
		Clock: &s.clock, Serve: s.serve, Over: func() bool { return s.state == Over },
		Refuse: func(req *sip.Request, tx link.ServerTx, status int) { s.reply(req, tx, status, nil) },
	}
	s.answers = reliable.Answers{Clock: &s.clock, T1: c.T1, Lost: s.noAck}
	s.uas.rel = reliable.Provisionals{Clock: &s.clock, T1: c.T1, Send: s.respond, Clear: s.cleared, Lost: s.noPrack}
	s.facts.Store(&facts.Facts{Endpoint: c.Endpoint})
	if inbound {
		s.state = Offered
	}
	port, err := c.Plane.Open(plane.Options{Local: c.Local.MediaBind, Events: s.heard})
	if err != nil {
		return nil, err
	}
	s.port = port
	return s, nil
}

// lifetime is 64*T1: how long anything is waited for.
func (s *Session) lifetime() time.Duration { return reliable.Lifetime * s.T1 }

// loop owns the session. It ends with the state Over.
func (s *Session) loop() {
	s.inbox.Work(func() bool { return s.state == Over })
	s.close()
}

// close releases everything. Steps still queued, and later ones, are refused by
// the inbox; requests among them get their 481.
func (s *Session) close() {
	s.release(channel.NoCause, 0, "")
	s.clock.StopAll()
	for _, step := range s.inbox.Close() {
		step()
	}
	s.line.Drop()
	if s.uac.tx != nil {
		// It would wait for further 2xx for 64*T1 (RFC 6026 timer M) and keep
		// all of this alive, but nobody is left to acknowledge them.
		s.uac.tx.Terminate()
	}
	close(s.done)
	s.forget()
	if s.Ended != nil {
		s.Ended(s)
	}
}

// do queues a step for the loop, and reports false once the session is over.
func (s *Session) do(step func()) bool { return s.inbox.Put(step) }

// release tells the owner that the leg has ended, once, and gives the media back.
func (s *Session) release(c channel.Cause, status int, reason string) {
	if s.gone {
		return
	}
	s.gone = true
	s.publish()
	s.events.End(channel.Event{Kind: channel.Gone, Leg: s, Cause: c, Status: status, Reason: reason})
	s.part()
	s.port.Close()
	if s.video != nil {
		s.video.Close()
	}
}

// Name is the channel's name.
func (s *Session) Name() string { return s.Config.Name }

// Bind makes mb the receiver of the leg's events.
func (s *Session) Bind(mb *channel.Mailbox) { s.events.Bind(mb) }

// Media is the audio stream.
func (s *Session) Media() media.Stream { return s.port }

// Video is the video stream of a leg that has one, or nil. Whoever joins the
// audio of two legs joins their video too.
func (s *Session) Video() media.Stream {
	if v := s.facts.Load().Video; v != nil {
		return v
	}
	return nil
}

// Codecs are the codecs agreed with an inbound caller, best first and video
// last, or the endpoint's own where nothing was offered.
func (s *Session) Codecs() []*media.Codec {
	if s.agreed != nil {
		return s.agreed
	}
	return s.codecs
}

// Dial sends the INVITE of an outbound leg.
func (s *Session) Dial() { s.do(s.dial) }

// Ring sends 180 to an inbound caller.
func (s *Session) Ring() { s.do(s.ring) }

// Progress sends 183 with our answer to an inbound caller.
func (s *Session) Progress() {
	s.ringing.Stop(s.port)
	s.do(s.progress)
}

// Answer sends 200 to an inbound caller.
func (s *Session) Answer() {
	s.ringing.Stop(s.port)
	s.do(s.answer)
}

// Hangup ends the leg as its state asks for: a final response, CANCEL or BYE.
// The Gone event comes at once; the signalling runs to its end behind it.
func (s *Session) Hangup(c channel.Cause) { s.do(func() { s.hangup(c) }) }

// hangup is the owner's wish to end.
func (s *Session) hangup(c channel.Cause) {
	if s.gone {
		return
	}
	switch s.state {
	case Idle:
		s.release(c, 0, "")
		s.state = Over
	case Calling, Proceeding:
		s.release(c, 0, "")
		s.cancel(c)
	case Offered:
		s.release(c, 0, "")
		if s.uas.wanted != nil { // answered already, which only waits for a PRACK
			s.ending.cause = c
			return
		}
		s.reject(c)
	case Accepted, Confirmed:
		s.release(c, 0, "")
		s.bye(c)
	case Cancelling, Ending, Over:
	}
}

// fail ends an established or half-established call from our side: the owner
// hears why, the other party gets a BYE.
func (s *Session) fail(c channel.Cause, status int, why string) {
	s.release(c, status, why)
	s.bye(c)
}

// forget removes the session's dialogs from the agent's table.
func (s *Session) forget() {
	if s.dialog != nil {
		s.Dialogs.Remove(s.dialog.ID(), s)
	}
	for _, d := range s.uac.early {
		if s.dialog == nil || d.ID() != s.dialog.ID() {
			s.Dialogs.Remove(d.ID(), s)
		}
	}
}

// send starts a client transaction and runs then in the loop for every reply. A
// final response or an error is the last, but for further 2xx to an INVITE.
func (s *Session) send(req *sip.Request, then func(link.Reply)) link.ClientTx {
	s.noted("Tx: ", req)
	var final, success bool
	return s.Network.Request(req, func(r link.Reply) {
		s.do(func() {
			ok := r.Err == nil && r.Response.StatusCode >= 200 && r.Response.StatusCode < 300
			if final && !(success && ok && req.Method == sip.INVITE) {
				return
			}
			if r.Err != nil || r.Response.StatusCode >= 200 {
				final, success = true, ok
			}
			then(r)
		})
	})
}

func (s *Session) noted(way string, req *sip.Request) {
	text := way + string(req.Method)
	s.last.Store(&text)
}

// Last is the last request that was sent or received: "Tx: ACK".
func (s *Session) Last() string {
	if t := s.last.Load(); t != nil {
		return *t
	}
	return "Init: INVITE"
}

// emit reports an event of this leg.
func (s *Session) emit(e channel.Event) {
	e.Leg = s
	s.events.Put(e)
}
