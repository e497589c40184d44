package line

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"branchline/hal"
	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/line/dest"
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
		if l, err := p.reserve(to, r, false); l != nil || err != nil {
			t.took(to, p)
			return asLeg(l, err)
		}
	}
	for _, p := range ports {
		if p.conf().Urgent(to.Digits) {
			if l, err := p.reserve(to, r, true); l != nil || err != nil {
				return asLeg(l, err)
			}
		}
	}
	return nil, refusal(to, ports)
}

// asLeg keeps a nil *leg from becoming a Leg that is not nil.
func asLeg(l *leg, err error) (channel.Leg, error) {
	if err != nil {
		return nil, err
	}
	return l, nil
}

// refusal says why none of the ports can take a call, as DIALSTATUS is to show it.
func refusal(to dest.Target, ports []*port) *channel.Refusal {
	whys := make([]string, 0, len(ports))
	down := true
	for _, p := range ports {
		up, why := p.available()
		down = down && !up
		whys = append(whys, p.id+": "+why)
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

// available says whether the line works, and what is the matter with it.
func (p *port) available() (up bool, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.device == nil:
		return false, p.why
	case p.status.why != "":
		return false, p.status.why
	case p.testing:
		return true, "being tested"
	case p.wanted != nil:
		return true, "about to be used"
	}
	return true, p.status.state
}

func (t *tech) absent(to dest.Target) string {
	if to.Group {
		return fmt.Sprintf("no %s line is in group %d", t.lines, to.Number)
	}
	return fmt.Sprintf("there is no line %s/%s", t.lines, to.Line)
}

// candidates are the ports a call may take, in the order in which to try them.
func (t *tech) candidates(to dest.Target) []*port {
	all := t.bank.all(t.lines)
	if !to.Group {
		return slices.DeleteFunc(all, func(p *port) bool { return p.name != to.Line })
	}
	all = slices.DeleteFunc(all, func(p *port) bool { return !p.conf().In(to.Number) })
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
func (t *tech) took(to dest.Target, p *port) {
	if !to.Turns {
		return
	}
	to.Turns = false
	i := slices.Index(t.candidates(to), p)
	t.bank.mu.Lock()
	defer t.bank.mu.Unlock()
	t.bank.turn[t.turnKey(to)] = i + 1
}

// reserve makes a leg on the port; nil if it cannot be used. With force a call that
// is up is ended for it.
func (p *port) reserve(to dest.Target, r channel.Request, force bool) (*leg, error) {
	if !p.free(force) {
		return nil, nil
	}
	l, err := p.newLeg(false)
	if err != nil {
		return nil, err
	}
	conf := p.conf()
	if p.kind() == hal.FXS {
		p.remember(r.Caller.Number, true)
	} else {
		p.remember(to.Digits, false)
	}
	l.number, l.urgent, l.caller, l.confirm = to.Digits, conf.Urgent(to.Digits), r.Caller, to.Confirm
	if n := len(conf.Cadences); to.Ring > 0 && n > 0 {
		l.ringer = conf.Cadences[(to.Ring-1)%n]
	} else if z, ok := p.bank.tones().Zone(conf.ToneZone); ok {
		l.ringer = z.Cadence
	}
	p.mu.Lock()
	taken := p.wanted != nil || p.testing
	if !taken {
		p.wanted = l
	}
	p.mu.Unlock()
	if taken { // by somebody who was quicker
		l.end(channel.NormalCircuitCongestion)
		return nil, nil
	}
	if force {
		p.inbox.post(p.preempt)
	}
	return l, nil
}

// free reports whether the line can take a call; with force also if it has one that
// is less important.
func (p *port) free(force bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.device == nil || p.status.why != "" || p.testing || p.wanted != nil || p.retired {
		return false
	}
	if !force {
		return p.status.free
	}
	return !slices.ContainsFunc(p.legs, func(l *leg) bool { return l.urgent })
}

// preemption is Q.850's cause for a call that had to make room.
const preemption channel.Cause = 8

// preempt ends the line's call for one to an emergency number.
func (p *port) preempt() {
	if t, ok := p.side.(*trunk); ok {
		p.log.Warn("the line is taken for an emergency call", "was", p.side.status().state)
		t.machine.Preempt(preemption)
	}
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
		s := p.show()
		switch {
		case !to.Group, s == channel.DeviceNotInUse:
			return s
		case s != channel.DeviceUnavailable:
			best = channel.DeviceBusy
		}
	}
	return best
}

func (p *port) show() channel.DeviceState {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.device == nil:
		return channel.DeviceUnavailable
	case p.wanted != nil && p.status.show == channel.DeviceNotInUse:
		return channel.DeviceInUse
	}
	return p.status.show
}
