package verdict

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"branchline/pbx/astconf"
)

func TestApply(t *testing.T) {
	for _, c := range []struct {
		name, text string
		edits      []astconf.Edit
		want       string
		done       int
	}{
		{"a word", "[a]\r\n x =>> 1 ; x =>> 1\r\n", []astconf.Edit{{Line: 2, Old: "=>>", New: "=>"}}, "[a]\r\n x => 1 ; x =>> 1\r\n", 1},
		{"a line, with the file's line ends", "[a]\r\nx=1\r\n", []astconf.Edit{{Line: 1, New: "y=2\nz=3"}}, "[a]\r\ny=2\r\nz=3\r\nx=1\r\n", 1},
		{"after a last line without end", "[a]", []astconf.Edit{{Line: 1, New: "y=2"}}, "[a]\ny=2\n", 1},
		{"from below", "[a]\nx=1\n[b]\ny=1\n", []astconf.Edit{{Line: 1, New: "m=1"}, {Line: 4, Old: "y", New: "z"}, {Line: 3, New: "n=1"}}, "[a]\nm=1\nx=1\n[b]\nn=1\nz=1\n", 3},
		{"words that are not there", "[a]\nx=1\n", []astconf.Edit{{Line: 2, Old: "y", New: "z"}, {Line: 9, Old: "x", New: "z"}, {Line: 0, New: "z"}}, "[a]\nx=1\n", 0},
	} {
		if got, done := Apply([]byte(c.text), c.edits); string(got) != c.want || done != c.done {
			t.Errorf("%s: %d %q, want %d %q", c.name, done, got, c.done, c.want)
		}
	}
}

func TestRewriteKeepsWhatWas(t *testing.T) {
	dir := t.TempDir()
	real := filepath.Join(dir, "real.conf")
	link := filepath.Join(dir, "pjsip.conf")
	if err := os.WriteFile(real, []byte("[a]\nx=1\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	for n, want := range []string{"[a]\nx=2\n", "[a]\nx=3\n"} {
		old := string("12"[n])
		backups, done, err := Rewrite(dir, []astconf.Edit{{File: "pjsip.conf", Line: 2, Old: old, New: string("23"[n])}})
		if err != nil || done != 1 {
			t.Fatal(done, err)
		}
		got, _ := os.ReadFile(link)
		before, _ := os.ReadFile(backups[link])
		if string(got) != want || string(before) != "[a]\nx="+old+"\n" {
			t.Errorf("now %q, before %q in %v", got, before, backups)
		}
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link was replaced by a file")
	}
	if info, err := os.Stat(real); err != nil || info.Mode().Perm() != 0o640 {
		t.Error("the mode was not kept", info.Mode())
	}
	left, _ := filepath.Glob(filepath.Join(dir, ".*"))
	if len(left) > 0 {
		t.Error("left behind:", left)
	}
	if _, _, err := Rewrite(dir, []astconf.Edit{{File: "missing.conf", Line: 1, New: "x"}}); err == nil {
		t.Error("a file that is missing was rewritten")
	}
	if backups, done, err := Rewrite(dir, []astconf.Edit{{File: "pjsip.conf", Line: 2, Old: "nothing", New: "x"}}); err != nil || done != 0 || len(backups) != 0 {
		t.Error("nothing to do, and yet", backups, done, err)
	}
}

func TestReport(t *testing.T) {
	source := func(string) ([]byte, error) { return []byte("[a]\nsame =>> n,Hangup()\npassword=hidden-word\n"), nil }
	diags := []astconf.Diag{
		{Pos: astconf.Pos{File: "extensions.conf", Line: 3}, Severity: astconf.Warning, Rule: "weak-secret", Message: "weak"},
		{Pos: astconf.Pos{File: "extensions.conf", Line: 2, Col: 1}, Severity: astconf.Error, Rule: "arrow", Message: "misprint", Effect: "it ends", Cure: "write =>", Near: "=>>",
			Fix: &astconf.Fix{Safe: true, Edits: []astconf.Edit{{File: "extensions.conf", Line: 2, Old: "=>>", New: "=>"}}}},
		{Pos: astconf.Pos{File: "pjsip.conf", Line: 1}, Severity: astconf.Note, Rule: "n", Message: "first file first"},
	}
	diags = append(diags, diags[0])
	r := Report{Dir: "etc", Source: source, Findings: Arrange(diags, source)}
	var b strings.Builder
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	const want = `etc/pjsip.conf:1:1: note: [n] first file first
     1 | [a]
etc/extensions.conf:2:6: error: [arrow] misprint
     2 | same =>> n,Hangup()
       |      ^~~
       = so: it ends
       = cure: write =>
       = patch (--fix applies it):
         @@ extensions.conf line 2 @@
         -same =>> n,Hangup()
         +same => n,Hangup()
etc/extensions.conf:3:1: warning: [weak-secret] weak
1 error, 1 warning, 1 note; --fix repairs 1
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	var j bytes.Buffer
	if err := r.JSON(&j); err != nil {
		t.Fatal(err)
	}
	var out struct {
		Findings []struct {
			File, Severity, Rule, Effect string
			Line, Column                 int
			Fix                          *struct {
				Safe  bool
				Edits []struct{ Old, New string }
			}
		}
		Errors, Warnings, Notes int
	}
	if err := json.Unmarshal(j.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	f := out.Findings[1]
	if len(out.Findings) != 3 || out.Errors != 1 || f.File != "etc/extensions.conf" || f.Column != 6 || f.Severity != "error" || f.Fix == nil || !f.Fix.Safe || f.Fix.Edits[0].New != "=>" {
		t.Errorf("%+v", out)
	}
}

// TestManyOfOneRule: a hundred findings of one rule do not hide the others.
func TestManyOfOneRule(t *testing.T) {
	var diags []astconf.Diag
	for i := range 100 {
		diags = append(diags, astconf.Diag{Pos: astconf.Pos{File: "pjsip.conf", Line: i + 1}, Rule: "a", Message: "m"})
	}
	var b strings.Builder
	if err := (Report{Dir: ".", Findings: diags}).Write(&b); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != many+2 || !strings.Contains(b.String(), "90 more of [a]") {
		t.Errorf("%d lines:\n%s", n, b.String())
	}
}
