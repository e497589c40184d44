package archtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTheTree(t *testing.T) {
	packages, set, err := load("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 10 {
		t.Fatalf("only %d packages found", len(packages))
	}
	for _, complaint := range check("branchline", packages, set) {
		t.Error(complaint)
	}
	// A budget, not a rule: a package that keeps growing wants to be two.
	for _, p := range packages {
		lines := 0
		for _, f := range p.files {
			if !f.test {
				lines += f.lines
			}
		}
		if lines > 1500 {
			t.Logf("%s has %d lines", p.dir, lines)
		}
	}
}

// TestRulesBite plants one violation of each kind.
func TestRulesBite(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"media/tone/a.go":          "package tone\nimport _ \"m/pbx/channel\"\n",
		"media/ok/a.go":            "// Package ok is fine.\npackage ok\nimport _ \"m/media\"\n",
		"pbx/app/a.go":             "// Package app.\npackage app\nimport (\n_ \"m/pbx/sip/invite\"\n_ \"os/exec\"\n)\n",
		"pbx/sip/a.go":             "// Package sip.\npackage sip\nimport (\n_ \"m/pbx/dialplan\"\n_ \"github.com/emiago/sipgo\"\n_ \"github.com/emiago/sipgo/sip\"\n)\n",
		"pbx/sip/invite/a.go":      "// Package invite.\npackage invite\nimport _ \"m/pbx/sip/wire\"\n",
		"pbx/util/a.go":            "// Package util.\npackage util\n",
		"pbx/bridge/a.go":          "// Package bridge.\npackage bridge\nfunc init() {}\ntype CallManager struct{}\n// TO" + "DO later\nvar _ = 1\n",
		"pbx/bridge/a_test.go":     "package bridge\nimport (\"testing\"\n_ \"m/pbx/exchange\")\nfunc Test(t *testing.T) { t.Skip() }\n",
		"pbx/long/a.go":            "// Package long.\npackage long\n" + strings.Repeat("\n", maxLines),
		"somewhere/a.go":           "// Package somewhere.\npackage somewhere\nimport _ \"m/media\"\n",
		"pbx/bridge/testdata/x.go": "this is not Go",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	packages, set, err := load(root)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"media/tone/a.go: imports pbx/channel: the wrong direction",
		"media/tone: no package comment",
		"pbx/app/a.go: imports os/exec: belongs in cmd/branchline, build, appliance/e2e",
		"pbx/app/a.go: imports pbx/sip/invite: the dialplan asks for a Tech by name",
		"pbx/bridge/a.go:3:1: init: tables are built where they are used",
		"pbx/bridge/a.go:4:6: type CallManager: name it after what it is",
		"pbx/bridge/a.go:5:1: comment with TO" + "DO",
		"pbx/bridge/a_test.go:4:27: a skipped test proves nothing",
		"pbx/long/a.go: 902 lines, more than 900: split by concern",
		"pbx/sip/a.go: imports github.com/emiago/sipgo: not used here",
		"pbx/sip/a.go: imports pbx/dialplan: a Tech knows no dialplan",
		"pbx/sip/invite/a.go: imports pbx/sip/wire: a leg knows no socket: what is below it is link",
		"pbx/util: util says nothing about what is in it",
		"somewhere/a.go: imports media: no rule knows this place",
	}
	got := check("m", packages, set)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
