package line

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/line/dest"
	"branchline/pbx/line/port"
)

// Techs are the technologies under which the lines can be dialled: DAHDI, Modem,
// Cell, and Quectel as another word for Cell; and SMS, which takes messages only.
func (b *Bank) Techs() []channel.Tech {
	return []channel.Tech{
		&tech{b, "DAHDI", "DAHDI"}, &tech{b, "Modem", "Modem"}, &tech{b, "Cell", "Cell"}, &tech{b, "Quectel", "Cell"}, texts{b},
	}
}

// A tech is one technology of the bank.
type tech struct {
	bank  *Bank
	name  string
	lines string // the technology its lines have
}

// Name is what precedes the slash.
func (t *tech) Name() string { return t.name }

// NewLeg reserves a line for a call. Of a group it is the first that is free; if none
// is and the number is an emergency number of one, that line's call is ended.
func (t *tech) NewLeg(_ context.Context, r channel.Request) (channel.Leg, error) {
	to, err := dest.Parse(r.Dest, t.lines == "DAHDI")
	if err != nil {
		return nil, &channel.Refusal{Cause: channel.InvalidNumberFormat, Why: err.Error()}
	}
	if len(r.Codecs) > 0 && !slices.ContainsFunc(r.Codecs, (*media.Codec).G711) {
		return nil, &channel.Refusal{Cause: channel.BearerCapabilityNotAvail, Why: "lines speak ulaw and alaw only, and the caller has neither"}
	}
	ports := t.candidates(to)
	if len(ports) == 0 {
		return nil, &channel.Refusal{Cause: channel.NoRoute, Why: t.absent(to)}
	}
	for _, p := range ports {
		if l, err := p.Reserve(to, r, false); l != nil || err != nil {
			t.took(to, p)
			return l, err
		}
	}
	for _, p := range ports {
		if p.Settings().Urgent(to.Digits) {
			if l, err := p.Reserve(to, r, true); l != nil || err != nil {
				return l, err
			}
		}
	}
	return nil, refusal(to, ports)
}

// refusal says why none of the ports can take a call, as DIALSTATUS is to show it.
func refusal(to dest.Target, ports []*port.Port) *channel.Refusal {
	whys := make([]string, 0, len(ports))
	down := true
	for _, p := range ports {
		up, why := p.Available()
		down = down && !up
		whys = append(whys, p.ID()+": "+why)
	}
	why := strings.Join(whys, "; ")
	switch {
	case down:
		return &channel.Refusal{Cause: channel.DestinationOutOfOrder, Why: why}
	case to.Group:
		return &channel.Refusal{Cause: channel.NormalCircuitCongestion, Why: why}
	}
	return &channel.Refusal{Cause: channel.UserBusy, Why: why}
}

func (t *tech) absent(to dest.Target) string {
	if to.Group {
		return fmt.Sprintf("no %s line is in group %d", t.lines, to.Number)
	}
	return fmt.Sprintf("there is no line %s/%s", t.lines, to.Line)
}

// candidates are the ports a call may take, in the order in which to try them.
func (t *tech) candidates(to dest.Target) []*port.Port {
	all := t.bank.all(t.lines)
	if !to.Group {
		return slices.DeleteFunc(all, func(p *port.Port) bool { return p.Name() != to.Line })
	}
	all = slices.DeleteFunc(all, func(p *port.Port) bool { return !p.Settings().In(to.Number) })
	if to.Last {
		slices.Reverse(all)
	}
	if to.Turns && len(all) > 0 {
		t.bank.mu.Lock()
		at := t.bank.turn[t.turnKey(to)] % len(all)
		t.bank.mu.Unlock()
		all = append(slices.Clone(all[at:]), all[:at]...)
	}
	return all
}

func (t *tech) turnKey(to dest.Target) string { return fmt.Sprint(t.lines, to.Number, to.Last) }

// took remembers where round robin goes on: behind p.
func (t *tech) took(to dest.Target, p *port.Port) {
	if !to.Turns {
		return
	}
	to.Turns = false
	i := slices.Index(t.candidates(to), p)
	t.bank.mu.Lock()
	defer t.bank.mu.Unlock()
	t.bank.turn[t.turnKey(to)] = i + 1
}

// State tells what hints show for a line, or for a group: whether there is a free
// line in it.
func (t *tech) State(name string) channel.DeviceState {
	to, err := dest.Parse(name, t.lines == "DAHDI")
	if err != nil {
		return channel.DeviceInvalid
	}
	ports := t.candidates(to)
	if len(ports) == 0 {
		return channel.DeviceInvalid
	}
	best := channel.DeviceUnavailable
	for _, p := range ports {
		s := p.Device()
		switch {
		case !to.Group, s == channel.DeviceNotInUse:
			return s
		case s != channel.DeviceUnavailable:
			best = channel.DeviceBusy
		}
	}
	return best
}
