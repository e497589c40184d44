package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// entry is a command with its path taken apart. An alias is an entry whose
// words stand for others.
type entry struct {
	Command
	path
	alias string // what it stands for, "" for a command
}

// A Tree holds all commands of a console. It may be used from any goroutine.
type Tree struct {
	mu      sync.RWMutex
	entries []*entry // sorted as `core show help` lists them
	refused []refusal
}

type refusal struct {
	words []string
	why   string
}

// NewTree gives a tree that knows no command yet.
func NewTree() *Tree { return &Tree{} }

// Add takes commands in. It refuses a path that is malformed or taken.
func (t *Tree) Add(cmds ...Command) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range cmds {
		if c.Run == nil {
			return fmt.Errorf("command %q: nothing to run", c.Path)
		}
		if err := t.add(&entry{Command: c}); err != nil {
			return err
		}
	}
	return nil
}

// Alias makes name stand for the words of real; further words are appended. The
// real command may come later, or never.
func (t *Tree) Alias(name, real string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.add(&entry{
		Command: Command{Path: name, Summary: "no description", Usage: "Alias of '" + real + "'."},
		alias:   real,
	})
}

func (t *Tree) add(e *entry) error {
	var err error
	if e.path, err = parsePath(e.Path); err != nil {
		return err
	}
	for _, have := range t.entries {
		if len(have.fixed) == len(e.fixed) && overlap(have.fixed, e.fixed) {
			return fmt.Errorf("command %q: %q is already there", e.Path, have.Path)
		}
	}
	at, _ := slices.BinarySearchFunc(t.entries, e, listOrder)
	t.entries = slices.Insert(t.entries, at, e)
	return nil
}

func overlap(a, b [][]string) bool {
	for i := range a {
		if !slices.ContainsFunc(a[i], func(s string) bool { return spelled(b[i], s) }) {
			return false
		}
	}
	return true
}

// listOrder sorts by words, and puts the longer of two before the one it
// begins with, as Asterisk's list does ("hints" before "hint").
func listOrder(a, b *entry) int {
	x, y := strings.ToLower(a.Path), strings.ToLower(b.Path)
	x, _, _ = strings.Cut(x, " [")
	y, _, _ = strings.Cut(y, " [")
	if n := min(len(x), len(y)); x[:n] == y[:n] {
		return len(y) - len(x)
	}
	return strings.Compare(x, y)
}

// Refuse makes lines that begin with these words answer that the product does
// not support them, and why, as long as no command begins with them.
func (t *Tree) Refuse(words, why string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused = append(t.refused, refusal{strings.Fields(words), why})
}

// Aliases lists name and meaning of every alias, sorted by name.
func (t *Tree) Aliases() [][2]string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var out [][2]string
	for _, e := range t.entries {
		if e.alias != "" {
			out = append(out, [2]string{e.Path, e.alias})
		}
	}
	return out
}

// Run carries out one line and prints to w whatever there is to say. An empty
// line does nothing.
func (t *Tree) Run(ctx context.Context, w io.Writer, line string) Outcome {
	line = strings.Trim(line, " \t\r\n")
	words := Split(line)
	if len(words) == 0 {
		return Done
	}
	t.mu.RLock()
	words, e := t.resolve(words)
	t.mu.RUnlock()
	if e == nil {
		return t.unknown(w, line, words)
	}
	if last := len(words) - 1; strings.EqualFold(words[last], asJSON) && last >= len(e.fixed) && e.shows() {
		d := &document{}
		outcome := e.carryOut(ctx, d, line, words[:last])
		if err := d.write(w, outcome); err != nil {
			fmt.Fprintln(w, err)
			return Failed
		}
		return outcome
	}
	return e.carryOut(ctx, w, line, words)
}

// carryOut runs the command and says what went wrong.
func (e *entry) carryOut(ctx context.Context, w io.Writer, line string, words []string) Outcome {
	ctx = context.WithValue(ctx, wordsKey{}, words)
	switch err := e.Run(ctx, w, words[len(e.fixed):]); {
	case err == nil:
		return Done
	case errors.Is(err, ErrUsage):
		printUsage(w, e)
		return Misused
	case errors.Is(err, ErrFailed):
		fmt.Fprintf(w, "Command '%s' failed.\n", line)
		return Failed
	default:
		fmt.Fprintln(w, err)
		return Failed
	}
}

// resolve follows aliases and finds the command, nil if there is none. An alias
// cannot lead to an alias, so the second step is the last.
func (t *Tree) resolve(words []string) ([]string, *entry) {
	e := t.find(words)
	if e == nil || e.alias == "" {
		return words, e
	}
	words = append(Split(e.alias), words[len(e.fixed):]...)
	if e = t.find(words); e != nil && e.alias != "" {
		e = nil
	}
	return words, e
}

// find gives the entry with the most fixed words at the beginning of words.
func (t *Tree) find(words []string) *entry {
	var best *entry
	for _, e := range t.entries {
		if (best == nil || len(e.fixed) > len(best.fixed)) && e.heads(words) {
			best = e
		}
	}
	return best
}

func (t *Tree) unknown(w io.Writer, line string, words []string) Outcome {
	t.mu.RLock()
	defer t.mu.RUnlock()
	known := 0
	for _, e := range t.entries {
		known = max(known, e.common(words))
	}
	for _, r := range t.refused {
		// A command that shares all those words means the family is there now.
		n := len(r.words)
		if known < n && len(words) >= n && slices.EqualFunc(words[:n], r.words, strings.EqualFold) {
			fmt.Fprintf(w, "'%s' is not supported by this product: %s.\n", strings.Join(r.words, " "), r.why)
			return Unknown
		}
	}
	// Asterisk offers the words it knows and two more.
	hint := strings.Join(words[:min(known+2, len(words))], " ")
	fmt.Fprintf(w, "No such command '%s' (type 'core show help %s' for other possible commands)\n", line, hint)
	return Unknown
}

func printUsage(w io.Writer, e *entry) {
	text := e.Usage
	if text == "" {
		text = "Usage: " + e.Path
	}
	fmt.Fprintln(w, strings.TrimRight(text, "\n"))
}
