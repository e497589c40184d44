package cli

import (
	"fmt"
	"slices"
	"strings"
)

// path is a command's Path taken apart: each fixed word as the list of its
// spellings, and the spellings of a bracketed last word.
type path struct {
	fixed    [][]string
	optional []string
}

func parsePath(text string) (path, error) {
	var p path
	for _, w := range strings.Fields(text) {
		if p.optional != nil {
			return p, fmt.Errorf("command %q: a word in brackets must be the last", text)
		}
		switch {
		case strings.HasPrefix(w, "[") && strings.HasSuffix(w, "]"):
			p.optional = strings.Split(w[1:len(w)-1], "|")
		case strings.HasPrefix(w, "{") && strings.HasSuffix(w, "}"):
			p.fixed = append(p.fixed, strings.Split(w[1:len(w)-1], "|"))
		case strings.ContainsAny(w, `[]{}"\`):
			return p, fmt.Errorf("command %q: bad word %q", text, w)
		default:
			p.fixed = append(p.fixed, []string{w})
		}
	}
	if len(p.fixed) == 0 {
		return p, fmt.Errorf("command %q: no words", text)
	}
	return p, nil
}

// common counts how many of the first words the path shares with a line.
func (p path) common(words []string) int {
	n := 0
	for n < len(words) && n < len(p.fixed) && spelled(p.fixed[n], words[n]) {
		n++
	}
	return n
}

// heads reports whether the whole path stands at the beginning of words.
func (p path) heads(words []string) bool { return p.common(words) == len(p.fixed) }

// shows reports whether the command shows something, so that --json goes with it.
func (p path) shows() bool {
	return slices.ContainsFunc(p.fixed, func(w []string) bool { return spelled(w, "show") || spelled(w, "list") })
}

func spelled(spellings []string, word string) bool {
	return slices.ContainsFunc(spellings, func(s string) bool { return strings.EqualFold(s, word) })
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
