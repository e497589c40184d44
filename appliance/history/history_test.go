package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"branchline/pbx/astconf"
	"branchline/pbx/dialplan/live"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func set(text string) Set { return Set{"pjsip.conf": []byte(text), "sub/more.conf": []byte("[x]\n")} }

func numbers(t *testing.T, s Store) string {
	t.Helper()
	all, err := s.List()
	must(t, err)
	var out []string
	for _, v := range all {
		mark := ""
		if !v.Accepted {
			mark = "?"
		}
		out = append(out, fmt.Sprint(v.Number, mark))
	}
	return strings.Join(out, ",")
}

func TestKeepAndLoad(t *testing.T) {
	s := Store{filepath.Join(t.TempDir(), "config-history")}
	keep := func(text string, accepted bool) {
		t.Helper()
		time.Sleep(2 * time.Millisecond) // file times order the versions
		_, err := s.Keep(set(text), accepted)
		must(t, err)
	}
	for _, step := range []struct {
		text     string
		accepted bool
		want     string
	}{
		{"a", true, "1"}, {"a", true, "1"}, {"b", true, "2,1"}, {"a", true, "1,2"}, {"c", false, "3?,1,2"},
		{"b", false, "2,3?,1"}, {"c", true, "3,2,1"},
	} {
		keep(step.text, step.accepted)
		if got := numbers(t, s); got != step.want {
			t.Errorf("after %q, accepted %v: %s, want %s", step.text, step.accepted, got, step.want)
		}
	}
	got, v, err := s.Load(2)
	must(t, err)
	if got.Hash() != set("b").Hash() || string(got["sub/more.conf"]) != "[x]\n" || v.Number != 2 {
		t.Errorf("loaded %v %v", got, v)
	}
	if _, _, err := s.Load(9); !errors.Is(err, ErrNoVersion) {
		t.Error(err)
	}
	info, err := os.Stat(s.Dir)
	must(t, err)
	entries, err := os.ReadDir(s.Dir)
	must(t, err)
	if info.Mode().Perm() != 0o700 || len(entries) != 3 {
		t.Errorf("%v, %d files", info.Mode(), len(entries))
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
}

func TestOnlyTwentyAreKept(t *testing.T) {
	s := Store{t.TempDir()}
	for i := range 2*maxVersions + 5 {
		_, err := s.Keep(set(fmt.Sprint(i)), true)
		must(t, err)
	}
	all, err := s.List()
	must(t, err)
	if len(all) != maxVersions {
		t.Errorf("%d kept", len(all))
	}
	if _, _, err := s.Load(2*maxVersions + 5); err != nil {
		t.Error(err)
	}
}

func TestDamage(t *testing.T) {
	s := Store{t.TempDir()}
	v, err := s.Keep(set("a"), true)
	must(t, err)
	path := filepath.Join(s.Dir, v.name())
	good, err := os.ReadFile(path)
	must(t, err)
	evil := Set{"../../etc/passwd": []byte("x")}
	packed, err := evil.pack()
	must(t, err)
	other, err := set("b").pack()
	must(t, err)
	for name, b := range map[string][]byte{"empty": nil, "cut": good[:len(good)/2], "other content": other, "climbs out": packed} {
		must(t, os.WriteFile(path, b, 0o600))
		if _, _, err := s.Load(1); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, os.WriteFile(filepath.Join(s.Dir, "notes.txt"), []byte("x"), 0o600))
	if got := numbers(t, s); got != "1" {
		t.Error(got)
	}
}

func TestPut(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "real"), []byte("old"), 0o604))
	must(t, os.Symlink("real", filepath.Join(dir, "pjsip.conf")))
	must(t, os.WriteFile(filepath.Join(dir, "sip.conf"), []byte("gone"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "mine.txt"), []byte("mine"), 0o600))
	now, err := Read(dir, []string{"pjsip.conf", filepath.Join(dir, "sip.conf"), "pjsip.conf", "missing.conf"})
	must(t, err)
	if len(now) != 2 {
		t.Fatalf("read %v", now)
	}
	next := set("new")
	next["/elsewhere/x.conf"] = []byte("x")
	outside, err := Put(dir, now, next)
	must(t, err)
	if len(outside) != 1 || outside[0] != "/elsewhere/x.conf" {
		t.Errorf("outside: %q", outside)
	}
	for name, want := range map[string]string{"real": "new", "pjsip.conf": "new", "sub/more.conf": "[x]\n", "mine.txt": "mine"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "sip.conf")); err == nil {
		t.Error("sip.conf is still there")
	}
	link, err := os.Lstat(filepath.Join(dir, "pjsip.conf"))
	must(t, err)
	real, err := os.Stat(filepath.Join(dir, "real"))
	must(t, err)
	if link.Mode()&os.ModeSymlink == 0 || real.Mode().Perm() != 0o604 {
		t.Errorf("link %v, file %v", link.Mode(), real.Mode())
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	must(t, err)
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// A power cut between any two files of a Put leaves what was before, after Settle.
func TestSettle(t *testing.T) {
	before := Set{"a.conf": []byte("a1"), "b.conf": []byte("b1"), "gone.conf": []byte("g1")}
	after := Set{"a.conf": []byte("a2"), "b.conf": []byte("b2"), "more.conf": []byte("m2")}
	all := []string{"a.conf", "b.conf", "gone.conf", "more.conf"}
	for cut := range len(all) + 1 {
		store, dir := Store{Dir: filepath.Join(t.TempDir(), "history")}, t.TempDir()
		for name, text := range before {
			must(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
		}
		to, err := store.Keep(after, true)
		must(t, err)
		from, err := store.Keep(before, false)
		must(t, err)
		if found, err := store.Settle(dir); found || err != nil {
			t.Fatal(found, err)
		}
		must(t, store.Begin(from.Number, to.Number))
		for _, name := range all[:cut] {
			if text, stays := after[name]; stays {
				must(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
			} else {
				must(t, os.Remove(filepath.Join(dir, name)))
			}
		}
		if found, err := store.Settle(dir); !found || err != nil {
			t.Fatalf("cut at %d: %v %v", cut, found, err)
		}
		now, err := Read(dir, all)
		must(t, err)
		if now.Hash() != before.Hash() {
			t.Errorf("cut at %d: %q", cut, now)
		}
		if found, _ := store.Settle(dir); found {
			t.Error("found twice")
		}
		must(t, store.Begin(from.Number, 7))
		if _, err := store.Settle(dir); !errors.Is(err, ErrNoVersion) {
			t.Errorf("of a configuration that is not there: %v", err)
		}
	}
}

func config(t *testing.T, pjsip, sip, extensions string) Config {
	t.Helper()
	fsys := fstest.MapFS{
		"pjsip.conf": {Data: []byte(pjsip)}, "sip.conf": {Data: []byte(sip)}, "extensions.conf": {Data: []byte(extensions)},
		"rtp.conf": {Data: []byte("[general]\nrtpstart=10000\n")},
	}
	c := Config{Files: map[string]*astconf.File{}}
	for name := range fsys {
		c.Files[name], _ = astconf.Load(fsys, name)
	}
	c.Plan, _ = live.Compile(c.Files["extensions.conf"], nil)
	return c
}

func TestChanges(t *testing.T) {
	old := config(t,
		"[1001]\ntype=endpoint\ncallerid=A <1>\nallow=ulaw\n[1001]\ntype=auth\nusername=1001\npassword=one\n[1002]\ntype=aor\nmax_contacts=1\n[t](!)\ntype=endpoint\nallow=ulaw\n[1003](t)\n",
		"[general]\nport=5060\n[2001]\ntype=friend\nsecret=x\n",
		"[globals]\nA=1\n[default]\nexten => 1,1,Answer()\nexten => 2,1,Answer()\n same => n,Hangup()\nexten => 3,hint,PJSIP/1\n[gone]\nexten => 1,1,Answer()\n[same]\nexten => _X.,1,Dial(PJSIP/${EXTEN})\n")
	next := config(t,
		"; a comment moves all lines\n[1001]\ntype=endpoint\nallow=alaw\ncontext=x\n[1001]\ntype=auth\nusername=1001\npassword=two\n[t](!)\ntype=endpoint\nallow=ulaw,alaw\n[1003](t)\n[1004]\ntype=endpoint\n",
		"[general]\nport=5061\n[2001]\ntype=peer\nsecret=x\n[2002]\ntype=peer\n",
		"[globals]\nA=2\n[default]\ninclude => fresh\nexten => 1,1,Answer()\nexten => 2,1,Answer(5)\n same => n,Hangup()\nexten => 4,1,Answer()\n[fresh]\nexten => 1,1,Answer()\n[same]\n\nexten => _X.,1,Dial(PJSIP/${EXTEN})\n")
	var b strings.Builder
	Write(&b, Changes(old, next), 100)
	want := `  added   endpoint 1004
  changed auth 1001: password
  changed endpoint 1001: allow, context, callerid
  changed endpoint 1003: allow
  removed aor 1002
  added   device 2002
  changed device 2001: type
  changed section general of sip.conf: port
  added   context fresh
  changed context default: include fresh added, 2 changed, 4 added, 3 removed
  changed globals: A
  removed context gone
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	if got := Changes(next, next); len(got) != 0 {
		t.Errorf("nothing changed: %v", got)
	}
	b.Reset()
	Write(&b, Changes(old, next), 2)
	if !strings.HasSuffix(b.String(), "  and 10 more\n") || strings.Count(b.String(), "\n") != 3 {
		t.Error(b.String())
	}
}
