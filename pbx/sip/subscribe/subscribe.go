// Package subscribe lets phones watch what happens elsewhere (RFC 6665, as notifier):
// extensions, for busy lamps (event packages presence and dialog), and mailboxes
// (message-summary). What a NOTIFY says is written by package document, whether there
// is something to say is found by extstate and mailbox.
//
// One goroutine, which lives while there is something to do, owns every subscription:
// requests, responses, alarms and changes of state are steps in its queue, and none of
// them waits for the network. Reading order: Book here; receive.go for what a
// SUBSCRIBE meets; subscription.go for a subscription's life.
package subscribe

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/astdb"
	"branchline/pbx/channel"
	"branchline/pbx/extstate"
	"branchline/pbx/mailbox"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/door"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
	"branchline/pbx/sip/wire"
)

// Extensions are what presence and dialog are about.
type Extensions interface {
	Watch(context, exten string, tell func(extstate.Report)) (now channel.DeviceState, stop func(), ok bool)
}

// Mailboxes are what message-summary is about.
type Mailboxes interface {
	Sum(mailboxes []string) (sum mailbox.Count, known bool)
	Watch(mailbox string, f func()) (stop func())
}

// Options are what a Book is made from.
type Options struct {
	Rack       *transports.Rack
	Ways       *way.Finder
	Door       *door.Door
	Extensions Extensions // nil: no extension has a hint
	Mailboxes  Mailboxes  // nil: no mailbox holds anything
	Store      *astdb.DB  // keeps them over a restart; nil: they are not kept
	Log        *slog.Logger
}

// Bounds: a phone whose subscriptions are forgotten as soon as they are made must not
// fill the memory.
const (
	mostOfAll      = 8192
	mostOfEndpoint = 1024
	mostKept       = 4096 // octets of the headers that a subscription keeps
)

// A Book holds the subscriptions there are. Its methods may be called from anywhere
// and do not wait for the network.
type Book struct {
	o Options

	mu      sync.Mutex
	steps   []func()
	working bool
	dialogs map[dialog.ID]*subscription

	// What follows belongs to the steps.
	of       map[string]int // subscriptions by endpoint
	serial   uint64
	closed   bool
	restored bool
}

// New makes an empty book.
func New(o Options) *Book {
	return &Book{o: o, dialogs: map[dialog.ID]*subscription{}, of: map[string]int{}}
}

// put queues a step.
func (b *Book) put(step func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.steps = append(b.steps, step)
	if !b.working {
		b.working = true
		go b.work()
	}
}

// work carries out steps until there is none.
func (b *Book) work() {
	for {
		b.mu.Lock()
		steps := b.steps
		b.steps = nil
		if len(steps) == 0 {
			b.working = false
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		for _, step := range steps {
			b.carryOut(step)
		}
	}
}

// carryOut is the boundary that a panic does not cross, as in package wire: one message
// of a hostile sender must not end everybody's calls.
func (b *Book) carryOut(step func()) {
	defer func() {
		if p := recover(); p != nil {
			b.o.Log.Error("subscriptions: a step was dropped after a panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	step()
}

// find is the subscription of a dialog, or nil.
func (b *Book) find(id dialog.ID) *subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dialogs[id]
}

// count is how many subscriptions there are.
func (b *Book) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.dialogs)
}

func (b *Book) enter(s *subscription) {
	b.mu.Lock()
	b.dialogs[s.dialog.ID()] = s
	b.mu.Unlock()
	b.of[s.ep.ID]++
}

func (b *Book) strike(s *subscription) {
	b.mu.Lock()
	delete(b.dialogs, s.dialog.ID())
	if len(b.dialogs) == 0 {
		b.dialogs = map[dialog.ID]*subscription{} // what a flood took goes back
	}
	b.mu.Unlock()
	if b.of[s.ep.ID]--; b.of[s.ep.ID] <= 0 {
		delete(b.of, s.ep.ID)
	}
}

// Within takes a request that names one of our dialogs; false if it names none.
func (b *Book) Within(in *wire.Inbound) bool {
	s := b.find(dialog.IDOf(in.Request))
	if s == nil || in.Request.IsAck() {
		return false
	}
	b.put(func() { s.within(in) })
	return true
}

// Close takes no more subscriptions. Those there are go on after the restart; where
// they are not kept, the phones are told to come again after a while. It gives a channel
// that is closed when the phones have been told.
func (b *Book) Close() <-chan struct{} {
	done := make(chan struct{})
	b.put(func() {
		b.closed = true
		for _, s := range b.all() {
			if b.o.Store == nil {
				s.end("probation;retry-after=10")
				continue
			}
			s.freeze()
		}
		close(done)
	})
	return done
}

func (b *Book) all() []*subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]*subscription, 0, len(b.dialogs))
	for _, s := range b.dialogs {
		out = append(out, s)
	}
	return out
}

// respond answers with extra headers.
func (b *Book) respond(in *wire.Inbound, status int, hs ...sip.Header) {
	b.o.Door.Respond(in, status, hs...)
}
