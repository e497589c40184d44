// Package layout compares what two exchanges print for the same console command:
// the heads of tables, the order and the edges of their columns, the lines that
// close them. Values may differ.
package layout

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Kind says how much of two outputs can be alike.
type Kind uint8

const (
	// Lines are compared one by one: the same configuration gives the same rows.
	Lines Kind = iota
	// Rows may be other ones and more or fewer, between the same heads and the same
	// closing lines; each must fit the columns.
	Rows
)

// A field is a run of text in a line, with blanks around it that make it a column.
type field struct{ from, to int }

var words = regexp.MustCompile(`\S+(?: \S+)*`)

// fields finds the columns of a line: what two or more blanks keep apart.
func fields(line string) []field {
	var out []field
	for _, f := range words.FindAllStringIndex(line, -1) {
		out = append(out, field{f[0], f[1]})
	}
	return out
}

// meets reports whether two fields stand in one column: either edge is the same.
func (f field) meets(g field) bool { return f.from == g.from || f.to == g.to }

var (
	numbers = regexp.MustCompile(`[0-9]+`)
	names   = regexp.MustCompile(`Asterisk|Branchline`)
	plurals = regexp.MustCompile(`\b(N [a-z ]*?)(channel|call|extension|context|result|module)s?\b`)
)

// plain is a line without what is allowed to differ in a head or a closing line:
// numbers, the product's name, one or many.
func plain(line string) string {
	line = names.ReplaceAllString(strings.TrimRight(line, " "), "PRODUCT")
	line = strings.ReplaceAll(strings.ReplaceAll(numbers.ReplaceAllString(line, "N"), "priorities", "priority"), "  ", " ")
	for strings.Contains(line, "  ") {
		line = strings.ReplaceAll(line, "  ", " ")
	}
	return plurals.ReplaceAllString(line, "$1$2")
}

// same reports whether two lines have the same columns, or say the same.
func same(a, b string) bool {
	if plain(a) == plain(b) {
		return true
	}
	x, y := fields(a), fields(b)
	if len(x) != len(y) || len(x) == 0 {
		return false
	}
	for i := range x {
		if !x[i].meets(y[i]) {
			return false
		}
	}
	return true
}

// Compare lists what is different in the layout of ours; nothing if it is the
// same. In Rows the first head lines and the last tail lines of theirs must be in
// ours.
func Compare(ours, theirs string, kind Kind, head, tail int) (differences []string) {
	a, b := split(ours), split(theirs)
	if kind == Lines {
		head, tail = max(len(a), len(b)), 0
	}
	at := func(lines []string, i int) string {
		if i < 0 || i >= len(lines) {
			return "(nothing)"
		}
		return lines[i]
	}
	differ := func(x, y string) {
		differences = append(differences, fmt.Sprintf("ours   |%s|\ntheirs |%s|", x, y))
	}
	for i := range head {
		if x, y := at(a, i), at(b, i); kind == Rows && plain(x) != plain(y) || !same(x, y) {
			differ(x, y)
			if len(differences) == 5 {
				return append(differences, "and perhaps more")
			}
		}
	}
	for i := range tail {
		if x, y := at(a, len(a)-1-i), at(b, len(b)-1-i); plain(x) != plain(y) {
			differ(x, y)
		}
	}
	if kind == Lines || len(b) < head+tail || len(a) < head+tail {
		return differences
	}
	var columns []field
	for _, line := range b[:len(b)-tail] {
		columns = append(columns, fields(line)...)
	}
	for _, line := range a[head : len(a)-tail] {
		for _, f := range fields(line) {
			if !slices.ContainsFunc(columns, f.meets) {
				differences = append(differences, fmt.Sprintf("ours   |%s|\nhas a column at %d to %d, theirs has none there", line, f.from, f.to))
				return differences
			}
		}
	}
	return differences
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
