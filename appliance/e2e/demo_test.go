//go:build e2e

package e2e

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestDemo is `make run`, as somebody sees it who has no hardware: the exchange tries itself out,
// with the calls over its simulated lines, and has something to tell about them.
func TestDemo(t *testing.T) {
	t.Parallel()
	k := single(t)
	if !ownOnly(t, k) {
		return
	}
	r := newRig(t)
	dir := filepath.Join(r.dir, "demo")
	cmd := r.host(server1).Command(r.ctx, k.Binary, "demo", dir)
	out, err := cmd.StdoutPipe()
	r.must(err)
	r.must(cmd.Start())
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), "Stop with") {
			break
		}
	}
	for _, step := range []string{
		`a phone rings and shows who calls +ok .* 0287654321`,
		`speech from the line to the phone +ok .* 1004\.\d Hz`,
		`speech from the phone to the line +ok .* 620 Hz`,
		`the caller hangs up, the phone is told +ok`,
		`it dials out over line 1 +ok .* 0223456789`,
	} {
		if !regexp.MustCompile(step).MatchString(said.String()) {
			t.Errorf("no %q in:\n%s", step, &said)
		}
	}
	for command, want := range map[string][]string{
		"line show":         {"DAHDI/1", "DAHDI/2", "sim"},
		"line show DAHDI/1": {"1 in, 1 out", "0287654321"},
	} {
		show, err := exec.CommandContext(r.ctx, k.Binary, "-C", dir, "-rx", command).CombinedOutput()
		r.must(err)
		contains(t, string(show), want...)
	}
	r.must(cmd.Process.Signal(syscall.SIGTERM))
	if err := cmd.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}
