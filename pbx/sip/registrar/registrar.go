// Package registrar knows where phones are: it answers REGISTER (RFC 3261
// section 10, RFC 3327) as Asterisk does, keeps contacts in the store so that
// they survive a restart, lets them expire, and watches with OPTIONS whether
// they are reachable.
//
// A Contact never changes; a refresh makes another. What changes by itself,
// its reachability, is asked through methods. One mutex guards the tables and
// is held only while they are changed or copied from.
package registrar

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/astdb"
	"branchline/pbx/settings"
)

// Options is what a Registrar needs from outside. Its functions are called from
// several goroutines at once.
type Options struct {
	DB     *astdb.DB
	Log    *slog.Logger
	Pinger Pinger // nil: contacts are never probed
	// Changed is called after contacts of an address of record came, went or
	// changed their status. It must not block. May be nil.
	Changed func(aor string)
	// Registered is called after every REGISTER that was granted, with where it came
	// from. It must not block. May be nil.
	Registered func(aor string, from netip.Addr)
	// Verbose gets the lines Asterisk prints at a verbosity level; may be nil.
	Verbose func(level int, format string, args ...any)
}

// A Pinger asks a contact whether it is there and returns the final status it
// answered; an error means that it did not answer.
type Pinger interface {
	Ping(ctx context.Context, c *Contact, aor *settings.AOR) (status int, err error)
}

// A Source is where a request came from.
type Source struct {
	Addr      netip.AddrPort
	Protocol  string // "UDP", "TCP"
	Transport string // pjsip.conf's name of the transport it arrived on
}

// A Contact is one place where an address of record can be reached.
type Contact struct {
	AOR, URI   string
	Uri        sip.Uri // URI, parsed
	Path       []string
	UserAgent  string
	CallID     string
	Endpoint   string
	ViaAddr    string
	ViaPort    int
	Expires    time.Time // zero: permanent, from contact= of the aor
	Registered time.Time // when it first came; zero for permanent ones
	// Source is where the last REGISTER came from. It is not stored: after a
	// restart it is zero until the next refresh.
	Source Source

	hash  string
	prune bool // bound to the connection it was registered over
	reach *reach
}

// Status is what is known about a contact's reachability.
type Status uint8

const (
	NonQual Status = iota // not probed
	Unknown               // not yet probed
	Avail
	Unavail
)

// String is Asterisk's word for s.
func (s Status) String() string { return [...]string{"NonQual", "Unknown", "Avail", "Unavail"}[s] }

// reach is shared by a contact and its refreshes.
type reach struct {
	status atomic.Uint32
	rtt    atomic.Int64
}

// Status is the contact's present reachability.
func (c *Contact) Status() Status { return Status(c.reach.status.Load()) }

// RTT is how long the last answer to OPTIONS took; 0 if there was none.
func (c *Contact) RTT() time.Duration { return time.Duration(c.reach.rtt.Load()) }

// Hash is the MD5 of the URI in hexadecimal, which names the contact in the store.
func (c *Contact) Hash() string { return c.hash }

// Permanent reports whether the contact comes from the configuration.
func (c *Contact) Permanent() bool { return c.Expires.IsZero() }

func hashOf(uri string) string {
	s := md5.Sum([]byte(uri))
	return hex.EncodeToString(s[:])
}

// storeKey is the contact's key in the family "registrar".
func (c *Contact) storeKey() string { return "contact/" + c.AOR + ";@" + c.hash }

// A Registrar holds the contacts of all addresses of record.
type Registrar struct {
	o Options

	mu        sync.Mutex
	snap      *settings.Snapshot
	bound     map[string][]*entry // by address of record, newest first
	permanent map[string][]*entry
	agenda    agenda
	pinging   int
	waiting   []*entry // pings that are due but must wait for a free place
	wake      chan struct{}
	probes    sync.WaitGroup // the pings under way
}

// An entry is a contact's place in the tables. It stays while refreshes come.
type entry struct {
	now      *Contact
	gone     bool
	expiryAt time.Time // of the one valid expiry item in the agenda
	pingAt   time.Time // of the one valid ping item; zero: none
	pinging  bool
	pinged   time.Time // when the last probe began
	pings    int       // how many there were
}

// New makes a registrar and loads the contacts of the store. Contacts appear
// once Configure has named their addresses of record.
func New(o Options) *Registrar {
	r := &Registrar{o: o, snap: &settings.Snapshot{}, bound: map[string][]*entry{}, permanent: map[string][]*entry{}, wake: make(chan struct{}, 1)}
	r.load()
	return r
}

// Configure makes s the configuration: at start and after every reload.
func (r *Registrar) Configure(s *settings.Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.snap = s
	old := r.permanent
	r.permanent = map[string][]*entry{}
	for name, aor := range s.AORs {
		for _, uri := range aor.Contacts {
			r.permanent[name] = append(r.permanent[name], r.fixed(aor, uri, old[name]))
		}
	}
	for _, list := range old {
		for _, e := range list {
			e.gone = e.gone || !slices.Contains(r.permanent[e.now.AOR], e)
		}
	}
	for _, table := range []map[string][]*entry{r.bound, r.permanent} {
		for name, list := range table {
			for _, e := range list {
				r.qualifyLater(e, s.AORs[name], s.Global.MaxInitialQualify)
			}
		}
	}
}

// fixed finds or makes the entry of a permanent contact.
func (r *Registrar) fixed(aor *settings.AOR, uri string, old []*entry) *entry {
	for _, e := range old {
		if e.now.URI == uri {
			return e
		}
	}
	c := &Contact{AOR: aor.ID, URI: uri, hash: hashOf(uri), reach: &reach{}}
	if err := sip.ParseUri(uri, &c.Uri); err != nil {
		r.o.Log.Warn("contact of an aor cannot be called", "aor", aor.ID, "contact", uri, "error", err)
	}
	return &entry{now: c}
}

// Contacts lists where an address of record can be reached: registered
// contacts, the newest registration first, then permanent ones.
func (r *Registrar) Contacts(aor string) []*Contact {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.snap.AORs[aor] == nil {
		return nil
	}
	bound, permanent := r.bound[aor], r.permanent[aor]
	if len(bound)+len(permanent) == 0 {
		return nil
	}
	out := make([]*Contact, 0, len(bound)+len(permanent))
	now := time.Now()
	for _, e := range bound {
		if now.Before(e.now.Expires) {
			out = append(out, e.now)
		}
	}
	for _, e := range permanent {
		out = append(out, e.now)
	}
	return out
}

// Usable is Contacts without those known to be unreachable.
func (r *Registrar) Usable(aor string) []*Contact {
	return slices.DeleteFunc(r.Contacts(aor), func(c *Contact) bool { return c.Status() == Unavail })
}

// ConnectionClosed drops the contacts that can be reached only over a
// connection that is now closed.
func (r *Registrar) ConnectionClosed(src Source) {
	r.mu.Lock()
	var dropped []*Contact
	for _, list := range r.bound {
		for _, e := range list {
			if e.now.prune && e.now.Source.Addr == src.Addr && strings.EqualFold(e.now.Source.Protocol, src.Protocol) {
				dropped = append(dropped, e.now)
			}
		}
	}
	for _, c := range dropped {
		r.drop(c, fresh)
	}
	r.mu.Unlock()
	for _, c := range dropped {
		r.verbose(3, "Removed contact '%s' from AOR '%s' due to shutdown", c.URI, c.AOR)
		r.changed(c.AOR)
	}
}

// drop takes a contact out of the tables and, within that time, out of the
// store. The caller holds mu.
func (r *Registrar) drop(c *Contact, within time.Duration) {
	list := r.bound[c.AOR]
	i := slices.IndexFunc(list, func(e *entry) bool { return e.now == c })
	if i < 0 {
		return
	}
	list[i].gone = true
	if len(list) == 1 {
		delete(r.bound, c.AOR)
	} else {
		r.bound[c.AOR] = slices.Delete(list, i, i+1)
	}
	r.o.DB.DelSoon(family, c.storeKey(), within)
}

func (r *Registrar) changed(aor string) {
	if r.o.Changed != nil {
		r.o.Changed(aor)
	}
}

func (r *Registrar) verbose(level int, format string, args ...any) {
	if r.o.Verbose != nil {
		r.o.Verbose(level, format, args...)
	}
}

// Forget drops the registered contacts of an address of record, as if they had
// expired, and tells how many there were.
func (r *Registrar) Forget(aor string) int {
	r.mu.Lock()
	var dropped []*Contact
	for _, e := range r.bound[aor] {
		dropped = append(dropped, e.now)
	}
	for _, c := range dropped {
		r.drop(c, fresh)
	}
	r.mu.Unlock()
	for _, c := range dropped {
		r.verbose(3, "Removed contact '%s' from AOR '%s' due to request", c.URI, c.AOR)
	}
	if len(dropped) > 0 {
		r.changed(aor)
	}
	return len(dropped)
}

// Registered is how many addresses of record have a phone just now that registered
// itself.
func (r *Registrar) Registered() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for aor, bound := range r.bound {
		if r.snap.AORs[aor] != nil && slices.ContainsFunc(bound, func(e *entry) bool { return now.Before(e.now.Expires) }) {
			n++
		}
	}
	return n
}
