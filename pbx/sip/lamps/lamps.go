// Package lamps lights the lamps of telephones: whoever has mailboxes in pjsip.conf or
// sip.conf is told what waits there, when he registers and when it changes, without
// having asked (RFC 3842 and 6665, but for the subscription; what Asterisk calls
// unsolicited MWI).
package lamps

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"branchline/pbx/mailbox"
	"branchline/pbx/settings"
)

// abreast is how many telephones are told at once: many stand behind one mailbox, and
// the first answers slowly or never.
const abreast = 16

// Options are what Lamps need. All must be set.
type Options struct {
	Mailboxes *mailbox.Store
	Teller    Teller
	Life      func() context.Context // while telephones may be told
	// Subscribed reports whether an endpoint has subscribed to mailboxes, and so is told
	// without us where mwi_subscribe_replaces_unsolicited is set.
	Subscribed func(endpoint string) bool
	Log        *slog.Logger
}

// A Teller tells a telephone what waits for it, and waits for the answer.
type Teller interface {
	TellWaiting(ctx context.Context, ep *settings.Endpoint, c mailbox.Count) error
	TellDeviceWaiting(ctx context.Context, dev *settings.Device, c mailbox.Count) error
}

// Lamps are those of all telephones.
type Lamps struct {
	o Options

	mu    sync.Mutex
	of    map[string]*lamp    // by id of the endpoint or device
	at    map[string][]string // ids, by address of record
	stop  []func()            // of the watches
	queue []*lamp             // whom to tell next
	busy  int                 // how many are telling
	begun bool                // everybody has been told once
}

// A lamp is that of one endpoint, or of one device.
type lamp struct {
	endpoint *settings.Endpoint
	device   *settings.Device // nil: of pjsip.conf
	state    state
}

// state says whether a lamp's telephone is being told.
type state uint8

const (
	told state = iota
	queued
	telling
	outdated // being told what is no longer true
)

// New makes lamps that are out.
func New(o Options) *Lamps { return &Lamps{o: o} }

// Configure makes s the configuration, whose contacts must be known already. At the
// start, and when it has got other mailboxes, a telephone is told at once.
func (l *Lamps) Configure(s *settings.Snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, stop := range l.stop {
		stop()
	}
	before, first := l.of, !l.begun
	l.of, l.at, l.stop, l.begun = map[string]*lamp{}, map[string][]string{}, nil, true
	for id, ep := range s.Endpoints {
		if len(ep.Mailboxes) > 0 {
			l.add(id, &lamp{endpoint: ep}, ep.AORs)
		}
	}
	if s.SIP != nil {
		for _, dev := range s.SIP.List {
			if len(dev.Endpoint.Mailboxes) > 0 && dev.AOR != nil && !dev.SubscribeMWI {
				l.add(dev.ID, &lamp{endpoint: dev.Endpoint, device: dev}, []string{dev.ID})
			}
		}
	}
	for id, x := range l.of {
		old := before[id]
		switch {
		case old == nil && first && s.Global.NoInitialMWI:
		case old == nil || !slices.Equal(old.endpoint.Mailboxes, x.endpoint.Mailboxes) || old.state != told:
			l.tell(x)
		}
	}
}

// add begins to watch the mailboxes of a lamp. The caller holds mu.
func (l *Lamps) add(id string, x *lamp, aors []string) {
	l.of[id] = x
	for _, aor := range aors {
		l.at[aor] = append(l.at[aor], id)
	}
	for _, box := range x.endpoint.Mailboxes {
		l.stop = append(l.stop, l.o.Mailboxes.Watch(box, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.tell(l.of[id])
		}))
	}
}

// Registered is to be called when an address of record has registered and has been
// answered.
func (l *Lamps) Registered(aor string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range l.at[aor] {
		l.tell(l.of[id])
	}
}

// tell lets a telephone be told soon what is true then. The caller holds mu.
func (l *Lamps) tell(x *lamp) {
	switch {
	case x == nil || x.state == queued || x.state == outdated:
		return
	case x.state == telling:
		x.state = outdated
		return
	}
	x.state = queued
	l.queue = append(l.queue, x)
	if l.busy < abreast {
		l.busy++
		go l.work()
	}
}

// work tells one telephone after the other until all have been told.
func (l *Lamps) work() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) > 0 {
		x := l.queue[0]
		l.queue[0] = nil
		l.queue = l.queue[1:]
		x.state = telling
		l.mu.Unlock()
		l.light(x)
		l.mu.Lock()
		again := x.state == outdated
		x.state = told
		if again {
			l.tell(x)
		}
	}
	l.queue = nil
	l.busy--
}

// light tells one telephone: of all its mailboxes together, or of each.
func (l *Lamps) light(x *lamp) {
	if x.endpoint.MWISubscribeReplaces && l.o.Subscribed(x.endpoint.ID) {
		return
	}
	if x.device == nil && !x.endpoint.AggregateMWI {
		for _, box := range x.endpoint.Mailboxes {
			l.say(x, []string{box})
		}
		return
	}
	l.say(x, x.endpoint.Mailboxes)
}

func (l *Lamps) say(x *lamp, boxes []string) {
	c, _ := l.o.Mailboxes.Sum(boxes)
	ctx, err := l.o.Life(), error(nil)
	if ctx.Err() != nil {
		return
	}
	if x.device != nil {
		err = l.o.Teller.TellDeviceWaiting(ctx, x.device, c)
	} else {
		err = l.o.Teller.TellWaiting(ctx, x.endpoint, c)
	}
	if err != nil && ctx.Err() == nil {
		l.o.Log.Debug("a telephone could not be told of its messages", "endpoint", x.endpoint.ID, "new", c.New, "old", c.Old, "error", err)
	}
}
