package port

import (
	"context"
	"fmt"

	"branchline/hal"
	"branchline/media/progress"
	"branchline/pbx/line/measure"
)

// Test measures the line, which must be idle. Calls to it and over it are refused
// meanwhile, and one that comes in is not noticed before it is over.
func (p *Port) Test(ctx context.Context, say func(measure.Result)) error {
	l, err := p.borrow()
	if err != nil {
		return err
	}
	defer p.giveBack()
	var zone *progress.Zone
	ready := make(chan struct{})
	p.orders.Add(func(side) { // whatever listened to the idle line stops
		defer close(ready)
		zone = p.zone(p.Settings())
		if err := p.speak(nil); err != nil {
			p.log.Warn("audio", "error", err)
		}
	})
	select {
	case <-ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	return measure.Line(ctx, l, zone, say)
}

func (p *Port) borrow() (hal.Line, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.device == nil:
		return nil, fmt.Errorf("%s is down: %s", p.id, p.why)
	case p.testing:
		return nil, fmt.Errorf("%s is being tested already", p.id)
	case !p.status.idle || p.wanted != nil || len(p.legs) > 0:
		return nil, fmt.Errorf("%s is in use: %s", p.id, p.status.state)
	}
	p.testing = true
	return p.device, nil
}

func (p *Port) giveBack() {
	p.mu.Lock()
	p.testing = false
	p.mu.Unlock()
	p.orders.Add(func(side) {
		if p.device != nil {
			p.machine.Start()
		}
	})
}
