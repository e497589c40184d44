// Package media holds the shapes that speech takes on its way through the
// exchange: codecs, what was negotiated for a stream, and the Stream through
// which the rest of the product reaches the media plane. It does no work itself.
package media

import (
	"net/netip"
	"time"
)

// A Stream is one party's audio as the media plane sees it: a port pair
// towards a phone, one half of a Local channel, or a telephone line. All
// methods return at once; the plane carries them out within a millisecond and
// reports through the function given when the stream was made. A Stream may be
// used from any goroutine, and after Close every method does nothing.
type Stream interface {
	// Join exchanges audio with peer, in both directions, until either is
	// joined elsewhere or closed. A nil peer parts the two.
	Join(peer Stream)
	// Play sends a programme to this party, over whatever it hears from its
	// peer; it replaces the one before. Nil stops. Each programme ends with one
	// Event{Kind: PlayDone}, also when it was replaced or stopped.
	Play(*Program)
	// SendDigit sends one DTMF digit to this party in the way negotiated with
	// it (telephone-event or tones); a zero length means 100 ms. A stream whose
	// digits travel in signalling (SIP INFO) ignores it.
	SendDigit(d byte, length time.Duration)
	// Watch says which digits of this party are reported and whether they
	// still reach the peer.
	Watch(Digits)
	// Codec is what is now sent to this party; nil before negotiation.
	Codec() *Codec
	Stats() Stats
	Close()
}

// Digits selects how DTMF from a party is treated.
type Digits struct {
	Report bool // digits become Events
	Keep   bool // digits are withheld from the joined peer (a feature code is being listened for)
}

// A Program is something to play: a prompt, a tone, music.
type Program struct {
	ID     uint64 // returned in the PlayDone event
	Source Source
	// Under says that the peer's audio goes on beneath the programme (a beep to
	// both sides); otherwise the programme replaces it while it lasts.
	Under bool
}

// A Source produces u-law samples at 8 kHz for the media thread. Fill writes up
// to len(frame) samples and returns how many; fewer than len(frame) means that
// the source has ended. It must not block, lock or allocate.
type Source interface{ Fill(frame []byte) int }

// EventKind says what happened on a stream.
type EventKind uint8

const (
	DigitBegin EventKind = iota // a digit started
	DigitEnd                    // it ended; Length is known
	PlayDone                    // the programme with this ID is over
	Latched                     // the far side's source address was learned
	Silent                      // nothing received for the flow's Timeout
)

// An Event is reported by the media plane, on its own thread: receivers must
// not block.
type Event struct {
	Kind   EventKind
	Digit  byte // '0'-'9', '*', '#', 'A'-'D'
	Length time.Duration
	ID     uint64
	Whole  bool // PlayDone: played to its end
}

// DigitMode is the way DTMF travels to and from a party.
type DigitMode uint8

const (
	DigitsNone   DigitMode = iota
	RFC4733                // telephone-event payload
	Inband                 // tones in the audio, detected and generated
	InSignalling           // SIP INFO: not the plane's business
)

// A Format is a codec under the payload type agreed for it.
type Format struct {
	PT    uint8
	Codec *Codec
}

// A Flow is what offer and answer settled for one stream.
type Flow struct {
	Remote     netip.AddrPort // where RTP goes; invalid: nowhere yet
	RemoteRTCP netip.AddrPort // invalid: Remote's port + 1
	Formats    []Format       // first one is sent; all of them are accepted
	EventPT    uint8          // telephone-event payload type, 0: none
	EventClock int            // its clock rate, 0: 8000
	Ptime      time.Duration  // packet time we send generated audio with, 0: 20 ms
	Send, Recv bool           // as seen from us; both true is sendrecv
	Symmetric  bool           // send to where packets come from (comedia)
	Digits     DigitMode
	Timeout    time.Duration // report Silent after this long without RTP, 0: never
}

// Stats are the counters of one stream, as of the last millisecond.
type Stats struct {
	RxPackets, RxBytes, RxLost uint64
	TxPackets, TxBytes         uint64
	RxJitter                   time.Duration // RFC 3550 6.4.1
	// From the far side's RTCP reports:
	TxLost    uint64
	TxJitter  time.Duration
	RoundTrip time.Duration
	LastRx    time.Time
	Source    netip.AddrPort // learned source, or the negotiated one
	Dropped   uint64         // packets refused by strict source checking
}

// A Recorder takes down what a party says and what it hears. Its methods are called
// on the media thread and must neither wait nor allocate.
type Recorder interface {
	// Take is one packet of speech: what the party said, or, if toParty, what was
	// sent to it. now is in nanoseconds since the plane began; payload is lent for
	// the call.
	Take(now int64, toParty bool, c *Codec, payload []byte)
	// End says that nothing more will come.
	End()
}

// Recordable is a Stream whose speech can be taken down: one with packets of its
// own. Speech that flows past the exchange is not heard.
type Recordable interface {
	// Record has r told from now on; Forget ends that, and r's End is called.
	Record(r Recorder)
	Forget(r Recorder)
}
