// Package parts is short messages of several parts: which of those in a module's store
// are whole, and what has become of those that were sent.
package parts

import (
	"sort"
	"strings"
	"sync"
	"time"

	"branchline/hal"
	"branchline/hal/modem/pdu"
)

// incomplete is how long parts wait for those that are missing.
const incomplete = 24 * time.Hour

// gap stands in the text where a part is missing.
const gap = "[...]"

// A Stored part is one that lies in the module, at an index.
type Stored struct {
	Index int
	*pdu.Deliver
}

// A Message is one that is whole, or will not become so.
type Message struct {
	hal.Message
	Data    bool  // it is no text
	Indexes []int // of its parts, those that came twice too
}

// key tells the parts of one message from others.
type key struct {
	from       string
	ref, total int
}

// A Store is where a module keeps messages: it knows since when parts of incomplete ones
// wait.
type Store struct{ since map[key]time.Time }

// Sort gives the messages among the parts in store that can be told of, in the order
// in which they came; all others stay. hurry: there is no room for waiting.
func (s *Store) Sort(stored []Stored, hurry bool) []Message {
	groups := map[key][]Stored{}
	var order []key
	for _, p := range stored {
		k := key{p.From, p.Part.Ref, p.Part.Total}
		if p.Part.Total == 0 {
			k.ref = -1 - p.Index // alone
		}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], p)
	}
	waiting := map[key]time.Time{}
	var messages []Message
	for _, k := range order {
		m, whole := join(groups[k], k.total)
		since, known := s.since[k]
		if !known {
			since = time.Now()
		}
		if !whole && !hurry && time.Since(since) < incomplete {
			waiting[k] = since
			continue
		}
		messages = append(messages, m)
	}
	s.since = waiting
	return messages
}

// join puts the parts of one message together, of which there should be total.
func join(parts []Stored, total int) (m Message, whole bool) {
	sort.Slice(parts, func(i, j int) bool { return parts[i].Part.Number < parts[j].Part.Number })
	var (
		body strings.Builder
		run  []*pdu.Deliver
		next = 1
	)
	whole = true
	for _, p := range parts {
		m.Indexes = append(m.Indexes, p.Index)
		m.Data = m.Data || p.Data != nil
		switch {
		case p.Part.Number < next && total > 0:
			continue // twice
		case p.Part.Number > next:
			body.WriteString(pdu.Text(run...) + gap)
			run, whole = nil, false
		}
		run = append(run, p.Deliver)
		next = p.Part.Number + 1
	}
	body.WriteString(pdu.Text(run...))
	if next <= total {
		body.WriteString(gap)
		whole = false
	}
	m.Message = hal.Message{From: parts[0].From, Body: body.String(), Sent: parts[0].Sent}
	return m, whole
}

// Sent remembers messages until the network has said what became of all their parts.
// Its methods may be called from any goroutine; the zero value is ready.
type Sent struct {
	mu    sync.Mutex
	next  byte                 // reference of the next message of many parts
	parts map[byte]*letter     // by the module's reference
	early map[byte]*pdu.Report // came before the module told the reference
}

// A letter waits for reports of its parts.
type letter struct {
	ref  string
	left int
	err  error
}

// A Letter is a message on its way, part by part.
type Letter struct {
	sent   *Sent
	letter *letter
}

// Begin takes up a message: ref is the user's, number that of many parts. After each
// part Took is to be called.
func (s *Sent) Begin(m hal.Message, status bool) (Letter, []pdu.Submit, error) {
	s.mu.Lock()
	s.next++
	number := s.next
	s.mu.Unlock()
	all, err := pdu.Message(m.To, m.Body, number, status)
	return Letter{s, &letter{ref: m.Ref, left: len(all)}}, all, err
}

// Took says by which reference the network will report about a part. If it has done so
// already, and this was all, done is what to tell.
func (l Letter) Took(reference byte) (done hal.Event, over bool) {
	s := l.sent
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts == nil {
		s.parts = map[byte]*letter{}
	}
	s.parts[reference] = l.letter
	early := s.early[reference]
	if early == nil {
		return done, false
	}
	delete(s.early, reference)
	return s.report(early)
}

// Report takes what the network says of a part. If it is the last word about the last
// part of a message, done is what to tell.
func (s *Sent) Report(r *pdu.Report) (done hal.Event, over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.report(r)
}

// report is Report with the lock held.
func (s *Sent) report(r *pdu.Report) (done hal.Event, over bool) {
	final, why := r.Final()
	if !final {
		return done, false
	}
	l := s.parts[r.Ref]
	if l == nil {
		if s.early == nil {
			s.early = map[byte]*pdu.Report{}
		}
		s.early[r.Ref] = r
		return done, false
	}
	delete(s.parts, r.Ref)
	if l.err == nil {
		l.err = why
	}
	l.left--
	return hal.Event{Kind: hal.TextSent, Message: hal.Message{To: r.To, Ref: l.ref}, Err: l.err}, l.left == 0
}
