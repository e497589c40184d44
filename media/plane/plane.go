// Package plane is the media plane's contract: streams by port pair, joined or
// fed, behind one interface, so that the back end (sockets today, the kernel
// later) can change without its callers noticing.
package plane

import (
	"net/netip"
	"time"

	"branchline/media"
	"branchline/media/rtp"
)

// A Plane owns every media socket of the exchange.
type Plane interface {
	// Open reserves an RTP/RTCP port pair on o.Local and makes a stream of it.
	Open(o Options) (Port, error)
	// Pair makes two streams that have no socket: what is sent to one comes
	// from the other. Local channels use it.
	Pair(a, b func(media.Event)) (media.Stream, media.Stream, error)
	// Line makes a stream whose RTP packets change hands in memory: the far side of
	// it is not a network but a telephone line, whose clock is its own.
	Line(events func(media.Event)) (Line, error)
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

// A Line is a stream without sockets. What a Port would send over the network
// Collect yields, and Deliver is how packets arrive. Both belong to one goroutine,
// the line's; neither waits, locks nor allocates.
type Line interface {
	media.Stream
	// Apply says which formats the line speaks; the addresses in f count for nothing.
	Apply(media.Flow)
	// Deliver hands over one RTP packet from the line, which is copied. It is false if
	// the plane is behind, and the packet is lost.
	Deliver(packet []byte) bool
	// Collect copies the oldest RTP packet for the line into buf and returns its
	// length, 0 if there is none. When 16 wait, newer ones are lost.
	Collect(buf []byte) int
}

// Options of a new port.
type Options struct {
	Local  netip.Addr        // address to bind, unspecified for all
	Events func(media.Event) // called on the media thread; must not block
	// First and Last override Config's port range when not zero.
	First, Last int
	// TOS is the DSCP and ECN octet of what is sent (46<<2 for expedited
	// forwarding), 0: the system's default.
	TOS uint8
}

// A Packet is what a tap is told of one packet that a stream sent or took in.
type Packet struct {
	Sent bool // to Peer; otherwise it came from there
	Peer netip.AddrPort

	// Report is the content of an RTCP packet; nil for RTP, of which the rest is.
	// It is lent for the call.
	Report *rtp.Report
	Type   uint8 // payload type
	Seq    uint16
	Stamp  uint32
	Size   int // bytes of payload
}

// Config is what rtp.conf says, and how the media thread runs. The zero value
// of each field but Strict and Realtime selects Asterisk's default.
type Config struct {
	First, Last  int           // even RTP ports in [First, Last]; 0: 10000-20000
	Strict       bool          // believe one source after Probation packets, refuse others
	Probation    int           // packets in a row, 0: 4
	RTCPInterval time.Duration // between our reports, 0: 5 s
	DTMFTimeout  time.Duration // a telephone-event without its end is over after this long, 0: 150 ms
	// Realtime asks for the FIFO scheduler for the media thread. It is read once, at
	// start, and makes no difference to a process that is not allowed to.
	Realtime bool
}
