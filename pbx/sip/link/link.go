// Package link is what the sessions of calls and the network below them agree on:
// how a request is sent and answered, and how the exchange appears to the other
// side.
package link

import (
	"errors"
	"net/netip"

	"github.com/emiago/sipgo/sip"
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

// Local is how the exchange appears to one endpoint.
type Local struct {
	Host      string     // in Contact, From and Via; an address or external_signaling_address
	Port      int        // in Contact; 0 leaves it out
	Transport string     // "UDP", "TCP": what requests to the endpoint travel on
	Media     netip.Addr // in SDP: media_address, external_media_address or the interface's own
	MediaBind netip.Addr // where RTP sockets are bound; unspecified for all
}
