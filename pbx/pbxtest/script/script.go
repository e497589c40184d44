// Package script plays what happens to a state machine, written in words, and keeps
// what the machine does about it, in words too. It is for tests in virtual time.
package script

import (
	"fmt"
	"strings"
	"time"
)

// A Machine is one that acts when it is told to, or when its time has come.
type Machine interface {
	Next() time.Time // when Elapsed wants to be called, zero: not at all
	Elapsed()
}

// Play lets things happen, as in "ring, 2s, answer": to a word and its argument do
// does something, and says whether it knows the word; a duration lets time pass.
func Play(m Machine, happens string, do func(word, arg string) bool) {
	for what := range strings.SplitSeq(happens, ", ") {
		word, arg, _ := strings.Cut(what, " ")
		if do(word, arg) {
			continue
		}
		d, err := time.ParseDuration(word)
		if err != nil {
			panic("no such thing happens: " + word)
		}
		pass(m, d)
	}
}

func pass(m Machine, d time.Duration) {
	for end := time.Now().Add(d); ; {
		next := m.Next()
		if next.IsZero() || next.After(end) {
			time.Sleep(time.Until(end))
			return
		}
		time.Sleep(time.Until(next))
		m.Elapsed()
	}
}

// A Story is what the machine did.
type Story struct{ told []string }

// Tell adds to the story.
func (s *Story) Tell(format string, args ...any) {
	s.told = append(s.told, fmt.Sprintf(format, args...))
}

// Forget begins it anew.
func (s *Story) Forget() { s.told = nil }

func (s *Story) String() string { return strings.Join(s.told, ", ") }
