// Package cards tells which telephone cards DAHDI has, and how they and their ports
// are, whoever has them open.
package cards

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"branchline/hal"
	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/kernel"
)

const controlPath = "/dev/dahdi/ctl"

// Cards are those of a kernel; nil: of this machine's.
type Cards struct{ Kernel kernel.Kernel }

// A Span is a card, or a part of one, or a loop without hardware.
type Span struct {
	Number                                                  int
	Name, Description, Type, Location, Manufacturer, Device string
	Analog                                                  bool
	Alarms                                                  abi.Alarms
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
	Alarms                 abi.Alarms
}

// Spans lists all spans. hal.ErrAbsent: there is no DAHDI.
func (c Cards) Spans() ([]Span, error) {
	var spans []Span
	err := c.Control(func(dev kernel.Device) error {
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
		Analog: s.Analog(), Alarms: s.Alarms, IRQMisses: int(s.IRQMisses), BPV: int(s.BPV), CRC4: int(s.CRC4),
		FAS: int(s.FAS), EBit: int(s.EBit), Configured: int(s.Configured), Channels: int(s.Channels), SyncSource: int(s.SyncSource),
		LineConfig: int(s.LineConfig), LineBuildOut: int(s.LineBuildOut), LineBuildOutName: abi.Text(s.LineBuildOutName[:])}
}

// Channels lists the channels of all spans, whoever has them open.
func (c Cards) Channels() ([]Channel, error) {
	spans, err := c.Spans()
	if err != nil {
		return nil, err
	}
	total := 0
	for _, s := range spans {
		total += s.Channels
	}
	var channels []Channel
	err = c.Control(func(dev kernel.Device) error {
		for n := 1; n <= maxChannels && len(channels) < total; n++ {
			p := abi.Params{Channel: int32(n)}
			if err := kernel.Exchange(dev, abi.GetParams, &p); errors.Is(err, unix.EINVAL) {
				continue
			} else if err != nil {
				return fmt.Errorf("channel %d: %w", n, err)
			}
			port := Channel{Number: n, Span: int(p.Span), Position: int(p.Position), Name: abi.Text(p.Name[:]), Signalling: p.Signalling,
				Telephone: p.Signalling.TowardsExchange() || p.Signalling.TowardsPhone(), OffHook: p.OffHook != 0,
				ALaw: p.Law == abi.LawA, Alarms: p.Alarms}
			if p.Signalling.TowardsPhone() {
				port.Kind = hal.FXS
			}
			channels = append(channels, port)
		}
		return nil
	})
	return channels, err
}

// Version is DAHDI's, and which echo cancellers it has.
func (c Cards) Version() (version, cancellers string, err error) {
	var v abi.Version
	err = c.Control(func(dev kernel.Device) error { return kernel.Exchange(dev, abi.GetVersion, &v) })
	return abi.Text(v.Version[:]), abi.Text(v.EchoCancellers[:]), err
}

// Control opens ctl for the time of a call.
func (c Cards) Control(use func(kernel.Device) error) error {
	k := c.Kernel
	if k == nil {
		k = kernel.Machine{}
	}
	dev, err := kernel.Open(k, controlPath)
	if err != nil {
		return fmt.Errorf("dahdi: %w", err)
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
