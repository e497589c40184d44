package check

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"branchline/media/sound"
	"branchline/media/sound/prompts"
	"branchline/pbx/app"
	"branchline/pbx/app/form"
	"branchline/pbx/astconf"
	"branchline/pbx/check/survey"
	"branchline/pbx/check/verdict"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/exchange"
	"branchline/pbx/fn"
	"branchline/pbx/fn/office"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/settings"
)

// everything knows all applications and functions, and can run none of them.
func everything() dialplan.Catalog {
	system := live.New(nil)
	return exchange.NewCatalog(app.All(form.Deps{System: system}), fn.Functions(office.Deps{System: system}), app.Refused(), fn.Refused())
}

// judged is a configuration and what was found in it.
type judged struct {
	snap  *settings.Snapshot
	plan  *dialplan.Plan
	diags []astconf.Diag
}

// judge checks the files of a directory as the daemon does, on a machine that
// has the how-to's addresses.
func judge(dir fs.FS, catalog dialplan.Catalog) judged {
	var diags []astconf.Diag
	files := map[string]*astconf.File{}
	for _, name := range append([]string{"asterisk.conf", "pjsip.conf", "sip.conf", "rtp.conf", "extensions.conf"}, lineconf.Files()...) {
		files[name] = &astconf.File{Name: name, Valid: true}
		if _, err := fs.Stat(dir, name); err == nil {
			file, found := astconf.Load(dir, name)
			files[name] = file
			diags = append(diags, found...)
		}
	}
	_, found := settings.FromAsterisk(files["asterisk.conf"])
	diags = append(diags, found...)
	sounds := sound.Library{Embedded: prompts.FS}
	source := func(name string) ([]byte, error) { return fs.ReadFile(dir, name) }
	snap, plan, found := Compile(survey.Input{
		Files: files, Catalog: catalog, HasSound: sounds.Has, Source: source,
		Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.168.50.9"), netip.MustParseAddr("192.168.50.52")},
	})
	return judged{snap, plan, verdict.Arrange(append(diags, found...), source)}
}

// archive reads files that stand one after the other, each below a line
// "-- name --". What stands above the first is returned too.
func archive(text string) (head string, files fstest.MapFS) {
	files = fstest.MapFS{}
	name := ""
	for line := range strings.SplitAfterSeq(text, "\n") {
		if h := strings.TrimSpace(line); strings.HasPrefix(h, "-- ") && strings.HasSuffix(h, " --") {
			name = strings.TrimSpace(h[3 : len(h)-3])
			files[name] = &fstest.MapFile{}
			continue
		}
		if name == "" {
			head += line
		} else {
			files[name].Data = append(files[name].Data, line...)
		}
	}
	return head, files
}

// TestRules runs the archives in testdata/rules. A line of a file that ends in
//
//	;! rule [rule...]
//
// must bear exactly these findings, as far as the case names rules; "!rule" stands
// for an Error. Lines above the first file: "never: rule ..." names rules that
// must not be found anywhere, "see: text" what some finding must say.
// If there is a file NAME.fixed, applying all safe fixes to NAME must give it;
// "fix: rule ..." in the head adds the fixes of these rules.
func TestRules(t *testing.T) {
	paths, err := filepath.Glob("testdata/rules/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	catalog := everything()
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for n, part := range strings.Split(string(text), "\n==== ") {
			name := strings.TrimSuffix(filepath.Base(path), ".txt")
			if n > 0 {
				var title string
				title, part, _ = strings.Cut(part, "\n")
				name += "/" + strings.TrimSpace(title)
			}
			t.Run(name, func(t *testing.T) { ruleCase(t, part, catalog) })
		}
	}
}

func ruleCase(t *testing.T, text string, catalog dialplan.Catalog) {
	head, files := archive(text)
	if len(files) == 0 {
		return // the head of the file
	}
	var never, fix, see []string
	for line := range strings.SplitSeq(head, "\n") {
		key, words, _ := strings.Cut(line, ":")
		switch key {
		case "never":
			never = strings.Fields(words)
		case "fix":
			fix = strings.Fields(words)
		case "see":
			see = append(see, strings.TrimSpace(words))
		}
	}
	fixed := fstest.MapFS{}
	want := map[string][]string{}
	for name, f := range files {
		if plain, ok := strings.CutSuffix(name, ".fixed"); ok {
			fixed[plain] = f
			delete(files, name)
			continue
		}
		var bare strings.Builder
		for i, line := range strings.SplitAfter(string(f.Data), "\n") {
			rest, marks, marked := strings.Cut(line, ";!")
			if marked {
				at := fmt.Sprintf("%s:%d", name, i+1)
				want[at] = append(want[at], strings.Fields(marks)...)
				slices.Sort(want[at])
				line = strings.TrimRight(rest, " \t") + "\n"
			}
			bare.WriteString(line)
		}
		f.Data = []byte(bare.String())
	}
	j := judge(files, catalog)
	got := map[string][]string{}
	var all strings.Builder
	for _, d := range j.diags {
		all.WriteString(d.String() + "\n")
		if slices.Contains(never, d.Rule) {
			t.Errorf("found %s", d)
		}
		if !named(want, d.Rule) {
			continue
		}
		rule := d.Rule
		if d.Severity == astconf.Error {
			rule = "!" + rule
		}
		at := fmt.Sprintf("%s:%d", d.File, d.Line)
		got[at] = append(got[at], rule)
		slices.Sort(got[at])
	}
	for at, rules := range want {
		if !slices.Equal(rules, got[at]) {
			t.Errorf("%s: found %v, want %v", at, got[at], rules)
		}
	}
	for at, rules := range got {
		if want[at] == nil {
			t.Errorf("%s: found %v, want none", at, rules)
		}
	}
	for _, s := range see {
		if !strings.Contains(all.String(), s) {
			t.Errorf("no finding says %q", s)
		}
	}
	for name, f := range fixed {
		var edits []astconf.Edit
		for _, e := range verdict.Chosen(j.diags, fix) {
			if e.File == name {
				edits = append(edits, e)
			}
		}
		if after, _ := verdict.Apply(files[name].Data, edits); string(after) != string(f.Data) {
			t.Errorf("%s fixed:\n%s\nwant\n%s", name, after, f.Data)
		}
	}
	if t.Failed() {
		t.Log("\n" + all.String())
	}
}

func named(want map[string][]string, rule string) bool {
	for _, rules := range want {
		if slices.Contains(rules, rule) || slices.Contains(rules, "!"+rule) {
			return true
		}
	}
	return false
}

// TestOwnSample holds the sample that new users start with to what we ask of
// them.
func TestOwnSample(t *testing.T) {
	for _, d := range judge(os.DirFS("../../configs/demo"), everything()).diags {
		t.Errorf("%s [%s]", d, d.Rule)
	}
}
