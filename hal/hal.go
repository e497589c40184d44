// Package hal is what a telephone line looks like to the exchange, whatever
// hardware is behind it: a DAHDI channel, a voice modem, a cellular module, a
// line that exists only in simulated time.
//
// A Driver opens Lines. A Line reports Events (ringing, off hook, digits) and
// carries out Ops (ring, answer, hang up); its Audio is a stream of 20 ms frames
// paced by the hardware's clock. What a device does by itself its Caps say; the
// rest (caller ID, tones, echo) is done above, from the audio. The package holds
// this contract only; drivers live below it, and what turns a line into a channel
// above.
package hal

import (
	"context"
	"errors"
	"time"
)

// Kind says which end of a line we are.
type Kind uint8

const (
	FXO      Kind = iota // we are the telephone, an exchange is at the other end
	FXS                  // a telephone is at the other end, we feed and ring it
	Cellular             // a mobile module: the network speaks in messages
)

func (k Kind) String() string { return [...]string{"FXO", "FXS", "Cellular"}[k] }

// Caps are the things that a device does by itself.
type Caps uint32

const (
	// What it reports, so that the audio need not be searched for it:
	ReportsCallerID Caps = 1 << iota // CallerID events
	ReportsDigits                    // Digit events from DTMF in the audio
	ReportsTones                     // Progress events: dial tone, ringback, busy, congestion
	ReportsAnswer                    // Answered, when and only when the far side answers
	ReportsHangup                    // Cleared, when and only when the far side hangs up
	ReportsPolarity                  // Polarity
	ReportsBattery                   // AlarmBegin and AlarmEnd
	// What it can be asked to do:
	Dials       // Op Dial: the device makes the digits itself
	DialsPulses // Op Dial with Pulse
	SignalsDigits
	Flashes       // Op Flash
	Reverses      // Op SetPolarity
	SetsCadence   // Op Ring honours Cadence
	SendsText     // Op SendText
	CancelsEcho   // the far echo is gone when the audio reaches us
	AudioWhenIdle // Audio may be opened on hook: caller ID can be heard and sent
)

// Has reports whether all of want is there.
func (c Caps) Has(want Caps) bool { return c&want == want }

// Info is what is known of a line before anything happens on it. It does not
// change while the line is open.
type Info struct {
	Name   string // as the user named it: "1" of DAHDI/1, "office" of Modem/office
	Driver string // "dahdi", "modem", "cell", "sim"
	Kind   Kind
	Caps   Caps
	// Model is what the device says of itself, "" if nothing.
	Model string
	// EchoDelay is how much of the audio path lies between us and the hybrid at
	// most, in samples there and back: the echo canceller looks that far.
	EchoDelay int
}

// A Line is one telephone port. One goroutine of the driver owns the device; the
// methods may be called from any.
type Line interface {
	Info() Info
	// Events is closed when the line is. A reader that is slow delays events, it
	// never loses them.
	Events() <-chan Event
	// Do carries out one operation and returns when the hardware has taken it, not
	// when it is over: Dial ends with DialDone. An operation the device cannot do is
	// an *Unsupported.
	Do(ctx context.Context, op Op) error
	// Audio opens the speech path; there is one at a time. Devices without
	// AudioWhenIdle have it only between Answer, Seize or OffHook and Clear.
	Audio() (Audio, error)
	// Close lets go of the device, on hook. Events is closed after it.
	Close() error
}

// FrameSize is the number of samples in 20 ms.
const FrameSize = 160

// Rate is the sample rate of all audio, in Hz of the line's own clock.
const Rate = 8000

// A Frame is 20 ms of speech: linear samples, where a sine of full scale (32767)
// is +3.17 dBm0, the load point of u-law (ITU-T G.711).
type Frame [FrameSize]int16

// Audio is a line's speech in both directions. The line's clock drives: whoever
// reads a frame writes one, and nobody keeps a clock of his own.
type Audio interface {
	// Read waits for the next frame from the line. Frames that came while nobody
	// read are dropped, oldest first, and counted. After Close or the loss of the
	// line it returns io.EOF.
	Read(f *Frame) error
	// Write queues a frame for the line and never waits; a frame the device has no
	// room for is dropped and counted. Silence is sent when nothing is queued.
	Write(f *Frame) error
	Stats() AudioStats
	Close() error
}

// AudioStats are counters since Audio was opened.
type AudioStats struct {
	Read, Written uint64 // frames
	Overruns      uint64 // frames from the line that nobody read in time
	Underruns     uint64 // frames of silence sent because nothing was queued
	Dropped       uint64 // frames for which the device had no room
}

// A Driver opens the lines of one kind of hardware.
type Driver interface {
	Name() string
	// Open opens a line by the name the user gave it. The line comes with its
	// device there; when the device goes, Lost is its last event, and opening it
	// again is the caller's business (see Reopen).
	Open(ctx context.Context, name string) (Line, error)
}

// EventKind says what a line reports.
type EventKind uint8

const (
	RingBegin  EventKind = iota // a burst of ringing began; FXS: of ours, by a driver whose device tells
	RingEnd                     // the burst is over, and was not cut short
	OffHook                     // FXS: the telephone was lifted
	OnHook                      // FXS: it was put back
	HookFlash                   // FXS: it was put back briefly
	Digit                       // a digit from the far side: Digit, Pulse, Length
	CallerID                    // the far exchange has said who calls: Caller
	Polarity                    // the feeding was reversed: Reversed
	Progress                    // a call progress tone is heard: Tone
	Answered                    // the far side has answered
	Cleared                     // the far side has hung up, or its exchange has: Cause
	DialDone                    // the digits of Dial are out
	AlarmBegin                  // the line is dead: no battery, no cable, no network: Err
	AlarmEnd                    // it is back
	Text                        // a short message has come: Message
	TextSent                    // a short message was delivered, or not: Message.Ref, Err
	Lost                        // the device is gone: Err; nothing follows
	DigitBegin                  // a digit has begun, its Digit follows; when Pulse, which one is not yet known
)

func (k EventKind) String() string {
	return [...]string{"ring begin", "ring end", "off hook", "on hook", "flash", "digit", "caller ID", "polarity", "progress",
		"answered", "cleared", "dialled", "alarm", "alarm over", "text", "text sent", "lost", "digit began"}[k]
}

// An Event is something that happened on a line.
type Event struct {
	Kind EventKind
	// At is when, in samples since the line was opened: counted where audio flows,
	// taken from the clock where it does not.
	At       int64
	Digit    byte // '0'-'9', '*', '#', 'A'-'D'
	Pulse    bool // Digit: dialled by breaking the loop
	Length   time.Duration
	Caller   Caller
	Reversed bool
	Tone     Tone
	Cause    int // Cleared: the network's reason (ITU-T Q.850), 0 unknown
	Message  Message
	Err      error // Lost, AlarmBegin, TextSent, and Cleared where the device gave a reason in words
}

// A Caller is who calls, as the line tells it.
type Caller struct {
	Number, Name string
	Withheld     bool      // the caller does not want to be known (P)
	Unavailable  bool      // the exchange does not know (O)
	Time         time.Time // as sent, zero if not; the year is guessed
}

// Tone is a call progress tone (ITU-T E.180).
type Tone uint8

const (
	NoTone Tone = iota
	DialTone
	Ringback
	Busy
	Congestion
	SpecialInformation
	FaxCalling // 1100 Hz, ITU-T T.30
	FaxAnswer  // 2100 Hz
)

func (t Tone) String() string {
	return [...]string{"none", "dial", "ringback", "busy", "congestion", "special information", "fax calling", "fax answer"}[t]
}

// A Message is a short message, whole: parts are put together by the driver.
type Message struct {
	From, To string
	Body     string
	Sent     time.Time // as the network stamped it
	Ref      string    // returned in TextSent
}

// OpKind says what a line is asked to do.
type OpKind uint8

const (
	Ring        OpKind = iota // FXS: ring the telephone: Cadence, Caller
	StopRing                  // FXS: cease ringing, stay on hook
	Answer                    // FXO, Cellular: take the incoming call
	Seize                     // FXO: go off hook for an outgoing call; Cellular: nothing
	Dial                      // send Digits; Cellular: place the call
	SendDigit                 // one digit in a call, by a device that SignalsDigits
	Flash                     // FXO: break the loop for Length
	Clear                     // FXO: on hook; FXS: remove the battery briefly; Cellular: hang up
	SetPolarity               // FXS: Reversed or not
	SetMessages               // FXS: message waiting lamp, Count
	SendText                  // Message
)

func (k OpKind) String() string {
	return [...]string{"ring", "stop ringing", "answer", "seize", "dial", "send digit", "flash", "clear", "set polarity", "message lamp", "send text"}[k]
}

// An Op is one request to a line.
type Op struct {
	Kind     OpKind
	Digits   string          // Dial, SendDigit; 'w' waits 0.5 s
	Pulse    bool            // Dial
	Length   time.Duration   // Flash, SendDigit, 0: the device's default
	Cadence  []time.Duration // Ring: on, off, on, off ...; nil: 1 s on, 4 s off unless the device knows its country
	Caller   Caller          // Ring, where the device tells the telephone by itself
	Reversed bool
	Count    int
	Message  Message
	Cause    int // Clear: why, for a device that can tell the network (ITU-T Q.850), 0: normal
}

// A Describer is a line that can tell more about its device than Info holds. It
// answers from what it knows and never waits for the device.
type Describer interface {
	Describe() []Fact
}

// A Fact is one thing to show about a device: "signal", "-71 dBm".
type Fact struct{ Name, Value string }

// Unsupported is the error of an operation that a device does not know.
type Unsupported struct {
	Driver string
	Op     OpKind
	Why    string // "" or the reason in the user's words
}

func (u *Unsupported) Error() string {
	s := u.Driver + ": cannot " + u.Op.String()
	if u.Why != "" {
		s += ": " + u.Why
	}
	return s
}

// Errors that every driver uses.
var (
	ErrClosed = errors.New("line is closed")
	ErrBusy   = errors.New("line is in use")
	ErrAbsent = errors.New("no such line") // by Open; it may come later
)
