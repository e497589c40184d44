//go:build e2e && interop

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

const tracesDocument = "../../docs/interop-traces.md"

// TestTraces compares the signalling of the scenarios between a real Asterisk and the product, both
// ways round, with that between two real Asterisks: there must be no repetition and no 4xx that the
// Asterisks alone do not show. E2E_TRACES is what the scenarios' tests wrote; the table goes to
// docs/interop-traces.md.
func TestTraces(t *testing.T) {
	f, err := os.Open(os.Getenv("E2E_TRACES"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// By test without the pair, then by pair; the worst of several runs counts.
	all := map[string]map[string]map[string]int{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var y tally
		if err := json.Unmarshal(lines.Bytes(), &y); err != nil {
			t.Fatal(err)
		}
		var name []string
		mix := ""
		for part := range strings.SplitSeq(y.Test, "/") {
			if strings.Contains(part, "+") {
				mix = part
			} else {
				name = append(name, part)
			}
		}
		test := strings.Join(name, "/")
		if all[test] == nil {
			all[test] = map[string]map[string]int{}
		}
		if all[test][mix] == nil {
			all[test][mix] = map[string]int{}
		}
		for what, n := range y.Count {
			all[test][mix][what] = max(all[test][mix][what], n)
		}
	}
	if err := lines.Err(); err != nil || len(all) == 0 {
		t.Fatalf("nothing was recorded: %v", err)
	}
	var doc strings.Builder
	doc.WriteString("# Signalling beside two real Asterisks\n\nWritten by `make interop-traces`: what was repeated or refused with a 4xx in each test of the\n" +
		"scenarios, between two real Asterisks (16 or 22; the most that any of the pairs shows) and between\none of them and the product, both ways round.\n\n" +
		"| test | two Asterisks | pair | with the product |\n|---|---|---|---|\n")
	compared := 0
	for _, test := range slices.Sorted(maps.Keys(all)) {
		base := map[string]int{}
		found := false
		for mix, count := range all[test] {
			if strings.Contains(mix, "branchline") {
				continue
			}
			found = true
			for what, n := range count {
				base[what] = max(base[what], n)
			}
		}
		for _, mix := range slices.Sorted(maps.Keys(all[test])) {
			if !strings.Contains(mix, "branchline") {
				continue
			}
			if !found {
				t.Errorf("%s: no two Asterisks to compare %s with", test, mix)
				continue
			}
			compared++
			count := all[test][mix]
			for what, n := range count {
				if n > base[what] {
					t.Errorf("%s, %s: %d x %s, two Asterisks %d", test, mix, n, what, base[what])
				}
			}
			fmt.Fprintf(&doc, "| %s | %s | %s | %s |\n", test, said(base), mix, said(count))
		}
	}
	t.Logf("%d tests compared", compared)
	if !t.Failed() {
		if err := os.WriteFile(tracesDocument, []byte(doc.String()), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// said is a tally in words.
func said(count map[string]int) string {
	if len(count) == 0 {
		return "nothing"
	}
	var out []string
	for _, what := range slices.Sorted(maps.Keys(count)) {
		out = append(out, fmt.Sprintf("%d x %s", count[what], what))
	}
	return strings.Join(out, ", ")
}
