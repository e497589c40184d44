// Package plane is the media plane's contract: streams by port pair, joined or
// fed, behind one interface, so that the back end (sockets today, the kernel
// later) can change without its callers noticing.
package plane

import (
	"net/netip"
	"time"

	"branchline/media"
)

// A Plane owns every media socket of the exchange.
type Plane interface {
	// Open reserves an RTP/RTCP port pair on o.Local and makes a stream of it.
	Open(o Options) (Port, error)
	// Pair makes two streams that have no socket: what is sent to one comes
	// from the other. Local channels use it.
	Pair(a, b func(media.Event)) (media.Stream, media.Stream, error)
	// Configure changes ports and source checking for streams opened from now on.
	Configure(Config)
	Close() error
}

// A Port is a stream with sockets.
type Port interface {
	media.Stream
	// Apply puts a new result of offer and answer into force.
	Apply(media.Flow)
	// Local is the RTP address; RTCP is one port above.
	Local() netip.AddrPort
}

// Options of a new port.
type Options struct {
	Local  netip.Addr        // address to bind, unspecified for all
	Events func(media.Event) // called on the media thread; must not block
	// First and Last override Config's port range when not zero.
	First, Last int
}

// Config is what rtp.conf says.
type Config struct {
	First, Last  int  // even RTP ports in [First, Last]
	Strict       bool // believe one source after Probation packets, refuse others
	Probation    int
	RTCPInterval time.Duration
}
