package backup

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const passphrase = "correct horse battery staple"

// house is an exchange's directories.
func house(t *testing.T, files map[string]string) (Places, string) {
	t.Helper()
	dir := t.TempDir()
	p := Places{Etc: dir + "/etc/asterisk", Lib: dir + "/lib", Spool: dir + "/spool", Localtime: dir + "/localtime", ZoneInfo: "/usr/share/zoneinfo", Owner: -1}
	for _, d := range []string{p.Etc, p.Lib, p.Spool} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		at := filepath.Join(dir, strings.Replace(name, "etc/", "etc/asterisk/", 1))
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return p, dir
}

// content is all regular files below a house, by their names in a backup.
func content(t *testing.T, p Places) map[string]string {
	t.Helper()
	out := map[string]string{}
	for part, dir := range map[string]string{"etc": p.Etc, "lib": p.Lib, "spool": p.Spool} {
		err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(at)
			rel, e := filepath.Rel(dir, at)
			out[part+"/"+rel] = string(text)
			return errors.Join(err, e)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

var old = map[string]string{
	"etc/pjsip.conf": "[1001]\npassword=secret-of-the-phone\n", "etc/sub/more.conf": "more", "etc/.firstboot/plan": "not in a backup", "etc/empty.conf": "",
	"lib/config-history/1": "history", "lib/branchline.db": "written to meanwhile", "spool/voicemail/1001/msg0": strings.Repeat("voice", 100_000),
}

// saved is a backup of old in a file.
func saved(t *testing.T, phrase string, o Options) string {
	t.Helper()
	p, dir := house(t, old)
	if err := os.Symlink("/usr/share/zoneinfo/Asia/Taipei", p.Localtime); err != nil {
		t.Fatal(err)
	}
	o.Database = dir + "/copy"
	if err := os.WriteFile(o.Database, []byte("database"), 0o600); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Save(&b, Header{When: time.Unix(1, 0).UTC(), By: "Branchline test"}, phrase, p, o); err != nil {
		t.Fatal(err)
	}
	name := dir + "/backup"
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func stage(t *testing.T, name, phrase string, p Places) (Header, error) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return Stage(f, phrase, filepath.Join(filepath.Dir(p.Lib), "restore"), p)
}

func TestRoundTrip(t *testing.T) {
	want := map[string]string{"etc/pjsip.conf": old["etc/pjsip.conf"], "etc/sub/more.conf": "more", "etc/empty.conf": "", "lib/branchline.db": "database"}
	all := maps.Clone(want)
	all["lib/config-history/1"], all["spool/voicemail/1001/msg0"] = "history", old["spool/voicemail/1001/msg0"]
	for name, tt := range map[string]struct {
		phrase string
		o      Options
		want   map[string]string
	}{
		"sealed":   {passphrase, Options{}, want},
		"plain":    {"", Options{}, want},
		"all":      {passphrase, Options{History: true, Messages: true}, all},
		"allPlain": {"", Options{History: true, Messages: true}, all},
	} {
		file := saved(t, tt.phrase, tt.o)
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("secret-of-the-phone")) != (tt.phrase == "") {
			t.Errorf("%s: the secret can be read, or not", name)
		}
		p, dir := house(t, map[string]string{"etc/other.conf": "x", "lib/branchline.db": "y", "lib/branchline.db.journal0": "of y", "lib/else": "stays"})
		h, err := stage(t, file, tt.phrase, p)
		if err != nil || h.By != "Branchline test" || h.Zone != "Asia/Taipei" {
			t.Fatalf("%s: %+v, %v", name, h, err)
		}
		if err := Settle(dir+"/restore", p); err != nil {
			t.Fatal(name, err)
		}
		wanted := maps.Clone(tt.want)
		wanted["lib/else"] = "stays"
		if got := content(t, p); !maps.Equal(got, wanted) {
			t.Errorf("%s: got %d files %v", name, len(got), maps.Keys(got))
		}
		if zone, err := os.Readlink(p.Localtime); err != nil || zone != "/usr/share/zoneinfo/Asia/Taipei" {
			t.Error(name, zone, err)
		}
		if text, err := os.ReadFile(p.Etc + ".old/other.conf"); err != nil || string(text) != "x" {
			t.Error(name, "the configuration before is lost", err)
		}
		if _, err := os.Stat(dir + "/restore"); err == nil {
			t.Error(name, "something is left")
		}
		if err := Settle(dir+"/restore", p); err != nil {
			t.Error("nothing to settle:", err)
		}
	}
}

// TestSettleAgain stops a restore after each change it makes to the disk, by making it
// from a state where all before was done, and has it go on.
func TestSettleAgain(t *testing.T) {
	file := saved(t, "", Options{History: true, Messages: true})
	for done := range 4 {
		p, dir := house(t, map[string]string{"etc/other.conf": "x", "lib/branchline.db": "y"})
		if _, err := stage(t, file, "", p); err != nil {
			t.Fatal(err)
		}
		restore := dir + "/restore"
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		if done > 0 { // exchanged, and no more
			must(os.Rename(p.Etc, dir+"/x"))
			must(os.Rename(restore+"/etc", p.Etc))
			must(os.Rename(dir+"/x", restore+"/etc"))
		}
		if done > 1 {
			must(os.Rename(restore+"/lib/branchline.db", p.Lib+"/branchline.db"))
		}
		if done > 2 {
			must(os.RemoveAll(restore + "/etc"))
		}
		must(Settle(restore, p))
		got := content(t, p)
		if got["etc/pjsip.conf"] != old["etc/pjsip.conf"] || got["etc/other.conf"] != "" || got["lib/branchline.db"] != "database" ||
			got["lib/config-history/1"] != "history" || got["spool/voicemail/1001/msg0"] == "" || got["etc/.restored"] != "" {
			t.Errorf("after %d steps: %v", done, maps.Keys(got))
		}
	}
}

// TestDamage changes, cuts and extends a backup: it is refused, and nothing changes.
func TestDamage(t *testing.T) {
	file := saved(t, passphrase, Options{History: true, Messages: true})
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, dir := house(t, map[string]string{"etc/other.conf": "x"})
	before := content(t, p)
	bad := dir + "/bad"
	r := rand.New(rand.NewSource(1))
	for i := range 60 {
		b := bytes.Clone(good)
		switch i % 3 {
		case 0:
			b[r.Intn(len(b))] ^= 1 << r.Intn(8)
		case 1:
			b = b[:r.Intn(len(b))]
		default:
			b = append(b, 0)
		}
		if err := os.WriteFile(bad, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := stage(t, bad, passphrase, p); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrNone) {
			t.Fatalf("damage %d: %v", i, err)
		}
	}
	for phrase, want := range map[string]error{"": ErrSealed, "wrong": ErrPassphrase} {
		if _, err := stage(t, file, phrase, p); !errors.Is(err, want) {
			t.Errorf("passphrase %q: %v", phrase, err)
		}
	}
	if err := Settle(dir+"/restore", p); err != nil || !maps.Equal(content(t, p), before) {
		t.Errorf("something was changed: %v", err)
	}
}

// TestNames refuses files that would lie elsewhere.
func TestNames(t *testing.T) {
	for _, name := range []string{"", "etc", "etc/", "etc/../x", "/etc/x", "etc//x", "etc/./x", "var/x", "lib/..", "etc/a\x00b"} {
		var b bytes.Buffer
		w, err := NewWriter(&b, Header{}, "")
		if err == nil {
			err = errors.Join(w.Begin(Entry{Name: name}), w.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewReader(&b, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Next(); !errors.Is(err, ErrDamaged) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestWriterWantsWhatWasAnnounced(t *testing.T) {
	w, err := NewWriter(io.Discard, Header{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Begin(Entry{Name: "etc/a", Size: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("abc")); err == nil {
		t.Error("more than announced")
	}
	if w.Begin(Entry{Name: "etc/b"}) == nil || w.Close() == nil {
		t.Error("less than announced")
	}
}

func FuzzReader(f *testing.F) {
	for _, phrase := range []string{"", passphrase} {
		var b bytes.Buffer
		w, err := NewWriter(&b, Header{}, phrase)
		if err == nil {
			err = w.Begin(Entry{Name: "etc/a", Size: 3})
		}
		if err == nil {
			_, err = w.Write([]byte("abc"))
		}
		if err := errors.Join(err, w.Close()); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := NewReader(bytes.NewReader(data), "")
		if err != nil {
			return
		}
		for {
			e, err := r.Next()
			if err != nil {
				return
			}
			if !proper(e.Name) {
				t.Fatalf("%q is passed on", e.Name)
			}
			if n, err := io.Copy(io.Discard, r); err == nil && n != e.Size {
				t.Fatalf("%s: %d of %d bytes and no error", e.Name, n, e.Size)
			}
		}
	})
}
