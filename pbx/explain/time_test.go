package explain

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 11, 22, 19, 4, 5, 0, time.UTC) // a Sunday
	for s, want := range map[string]string{
		"08:59":            "2026-11-22 08:59",
		"Mon 08:59":        "2026-11-23 08:59",
		"sunday 8:59":      "2026-11-22 08:59",
		"sat 23:00":        "2026-11-28 23:00",
		"2026-12-24 18:00": "2026-12-24 18:00",
		" 10:00 ":          "2026-11-22 10:00",
		"24:00":            "",
		"mo 10:00":         "",
		"tomorrow 10:00":   "",
		"":                 "",
	} {
		got, err := ParseTime(s, now)
		if text := got.Format("2006-01-02 15:04"); err == nil && text != want || (err == nil) != (want != "") {
			t.Errorf("%q: %s, %v; want %q", s, text, err, want)
		}
	}
}
