// Package channel is the hub of the exchange: the words in which channel
// technologies, dialplan applications and the exchange speak with each other.
//
// A Tech makes Legs. A Leg is one party's connection (a SIP dialog, a line
// port, half of a Local channel); it reports Events to the Mailbox it is bound
// to. A Channel is a leg with a name, caller ID, variables and a place in the
// dialplan. Exactly one goroutine owns a channel at any time: the one that
// reads the mailbox the channel's leg is bound to. Everybody else sends it an
// Event.
package channel

import (
	"context"
	"time"

	"branchline/media"
)

// A Tech is one channel technology.
type Tech interface {
	// Name is what precedes the slash in Dial: "PJSIP", "SIP", "Local" ...
	Name() string
	// NewLeg prepares an outbound leg; nothing is sent before Leg.Dial. A
	// failure is a *Refusal with the cause that Dial should report.
	NewLeg(ctx context.Context, r Request) (Leg, error)
	// State tells what DEVICE_STATE and hints show for dest.
	State(dest string) DeviceState
}

// A Leg is the technology's half of a channel. All methods return at once;
// results arrive as Events in the mailbox. A leg ends with exactly one Gone
// event, after which it does nothing more.
type Leg interface {
	Name() string  // channel name: PJSIP/1001-0000002a
	Bind(*Mailbox) // where Events go from now on
	Dial()         // outbound: send the call
	Ring()         // inbound, unanswered: 180
	Progress()     // inbound, unanswered: 183 with media
	Answer()       // inbound: 200; no effect once up
	Hangup(Cause)  // end it, in whatever way its state asks for
	Media() media.Stream
}

// Optional abilities of a Leg, found by type assertion.
type (
	// A Holder can tell its party that it was put on hold.
	Holder interface{ Hold(on bool) }
	// A DigitSender sends DTMF itself, in signalling; others use Media().SendDigit.
	// It reports false if the digit should go through the media after all.
	DigitSender interface {
		SendDigit(d byte, length time.Duration) bool
	}
	// A DigitSignaller tells that digits to its party travel in signalling now, so
	// that a bridge has to bring them to SendDigit.
	DigitSignaller interface{ SignalsDigits() bool }
	// A Viewer has a video stream beside the speech; nil if none was agreed.
	Viewer interface{ Video() media.Stream }
	// A Painter can offer its party video, or take it away, while the call stands,
	// and ask it for a whole picture (RFC 5168).
	Painter interface {
		SetPictures(Pictures)
		AskPicture()
	}
	// A Director can let its media flow past the exchange (re-INVITE); Direct(nil)
	// takes it back. The plane keeps the port open meanwhile.
	Director interface {
		CanDirect(other Leg) bool
		Direct(other Leg)
	}
	// Facts answers CHANNEL(name): "endpoint", "contact", "pjsip,call-id", "rtp,dest" ...
	Facts interface {
		Fact(name string) (value string, ok bool)
	}
	// Headers gives the dialplan the SIP headers of a leg: those of the inbound
	// INVITE to read, those of the outbound one to add, before Dial.
	Headers interface {
		Header(name string, n int) (value string, ok bool) // n counts from 1
		HeaderNames(prefix string) []string
		SetHeader(name, value string, add bool) // an empty value with add false removes
	}
	// A Flasher can break the loop of its line for a moment, which the exchange at the
	// other end takes for a request; zero is the line's usual length.
	Flasher interface {
		Flash(length time.Duration) error
	}
	// A Blamer can tell its party, beside the busy or congestion that ends an
	// unanswered call, why the call did not come about.
	Blamer interface{ Blame(Cause) }
	// A Redirector can be sent elsewhere: 302 before answer, REFER after.
	Redirector interface{ Redirect(target string) }
	// A Judge can refuse its unanswered party with a certain status, in the words of
	// its technology; false if there is none of that name.
	Judge interface{ HangupWith(status string) bool }
	// A Forwarder tells its unanswered party that by forwards the call to to (181).
	// Either may be unknown.
	Forwarder interface{ Forwarding(by, to Party) }
	// A Known leg has a party whose identity the configuration tells before the
	// party itself does; false if it does not.
	Known interface{ Identity() (Party, bool) }
	// A Reminder reports connected-line changes to its party.
	Reminder interface{ ConnectedLine(Party) }
)

// Pictures is how video goes, as seen by the party.
type Pictures struct{ Send, Receive bool }

// A Request asks a Tech for an outbound leg.
type Request struct {
	Dest        string // what follows the slash: "1001", "3001@SIP3", "1001/sip:..."
	Caller      Party  // whom the called party shall see
	Redirecting Party  // who forwarded the call, if anybody
	Codecs      []*media.Codec
	MaxForwards int // hops left for the new leg, 0: the technology's default
	Headers     []Header
	// Context and Exten are where the call comes from; Local channels and
	// forwarding need them.
	Context, Exten string
	Vars           map[string]string // inherited variables, for Local channels
	LinkedID       string
	Privacy        bool
}

// A Header is a SIP header to be added to an outbound request.
type Header struct{ Name, Value string }

// A Refusal says why NewLeg could not make a leg.
type Refusal struct {
	Cause Cause
	Why   string
}

func (r *Refusal) Error() string { return r.Why }

// Incoming is a new inbound call, as a technology presents it.
type Incoming struct {
	Leg            Leg
	Context, Exten string
	Caller         Party
	Redirecting    Party
	Dialed         string // number as received
	Account        string
	Language       string
	ToneZone       string
	MusicClass     string
	CallGroup      uint64
	PickupGroup    uint64
	Vars           []Header // set_var, in order; Name may carry the _ or __ prefix
	Passing        []Header
	MaxForwards    int // as received; legs dialled from here carry one less
	Endpoint       string
	Codecs         []*media.Codec // agreed with the caller, best first
	Replaces       string         // name of a channel whose place the caller takes, "": none (RFC 3891)
	LinkedID       string         // the call it belongs to, "": a new one
}

// An Acceptor takes inbound calls; the exchange is one. It returns once the
// channel exists; the call then lives on its own goroutine.
type Acceptor interface {
	Accept(ctx context.Context, in Incoming) error
}

// A Party is one side's identity as caller ID carries it.
type Party struct {
	Number, Name string
	Presentation Presentation
	Subaddress   string
	Tag          string
	Reason       string // redirecting: unconditional, busy, no-answer ...
	Count        int    // redirecting: how many times
}

// Presentation says whether a number may be shown, and who vouches for it.
// Zero is "allowed, not screened".
type Presentation uint8

const (
	AllowedNotScreened Presentation = iota
	AllowedPassedScreen
	AllowedFailedScreen
	Allowed
	ProhibNotScreened
	ProhibPassedScreen
	ProhibFailedScreen
	Prohib
	Unavailable
)

// Words of CALLERPRES, in the order of the constants.
var presentationWords = [...]string{
	"allowed_not_screened", "allowed_passed_screen", "allowed_failed_screen", "allowed",
	"prohib_not_screened", "prohib_passed_screen", "prohib_failed_screen", "prohib", "unavailable",
}

func (p Presentation) String() string {
	if int(p) < len(presentationWords) {
		return presentationWords[p]
	}
	return "unknown"
}

// ParsePresentation reads one of Asterisk's words for a presentation.
func ParsePresentation(s string) (Presentation, bool) {
	for i, w := range presentationWords {
		if w == s {
			return Presentation(i), true
		}
	}
	return 0, false
}

// Restricted reports whether the number must not be shown.
func (p Presentation) Restricted() bool { return p >= ProhibNotScreened }

// DeviceState is what DEVICE_STATE() and hints tell about a device.
type DeviceState uint8

const (
	DeviceUnknown DeviceState = iota
	DeviceNotInUse
	DeviceInUse
	DeviceBusy
	DeviceInvalid
	DeviceUnavailable
	DeviceRinging
	DeviceRingInUse
	DeviceOnHold
)

var deviceStateWords = [...]string{"UNKNOWN", "NOT_INUSE", "INUSE", "BUSY", "INVALID", "UNAVAILABLE", "RINGING", "RINGINUSE", "ONHOLD"}

func (s DeviceState) String() string {
	if int(s) < len(deviceStateWords) {
		return deviceStateWords[s]
	}
	return "UNKNOWN"
}

// ExtensionState is how an extension shows such a device: `core show hints`' words.
func (s DeviceState) ExtensionState() string {
	switch s {
	case DeviceInUse:
		return "InUse"
	case DeviceBusy:
		return "Busy"
	case DeviceUnavailable, DeviceInvalid:
		return "Unavailable"
	case DeviceRinging:
		return "Ringing"
	case DeviceRingInUse:
		return "InUse&Ringing"
	case DeviceOnHold:
		return "Hold"
	}
	return "Idle"
}

// ParseDeviceState reads one of the words of DEVICE_STATE().
func ParseDeviceState(w string) (DeviceState, bool) {
	for i, s := range deviceStateWords {
		if s == w {
			return DeviceState(i), true
		}
	}
	return DeviceUnknown, false
}
