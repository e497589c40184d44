package durable

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// read is a file's text, "" without it.
func read(elem ...string) string {
	text, _ := os.ReadFile(filepath.Join(elem...))
	return string(text)
}

func TestReplaceLeavesOldOrNew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "etc")
	// What an earlier attempt has left half.
	if err := os.MkdirAll(dir+".new/half", 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := Replace(dir, map[string][]byte{"a": []byte(fmt.Sprint(i)), "b/c": []byte(fmt.Sprint(i))}, -1); err != nil {
			t.Fatal(err)
		}
		if read(dir, "a") != fmt.Sprint(i) || read(dir, "b/c") != fmt.Sprint(i) || i > 0 && read(dir+".old", "a") != fmt.Sprint(i-1) {
			t.Errorf("round %d", i)
		}
	}
	if err := Replace(dir, map[string][]byte{"../x": nil}, -1); err == nil {
		t.Error("a file outside is written")
	}
	if read(dir, "a") != "2" {
		t.Error("a refused set has changed something")
	}
}

func TestLink(t *testing.T) {
	name := filepath.Join(t.TempDir(), "localtime")
	for _, target := range []string{"a", "b"} {
		if err := Link(name, target); err != nil {
			t.Fatal(err)
		}
		if got, err := os.Readlink(name); err != nil || got != target {
			t.Errorf("%q, %v; want %q", got, err, target)
		}
	}
}
