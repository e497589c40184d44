package astdb

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/pbx/cli"
)

func open(t *testing.T, path string) *DB {
	t.Helper()
	db, err := Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// copied opens a copy of the file as it is on disk now: what a power cut or a
// kill -9 at this moment would leave.
func copied(t *testing.T, path string) *DB {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(other, data, 0o600); err != nil {
		t.Fatal(err)
	}
	db := open(t, other)
	t.Cleanup(func() { db.Close() })
	return db
}

func TestTypedValuesAreOnDiskAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "astdb")
	db := open(t, path)
	for _, e := range [][3]string{{"cidname", "1001", "Alice"}, {"a/b", "c", "1"}, {"a", "empty", ""}} {
		if err := db.Put(e[0], e[1], e[2]); err != nil {
			t.Fatal(err)
		}
	}
	again := copied(t, path)
	if got := fmt.Sprint(again.List("")); got != "[{/a/b/c 1} {/a/empty } {/cidname/1001 Alice}]" {
		t.Error(got)
	}
	if n, err := db.DelTree("a", ""); n != 2 || err != nil {
		t.Error(n, err)
	}
	if ok, err := db.Del("cidname", "1001"); !ok || err != nil {
		t.Error(ok, err)
	}
	if got := copied(t, path).List(""); len(got) != 0 {
		t.Error(got)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestSoonIsWrittenAtClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "astdb")
	db := open(t, path)
	db.PutSoon("registrar", "contact/1", "x", time.Hour)
	if v, ok := db.Get("registrar", "contact/1"); !ok || v != "x" {
		t.Error("not in memory at once")
	}
	if got := copied(t, path).List(""); len(got) != 0 {
		t.Error("written without need", got)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if got := copied(t, path).List("/registrar"); len(got) != 1 {
		t.Error(got)
	}
}

func TestClosed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "astdb")
	db := open(t, path)
	if db.Closed() {
		t.Error("a new store was closed by nobody")
	}
	if err := db.Put("a", "1", "x"); err != nil {
		t.Fatal(err)
	}
	if copied(t, path).Closed() {
		t.Error("the files of a running process are those of one that was killed")
	}
	for range 2 {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if db = open(t, path); !db.Closed() {
			t.Error("closed, and not known")
		}
	}
	if copied(t, path).Closed() {
		t.Error("open again, and killed")
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestWriteBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "astdb")
		db := open(t, path)
		defer db.Close()
		onDisk := func() int {
			synctest.Wait()
			return len(copied(t, path).List("/a"))
		}
		db.PutSoon("a", "1", "x", time.Hour)
		time.Sleep(time.Minute)
		if n := onDisk(); n != 0 {
			t.Error("written too early:", n)
		}
		db.PutSoon("a", "2", "y", time.Second) // takes the first along
		time.Sleep(time.Second)
		if n := onDisk(); n != 2 {
			t.Error("entries on disk:", n)
		}
		db.DelSoon("a", "1", time.Second)
		db.DelSoon("a", "never there", 0)
		time.Sleep(3 * time.Second)
		if n := onDisk(); n != 1 {
			t.Error("entries on disk:", n)
		}
	})
}

// TestKilled takes the files as they are while the process runs, as a kill -9
// would leave them.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "astdb")
	db := open(t, path)
	defer db.Close()
	killed := func() string {
		t.Helper()
		other := filepath.Join(t.TempDir(), "astdb")
		for _, suffix := range []string{"", ".journal0", ".journal1"} {
			data, err := os.ReadFile(path + suffix)
			if err == nil {
				err = os.WriteFile(other+suffix, data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		next := open(t, other)
		defer next.Close()
		for i := range 2 {
			if st, err := os.Stat(journalName(other, i)); err != nil || st.Size() != 0 {
				t.Error("journal not emptied", st, err)
			}
		}
		return fmt.Sprint(next.List("/a"))
	}
	hold := func() { // no commit but those asked for
		db.committing.Lock()
		db.rested = time.Now().Add(time.Hour)
		db.committing.Unlock()
	}
	hold()
	db.PutSoon("a", "1", "x", 0)
	db.PutSoon("a", "2", "", time.Second)
	db.PutSoon("a", "3", "lazy", time.Minute)
	if got := killed(); got != "[{/a/1 x} {/a/2 }]" {
		t.Error(got)
	}
	if err := db.Sync(); err != nil {
		t.Fatal(err)
	}
	hold()
	db.DelSoon("a", "1", 0)
	db.PutSoon("a", "2", "y", 0)
	db.PutSoon("a", "2", "z", 0)
	if got := killed(); got != "[{/a/2 z} {/a/3 lazy}]" {
		t.Error(got)
	}
	// Records that a commit has covered are void even if they come back.
	old, err := os.ReadFile(journalName(path, 0))
	if err != nil || len(old) == 0 {
		if old, err = os.ReadFile(journalName(path, 1)); err != nil || len(old) == 0 {
			t.Fatal(err)
		}
	}
	if err := db.Put("a", "2", "typed"); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if err := os.WriteFile(journalName(path, i), old, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := killed(); got != "[{/a/2 typed} {/a/3 lazy}]" {
		t.Error(got)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x15aaaaaaaa\x01\x00\x00\x00\x00"), uint32(0))
	f.Fuzz(func(t *testing.T, b []byte, named uint32) {
		if len(b) >= recordHead { // with a right checksum, so that the rest is read
			binary.BigEndian.PutUint32(b[4:], uint32(len(b)))
			binary.BigEndian.PutUint32(b[17:], named)
			binary.BigEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
		}
		if p, size, ok := readRecord(b); ok && (size > len(b) || len(p.name) > size) {
			t.Errorf("%q %d", p.name, size)
		}
	})
}

func TestDamagedFileIsSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "astdb")
	if err := os.WriteFile(path, bytes.Repeat([]byte("not a database "), 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	db := open(t, path)
	defer db.Close()
	if _, err := os.Stat(path + ".damaged"); err != nil {
		t.Error(err)
	}
	if err := db.Put("a", "b", "c"); err != nil {
		t.Error(err)
	}
}

func TestSecondInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the wait for the file's lock is virtual
		path := filepath.Join(t.TempDir(), "astdb")
		db := open(t, path)
		defer db.Close()
		if other, err := Open(path, slog.New(slog.DiscardHandler)); err == nil {
			other.Close()
			t.Error("two stores on one file")
		}
	})
}

func TestWatch(t *testing.T) {
	db := Memory()
	var got []string
	stop := db.Watch("registrar/contact", func(n string) { got = append(got, n) })
	db.PutSoon("registrar/contact", "own", "1", 0)
	for _, k := range []string{"a", "b"} {
		if err := db.Put("registrar/contact", k, "1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Put("registrar", "contacts", "1"); err != nil { // another name
		t.Fatal(err)
	}
	if n, _ := db.DelTree("registrar/contact", ""); n != 3 {
		t.Error(n)
	}
	stop()
	if err := db.Put("registrar/contact", "c", "1"); err != nil {
		t.Fatal(err)
	}
	want := []string{"/registrar/contact/a", "/registrar/contact/b", "/registrar/contact/a", "/registrar/contact/b", "/registrar/contact/own"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Seed: S-148.
func TestCommands(t *testing.T) {
	db := Memory()
	for _, step := range []struct{ line, want, err string }{
		{"database put peers key1 value1", "Updated database successfully\n", ""},
		{"database put peers key1", "", "wrong arguments"},
		{"database get peers key1", "Value: value1\n", ""},
		{"database get peers nope", "Database entry not found.\n", "command failed"},
		{"database put registrar contact/1001;@ff {}", "Updated database successfully\n", ""},
		{"database show", "/peers/key1                                       : value1                   \n" +
			"/registrar/contact/1001;@ff                       : {}                       \n2 results found.\n", ""},
		{"database show peers", "/peers/key1                                       : value1                   \n1 results found.\n", ""},
		{"database show peers key", "0 results found.\n", ""},
		{"database showkey key1", "/peers/key1                                       : value1                   \n1 results found.\n", ""},
		{"database showkey contact", "0 results found.\n", ""},
		{"database del peers key1", "Database entry removed.\n", ""},
		{"database del peers key1", "Database entry could not be removed.\n", "command failed"},
		{"database deltree registrar/contact", "1 database entries removed.\n", ""},
		{"database deltree registrar/contact", "Database entries do not exist.\n", ""},
		{"database deltree", "", "wrong arguments"},
	} {
		var out strings.Builder
		err := run(db, step.line, &out)
		if got := fmt.Sprint(err); got != step.err && (err != nil || step.err != "") {
			t.Errorf("%s: error %v, want %s", step.line, err, step.err)
		}
		if out.String() != step.want {
			t.Errorf("%s:\n%q, want\n%q", step.line, out.String(), step.want)
		}
	}
	db.PutSoon("cidname", "1", "", 0)
	db.PutSoon("cidname", "2", "", 0)
	if got := db.complete([]string{""}); !slices.Equal(got, []string{"cidname"}) {
		t.Error(got)
	}
	if got := db.complete([]string{"cidname", ""}); !slices.Equal(got, []string{"1", "2"}) {
		t.Error(got)
	}
}

func run(db *DB, line string, out *strings.Builder) error {
	words := strings.Fields(line)
	for _, c := range Commands(db) {
		if c.Path == strings.Join(words[:2], " ") {
			return c.Run(context.Background(), out, words[2:])
		}
	}
	return cli.ErrUsage
}

func BenchmarkPutSoon(b *testing.B) {
	db, err := Open(filepath.Join(b.TempDir(), "astdb"), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	value := strings.Repeat("x", 400)
	i := 0
	for b.Loop() {
		i++
		db.PutSoon("registrar/contact", fmt.Sprintf("%d;@%032x", i%10000, i%10000), value, 50*time.Millisecond)
	}
}
