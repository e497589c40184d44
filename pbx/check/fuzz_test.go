package check

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"branchline/pbx/astconf"
	"branchline/pbx/check/verdict"
)

// FuzzCheck: whatever stands in the files, the checks come to an end, the report
// can be written, and its repairs can be made.
func FuzzCheck(f *testing.F) {
	paths, _ := filepath.Glob("testdata/rules/*.txt")
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for part := range strings.SplitSeq(string(text), "\n==== ") {
			_, files := archive(part)
			get := func(name string) string {
				if files[name] == nil {
					return ""
				}
				return string(files[name].Data)
			}
			f.Add(get("pjsip.conf"), get("sip.conf"), get("extensions.conf"))
		}
	}
	f.Add("[a]\ntype=endpoint\n", "[general]\n[b]\ntype=friend\n", "[c]\nexten => _X.,1,Goto(-)\n same => n,GotoIf(${A}?+1:x)\n same => 9,Dial(SIP/${EXTEN}@&/@,,G(^))\n")
	catalog := everything()
	f.Fuzz(func(t *testing.T, pjsip, sip, extensions string) {
		if len(pjsip)+len(sip)+len(extensions) > 1<<14 {
			return
		}
		files := fstest.MapFS{"pjsip.conf": {Data: []byte(pjsip)}, "sip.conf": {Data: []byte(sip)}, "extensions.conf": {Data: []byte(extensions)}}
		diags := judge(files, catalog).diags
		source := func(name string) ([]byte, error) { return fs.ReadFile(files, name) }
		var rules []string
		for _, d := range diags {
			if d.Severity > astconf.Error || d.Rule == "" || d.Message == "" {
				t.Fatalf("%+v", d)
			}
			rules = append(rules, d.Rule)
		}
		if err := (verdict.Report{Findings: diags, Source: source}).Write(io.Discard); err != nil {
			t.Fatal(err)
		}
		for name, file := range files {
			var edits []astconf.Edit
			for _, e := range verdict.Chosen(diags, rules) {
				if e.File == name {
					edits = append(edits, e)
				}
			}
			verdict.Apply(file.Data, edits)
		}
	})
}
