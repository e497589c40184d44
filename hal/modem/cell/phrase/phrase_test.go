package phrase_test

import (
	"testing"

	"branchline/hal/modem/cell/phrase"
)

func TestPhrases(t *testing.T) {
	for report, want := range map[string]int{"+CEER: 5,17": 17, "User busy": 17, "No route to destination": 3, "Unassigned (unallocated) number": 1,
		"Client ended call": 16, "what is this": 0, "": 0, "CC setup error: 34 No circuit/channel available": 34, "No cause information available 0": 0} {
		if got := phrase.Cause(report); got != want {
			t.Errorf("%q: cause %d, want %d", report, got, want)
		}
	}
	for in, want := range map[string]string{"004300680075": "Chu", "Chunghwa": "Chunghwa", "": "", "00zz": "00zz", "0001": "0001", "4F60597D": "你好"} {
		if got := phrase.Text(in); got != want {
			t.Errorf("%q reads %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"0912345678": "0912345678", "00300039": "09", "20302030": "20302030"} {
		if got := phrase.Caller(in); got != want {
			t.Errorf("%q calls as %q, want %q", in, got, want)
		}
	}
	if got := phrase.International("886912", 145) + phrase.International("+886", 145) + phrase.International("0912", 129) + phrase.International("", 145); got != "+886912+8860912" {
		t.Error(got)
	}
	if got := phrase.Value([]string{"+CPIN: READY", `"Quectel"`, " ", "EC25"}); got != "READY Quectel EC25" {
		t.Error(got)
	}
	if phrase.Number([]string{"1", "x"}, 0) != 1 || phrase.Number([]string{"1", "x"}, 1) != -1 || phrase.Number(nil, 0) != -1 {
		t.Error("numbers")
	}
}

// FuzzValues reads anything a module may answer.
func FuzzValues(f *testing.F) {
	f.Add("+CEER: 5,16", "00430048", `+CREG: 2,1,"1A2B"`)
	f.Fuzz(func(t *testing.T, report, name, line string) {
		if c := phrase.Cause(report); c < 0 || c > 127 {
			t.Fatalf("cause %d", c)
		}
		if len(phrase.Text(name)) > 4*len(name) {
			t.Fatal("a name that grows")
		}
		phrase.Caller(name)
		if v := phrase.Value([]string{name, line}); len(v) > len(name)+len(line)+1 {
			t.Fatal("a value that grows")
		}
	})
}
