package lineedit

import (
	"strings"
	"testing"
)

// typed feeds bytes as a terminal would send them, in two pieces cut at every
// possible place, and checks that the cut makes no difference.
func typed(t *testing.T, history []string, in string) *Editor {
	t.Helper()
	var first *Editor
	for cut := range len(in) + 1 {
		e := New(history)
		keys, rest := DecodeKeys([]byte(in[:cut]))
		more, rest := DecodeKeys(append(rest, in[cut:]...))
		if len(rest) > 0 {
			t.Fatalf("%q: %q left", in, rest)
		}
		for _, k := range append(keys, more...) {
			e.Press(k)
		}
		if first == nil {
			first = e
		} else if string(first.line) != string(e.line) || first.pos != e.pos {
			t.Fatalf("%q cut at %d: %q, whole: %q", in, cut, string(e.line), string(first.line))
		}
	}
	return first
}

func TestEditing(t *testing.T) {
	history := []string{"core show uptime", "dialplan show"}
	tests := []struct{ in, want string }{ // | is the cursor
		{"abc", "abc|"},
		{"abc\x7f\x08d", "ad|"},
		{"abc\x1b[D\x1b[DX", "aX|bc"},
		{"abc\x1b[HX", "X|abc"},
		{"abc\x01X\x05Y", "XabcY|"},
		{"core show ch\x17x", "core show x|"},
		{"core show ch\x17\x17\x17\x17", "|"},
		{"abc def\x15", "|"},
		{"abc def\x1b[1;5D\x0b", "abc |"},
		{"abc def\x1b[1;5D\x0b\x01\x19", "def|abc "},
		{"abc\x01\x1b[3~\x04", "|c"},
		{"abc\x02\x14", "acb|"},
		{"\x1b[A", "dialplan show|"},
		{"\x1b[A\x1b[A\x1b[A", "core show uptime|"},
		{"new\x1bOA\x1b[B!", "new!|"},
		{"\x10\x10\x0e\x7f", "dialplan sho|"},
		{"一二三\x1b[Dx", "一二x|三"},
		{"a\x1bb\x1bf\x1b[200~b\x1bqc", "abc|"},
		{"a b\x01\x1bd", "| b"},
	}
	for _, tt := range tests {
		e := typed(t, history, tt.in)
		if got := string(e.line[:e.pos]) + "|" + string(e.line[e.pos:]); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestKeysThatAskForSomething(t *testing.T) {
	for k, want := range map[Key]Want{enter: Run, newline: Run, tab: Complete, '?': List, CtrlC: Leave,
		ctrlD: Leave, ctrlL: Clear, 'x': Redraw, 0: Nothing} {
		if got := new(Editor).Press(k); got != want {
			t.Errorf("key %d: %d, want %d", k, got, want)
		}
	}
	e := &Editor{line: []rune("x")}
	if e.Press(ctrlD) != Redraw {
		t.Error("Ctrl-D in a line ends the console")
	}
}

func TestTakeRemembersLines(t *testing.T) {
	e := &Editor{}
	for _, tt := range []struct {
		line  string
		fresh bool
	}{{"a", true}, {"a ", false}, {"", false}, {"b", true}, {"a", true}} {
		e.line = []rune(tt.line)
		if _, fresh := e.Take(); fresh != tt.fresh {
			t.Errorf("%q: fresh %v", tt.line, fresh)
		}
	}
	if got := strings.Join(e.history, ","); got != "a,b,a" {
		t.Errorf("history %s", got)
	}
}

func TestCompletionInsertsTheCommonPart(t *testing.T) {
	tests := []struct{ line, candidates, want string }{
		{"core sho", "show", "core show "},
		{"core show ch", "channel channels", "core show channel"},
		{"core show ", "channel uptime", "core show "},
		{"core show channel p", "PJSIP/1001-1 PJSIP/1001-2", "core show channel PJSIP/1001-"},
		{"", "core", "core "},
		{"x", "", "x"},
		{`a "b c" d`, "def", `a "b c" def `},
	}
	for _, tt := range tests {
		e := &Editor{line: []rune(tt.line), pos: len([]rune(tt.line))}
		e.Complete(strings.Fields(tt.candidates))
		if string(e.line) != tt.want {
			t.Errorf("%q + %q = %q, want %q", tt.line, tt.candidates, string(e.line), tt.want)
		}
	}
}

func TestDraw(t *testing.T) {
	tests := []struct {
		line    string
		pos     int
		columns int
		want    string
	}{
		{"abc", 3, 80, "\rp> abc\x1b[K"},
		{"abc", 1, 80, "\rp> abc\x1b[K\x1b[2D"},
		{"0123456789abcdef", 16, 14, "\rp> 6789abcdef\x1b[K"},
		{"0123456789abcdef", 0, 14, "\rp> 0123456789\x1b[K\x1b[10D"},
		{"一二三四五六", 6, 14, "\rp> 二三四五六\x1b[K"},
	}
	for _, tt := range tests {
		e := &Editor{line: []rune(tt.line), pos: tt.pos}
		if got := e.Draw("p> ", tt.columns); got != tt.want {
			t.Errorf("%q at %d: %q, want %q", tt.line, tt.pos, got, tt.want)
		}
	}
}

func TestColumns(t *testing.T) {
	got := Columns([]string{"a", "bb", "ccc", "d", "e"}, 11)
	if want := "a    d\nbb   e\nccc\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Columns([]string{"long", "word"}, 1); got != "long\nword\n" {
		t.Errorf("%q", got)
	}
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("core show\t?\x1b[A\x1b[1;5C\x1bOH\xe4\xb8\x80\x1b"))
	f.Fuzz(func(t *testing.T, in []byte) {
		e := New([]string{"x"})
		keys, _ := DecodeKeys(in)
		for _, k := range keys {
			switch e.Press(k) {
			case Run:
				e.Take()
			case Complete:
				e.Complete([]string{"abc", "abd"})
			}
			if e.pos < 0 || e.pos > len(e.line) {
				t.Fatalf("cursor at %d of %d", e.pos, len(e.line))
			}
			e.Draw("p", 12)
		}
	})
}
