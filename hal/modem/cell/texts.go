package cell

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"branchline/hal"
	"branchline/hal/modem/at"
	"branchline/hal/modem/cell/phrase"
	"branchline/hal/modem/parts"
	"branchline/hal/modem/pdu"
)

// crowded is how many stored messages make room by giving up waiting for parts.
const crowded = 15

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
		stored []parts.Stored
	)
	for i := 0; i+1 < len(r.Lines); i++ {
		head, ok := strings.CutPrefix(r.Lines[i], "+CMGL:")
		if !ok {
			continue
		}
		f := at.Fields(head)
		index, state := phrase.Number(f, 0), phrase.Number(f, 1)
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
			l.delivered(l.sent.Report(m))
			if err := l.forget(ctx, index); err != nil {
				return err
			}
		case *pdu.Deliver:
			stored = append(stored, parts.Stored{Index: index, Deliver: m})
		}
	}
	for _, m := range l.store.Sort(stored, all > crowded) {
		if m.Data {
			l.o.Log.Warn("a message is no text and is deleted", "line", l.o.Name, "from", m.From)
		} else {
			l.put(hal.Event{Kind: hal.Text, Message: m.Message})
		}
		for _, index := range m.Indexes {
			if err := l.forget(ctx, index); err != nil {
				return err
			}
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

// send sends a message and returns when the network has all of it.
func (l *Line) send(ctx context.Context, m hal.Message) error {
	l.mu.Lock()
	lacks := l.net.alarm
	l.mu.Unlock()
	if lacks != "" {
		return errors.New(lacks)
	}
	letter, all, err := l.sent.Begin(m, true)
	if err != nil {
		return err
	}
	for _, p := range all {
		r, err := l.engine.Do(ctx, at.Command{Text: fmt.Sprintf("AT+CMGS=%d", p.Length), Prefix: "+CMGS:", Body: p.Digits, Timeout: time.Minute})
		if err != nil {
			return err
		}
		if len(r.Lines) == 0 {
			continue // not told: no report can be known as its
		}
		if n := phrase.Number(at.Fields(r.Lines[0]), 0); n >= 0 && n <= 255 {
			l.delivered(letter.Took(byte(n)))
		}
	}
	return nil
}

// reported takes a status report.
func (l *Line) reported(digits string) {
	m, err := pdu.Parse(digits)
	if r, ok := m.(*pdu.Report); ok && err == nil {
		l.delivered(l.sent.Report(r))
	}
}

// delivered tells what became of a message, if that is known.
func (l *Line) delivered(e hal.Event, over bool) {
	if over {
		l.put(e)
	}
}
