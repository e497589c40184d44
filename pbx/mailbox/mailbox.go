// Package mailbox keeps how many messages wait in each mailbox, and tells those who
// watch one when that changes: telephones with a lamp or a stutter tone, and
// subscribers. Messages are not kept here, nor anywhere else in the exchange: what is
// known has been told by whoever keeps them, a provider above all (RFC 3842).
package mailbox

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"branchline/pbx/astdb"
)

// family is where states are kept in the database, as new/old, so that lamps do not go
// out when the exchange is started again: who told of them does not know that. They are
// written within that time, for the sake of flash storage.
const (
	family = "Mailbox"
	within = 30 * time.Second
)

// MaxMailboxes bounds how many mailboxes a store knows of, MaxName how long the name
// of one is: names may come from the network.
const (
	MaxMailboxes = 4096
	MaxName      = 256
)

// MaxCount is the highest count that is kept; more messages than that are told as that
// many. RFC 3842 5.2 has no bound.
const MaxCount = 999_999_999

// A Count is how many messages of a mailbox have not been heard, and how many have.
type Count struct{ New, Old int }

// A Store knows the states of mailboxes. The zero Store knows none, and forgets. Mailboxes are
// named as the configuration names them, 1001@default, which is the same as 1001.
type Store struct {
	db *astdb.DB // nil: states are not kept

	mu       sync.Mutex
	states   map[string]Count
	watchers map[string][]*func()
}

// New makes a store that knows what db has kept.
func New(db *astdb.DB) *Store {
	s := &Store{db: db, states: map[string]Count{}}
	for _, e := range db.List("/" + family) {
		fresh, old, _ := strings.Cut(e.Value, "/")
		c, ok := Count{}, false
		if c.New, ok = number(fresh); ok {
			c.Old, ok = number(old)
		}
		if ok && len(s.states) < MaxMailboxes {
			s.states[strings.TrimPrefix(e.Name, "/"+family+"/")] = c
		}
	}
	return s
}

// Name is the one name of a mailbox: without the context, where that is "default".
func Name(mailbox string) string {
	mailbox = strings.TrimSpace(mailbox)
	if name, context, ok := strings.Cut(mailbox, "@"); ok && (context == "" || context == "default") {
		return name
	}
	return mailbox
}

// Of is what waits in a mailbox; false if nobody has told of it yet.
func (s *Store) Of(mailbox string) (Count, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.states[Name(mailbox)]
	return c, ok
}

// Sum is what waits in several mailboxes together; false if nobody has told of any
// of them yet.
func (s *Store) Sum(mailboxes []string) (sum Count, known bool) {
	for _, m := range mailboxes {
		if c, ok := s.Of(m); ok {
			sum = Count{min(sum.New+c.New, MaxCount), min(sum.Old+c.Old, MaxCount)}
			known = true
		}
	}
	return sum, known
}

// Set notes what waits in a mailbox and tells those who watch it, if that is another
// state than before. It reports false if the mailbox is not kept: there are too many,
// or its name is empty or too long.
func (s *Store) Set(mailbox string, c Count) bool {
	name := Name(mailbox)
	if name == "" || len(name) > MaxName {
		return false
	}
	c = Count{min(max(c.New, 0), MaxCount), min(max(c.Old, 0), MaxCount)}
	s.mu.Lock()
	before, known := s.states[name]
	if !known && len(s.states) >= MaxMailboxes {
		s.mu.Unlock()
		return false
	}
	if s.states == nil {
		s.states = map[string]Count{}
	}
	s.states[name] = c
	var tell []*func()
	if !known || before != c {
		tell = slices.Clone(s.watchers[name])
		if s.db != nil {
			s.db.PutSoon(family, name, strconv.Itoa(c.New)+"/"+strconv.Itoa(c.Old), within)
		}
	}
	s.mu.Unlock()
	for _, f := range tell {
		(*f)()
	}
	return true
}

// Watch lets f be called after each change of a mailbox, on the goroutine of whoever
// tells of it: f must not block. It may call Of. After stop has returned no further
// call begins; one that is under way may still end.
func (s *Store) Watch(mailbox string, f func()) (stop func()) {
	name, w := Name(mailbox), &f
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers == nil {
		s.watchers = map[string][]*func(){}
	}
	s.watchers[name] = append(s.watchers[name], w)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		left := slices.DeleteFunc(slices.Clone(s.watchers[name]), func(x *func()) bool { return x == w })
		if len(left) == 0 {
			delete(s.watchers, name)
			return
		}
		s.watchers[name] = left
	}
}
