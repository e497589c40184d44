package pattern

import (
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	for _, c := range []struct{ pattern, number, covers, not string }{
		{"1XX", "100", "12X", "1X."},
		{"[2-4]N!", "22", "33XX.", "53"},
		{"X.", "00", "12", "1"},
		{"!", "", ".", ""},
		{"Z", "1", "[1-3]", "X"},
	} {
		p, _ := Parse(c.pattern)
		if got := p.Number(); got != c.number || !p.Matches(got) {
			t.Errorf("a number of %s: %q, want %q", c.pattern, got, c.number)
		}
		if q, _ := Parse(c.covers); !p.Covers(q) {
			t.Errorf("%s does not cover %s", c.pattern, c.covers)
		}
		if q, _ := Parse(c.not); c.not != "" && p.Covers(q) {
			t.Errorf("%s covers %s", c.pattern, c.not)
		}
	}
	if p, ok := Parse("1[2"); ok || p != nil {
		t.Error("a set that is never closed is a pattern")
	}
}

// FuzzPattern checks the tree of patterns against a walk over all of them.
func FuzzPattern(f *testing.F) {
	f.Add("_1XX,_1.,_[2-4]N!,_Z,12", "123")
	f.Add("_[,_[]1,_[9-1],_.,_!", "1")
	f.Add("_1.5,_1!6,_X", "1-2")
	f.Fuzz(func(t *testing.T, list, number string) {
		if len(list) > 10000 {
			return
		}
		var tree Tree[int]
		var all []Pattern
		var names []string
		for _, name := range strings.Split(list, ",") {
			rest, is := strings.CutPrefix(name, "_")
			p, closed := Parse(rest)
			if !is || !closed || len(p) == 0 {
				continue
			}
			tree.Insert(p, len(all), func(a, b int) int { return a - b })
			all, names = append(all, p), append(names, name)
		}
		number = Undash(number)
		for _, kind := range []Kind{All, Can, More} {
			want := map[int]bool{}
			for i, p := range all {
				if p.Match(number, kind) != No {
					want[i] = true
				}
			}
			tree.Each(number, kind, func(i int, _ Verdict) bool {
				if !want[i] {
					t.Errorf("tree finds %s for %q (%d), a walk does not", names[i], number, kind)
				}
				delete(want, i)
				return false
			})
			for i := range want {
				t.Errorf("tree misses %s for %q (%d)", names[i], number, kind)
			}
		}
	})
}
