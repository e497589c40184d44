//go:build samples

package check

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"branchline/pbx/astconf"
)

// justified are the warnings that Asterisk's sample configurations deserve:
// technologies, applications and prompts that are not there, guests, and places
// they jump to that they do not have.
var justified = strings.Fields("unknown-technology unknown-application refused-application refused-function switch-refused include-missing-context " +
	"no-sound jump-to-nowhere guest-calls")

// TestSamples checks the directories that SAMPLES names (separated by colons)
// with configurations that others have written and that work: no errors, and no
// warning that is not justified.
func TestSamples(t *testing.T) {
	dirs := filepath.SplitList(os.Getenv("SAMPLES"))
	if len(dirs) == 0 {
		t.Fatal("SAMPLES names no directory")
	}
	catalog := everything()
	for _, dir := range dirs {
		found := judge(os.DirFS(dir), catalog).diags
		for _, d := range found {
			if d.Severity == astconf.Error || d.Severity == astconf.Warning && !slices.Contains(justified, d.Rule) {
				t.Errorf("%s/%s [%s]", dir, d, d.Rule)
			}
		}
		t.Logf("%s: %d findings, all justified", dir, len(found))
	}
}
