// Package spelling finds what a misspelt word in a configuration was most likely
// meant to be, and how to put it right.
package spelling

import (
	"strings"

	"branchline/pbx/astconf"
)

// Respell is the fix for a misspelt word in a line.
func Respell(e astconf.Entry, wrong, right string) *astconf.Fix {
	return &astconf.Fix{
		Safe:  distance(strings.ToLower(wrong), strings.ToLower(right)) <= 2,
		Edits: []astconf.Edit{{File: e.File, Line: e.Line, Old: wrong, New: right}},
	}
}

// Nearest finds the name that a misspelt one was most likely meant to be; ""
// if none is close.
func Nearest(word string, names []string) string {
	word = strings.ToLower(word)
	best, bestDist := "", max(1, len(word)/3)+1
	for _, n := range names {
		if d := distance(word, strings.ToLower(n)); d < bestDist {
			best, bestDist = n, d
		}
	}
	return best
}

// distance is the number of single-byte edits between a and b; two neighbours
// that traded places count as one.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := row[j]
			if a[i] != b[j] {
				cost++
			}
			next[j+1] = min(cost, next[j]+1, row[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
