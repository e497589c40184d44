package dahdi

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"branchline/hal"
	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/kernel"
)

// Alarms is a set of reasons why a span or channel is dead.
type Alarms abi.Alarms

// String is what "dahdi show status" prints: "OK", "RED", "YEL/RED".
func (a Alarms) String() string {
	var names []string
	for _, n := range []struct {
		bit  abi.Alarms
		name string
	}{{abi.Blue, "BLU"}, {abi.Yellow, "YEL"}, {abi.Red, "RED"}, {abi.Loopback, "LB"}, {abi.Recovering, "REC"}, {abi.NotOpen, "NOP"}} {
		if abi.Alarms(a)&n.bit != 0 {
			names = append(names, n.name)
		}
	}
	if names == nil {
		return "OK"
	}
	return strings.Join(names, "/")
}

// A Span is a card, or a part of one, or a loop without hardware.
type Span struct {
	Number                                                  int
	Name, Description, Type, Location, Manufacturer, Device string
	Analog                                                  bool
	Alarms                                                  Alarms
	IRQMisses                                               int
	BPV, CRC4, FAS, EBit                                    int // errors of a digital span
	Configured, Channels                                    int
	SyncSource                                              int
	LineConfig, LineBuildOut                                int // bits of package abi
	LineBuildOutName                                        string
}

// A Channel is one port.
type Channel struct {
	Number, Span, Position int
	Name                   string
	Signalling             abi.Signalling
	Kind                   hal.Kind // if Telephone
	Telephone              bool     // it can be opened as a line
	OffHook                bool     // the far end is
	ALaw                   bool
	Alarms                 Alarms
}

// Spans lists all spans. hal.ErrAbsent: there is no DAHDI.
func (d *Driver) Spans() ([]Span, error) {
	var spans []Span
	err := d.Control(func(dev kernel.Device) error {
		// Numbers may have gaps; each answer tells how many spans there are.
		for n, total := 1, 1; n <= maxSpans && len(spans) < total; n++ {
			s := abi.Span{Number: int32(n)}
			if err := kernel.Exchange(dev, abi.SpanStat, &s); errors.Is(err, unix.EINVAL) {
				total = max(total, len(spans)+1)
				continue
			} else if err != nil {
				return fmt.Errorf("span %d: %w", n, err)
			}
			total = int(s.TotalSpans)
			spans = append(spans, spanOf(s))
		}
		return nil
	})
	return spans, err
}

// Bounds of DAHDI's numbers (user.h: DAHDI_MAX_SPANS, DAHDI_MAX_CHANNELS).
const (
	maxSpans    = 128
	maxChannels = 1024
)

func spanOf(s abi.Span) Span {
	return Span{Number: int(s.Number), Name: abi.Text(s.Name[:]), Description: abi.Text(s.Description[:]), Type: abi.Text(s.Type[:]),
		Location: abi.Text(s.Location[:]), Manufacturer: abi.Text(s.Manufacturer[:]), Device: abi.Text(s.Device[:]),
		Analog: analogue(s), Alarms: Alarms(s.Alarms), IRQMisses: int(s.IRQMisses), BPV: int(s.BPV), CRC4: int(s.CRC4),
		FAS: int(s.FAS), EBit: int(s.EBit), Configured: int(s.Configured), Channels: int(s.Channels), SyncSource: int(s.SyncSource),
		LineConfig: int(s.LineConfig), LineBuildOut: int(s.LineBuildOut), LineBuildOutName: abi.Text(s.LineBuildOutName[:])}
}

// Channels lists the channels of all spans, whoever has them open.
func (d *Driver) Channels() ([]Channel, error) {
	spans, err := d.Spans()
	if err != nil {
		return nil, err
	}
	total := 0
	for _, s := range spans {
		total += s.Channels
	}
	var channels []Channel
	err = d.Control(func(dev kernel.Device) error {
		for n := 1; n <= maxChannels && len(channels) < total; n++ {
			p := abi.Params{Channel: int32(n)}
			if err := kernel.Exchange(dev, abi.GetParams, &p); errors.Is(err, unix.EINVAL) {
				continue
			} else if err != nil {
				return fmt.Errorf("channel %d: %w", n, err)
			}
			c := Channel{Number: n, Span: int(p.Span), Position: int(p.Position), Name: abi.Text(p.Name[:]), Signalling: p.Signalling,
				Telephone: p.Signalling.TowardsExchange() || p.Signalling.TowardsPhone(), OffHook: p.OffHook != 0,
				ALaw: p.Law == abi.LawA, Alarms: Alarms(p.Alarms)}
			if p.Signalling.TowardsPhone() {
				c.Kind = hal.FXS
			}
			channels = append(channels, c)
		}
		return nil
	})
	return channels, err
}

// Version is DAHDI's, and which echo cancellers it has.
func (d *Driver) Version() (version, cancellers string, err error) {
	var v abi.Version
	err = d.Control(func(dev kernel.Device) error { return kernel.Exchange(dev, abi.GetVersion, &v) })
	return abi.Text(v.Version[:]), abi.Text(v.EchoCancellers[:]), err
}

// Control opens ctl for the time of a call.
func (d *Driver) Control(use func(kernel.Device) error) error {
	dev, err := d.kernel.Open(controlPath)
	if err != nil {
		return fmt.Errorf("dahdi: %w", absent(err))
	}
	err = use(dev)
	if e := dev.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("dahdi: %w", err)
	}
	return nil
}

// Describe tells what "line show" prints of a channel.
func (l *line) Describe() []hal.Fact {
	hook := "on hook"
	if l.state.offHook.Load() {
		hook = "off hook"
	}
	facts := []hal.Fact{{Name: "channel", Value: l.info.Model}, {Name: "signalling", Value: l.sig.String()}, {Name: "hook", Value: hook}}
	if l.state.alarm.Load() {
		facts = append(facts, hal.Fact{Name: "alarm", Value: "yes"})
	}
	if l.info.Caps.Has(hal.CancelsEcho) {
		facts = append(facts, hal.Fact{Name: "echo canceller", Value: strconv.Itoa(l.settings.EchoTaps) + " taps, the kernel's"})
	}
	return append(facts,
		hal.Fact{Name: "write underruns", Value: strconv.FormatUint(l.state.underruns.Load(), 10)},
		hal.Fact{Name: "read overruns", Value: strconv.FormatUint(l.state.overruns.Load(), 10)})
}
