package verdict

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"branchline/pbx/astconf"
)

// Arrange sorts findings by file (in the order in which they are read), line
// and weight, drops repetitions, and finds the column where it can.
func Arrange(diags []astconf.Diag, source func(file string) ([]byte, error)) []astconf.Diag {
	lines := astconf.NewText(source)
	diags = slices.Clone(diags)
	for i := range diags {
		d := &diags[i]
		if d.Near == "" {
			continue
		}
		if text, ok := lines.Line(d.File, d.Line); ok {
			from := min(max(d.Col-1, 0), len(text))
			if at := strings.Index(text[from:], d.Near); at >= 0 {
				d.Col = from + at + 1
			}
		}
	}
	rank := map[string]int{"asterisk.conf": 1, "pjsip.conf": 2, "sip.conf": 3, "rtp.conf": 4, "chan_dahdi.conf": 5, "modem.conf": 6, "quectel.conf": 7, "extensions.conf": 8}
	order := func(a, b astconf.Diag) int {
		ra, rb := rank[a.File], rank[b.File]
		if ra == 0 {
			ra = 9
		}
		if rb == 0 {
			rb = 9
		}
		return cmp.Or(ra-rb, strings.Compare(a.File, b.File), a.Line-b.Line, int(b.Severity)-int(a.Severity))
	}
	sort.SliceStable(diags, func(i, j int) bool { return order(diags[i], diags[j]) < 0 })
	return slices.CompactFunc(diags, func(a, b astconf.Diag) bool {
		return a.Pos == b.Pos && a.Rule == b.Rule && a.Message == b.Message
	})
}
