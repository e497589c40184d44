package logtail

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

func lines(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "line %06d of a log that says a lot\n", i)
	}
	return b.String()
}

func TestKeep(t *testing.T) {
	dir := t.TempDir()
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, s := range []string{"", lines(0, 10), "", lines(10, 20)} {
		if err := Keep(dir, iotest.OneByteReader(strings.NewReader(s))); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(Newer); got != lines(0, 20) {
		t.Errorf("%q", got)
	}
	// More than fits: the newest lines, whole.
	if err := Keep(dir, strings.NewReader(lines(0, 100000))); err != nil {
		t.Fatal(err)
	}
	got := strings.TrimPrefix(read(Newer), lines(0, 20))
	if len(got) > MaxPiece+100 || !strings.HasPrefix(got, "... lines are left out here\nline 0") || !strings.HasSuffix(got, lines(99990, 100000)) {
		t.Errorf("%d bytes: %.100q ... %q", len(got), got, got[len(got)-100:])
	}
	// However long it goes on, there are two bounded files.
	for i := range 50 {
		if err := Keep(dir, strings.NewReader(lines(i*500, i*500+500))); err != nil {
			t.Fatal(err)
		}
	}
	if len(read(Newer)) > MaxFile || len(read(Older)) > MaxFile || !strings.HasSuffix(read(Newer), lines(24990, 25000)) {
		t.Error(len(read(Newer)), len(read(Older)))
	}
	if all := read(Older) + read(Newer); len(all) < MaxFile {
		t.Errorf("only %d bytes are kept", len(all))
	}
}
