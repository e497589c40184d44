// Package tool runs the tools that an image is made with, so that what they make does
// not depend on when they run.
package tool

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Epoch is the time of everything in an image: nothing there depends on when it was
// built. 2026-01-01.
var Epoch = time.Unix(1767225600, 0).UTC()

// Reproducible is an environment that has the tools take Epoch for now.
func Reproducible() []string {
	return []string{fmt.Sprintf("SOURCE_DATE_EPOCH=%d", Epoch.Unix()), fmt.Sprintf("E2FSPROGS_FAKE_TIME=%d", Epoch.Unix()), "MTOOLS_SKIP_CHECK=1", "TZ=UTC"}
}

// Run runs one of them, with env besides our own environment.
func Run(env []string, name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), env...)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}
