// Package way finds the way of a request: from what is called (a name in Dial, an
// endpoint, a URI) to the transport and the addresses it is sent to, by RFC 3263,
// on to the next address when one fails, and with the credentials a server asks
// for.
//
// Reading order: Target, what a name means; Hops, where a URI leads; Search, the
// same when a name server is slow; Carrier, which takes the requests of a session
// there, and Ask and Deliver, for a request of its own.
package way

import (
	"log/slog"

	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/transports"
)

// A Finder finds where requests go.
type Finder struct {
	Rack      *transports.Rack
	Resolver  transports.Resolver
	Registrar *registrar.Registrar
	Token     func() string // random text
	Log       *slog.Logger
}
