// Package lineconf reads what configuration files say about telephone lines:
// chan_dahdi.conf for the ports of telephony cards, quectel.conf for cellular
// modules and modem.conf for voice modems, all as an Asterisk user writes them.
//
// In chan_dahdi.conf a setting holds for every `channel =>` below it; in the other
// two each line has a section. Whatever is wrong becomes a diagnostic with file and
// line, and leaves the setting at its default.
package lineconf

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"branchline/pbx/astconf"
	"branchline/pbx/channel"
)

// Signalling says what kind of port a line is and how its ends tell each other on
// hook from off hook.
type Signalling uint8

const (
	Auto Signalling = iota // whatever the device says it is
	FXO                    // fxs_*: we are the telephone
	FXS                    // fxo_*: a telephone is at the other end
	Cell
)

func (s Signalling) String() string { return [...]string{"auto", "FXO", "FXS", "cellular"}[s] }

// A Line is one telephone line as configured.
type Line struct {
	astconf.Pos // of its channel => or its section
	Tech        string
	Name        string // "3" of DAHDI/3, "office" of Modem/office
	Driver      string // "dahdi", "modem", "cell"
	Channel     int    // dahdi: the channel's number, from 1
	Data        string // the port for commands, or of everything
	Audio       string // the port of the speech, cell only
	Options
}

// ID is how the dialplan calls the line: "DAHDI/3".
func (l *Line) ID() string { return l.Tech + "/" + l.Name }

// Same reports whether o configures the same, wherever it stands.
func (l *Line) Same(o *Line) bool {
	a, b := *l, *o
	a.Pos, b.Pos = astconf.Pos{}, astconf.Pos{}
	return reflect.DeepEqual(a, b)
}

// Needs reports whether o wants the device opened in another way than l: another
// port, or settings that the driver is given when it opens.
func (l *Line) Needs(o *Line) bool {
	return l.Driver != o.Driver || l.Channel != o.Channel || l.Data != o.Data || l.Audio != o.Audio || l.Signalling != o.Signalling || l.Hardware != o.Hardware || l.Driver == "dahdi" && (l.EchoTaps != o.EchoTaps || l.FlashLength != o.FlashLength) ||
		l.Driver == "modem" && (l.WaitForDialTone == 0) != (o.WaitForDialTone == 0) ||
		!slices.Equal(l.Device, o.Device)
}

// In reports whether the line belongs to a group, 0 to 63.
func (l *Line) In(group int) bool { return group >= 0 && group < 64 && l.Groups>>group&1 != 0 }

// Urgent reports whether number is one of the line's emergency numbers.
func (l *Line) Urgent(number string) bool {
	return number != "" && slices.Contains(l.Emergency, number)
}

// Options are the settings of a line. Times are durations, levels decibels.
type Options struct {
	Signalling  Signalling
	Context     string
	TextContext string // where short messages go
	Description string
	Language    string
	MusicClass  string
	ToneZone    string // of the tones we make and, unless ProgressZone is set, hear
	Account     string
	Mailbox     string // whose waiting messages the telephone is told of by its dial tone
	Groups      uint64 // bit n: group n
	CallGroup   uint64
	PickupGroup uint64
	Vars        []channel.Header
	Emergency   []string // numbers that may take the line from a call

	Caller      channel.Party // of a phone; what an exchange line shows when the exchange says nothing
	UseCallerID bool
	CIDForm     string // "auto", "bell", "v23", "v23_jp", "dtmf"
	CIDStart    string // "auto", "ring", "polarity", "dtmf"
	CIDAfter    int    // bursts of ringing before the caller ID is sent
	HideCaller  bool   // calls from here do not show their number
	HideName    bool

	EchoTaps     int // 0: no canceller
	RxGain       Gain
	TxGain       Gain
	BusyDetect   bool
	BusyCount    int
	BusyOn       time.Duration // 0: the zone's
	BusyOff      time.Duration
	CallProgress bool
	ProgressZone string
	FaxDetect    string // "no", "incoming", "outgoing", "both"

	AnswerOnPolarity bool
	HangupOnPolarity bool
	PolarityDelay    time.Duration
	RingTimeout      time.Duration
	Pulse            bool
	Immediate        bool
	// DistinctRings: a call that rings in one of the RingPatterns begins in its context.
	DistinctRings bool
	RingPatterns  [3]RingPattern
	// WaitForDialTone: dial when the tone is heard. If it never is, a call fails when
	// StrictDialTone, and is dialled all the same when not.
	WaitForDialTone time.Duration
	StrictDialTone  bool
	ToneLength      time.Duration // 0: the device's
	FlashLength     time.Duration // 0: the device's

	ThreeWay         bool
	Transfer         bool
	CallWaiting      bool
	CallWaitingID    bool
	FirstDigit       time.Duration
	NextDigit        time.Duration
	MatchDigit       time.Duration
	Cadences         []Cadence // DAHDI/2r1 rings with the first
	StripDigits      int
	DigitsFromLine   bool // dtmf= of a cellular module
	SubscriberNumber string

	// Hardware is what a telephone card is told when its line is opened.
	Hardware Hardware
	// Device are the settings only the driver understands, "name=value", sorted.
	Device []string
}

// Hardware are settings of a telephone card.
type Hardware struct {
	RxGain, TxGain float64       // dB, 0: as it is
	RxFlash        time.Duration // longer than this on hook is a hang-up; 0: the driver's
}

// A Gain is a level change in dB that the user set, or did not.
type Gain struct {
	DB  float64
	Set bool
}

// Or is the gain, or else what the kind of line usually has.
func (g Gain) Or(usual float64) float64 {
	if g.Set {
		return g.DB
	}
	return usual
}

// RingEnds is how many ends of bursts a RingPattern looks at.
const RingEnds = 3

// AnyEnd in a RingPattern is an end that may come at any time.
const AnyEnd = -1

// A RingPattern is one rhythm of ringing, as dring1= writes it: when the second, third
// and fourth burst end, counted from the end of the first and back from ringtimeout,
// in steps of 20 ms; 0 for one that does not count.
type RingPattern struct {
	Ends    [RingEnds]int
	Range   int    // how many steps each may be off
	Context string // where the call begins; "": the pattern is not used
}

// A Cadence is ringing: on, off, on, off ...
type Cadence []time.Duration

// Default are the settings of a line about which nothing is said. They differ from
// Asterisk's where its own leave a line useless: echo is cancelled, busy tone ends
// a call, and caller ID is listened for in every form.
func Default() Options {
	return Options{
		Context: "default", TextContext: "sms",
		UseCallerID: true, CIDForm: "auto", CIDStart: "auto", CIDAfter: 1,
		EchoTaps: 256, BusyDetect: true, BusyCount: 4, FaxDetect: "no",
		PolarityDelay: 600 * time.Millisecond, RingTimeout: 8 * time.Second,
		WaitForDialTone: 2 * time.Second, ThreeWay: true, Transfer: true, CallWaiting: true, CallWaitingID: true,
		FirstDigit: 16 * time.Second, NextDigit: 8 * time.Second, MatchDigit: 3 * time.Second, DigitsFromLine: true,
		Cadences:     slices.Clone(usualCadences),
		RingPatterns: [...]RingPattern{{Range: 10}, {Range: 10}, {Range: 10}},
	}
}

const ms = time.Millisecond

// usualCadences are what DAHDI/nr1 to r4 ring with if no cadence= is given.
var usualCadences = []Cadence{
	{125 * ms, 125 * ms, 2000 * ms, 4000 * ms},
	{250 * ms, 250 * ms, 500 * ms, 1000 * ms, 250 * ms, 250 * ms, 500 * ms, 4000 * ms},
	{125 * ms, 125 * ms, 125 * ms, 125 * ms, 125 * ms, 4000 * ms},
	{1000 * ms, 500 * ms, 2500 * ms, 5000 * ms},
}

// A Config is every line there is: those of cards by channel, then the others as they
// were read.
type Config struct{ Lines []*Line }

// Find gives the line that tech/name means; tech without case, "Quectel" being
// another word for "Cell".
func (c *Config) Find(tech, name string) *Line {
	if strings.EqualFold(tech, "Quectel") {
		tech = "Cell"
	}
	for _, l := range c.Lines {
		if strings.EqualFold(l.Tech, tech) && l.Name == name {
			return l
		}
	}
	return nil
}

var files = []string{"chan_dahdi.conf", "quectel.conf", "modem.conf"}

// Files are the names of the files that Read looks at.
func Files() []string { return slices.Clone(files) }

// Read understands the files by name; those that are missing say nothing.
func Read(parsed map[string]*astconf.File) (Config, []astconf.Diag) {
	r := &reading{there: map[string]*Line{}}
	for _, name := range files {
		f := parsed[name]
		if f == nil {
			continue
		}
		if name == "chan_dahdi.conf" {
			r.channels(f)
			slices.SortStableFunc(r.config.Lines, func(a, b *Line) int { return a.Channel - b.Channel })
		} else {
			r.sections(f, name == "modem.conf")
		}
	}
	return r.config, r.diags
}

// A reading is the files being read.
type reading struct {
	config Config
	there  map[string]*Line // by ID
	diags  []astconf.Diag
}

func (r *reading) warn(at astconf.Pos, rule, message, effect, cure, near string) *astconf.Diag {
	return r.say(astconf.Warning, at, rule, message, effect, cure, near)
}

func (r *reading) say(s astconf.Severity, at astconf.Pos, rule, message, effect, cure, near string) *astconf.Diag {
	r.diags = append(r.diags, astconf.Diag{Pos: at, Severity: s, Rule: rule, Message: message, Effect: effect, Cure: cure, Near: near})
	return &r.diags[len(r.diags)-1]
}

// put adds a line unless there is one of that name.
func (r *reading) put(l *Line) {
	if old := r.there[l.ID()]; old != nil {
		r.warn(l.Pos, "line-twice", l.ID()+" is already there, from "+old.Pos.String(), "the second one is left out", "remove it from one of the two", l.Name)
		return
	}
	r.there[l.ID()] = l
	r.config.Lines = append(r.config.Lines, l)
}
