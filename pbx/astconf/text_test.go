package astconf

import (
	"errors"
	"slices"
	"testing"
)

func TestText(t *testing.T) {
	asked := 0
	text := NewText(func(file string) ([]byte, error) {
		asked++
		if file != "a.conf" {
			return nil, errors.New("not there")
		}
		return []byte("[a]\r\nx = 1\n"), nil
	})
	if got := text.Lines("a.conf"); !slices.Equal(got, []string{"[a]", "x = 1", ""}) {
		t.Errorf("lines %q", got)
	}
	if got, ok := text.Line("a.conf", 2); got != "x = 1" || !ok {
		t.Errorf("line 2 %q, %v", got, ok)
	}
	for _, c := range []struct {
		file string
		line int
	}{{"a.conf", 0}, {"a.conf", 4}, {"b.conf", 1}} {
		if got, ok := text.Line(c.file, c.line); got != "" || ok {
			t.Errorf("%s:%d %q, %v", c.file, c.line, got, ok)
		}
	}
	if asked != 2 {
		t.Errorf("%d files were read, want each once", asked)
	}
	if _, ok := NewText(nil).Line("a.conf", 1); ok {
		t.Error("a line of nothing")
	}
}
