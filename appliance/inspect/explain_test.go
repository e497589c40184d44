package inspect

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var renew = flag.Bool("renew", false, "write the explanations as they are now to testdata")

// TestExplain compares explanations with those in testdata/explain, which a
// person has read.
func TestExplain(t *testing.T) {
	const thursday, monday = "2026-12-24 08:59", "2026-12-21 09:00"
	for name, c := range map[string]struct{ dir, question string }{
		"e-trunk":     {"../../configs/scenario-e/server1", "1001 3005 --at " + thursday},
		"e-phone":     {"../../configs/scenario-e/server1", "1001 1002 --at=" + thursday},
		"e-nothing":   {"../../configs/scenario-e/server1", "1002 99 --at " + thursday},
		"e-from":      {"../../configs/scenario-e/server1", "1002 1009 --from 192.168.50.52 --at " + thursday},
		"d4":          {"../../configs/scenario-d4/server1", "1001 3001 --at " + thursday},
		"phones":      {"", "1001 1002 --at " + thursday},
		"self":        {"", "1001 1001 --at " + thursday},
		"closed":      {"", "1001 200 --at " + thursday},
		"open":        {"", "1001 200 --at " + monday},
		"unknown":     {"", "1001 201 --at " + thursday},
		"loops":       {"", "1001 202 --at " + thursday},
		"menu":        {"", "1001 205 --at " + thursday},
		"invalid":     {"", "1001 206 --at " + thursday},
		"stores":      {"", "1001 207 --at " + thursday},
		"targets":     {"", "1001 208 --at " + thursday},
		"local":       {"", "1001 209 --at " + thursday},
		"cause":       {"", "1001 21 --at " + thursday},
		"nonsense":    {"", "1001 210 --at " + thursday},
		"no-codec":    {"", "1001 1005 --at " + thursday},
		"overlap":     {"", "1002 10 --at " + thursday},
		"trunk":       {"", "trunk 1001 --from 198.51.100.7 --at " + thursday},
		"hidden":      {"", "hidden 200 --from 192.0.2.66 --at " + thursday},
		"no-context":  {"", "nowhere 200 --at " + thursday},
		"no-endpoint": {"", "1111 200 --at " + thursday},
	} {
		t.Run(name, func(t *testing.T) {
			dir := c.dir
			if dir == "" {
				dir = "testdata/explain/small"
			}
			var got bytes.Buffer
			if err := Explain(&got, dir, strings.Fields(c.question)); err != nil {
				got.WriteString("error: " + err.Error() + "\n")
			}
			path := filepath.Join("testdata", "explain", name+".txt")
			if *renew {
				if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%v: got\n%s\nwant\n%s", err, got.Bytes(), want)
			}
		})
	}
}

func TestQuestion(t *testing.T) {
	for words, want := range map[string]string{
		"a b":                          "",
		"a b --from 192.0.2.1":         "",
		"a b --from=192.0.2.1":         "",
		"--at Mon 08:59 a b":           "",
		"a b --at 08:59":               "",
		"a":                            "usage",
		"a b c":                        "usage",
		"a b --from":                   "usage",
		"a b --to x":                   "usage",
		"a b --from x":                 "unable to parse",
		"a b --at Moonday 08:59":       "neither a day",
		"a b --at 25:00":               "not like 08:59",
		"a b --at 2026-12-24 08:59:01": "not like 08:59",
	} {
		_, err := question(strings.Fields(words))
		if got := ""; err != nil {
			got = err.Error()
			if want == "" || !strings.Contains(strings.ToLower(got), want) {
				t.Errorf("%s: %v, want %q", words, err, want)
			}
		} else if want != "" {
			t.Errorf("%s: no error, want %q", words, want)
		}
	}
}
