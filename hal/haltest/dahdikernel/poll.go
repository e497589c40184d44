package dahdikernel

import (
	"golang.org/x/sys/unix"

	"branchline/hal/dahdi/kernel"
)

// poller reports readiness as epoll does, for as long as it lasts.
type poller struct {
	k       *Kernel
	watched map[*device]watch
	woken   bool
	closed  bool
}

type watch struct {
	key  int
	what kernel.Readiness
}

// Poller makes one.
func (k *Kernel) Poller() (kernel.Poller, error) {
	return &poller{k: k, watched: map[*device]watch{}}, nil
}

func (p *poller) Watch(d kernel.Device, key int, what kernel.Readiness) error {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	dev := d.(*device)
	if dev.closed {
		return unix.EBADF
	}
	if what == 0 {
		delete(p.watched, dev)
		return nil
	}
	p.watched[dev] = watch{key, what}
	p.k.notify()
	return nil
}

func (p *poller) Wait(ready []kernel.Ready) (int, error) {
	k := p.k
	k.mu.Lock()
	defer k.mu.Unlock()
	for {
		if p.closed {
			return 0, unix.EBADF
		}
		n := 0
		for dev, w := range p.watched {
			if dev.closed { // closing takes out, as with epoll
				delete(p.watched, dev)
				continue
			}
			if what := dev.readiness() & (w.what | kernel.Gone); what != 0 && n < len(ready) {
				ready[n] = kernel.Ready{Key: w.key, What: what}
				n++
			}
		}
		if n > 0 || p.woken {
			p.woken = false
			return n, nil
		}
		changed := k.changed
		k.mu.Unlock()
		<-changed
		k.mu.Lock()
	}
}

func (d *device) readiness() (what kernel.Readiness) {
	switch ch := d.ch; {
	case ch == nil:
	case ch.removed:
		return kernel.Gone | kernel.Events
	default:
		if len(ch.rx) > 0 {
			what |= kernel.Input
		}
		if len(ch.events) > 0 {
			what |= kernel.Events
		}
	}
	return what
}

func (p *poller) Wake() error {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	p.woken = true
	p.k.notify()
	return nil
}

func (p *poller) Close() error {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	p.closed = true
	p.k.notify()
	return nil
}
