package cell

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"branchline/hal"
	"branchline/hal/modem/at"
	"branchline/hal/modem/pdu"
)

const (
	// incomplete is how long parts wait for those that are missing.
	incomplete = 24 * time.Hour
	// crowded is how many stored messages make room by giving up waiting.
	crowded = 15
)

// A storedKey tells the parts of one message from others.
type storedKey struct {
	from       string
	ref, total int
}

// A stored message is one that lies in the module.
type stored struct {
	index int
	*pdu.Deliver
}

// sweep reads the messages in the module, tells of those that are whole, and deletes
// them. Parts stay where they are until all have come: they outlive us there.
func (l *Line) sweep(ctx context.Context) error {
	l.mu.Lock()
	ready := l.net.ready
	l.mu.Unlock()
	if !ready {
		return nil
	}
	r, err := l.engine.Do(ctx, at.Command{Text: "AT+CMGL=4", Bare: true, Timeout: 20 * time.Second})
	if err != nil {
		return err
	}
	var (
		all    int
		groups = map[storedKey][]stored{}
		order  []storedKey
	)
	for i := 0; i+1 < len(r.Lines); i++ {
		head, ok := strings.CutPrefix(r.Lines[i], "+CMGL:")
		if !ok {
			continue
		}
		f := at.Fields(head)
		index, state := number(f, 0), number(f, 1)
		if index < 0 || state > 1 { // ours, not sent
			continue
		}
		i++
		all++
		m, err := pdu.Parse(r.Lines[i])
		if err != nil {
			l.o.Log.Warn("a message cannot be read and is deleted", "line", l.o.Name, "error", err)
			if err := l.forget(ctx, index); err != nil {
				return err
			}
			continue
		}
		switch m := m.(type) {
		case *pdu.Report:
			l.delivered(m)
			if err := l.forget(ctx, index); err != nil {
				return err
			}
		case *pdu.Deliver:
			key := storedKey{m.From, m.Part.Ref, m.Part.Total}
			if m.Part.Total == 0 {
				key.ref = -1 - index // alone
			}
			if groups[key] == nil {
				order = append(order, key)
			}
			groups[key] = append(groups[key], stored{index, m})
		}
	}
	for _, key := range order {
		if err := l.group(ctx, key, groups[key], all > crowded); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for key := range l.stored {
		if groups[key] == nil {
			delete(l.stored, key)
		}
	}
	return nil
}

// group tells of a message if it is whole, or if it will not become so.
func (l *Line) group(ctx context.Context, key storedKey, parts []stored, hurry bool) error {
	slices.SortFunc(parts, func(a, b stored) int { return a.Part.Number - b.Part.Number })
	var (
		body strings.Builder
		run  []*pdu.Deliver
		next = 1
		data bool
	)
	for _, p := range parts {
		data = data || p.Data != nil
		switch {
		case p.Part.Number < next && key.total > 0:
			continue // twice
		case p.Part.Number > next:
			body.WriteString(pdu.Text(run...) + "[...]")
			run = nil
		}
		run = append(run, p.Deliver)
		next = p.Part.Number + 1
	}
	body.WriteString(pdu.Text(run...))
	whole := !strings.Contains(body.String(), "[...]") && next > key.total
	if !whole {
		l.mu.Lock()
		since, known := l.stored[key]
		if !known {
			since = time.Now()
			l.stored[key] = since
		}
		l.mu.Unlock()
		if time.Since(since) < incomplete && !hurry {
			return nil
		}
		if next <= key.total {
			body.WriteString("[...]")
		}
	}
	if data {
		l.o.Log.Warn("a message is no text and is deleted", "line", l.o.Name, "from", key.from)
	} else {
		l.put(hal.Event{Kind: hal.Text, Message: hal.Message{From: key.from, Body: body.String(), Sent: parts[0].Sent}})
	}
	for _, p := range parts {
		if err := l.forget(ctx, p.index); err != nil {
			return err
		}
	}
	return nil
}

func (l *Line) forget(ctx context.Context, index int) error {
	return l.try(ctx, fmt.Sprintf("AT+CMGD=%d", index))
}

// arrives takes a message that comes without being stored, from a module that does
// not honour +CNMI.
func (l *Line) arrives(digits string) {
	m, err := pdu.Parse(digits)
	d, ok := m.(*pdu.Deliver)
	if err != nil || !ok || d.Data != nil {
		l.o.Log.Warn("a message cannot be read", "line", l.o.Name, "error", err)
		return
	}
	l.put(hal.Event{Kind: hal.Text, Message: hal.Message{From: d.From, Body: pdu.Text(d), Sent: d.Sent}})
}

// An outgoing remembers messages until the network has said what became of them; under the
// line's lock.
type outgoing struct {
	next  byte                 // reference of the next message of many parts
	parts map[byte]*sent       // by the module's reference
	early map[byte]*pdu.Report // came before the module told the reference
}

// A sent message waits for reports of its parts.
type sent struct {
	ref  string
	left int
	err  error
}

// send sends a message and returns when the network has all of it.
func (l *Line) send(ctx context.Context, m hal.Message) error {
	l.mu.Lock()
	if l.texts.parts == nil {
		l.texts.parts, l.texts.early = map[byte]*sent{}, map[byte]*pdu.Report{}
	}
	l.texts.next++
	ref, lacks := l.texts.next, l.net.alarm
	l.mu.Unlock()
	if lacks != "" {
		return errors.New(lacks)
	}
	parts, err := pdu.Message(m.To, m.Body, ref, true)
	if err != nil {
		return err
	}
	s := &sent{ref: m.Ref, left: len(parts)}
	for _, p := range parts {
		r, err := l.engine.Do(ctx, at.Command{Text: fmt.Sprintf("AT+CMGS=%d", p.Length), Prefix: "+CMGS:", Body: p.Digits, Timeout: time.Minute})
		if err != nil {
			return err
		}
		if len(r.Lines) == 0 {
			continue // not told: no report can be known as its
		}
		n := number(at.Fields(r.Lines[0]), 0)
		if n < 0 || n > 255 {
			continue
		}
		l.mu.Lock()
		l.texts.parts[byte(n)] = s
		early := l.texts.early[byte(n)]
		delete(l.texts.early, byte(n))
		l.mu.Unlock()
		if early != nil {
			l.delivered(early)
		}
	}
	return nil
}

// reported takes a status report.
func (l *Line) reported(digits string) {
	m, err := pdu.Parse(digits)
	if r, ok := m.(*pdu.Report); ok && err == nil {
		l.delivered(r)
	}
}

// delivered notes what became of a part, and tells when it was the last.
func (l *Line) delivered(r *pdu.Report) {
	final, why := r.Final()
	if !final {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.texts.parts[r.Ref]
	if s == nil {
		if l.texts.early != nil {
			l.texts.early[r.Ref] = r
		}
		return
	}
	delete(l.texts.parts, r.Ref)
	if s.err == nil {
		s.err = why
	}
	if s.left--; s.left == 0 {
		l.put(hal.Event{Kind: hal.TextSent, Message: hal.Message{To: r.To, Ref: s.ref}, Err: s.err})
	}
}
