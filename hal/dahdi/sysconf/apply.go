package sysconf

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/cards"
	"branchline/hal/dahdi/kernel"
)

// Means are what Apply needs from elsewhere.
type Means struct {
	Kernel kernel.Kernel // nil: this machine's
	// Zone knows the tones of a country; nil, and of those that it does not know,
	// the kernel is given digits and a ring cadence only.
	Zone func(name string) (Zone, bool)
	// Digit is how long a digit of Dial lasts, and the pause after it. 0: 100 ms.
	Digit time.Duration
}

// defaultZone is loaded when the file names none, because the kernel neither rings nor
// dials without.
const defaultZone = "us"

const defaultDigit = 100 * time.Millisecond

// Apply brings DAHDI into the state of the file. An error is what keeps channels from
// working; after it the rest is carried out all the same.
func (c *Config) Apply(m Means) []Diag {
	if len(c.Dynamic) == 0 && len(c.Spans) == 0 && len(c.Channels) == 0 && len(c.Zones) == 0 {
		return nil
	}
	a := &application{Config: c, means: m}
	a.cards.Kernel = m.Kernel
	if err := a.cards.Control(a.all); err != nil {
		a.say(0, true, "%v", err)
	}
	return a.diags
}

type application struct {
	*Config
	means Means
	cards cards.Cards
	dev   kernel.Device
	diags []Diag
}

func (a *application) say(line int, fault bool, format string, args ...any) {
	a.diags = append(a.diags, Diag{a.File, line, fault, fmt.Sprintf(format, args...)})
}

// all works on the open control device, in the order in which one thing needs another.
func (a *application) all(dev kernel.Device) error {
	a.dev = dev
	for _, d := range a.Dynamic {
		a.create(d)
	}
	for _, s := range a.Spans {
		if err := kernel.Put(dev, abi.SpanConfig, abi.SpanSetup{Span: int32(s.Number), LineBuildOut: int32(s.LineBuildOut),
			LineConfig: int32(s.LineConfig), Sync: int32(s.Timing)}); err != nil {
			a.say(s.Line, true, "span %d: %s", s.Number, reason(err, map[error]string{
				unix.ENXIO: "there is no such span", unix.EINVAL: "its hardware cannot do this framing and coding"}))
		}
	}
	for _, n := range slices.Sorted(maps.Keys(a.Channels)) {
		a.channel(n, a.Channels[n])
	}
	a.zones()
	return a.start()
}

// reason puts an errno into words.
func reason(err error, words map[error]string) string {
	for errno, text := range words {
		if errors.Is(err, errno) {
			return text
		}
	}
	return err.Error()
}

func (a *application) create(d Dynamic) {
	r := abi.DynamicSpan{Channels: int32(d.Channels), Timing: int32(d.Timing)}
	copy(r.Driver[:], d.Driver)
	copy(r.Address[:], d.Address)
	err := kernel.Put(a.dev, abi.DynamicCreate, r)
	if err == nil || errors.Is(err, unix.EEXIST) {
		return
	}
	a.say(d.Line, true, "dynamic span %s %s: %s", d.Driver, d.Address, reason(err, map[error]string{
		unix.ENOSYS: "the kernel module dahdi_dynamic is not loaded",
		unix.EINVAL: "refused: is the kernel module dahdi_dynamic_" + d.Driver + " loaded, and the address right?",
	}))
}

func (a *application) channel(n int, c *Channel) {
	p := abi.Params{Channel: int32(n)}
	line := max(c.Line, c.LawLine, c.Canceller.Line)
	if err := kernel.Exchange(a.dev, abi.GetParams, &p); err != nil {
		a.say(line, true, "channel %d: %s", n, reason(err, map[error]string{
			unix.EINVAL: "DAHDI has fewer channels (were spans given channels? auto_assign_spans=1 of the module dahdi does it)"}))
		return
	}
	// Setting a channel up hangs it up, so it is not done needlessly. Which law is its
	// default can be seen only when it is in force.
	law := c.Law
	lawful := c.LawLine == 0 || law == abi.LawDefault || law == int(p.Law)
	if c.Line != 0 && (p.Signalling != c.Signalling || !lawful) || c.Line == 0 && !lawful {
		setup := abi.ChannelSetup{Channel: int32(n), Signalling: p.Signalling, Law: int32(law), Master: int32(n)}
		if c.Line != 0 {
			setup.Signalling = c.Signalling
		}
		if err := kernel.Put(a.dev, abi.ChanConfig, setup); err != nil {
			a.say(line, true, "channel %d: %s: %s", n, setup.Signalling, reason(err, map[error]string{
				unix.EINVAL: "this port cannot (an FXO port has FXS signalling, and the other way round)"}))
			return
		}
	}
	if c.Canceller.Name != "" {
		e := abi.EchoCanceller{Channel: int32(n)}
		copy(e.Name[:len(e.Name)-1], strings.ToLower(c.Canceller.Name))
		if err := kernel.Put(a.dev, abi.AttachEchoCan, e); err != nil {
			a.say(c.Canceller.Line, false, "channel %d has no echo canceller of the kernel's: %s", n, reason(err, map[error]string{
				unix.EINVAL: "there is no " + c.Canceller.Name + " (kernel module dahdi_echocan_" + strings.ToLower(c.Canceller.Name) + ")"}))
		}
	}
}

func (a *application) zones() {
	zones, standard := a.Zones, a.Default
	if len(zones) == 0 {
		zones = []Named{{defaultZone, 0}}
	}
	if standard.Name == "" {
		standard = zones[0]
	}
	for i, z := range zones {
		var zone Zone
		if a.means.Zone != nil {
			known := false
			if zone, known = a.means.Zone(z.Name); !known {
				a.say(z.Line, false, "the tones of zone %s are not known: only digits and ringing are loaded", z.Name)
			}
		}
		record, err := table(i, z.Name, zone)
		if err == nil {
			// A number is taken once.
			if err = kernel.Put(a.dev, abi.FreeZone, abi.Int(i)); err == nil {
				err = a.dev.Ioctl(abi.LoadZone, record)
			}
		}
		if err != nil {
			a.say(z.Line, true, "load zone %s: %v", z.Name, err)
			continue
		}
		if z.Name == standard.Name {
			if err := kernel.Put(a.dev, abi.DefaultZone, abi.Int(i)); err != nil {
				a.say(standard.Line, true, "default zone %s: %v", z.Name, err)
			}
		}
	}
	digit := a.means.Digit
	if digit == 0 {
		digit = defaultDigit
	}
	// After loading: the kernel keeps the length in ms, but takes it for samples when
	// it loads a zone.
	if err := kernel.Put(a.dev, abi.SetDialParams, abi.DialParams{DTMF: int32(digit / time.Millisecond)}); err != nil {
		a.say(0, false, "length of digits: %v", err)
	}
}

// start sets all spans going; those that are stay so.
func (a *application) start() error {
	spans, err := a.cards.Spans()
	if err != nil {
		return err
	}
	for _, s := range spans {
		if err := kernel.Put(a.dev, abi.Startup, abi.Int(s.Number)); err != nil {
			a.say(0, true, "start span %d: %v", s.Number, err)
		}
	}
	return nil
}
