package dahdikernel

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"branchline/hal/dahdi/abi"
)

func integer(b []byte) int32       { return int32(binary.NativeEndian.Uint32(b)) }
func putInteger(b []byte, v int32) { binary.NativeEndian.PutUint32(b, uint32(v)) }

// give is copy_to_user.
func give(arg []byte, record any) error {
	b, err := abi.Marshal(record)
	if err != nil {
		return err
	}
	copy(arg, b)
	return nil
}

// control is an ioctl on ctl.
func (k *Kernel) control(r abi.Request, arg []byte) error {
	switch r {
	case abi.GetParams:
		n := integer(arg)
		if n < 1 || int(n) > len(k.channels) {
			return unix.EINVAL
		}
		return give(arg, k.channels[n-1].params())
	case abi.SpanStat:
		n := integer(arg)
		if n < 1 || int(n) > len(k.spans) {
			return unix.EINVAL
		}
		return give(arg, k.spans[n-1].stat(len(k.spans)))
	case abi.GetVersion:
		var v abi.Version
		copy(v.Version[:], "test")
		copy(v.EchoCancellers[:], strings.ToUpper(strings.Join(k.Cancellers, ", ")))
		return give(arg, v)
	case abi.ChanConfig:
		var c abi.ChannelSetup
		if err := abi.Unmarshal(arg, &c); err != nil {
			return err
		}
		return k.channelSetup(c)
	case abi.SpanConfig:
		var s abi.SpanSetup
		if err := abi.Unmarshal(arg, &s); err != nil {
			return err
		}
		if s.Span < 1 || int(s.Span) > len(k.spans) {
			return unix.ENXIO
		}
		sp := k.spans[s.Span-1]
		if s.LineConfig&sp.compatible&0x1ff0 != s.LineConfig&0x1ff0 {
			return unix.EINVAL
		}
		sp.setup = s
		return nil
	case abi.Startup:
		n := integer(arg)
		if n < 1 || int(n) > len(k.spans) {
			return unix.ENXIO
		}
		k.spans[n-1].running = true
		return nil
	case abi.AttachEchoCan:
		var e abi.EchoCanceller
		if err := abi.Unmarshal(arg, &e); err != nil {
			return err
		}
		name := abi.Text(e.Name[:])
		if e.Channel < 1 || int(e.Channel) > len(k.channels) || name != "" && !slices.Contains(k.Cancellers, name) {
			return unix.EINVAL
		}
		k.channels[e.Channel-1].canceller = name
		return nil
	case abi.LoadZone, abi.FreeZone, abi.DefaultZone, abi.SetDialParams:
		return k.zone(r, arg)
	case abi.DynamicCreate:
		var d abi.DynamicSpan
		if err := abi.Unmarshal(arg, &d); err != nil {
			return err
		}
		return k.createDynamic(d)
	}
	return unix.ENOTTY
}

func (s *span) stat(total int) abi.Span {
	r := abi.Span{Number: int32(s.number), Alarms: s.alarms, Channels: int32(len(s.channels)), TotalSpans: int32(total), LineCompatible: s.compatible}
	for _, ch := range s.channels {
		if ch.sig != abi.Unused {
			r.Configured++
		}
	}
	copy(r.Name[:19], s.name)
	copy(r.Description[:39], s.description)
	copy(r.Type[:5], s.kind)
	return r
}

func (k *Kernel) channelSetup(c abi.ChannelSetup) error {
	if c.Channel < 1 || int(c.Channel) > len(k.channels) {
		return unix.EINVAL
	}
	ch := k.channels[c.Channel-1]
	if ch.capable&c.Signalling != c.Signalling {
		return unix.EINVAL
	}
	ch.sig = c.Signalling
	ch.law = abi.LawMu
	if c.Law != abi.LawDefault {
		ch.law = c.Law
	}
	ch.Setups++
	ch.hangUp()
	ch.rxHook = rxInitial
	return nil
}

func (k *Kernel) zone(r abi.Request, arg []byte) error {
	number := int(integer(arg))
	at := slices.IndexFunc(k.zones, func(z *zone) bool { return z.number == number })
	switch r {
	case abi.FreeZone:
		if at >= 0 { // channels that use it keep it
			k.zones = slices.Delete(k.zones, at, at+1)
		}
		return nil
	case abi.DefaultZone:
		if at < 0 {
			return unix.EINVAL
		}
		z := k.zones[at]
		k.zones = slices.Insert(slices.Delete(k.zones, at, at+1), 0, z)
		return nil
	case abi.SetDialParams:
		var p abi.DialParams
		if err := abi.Unmarshal(arg, &p); err != nil {
			return err
		}
		if p.DTMF >= 10 && p.DTMF <= 4000 {
			k.digit = int(p.DTMF)
			for _, z := range k.zones {
				z.digit = k.digit
			}
		}
		return nil
	}
	var h abi.ZoneHeader
	if err := abi.Unmarshal(arg, &h); err != nil {
		return err
	}
	if h.Zone < 0 || h.Zone > 255 || h.Count < 0 || h.Count > abi.MaxSteps {
		return unix.EINVAL
	}
	steps := make([]abi.Step, h.Count)
	if err := abi.Unmarshal(arg[r.Size():], steps); err != nil {
		return unix.EFAULT
	}
	digits := 0
	for _, s := range steps {
		regular := s.Tone >= 0 && s.Tone < 16
		if !regular && (s.Tone < 64 || s.Tone > 127) || regular && (s.Next < 0 || s.Next >= h.Count) {
			return unix.EINVAL
		}
		if s.Tone >= abi.ToneDTMF && s.Tone < abi.ToneDTMF+16 && s.A.Factor != 0 && s.B.Factor != 0 {
			digits++
		}
	}
	if slices.ContainsFunc(k.zones, func(z *zone) bool { return z.number == int(h.Zone) }) {
		return unix.EINVAL
	}
	z := &zone{number: int(h.Zone), name: abi.Text(h.Name[:]), ring: h.Ring}
	if digits == 16 {
		z.digit = k.digit / 8 // the length is in ms, and taken for samples
	}
	k.zones = append(k.zones, z)
	return nil
}

// Zones lists the names of the loaded zones, the default first.
func (k *Kernel) Zones() (names []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, z := range k.zones {
		names = append(names, z.name)
	}
	return names
}

// createDynamic makes a span of the driver for local loops. Its address is key:id, and
// the two spans with one key are joined.
func (k *Kernel) createDynamic(d abi.DynamicSpan) error {
	driver, address := abi.Text(d.Driver[:]), abi.Text(d.Address[:])
	if driver != "loc" || len(address) != 3 || address[1] != ':' || d.Channels < 1 {
		return unix.EINVAL
	}
	var far *span
	for _, s := range k.spans {
		if s.address == address {
			return unix.EEXIST
		}
		if s.address != "" && s.address[:2] == address[:2] {
			far = s
		}
	}
	if k.Unassigned {
		return nil
	}
	s := &span{number: len(k.spans) + 1, name: "DYN/" + driver + "/" + address, kind: "DYNAM", compatible: 0x17f0, address: address,
		description: fmt.Sprintf("Dynamic '%s' span at '%s'", driver, address)}
	for i := range int(d.Channels) {
		ch := k.addChannel(s, fmt.Sprintf("%s/%d", s.name, i+1))
		ch.capable = 0x5f0ff
		if far != nil && i < len(far.channels) {
			ch.peer, far.channels[i].peer = far.channels[i], ch
		}
	}
	k.spans = append(k.spans, s)
	return nil
}

// SpanSetup is what a span was last configured with.
func (k *Kernel) SpanSetup(n int) abi.SpanSetup {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.spans[n-1].setup
}
