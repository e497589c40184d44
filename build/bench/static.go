package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"branchline/appliance/e2e/switchboard"
)

// sizes builds the stripped binary for both big platforms.
func (b *bench) sizes(k switchboard.Kind) error {
	if k.Asterisk() {
		return nil
	}
	dir, err := os.MkdirTemp("", "blsize")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, arch := range []string{"amd64", "arm64"} {
		out := filepath.Join(dir, arch)
		cmd := exec.CommandContext(b.ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, "./cmd/branchline")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build for %s: %w: %s", arch, err, text)
		}
		info, err := os.Stat(out)
		if err != nil {
			return err
		}
		aim := ""
		if arch == "arm64" {
			aim = "< 15 MiB"
		}
		b.report.add(k.Name, "binary "+arch+", stripped", fmt.Sprintf("%.2f MiB", float64(info.Size())/(1<<20)), aim)
	}
	return nil
}

var benchLine = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

// media runs the media plane's own benchmarks, which measure a C loop of epoll, recvfrom and
// sendto beside the product's in the same run.
func (b *bench) media(k switchboard.Kind) error {
	if k.Asterisk() {
		return nil
	}
	args := []string{"test", "-run", "^$", "-bench", "Relay|Transcode|Floor", "./media/plane/socket"}
	if b.quick {
		args = append(args, "-benchtime", "0.2s")
	}
	cmd := exec.CommandContext(b.ctx, "go", args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go test -bench: %w: %s", err, out)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		if m := benchLine.FindStringSubmatch(lines.Text()); m != nil {
			b.report.add(k.Name, "media "+m[1], strings.Join(strings.Fields(m[2]), " "), "")
		}
	}
	return lines.Err()
}
