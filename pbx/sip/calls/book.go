// Package calls holds the SIP legs there are, of both front ends: it makes them for
// INVITEs that come and for calls that go out, finds them by their dialogs, tells
// them when our address changes, and counts them out at the end. What a leg then
// does is in package invite.
//
// Reading order: Book here; inward.go and outward.go for how a leg begins;
// appear.go for what it is made from.
package calls

import (
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"branchline/media/plane"
	"branchline/media/tone"
	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/door"
	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
)

// Options are what a book of calls is made from.
type Options struct {
	Rack      *transports.Rack
	Ways      *way.Finder
	Door      *door.Door
	Router    Router
	Acceptor  channel.Acceptor
	Plane     plane.Plane
	Registrar *registrar.Registrar
	Channels  func() []*channel.Snapshot // all there are, of every technology
	// FeatureCode is what is dialled for a feature of features.conf; nil: nothing is.
	FeatureCode func(feature string) string
	// Tones gives the zones in force; nil: the built-in ones.
	Tones func() *tone.Book
	Log   *slog.Logger
}

// A Book holds the SIP legs there are: it makes them, finds them by their
// dialogs, and counts them out at the end. Its methods may be called from anywhere.
type Book struct {
	o      Options
	serial atomic.Uint32 // of channel names

	mu      sync.RWMutex
	dialogs map[dialog.ID]*invite.Session
	merged  map[mergeKey]*invite.Session
	live    map[*invite.Session]*life
	idle    chan struct{} // closed when the last session has ended, after drain
}

// New makes an empty book.
func New(o Options) *Book {
	return &Book{
		o: o, dialogs: map[dialog.ID]*invite.Session{}, merged: map[mergeKey]*invite.Session{},
		live: map[*invite.Session]*life{},
	}
}

// Drain gives a channel that is closed when there is no session any more. It may be
// called once.
func (b *Book) Drain() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.idle = make(chan struct{})
	if len(b.live) == 0 {
		close(b.idle)
	}
	return b.idle
}

// mergeKey recognises a request that arrives twice by different ways (RFC 3261
// 8.2.2.2).
type mergeKey struct {
	callID, tag string
	seq         uint32
}

// Add puts a dialog into the table; part of invite.Dialogs.
func (b *Book) Add(id dialog.ID, s *invite.Session) {
	b.mu.Lock()
	b.dialogs[id] = s
	b.mu.Unlock()
}

// Remove takes it out again.
func (b *Book) Remove(id dialog.ID, s *invite.Session) {
	b.mu.Lock()
	if b.dialogs[id] == s {
		delete(b.dialogs, id)
	}
	b.mu.Unlock()
}

// Find is the session of a dialog, or nil; part of invite.Dialogs.
func (b *Book) Find(id dialog.ID) *invite.Session {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.dialogs[id]
}

// A life is one session's entry in the agent's list. A session can be over
// before whoever made it has come to enter it.
type life struct {
	over bool
	key  mergeKey // zero for outbound legs
	ep   *settings.Endpoint
	wire string     // the transport it is on
	peer netip.Addr // where its endpoint was when it began
}

func (b *Book) begun(l *life, s *invite.Session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l.over {
		return
	}
	b.live[s] = l
	if l.key != (mergeKey{}) {
		b.merged[l.key] = s
	}
}

func (b *Book) ended(l *life, s *invite.Session) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.over = true
	delete(b.live, s)
	if b.merged[l.key] == s {
		delete(b.merged, l.key)
	}
	if b.idle != nil && len(b.live) == 0 {
		select {
		case <-b.idle:
		default:
			close(b.idle)
		}
	}
}

// Count is how many SIP legs there are, those that still say goodbye
// included.
func (b *Book) Count() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.live)
}

// Sessions are those there are.
func (b *Book) Sessions() []*invite.Session {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Collect(maps.Keys(b.live))
}

// Channels are those of a technology ("SIP"), or of one of its endpoints or devices.
func (b *Book) Channels(tech, endpoint string) (out []*channel.Snapshot) {
	for _, c := range b.o.Channels() {
		if strings.HasPrefix(c.Name, tech+"/") && (endpoint == "" || c.Endpoint == endpoint) {
			out = append(out, c)
		}
	}
	return out
}
