package invite

import (
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/media"
	"branchline/media/plane"
	tones "branchline/media/tone"
	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/dialog"
)

// A Network carries a session's requests to its endpoint. The agent gives every
// session one that knows the endpoint's transport. None of its methods wait for
// the network.
type Network interface {
	// Request sends req in a new client transaction. The network puts the top
	// Via on it (sent-by, a fresh branch, rport), finds the destination from
	// req.Destination() if set, else from the topmost Route, else from the
	// Request-URI, and resolves and connects in the background; it may not touch
	// req otherwise. Every response reaches reply: each provisional, the final
	// one, and for INVITE also repeated 2xx and 2xx of other forks as long as
	// the transaction lives. If no final response will come, reply is called
	// once with Err instead. reply may be called from any goroutine, but not
	// concurrently, and does not block.
	Request(req *sip.Request, reply func(Reply)) ClientTx
	// Send writes an ACK for a 2xx: no transaction, a Via with a fresh branch of
	// its own, destination as for Request. Errors are the network's to log.
	Send(req *sip.Request)
	// Token is fresh random text for tags and Call-IDs, shaped like a UUID.
	Token() string
}

// A ClientTx is a request under way.
type ClientTx interface {
	// Cancel sends a CANCEL for an INVITE (RFC 3261 9.1), with extra headers
	// (Reason) after the standard ones, in a transaction of its own whose
	// outcome nobody waits for.
	Cancel(extra ...sip.Header)
	// Terminate forgets the transaction; reply is not called any more.
	Terminate()
}

// A Rover is a ClientTx that goes on to another address when the first one does
// not answer. Stay keeps it where it is: nobody wants the call any more, so no
// further place shall ring.
type Rover interface{ Stay() }

// A Reply is a response, or the reason why none will come.
type Reply struct {
	Response *sip.Response
	Err      error // ErrTimeout, ErrRefused or another transport error
}

// Errors of a Reply.
var (
	// ErrTimeout: no response within 64*T1 (RFC 3261 17.1.1.2 timer B, F).
	ErrTimeout = errors.New("request timed out")
	// ErrUnreachable wraps every failure to send: connection refused, no route,
	// name not resolved, no such transport.
	ErrUnreachable = errors.New("destination unreachable")
	// ErrClosed: our own socket was closed before there was an answer. Another may
	// have taken its place.
	ErrClosed = errors.New("transport closed")
)

// A ServerTx is a request to be answered; *sip.ServerTx is one.
type ServerTx interface {
	Respond(*sip.Response) error
	// OnCancel reports a CANCEL that the transaction layer has already answered,
	// together with the 487 for the INVITE.
	OnCancel(sip.FnTxCancel) bool
	Terminate()
}

// Dialogs is the agent's table by which in-dialog requests find their session.
// Its methods may be called from any goroutine and do not block.
type Dialogs interface {
	Add(id dialog.ID, s *Session)
	Remove(id dialog.ID, s *Session)
	// Find is the session of a dialog, or nil.
	Find(id dialog.ID) *Session
}

// Credentials answer a challenge: they put an Authorization or
// Proxy-Authorization on req for the 401 or 407 in res. An error means that
// nothing fits. pbx/sip/digest has the real ones.
type Credentials interface {
	Authorize(req *sip.Request, res *sip.Response) error
}

// Local is how the exchange appears to one endpoint.
type Local struct {
	Host      string     // in Contact, From and Via; an address or external_signaling_address
	Port      int        // in Contact; 0 leaves it out
	Transport string     // "UDP", "TCP": what requests to the endpoint travel on
	Media     netip.Addr // in SDP: media_address, external_media_address or the interface's own
	MediaBind netip.Addr // where RTP sockets are bound; unspecified for all
}

// A Config is what every session is made from.
type Config struct {
	Name        string // channel name: PJSIP/1001-0000002a
	Endpoint    *settings.Endpoint
	UserAgent   string // Server and User-Agent header
	FromUser    string // global default_from_user, "" is "asterisk"
	MaxForwards int    // of in-dialog requests, 0: 70
	Local       Local
	// Find looks for the address of an outbound call when it is dialled. It
	// returns at once and calls done once, from any goroutine, with how the
	// exchange appears there (Local.MediaBind does not count any more), or with
	// why there is none, a *channel.Refusal. nil: Local is right.
	Find        func(done func(Local, error))
	Network     Network
	Plane       plane.Plane
	Dialogs     Dialogs
	Credentials Credentials // outbound_auth; nil: every challenge ends the leg
	// Locate gives the URI of an endpoint a party is to be sent to; nil: none is known.
	Locate func(endpoint string) (uri string, ok bool)
	// CallerContact puts the caller's number into the Contact of outbound calls
	// (global use_callerid_contact).
	CallerContact bool
	// FeatureCode is what is dialled for a feature of features.conf, "" if nothing
	// is; nil: there are no features.
	FeatureCode func(feature string) string
	// Tones gives the book whose zones the endpoint's tone_zone names; nil: the
	// built-in one.
	Tones func() *tones.Book
	// LateRinging lets a 180 follow a 183 (global allow_sending_180_after_183).
	LateRinging bool
	T1          time.Duration // system timer_t1, 0: 500 ms
	Log         *slog.Logger
	// Ended is called once, when the session's last transaction is over and its
	// dialogs are removed; nil if nobody cares.
	Ended func(*Session)
}

// A Call is what an outbound session shall say in its INVITE.
type Call struct {
	Target      sip.Uri   // Request-URI: the contact
	Routes      []sip.Uri // outbound_proxy, then the contact's Path
	AOR         string    // of the contact, for CHANNEL(aor)
	Contact     string    // URI as registered, for CHANNEL(contact)
	Caller      channel.Party
	Redirecting channel.Party
	Codecs      []*media.Codec // the caller's, best first; the common ones are offered first
	Headers     []channel.Header
	MaxForwards int // 0: 70
	Privacy     bool
}
