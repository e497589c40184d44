package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"branchline/rootfs/card"
	"branchline/rootfs/update"
)

// lastLines is how many lines of a failed system are kept.
const lastLines = 30

// trialLog is where branchline-trial.service leaves the last lines of a system that has
// not even come to a verdict.
const trialLog = card.DataDir + "/trial.log"

// pstore is where the kernel shows what the one before it said when it died.
const pstore = "/sys/fs/pstore"

// consoleLines are the last lines that the kernel and the services of this start have
// said.
func consoleLines(ctx context.Context) []string {
	out, err := exec.CommandContext(context.WithoutCancel(ctx), "journalctl", "--quiet", "--no-pager", "--boot", "--output=short-monotonic",
		"--lines="+strconv.Itoa(lastLines)).Output()
	if err != nil {
		return []string{"the log cannot be read: " + err.Error()}
	}
	return newest(out)
}

// newest are the last lines of a text.
func newest(text []byte) []string {
	lines := strings.Split(strings.TrimSpace(string(bytes.ToValidUTF8(text, []byte("?")))), "\n")
	return lines[max(0, len(lines)-lastLines):]
}

// leftBehind are the last lines of a system that failed before it could say why, and
// forgets them.
func leftBehind() []string { return takeWords(pstore, trialLog) }

// takeWords takes what the kernel before this one has said in dying, if it has, or else
// what its services have, as branchline-trial.service has kept it.
func takeWords(pstore, services string) (out []string) {
	if text, err := os.ReadFile(services); err == nil {
		out = newest(text)
		_ = os.Remove(services) // or it is written over by the next one
	}
	names, _ := filepath.Glob(filepath.Join(pstore, "dmesg-*"))
	slices.Sort(names)
	var died []byte
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil {
			died = append(died, text...)
			_ = os.Remove(name) // which empties the kernel's record
		}
	}
	if len(died) == 0 {
		return out
	}
	out = newest(died)
	for i, line := range out {
		// "<4>[   15.7] ..." is for programs.
		if level, rest, ok := strings.Cut(line, ">"); ok && len(level) == 2 && level[0] == '<' {
			out[i] = rest
		}
	}
	return out
}

// toldFile is what the boot partition says of the newest update, for somebody who puts
// the card into a computer.
const toldFile = "update.txt"

// tellOnBoot writes the newest report to the boot partition, if it is not there yet.
func tellOnBoot(c *card.Card) error {
	report, err := update.ReadReport(os.DirFS(card.DataDir))
	if err != nil || report == nil {
		return err
	}
	text := []byte(strings.ReplaceAll(report.String(), "\n", "\r\n"))
	if old, err := os.ReadFile(filepath.Join(card.BootDir, toldFile)); err == nil && bytes.Equal(old, text) {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return c.WriteBoot(func(dir string) error { return os.WriteFile(filepath.Join(dir, toldFile), text, 0o600) })
}
