package spelling

import (
	"testing"

	"branchline/pbx/astconf"
)

func TestNearest(t *testing.T) {
	names := []string{"context", "allow", "disallow", "callerid"}
	for word, want := range map[string]string{
		"contxt": "context", "Contetx": "context", "alow": "allow", "disalow": "disallow", "caller_id": "callerid", "zzz": "", "": "",
	} {
		if got := Nearest(word, names); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

// Only what is surely meant is corrected without asking.
func TestRespell(t *testing.T) {
	e := astconf.Entry{Name: "contxt"}
	if f := Respell(e, "contxt", "context"); !f.Safe || len(f.Edits) != 1 || f.Edits[0].New != "context" {
		t.Errorf("%+v", f)
	}
	if f := Respell(e, "ctx", "context"); f.Safe {
		t.Error("a guess passes for sure")
	}
}
