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

var benchLine = regexp.MustCompile(`^Benchmark(\w+)/(\d+)\S*\s+\d+\s+(.*)$`)

// media runs the media plane's own benchmarks, which measure a C loop of epoll, recvfrom and
// sendto beside the product's in the same run. They want all processors: the sender is one of them.
func (b *bench) media(k switchboard.Kind) error {
	if k.Asterisk() {
		return nil
	}
	cmd := exec.CommandContext(b.ctx, "taskset", "-c", fmt.Sprintf("0-%d", processors()-1),
		"go", "test", "-run", "^$", "-bench", "Relay|Transcode", "./media/plane/socket")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go test -bench: %w: %s", err, out)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		m := benchLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		figure := fmt.Sprintf("%s per packet, %s streams", strings.ToLower(m[1]), m[2])
		value := metrics(m[3])
		b.report.add(k.Name, figure, fmt.Sprintf("%s us (%s x the C loop)", value["us/packet"], value["x-floor"]), "<= 1.5 x")
		b.report.add("C loop", figure, value["floor-us/packet"]+" us", "")
	}
	return lines.Err()
}

var plainLine = regexp.MustCompile(`^Benchmark(\w+?)(?:-\d+)?\s+\d+\s+(.*)$`)

// large runs the benchmarks of big configurations: how long 10,000 phones take to read and check,
// and what a look-up among them costs beside one among 100. A start has all processors.
func (b *bench) large(k switchboard.Kind) error {
	if k.Asterisk() {
		return nil
	}
	out, err := exec.CommandContext(b.ctx, "taskset", "-c", fmt.Sprintf("0-%d", processors()-1),
		"go", "test", "-run", "^$", "-bench", "Load10000|Lookup", "./appliance/configuration").CombinedOutput()
	if err != nil {
		return fmt.Errorf("go test -bench: %w: %s", err, out)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		m := plainLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		value := metrics(m[2])
		if what, ok := strings.CutPrefix(m[1], "Lookup"); ok {
			b.report.add(k.Name, "look-up, "+strings.ToLower(what)+", one of 10000", fmt.Sprintf("%s ns (%s x one of 100)", value["ns-of-10000"], value["x"]), "<= 2 x")
			continue
		}
		b.report.add(k.Name, "10000 phones read and checked", fmt.Sprintf("%s ms (%s ms of processor)", value["ms-best"], value["ms-processor"]), "< 1000 ms")
	}
	return lines.Err()
}

// metrics takes "8.057 floor-us/packet 9.963 us/packet" apart.
func metrics(text string) map[string]string {
	out := map[string]string{}
	words := strings.Fields(text)
	for i := 0; i+1 < len(words); i += 2 {
		out[words[i+1]] = words[i]
	}
	return out
}

// processors counts those of the machine, whatever this process was pinned to.
func processors() int {
	found, err := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*")
	if err != nil {
		return 1
	}
	return max(1, len(found))
}
