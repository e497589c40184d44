package main

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// boot runs the guest and shows its console. It passes when each of the tests says
// that it ended with status 0. The machine is switched off from inside; when ctx
// ends first, the emulator is killed.
//
// Its time passes as its processor works (-icount), and not at all while this machine
// is busy with something else; when it waits, it is taken to the end of the wait. So
// that no audio is lost here that would not be lost on a telephone exchange.
func boot(ctx context.Context, image, root string, tests int) error {
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=single", "-icount", "shift=1,sleep=off", "-cpu", "max", "-m", "512",
		"-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot", "-nic", "none",
		"-kernel", image, "-initrd", root, "-append", "console=ttyS0 panic=-1 quiet")
	cmd.WaitDelay = 5 * time.Second
	console, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var complaint strings.Builder
	cmd.Stderr = &complaint
	if err := cmd.Start(); err != nil {
		return err
	}
	passed := 0
	var failed []string
	lines := bufio.NewScanner(console)
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r")
		fmt.Println(line)
		var name string
		var status int
		if n, _ := fmt.Sscanf(line, "guest: %s exit %d", &name, &status); n == 2 {
			if status == 0 {
				passed++
			} else {
				failed = append(failed, name)
			}
		}
	}
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("qemu: %w: %s", err, complaint.String())
	case len(failed) > 0:
		return fmt.Errorf("failed: %s", strings.Join(failed, ", "))
	case passed != tests:
		return fmt.Errorf("%d of %d tests ended", passed, tests)
	}
	return nil
}
