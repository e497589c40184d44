package main

import (
	"context"
	"errors"
	"os"
	"os/exec"

	"branchline/rootfs/card"
	"branchline/rootfs/led"
	"branchline/rootfs/logtail"
)

// logCursor is where the journal's reader notes how far the log is kept. It is gone
// after a start, as the journal is.
const logCursor = "/run/branchline-log.cursor"

// keepLog is `keeplog`: what is new in the journal goes to the data partition.
func keepLog(ctx context.Context) error {
	dir := card.DataDir + "/log"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	c := exec.CommandContext(ctx, "journalctl", "--quiet", "--no-pager", "--output=short-iso", "--cursor-file="+logCursor)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	return errors.Join(logtail.Keep(dir, out), c.Wait())
}

// lamp is `led ready|trouble`.
func lamp(pattern string) error { return led.Show("/sys", led.Pattern(pattern)) }
