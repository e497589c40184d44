package option

import (
	"errors"
	"testing"
	"time"

	"branchline/pbx/astconf"
)

type line struct {
	number int
	wait   time.Duration
	quiet  bool
	pin    string
}

func table() *Table[line] {
	return NewTable("line", []Row[line]{
		{Name: "number", Default: "1", Kind: Count(1, 9), At: func(l *line) any { return &l.number }},
		{Name: "wait", Default: "5", Kind: Milliseconds(0, 100), At: func(l *line) any { return &l.wait }},
		{Name: "quiet", Default: "no", Kind: YesNo, At: func(l *line) any { return &l.quiet }},
		{Name: "pin", Kind: Text, At: func(l *line) any { return &l.pin }, Secret: true},
		{Name: "colour", Default: "grey", Kind: Choice("grey|gray", "red"), Standing: Ignored},
	})
}

func section(pairs ...string) *astconf.Section {
	s := &astconf.Section{Name: "x"}
	for i := 0; i < len(pairs); i += 2 {
		s.Entries = append(s.Entries, astconf.Entry{Name: pairs[i], Value: pairs[i+1]})
	}
	return s
}

func TestRead(t *testing.T) {
	other := func(string) string { return "" }
	for _, c := range []struct {
		name  string
		pairs []string
		want  line
		rule  string
		ok    bool
	}{
		{"defaults", nil, line{1, 5 * time.Millisecond, false, ""}, "", true},
		{"written", []string{"Number", "7", "wait", "20", "quiet", "on", "pin", "1234"}, line{7, 20 * time.Millisecond, true, "1234"}, "", true},
		{"own fields", []string{"@colour", "x"}, line{1, 5 * time.Millisecond, false, ""}, "", true},
		{"out of range", []string{"number", "10"}, line{}, "bad-value", false},
		{"misspelt", []string{"nuber", "2"}, line{}, "unknown-option", false},
		{"neither yes nor no", []string{"quiet", "perhaps"}, line{1, 5 * time.Millisecond, false, ""}, "doubtful-value", true},
		{"without effect", []string{"colour", "red"}, line{1, 5 * time.Millisecond, false, ""}, "ignored-option", true},
		{"the default, spelt otherwise", []string{"colour", "GRAY"}, line{1, 5 * time.Millisecond, false, ""}, "", true},
	} {
		var l line
		_, ds, ok := table().Read(&l, section(c.pairs...), other)
		rule := ""
		if len(ds) > 0 {
			rule = ds[0].Rule
		}
		if ok != c.ok || rule != c.rule || ok && l != c.want {
			t.Errorf("%s: %+v %v %v", c.name, l, ds, ok)
		}
	}
}

// A secret is shown neither by the console nor in a finding.
func TestSecret(t *testing.T) {
	var l line
	said, _, _ := table().Read(&l, section("pin", "1234"), nil)
	if got := said.Options(&l); len(got) != 1 || got[0] != (Shown{"pin", "********"}) {
		t.Error(got)
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		kind        Kind
		text, shown string
		bad, doubt  bool
	}{
		{Groups, "1-3, 5", "1, 2, 3, 5", false, false},
		{Groups, "64,2", "2", false, true},
		{TOS, "ef", "184", false, false},
		{TOS, "af41", "136", false, false},
		{TOS, "cs9", "", true, false},
		{DecimalSeconds, "3", "3.000000", false, false},
		{DecimalSeconds, "-1", "", true, false},
		{WordList("a", "b"), "B, a", "b,a", false, false},
		{WordList("a", "b"), "c", "", true, false},
		{SIPURI, "sip:x", "sip:x", false, false},
		{SIPURI, "x", "x", false, true},
		{SpacedList, "a,b", "a, b", false, false},
	} {
		_, shown, err := c.kind.Read(c.text)
		if doubt := errors.As(err, new(Doubt)); doubt != c.doubt || (err != nil) != (c.bad || c.doubt) || err == nil && shown != c.shown {
			t.Errorf("%s: %q %v", c.text, shown, err)
		}
	}
}
