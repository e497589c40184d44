package astconf

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// dump writes a file as the tests want it: one line per section and setting.
func dump(f *File) string {
	var b strings.Builder
	for _, s := range f.Sections {
		fmt.Fprintf(&b, "[%s]\n", s.Name)
		for _, e := range s.Entries {
			fmt.Fprintf(&b, "%s=%s @%s\n", e.Name, e.Value, e.Pos)
		}
	}
	return b.String()
}

// mapFS makes a file system out of "-- name --" archives.
func mapFS(archive string) fstest.MapFS {
	m := fstest.MapFS{}
	name := ""
	for _, line := range strings.SplitAfter(archive, "\n") {
		if h := strings.TrimSpace(line); strings.HasPrefix(h, "-- ") && strings.HasSuffix(h, " --") {
			name = strings.TrimSpace(h[3 : len(h)-3])
			m[name] = &fstest.MapFile{}
			continue
		}
		if name != "" {
			m[name].Data = append(m[name].Data, line...)
		}
	}
	return m
}

func TestLoadSmoke(t *testing.T) {
	f, ds := Load(mapFS("-- a.conf --\n[a](!)\nx=1\n[b](a)\ny => 2 ; c\n"), "a.conf")
	if got, want := dump(f), "[b]\nx=1 @a.conf:2\ny=2 @a.conf:4\n"; got != want || len(ds) != 0 || !f.Valid {
		t.Errorf("got %q, %v", got, ds)
	}
}
