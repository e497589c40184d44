package slots

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"branchline/rootfs"
)

func TestRoundTrip(t *testing.T) {
	for _, s := range []State{{Active: 2}, {Active: 3}, {Active: 2, Try: 3, Left: 1}, {Active: 3, Try: 2}} {
		if len(s.SlotText()) != Size || len(s.TryText()) != Size {
			t.Fatalf("%v is not of one sector", s)
		}
		got, err := Parse(s.SlotText(), s.TryText())
		if err != nil || got != s {
			t.Errorf("%v became %v: %v", s, got, err)
		}
	}
}

// What a power cut tears, or somebody edits, is as good as nothing: never a slot
// that was not asked for.
func TestTornFiles(t *testing.T) {
	good := State{Active: 3, Try: 2, Left: 1}
	for i := range Size {
		torn := good.SlotText()
		torn[i] ^= 0x20
		if got, err := Parse(torn, good.TryText()); err == nil || got.Active != rootfs.SlotA {
			t.Fatalf("byte %d of %s: %v %v", i, SlotFile, got, err)
		}
		torn = good.TryText()
		torn[i] ^= 0x20
		if got, err := Parse(good.SlotText(), torn); err == nil || got != (State{Active: 3}) {
			t.Fatalf("byte %d of %s: %v %v", i, TryFile, got, err)
		}
	}
	for _, bad := range [][]byte{nil, {1}, encode("active=4"), encode("active"), encode("active=x"), encode()} {
		if got, err := Parse(bad, bad); err == nil || got.Active != rootfs.SlotA || got.Try != 0 {
			t.Errorf("%q: %v %v", bad, got, err)
		}
	}
}

func TestTrial(t *testing.T) {
	s := State{Active: 2, Try: 3, Left: 2}
	for i, want := range []struct {
		slot   int
		trying bool
	}{{3, true}, {3, true}, {2, false}, {2, false}} {
		var slot int
		var trying bool
		slot, trying, s = s.Next()
		if slot != want.slot || trying != want.trying {
			t.Errorf("start %d: slot %d, trying %v", i, slot, trying)
		}
	}
	if s.Try != 0 {
		t.Errorf("left behind: %v", s)
	}
	if Other(2) != 3 || Other(3) != 2 {
		t.Error("Other")
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	read := func() State {
		t.Helper()
		s, err := Read(os.DirFS(dir))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if got := read(); got != Default {
		t.Errorf("of nothing: %v", got)
	}
	if err := Put(dir, 3, 1); err != nil {
		t.Fatal(err)
	}
	if got := read(); got != (State{Active: 2, Try: 3, Left: 1}) {
		t.Errorf("on trial: %v", got)
	}
	if err := Commit(dir, 3); err != nil {
		t.Fatal(err)
	}
	if got := read(); got != (State{Active: 3}) {
		t.Errorf("committed: %v", got)
	}
	for _, name := range []string{SlotFile, TryFile} {
		if s, err := os.Stat(filepath.Join(dir, name)); err != nil || s.Size() != Size {
			t.Errorf("%s: %v %v", name, s, err)
		}
	}
	if Put(dir, 4, 1) == nil || Put(dir, 2, 0) == nil || Commit(dir, 1) == nil {
		t.Error("takes what is no slot")
	}
	if Commit(filepath.Join(dir, "none"), 2) == nil || Put(filepath.Join(dir, "none"), 2, 1) == nil {
		t.Error("writes where there is nothing")
	}
	if _, err := Read(unreadable{}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("unreadable: %v", err)
	}
	if _, err := Read(fstest.MapFS{TryFile: &fstest.MapFile{Mode: fs.ModeDir}}); err == nil {
		t.Error("a directory is read as a file")
	}
}

// The power may go between the two writes of a commit: then the new slot is started, not
// the old one. And no write changes a file's length: its sector stays where it is.
func TestCommitIsOrdered(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, TryFile), 0o700); err != nil { // cannot be written
		t.Fatal(err)
	}
	sector := sealed(t, Default.SlotText())
	if err := os.Symlink(sector, filepath.Join(dir, SlotFile)); err != nil {
		t.Fatal(err)
	}
	if err := Commit(dir, rootfs.SlotB); err == nil || !strings.Contains(err.Error(), TryFile) {
		t.Fatalf("want an error about %s: %v", TryFile, err)
	}
	text, err := os.ReadFile(sector)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Parse(text, State{Try: rootfs.SlotB}.TryText()); err != nil || s.Active != rootfs.SlotB {
		t.Errorf("half of a commit left %v, %v", s, err)
	}
}

// sealed is a file of this content whose length nobody can change.
func sealed(t *testing.T, content []byte) string {
	t.Helper()
	fd, err := unix.MemfdCreate("sealed", unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "sealed")
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("/proc/self/fd/%d", fd)
}

type unreadable struct{}

func (unreadable) Open(string) (fs.File, error) { return nil, fs.ErrPermission }

func FuzzParse(f *testing.F) {
	f.Add(Default.SlotText(), State{Active: 2, Try: 3, Left: 1}.TryText())
	f.Fuzz(func(t *testing.T, slot, try []byte) {
		s, _ := Parse(slot, try)
		if !valid(s.Active) || s.Try != 0 && !valid(s.Try) || s.Left < 0 {
			t.Errorf("%v", s)
		}
	})
}
