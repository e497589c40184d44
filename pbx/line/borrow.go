package line

import (
	"context"
	"errors"
	"fmt"

	"branchline/hal"
	"branchline/media/progress"
	"branchline/pbx/line/measure"
)

// ErrNoLine says that there is no line of that name.
var ErrNoLine = errors.New("no such line")

// Test measures a line that is idle. Calls to it and over it are refused meanwhile,
// and one that comes in is not noticed before it is over.
func (b *Bank) Test(ctx context.Context, name string, say func(measure.Result)) error {
	p := b.find(name)
	if p == nil {
		return fmt.Errorf("%s: %w", name, ErrNoLine)
	}
	l, err := p.borrow()
	if err != nil {
		return err
	}
	defer p.giveBack()
	var zone *progress.Zone
	ready := make(chan struct{})
	p.inbox.post(func() { // whatever listened to the idle line stops
		defer close(ready)
		zone = p.zone(p.conf())
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

func (p *port) borrow() (hal.Line, error) {
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

func (p *port) giveBack() {
	p.mu.Lock()
	p.testing = false
	p.mu.Unlock()
	p.inbox.post(func() {
		if p.device != nil {
			p.side.start()
		}
	})
}
