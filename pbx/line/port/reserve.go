package port

import (
	"context"
	"fmt"
	"slices"

	"branchline/hal"
	"branchline/pbx/channel"
	"branchline/pbx/line/dest"
)

// Reserve makes a leg on the port; nil if it cannot be used. With force a call that
// is up is ended for it.
func (p *Port) Reserve(to dest.Target, r channel.Request, force bool) (channel.Leg, error) {
	if !p.free(force) {
		return nil, nil
	}
	l, err := p.newLeg(false)
	if err != nil {
		return nil, err
	}
	conf := p.Settings()
	if p.kind() == hal.FXS {
		p.remember(r.Caller.Number, true)
	} else {
		p.remember(to.Digits, false)
	}
	l.number, l.urgent, l.caller, l.confirm = to.Digits, conf.Urgent(to.Digits), r.Caller, to.Confirm
	if n := len(conf.Cadences); to.Ring > 0 && n > 0 {
		l.ringer = conf.Cadences[(to.Ring-1)%n]
	} else if z, ok := p.countries().Zone(conf.ToneZone); ok {
		l.ringer = z.Cadence
	}
	p.mu.Lock()
	taken := p.wanted != nil || p.testing
	if !taken {
		p.wanted = l
		p.changed()
	}
	p.mu.Unlock()
	if taken { // by somebody who was quicker
		l.end(channel.NormalCircuitCongestion)
		return nil, nil
	}
	if force {
		p.orders.Add(p.preempt)
	}
	return l, nil
}

// free reports whether the line can take a call; with force also if it has one that
// is less important.
func (p *Port) free(force bool) bool {
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
func (p *Port) preempt(s side) {
	if t, ok := s.(*trunk); ok {
		p.log.Warn("the line is taken for an emergency call", "was", s.status().state)
		t.machine.Preempt(preemption)
	}
}

// Available says whether the line works, and what is the matter with it.
func (p *Port) Available() (up bool, why string) {
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

// Device is what hints show.
func (p *Port) Device() channel.DeviceState {
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

// Send sends a short message over the line.
func (p *Port) Send(ctx context.Context, number, body string) error {
	p.mu.Lock()
	d, why := p.device, p.why
	p.mu.Unlock()
	if d == nil {
		return fmt.Errorf("%s: %s", p.id, why)
	}
	if err := d.Do(ctx, hal.Op{Kind: hal.SendText, Message: hal.Message{To: number, Body: body}}); err != nil {
		return fmt.Errorf("%s: %w", p.id, err)
	}
	return nil
}
