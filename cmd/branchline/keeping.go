package main

import (
	"context"
	"errors"
	"os"
	"os/exec"

	"branchline/rootfs/card"
	"branchline/rootfs/led"
	"branchline/rootfs/logtail"
	"branchline/rootfs/update"
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

// lamp is `led ready|trouble`. An exchange that is ready on a card whose update has failed
// asks for attention.
func lamp(pattern string) error {
	p := led.Pattern(pattern)
	if report, err := update.ReadReport(os.DirFS(card.DataDir)); err == nil && report.Alarm() != "" && p == led.Ready {
		p = led.Alarm
	}
	return led.Show("/sys", p)
}
