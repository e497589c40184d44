package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Help is `core show help`: without words it lists every command, with the
// words of a command it prints its usage, otherwise it lists what begins with
// them (the last word may be unfinished). It reports whether it found anything.
func (t *Tree) Help(w io.Writer, words []string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if e := t.find(words); e != nil {
		printUsage(w, e)
		return true
	}
	found := false
	for _, e := range t.entries {
		if e.begins(words) {
			fmt.Fprintf(w, "%-30s -- %s\n", e.Path, e.Summary)
			Add(w, "commands", Fields("command", e.Path, "summary", e.Summary))
			found = true
		}
	}
	if !found {
		fmt.Fprintf(w, "No such command '%s'.\n", strings.Join(words, " "))
	}
	return found
}

// begins reports whether the path begins with words, the last of which may be a
// part of a word.
func (e *entry) begins(words []string) bool {
	if len(words) == 0 {
		return true
	}
	last := len(words) - 1
	return last < len(e.fixed) && e.common(words[:last]) == last &&
		slices.ContainsFunc(e.fixed[last], func(s string) bool { return hasPrefixFold(s, words[last]) })
}

// Complete gives the possible words at the end of an unfinished line: sorted,
// without repetition, each beginning with what was typed of the last word. A
// line that ends in a blank asks for the next word.
func (t *Tree) Complete(line string) []string {
	words, open := split(line)
	if !open {
		words = append(words, "")
	}
	part := words[len(words)-1]
	var out []string
	offer := func(list []string) {
		for _, s := range list {
			if hasPrefixFold(s, part) {
				out = append(out, s)
			}
		}
	}
	if args, complete := t.candidates(words, offer); complete != nil {
		// Outside the lock: it may look at anything, the tree included.
		offer(complete(args))
	}
	slices.SortFunc(out, func(a, b string) int {
		if c := strings.Compare(strings.ToLower(a), strings.ToLower(b)); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(out)
}

// candidates offers the fixed and optional words that can stand last, and gives
// what knows the arguments of the command already typed, with these arguments.
func (t *Tree) candidates(words []string, offer func([]string)) (args []string, complete func([]string) []string) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	last := len(words) - 1
	for _, e := range t.entries {
		if last < len(e.fixed) && e.common(words[:last]) == last {
			offer(e.fixed[last])
		}
	}
	typed, e := t.resolve(words[:last])
	if e == nil {
		return nil, nil
	}
	args = append(typed[len(e.fixed):len(typed):len(typed)], words[last])
	if len(args) == 1 {
		offer(e.optional)
	}
	if strings.HasPrefix(words[last], "-") && e.shows() {
		offer([]string{asJSON})
	}
	return args, e.Complete
}
