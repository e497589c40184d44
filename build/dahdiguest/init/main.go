// Init is the first and only process of the guest that dahdiguest boots: it mounts
// what programs expect, loads the kernel modules, runs the test programs one after
// the other, says how each ended, and switches the machine off.
//
// What to do it reads from /guest.json.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// plan is what dahdiguest writes for us.
type plan struct {
	Modules  []module
	Programs []program
}

type module struct{ File, Options string }

type program struct {
	Name string
	Args []string
	Env  []string
}

func main() {
	if err := prepare(); err != nil {
		fmt.Println("guest:", err)
	}
	off()
}

func prepare() error {
	for _, m := range []struct{ kind, at string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}, {"tmpfs", "/run"}, {"tmpfs", "/var"},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	if err := loopback(); err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	text, err := os.ReadFile("/guest.json")
	if err != nil {
		return err
	}
	var p plan
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("guest.json: %w", err)
	}
	for _, m := range p.Modules {
		if err := load(m); err != nil {
			return fmt.Errorf("load %s: %w", m.File, err)
		}
	}
	for _, prog := range p.Programs {
		fmt.Printf("guest: %s exit %d\n", prog.Name, run(prog))
	}
	return nil
}

// load puts a module into the kernel, which unpacks a compressed one itself.
func load(m module) error {
	f, err := os.Open(m.File)
	if err != nil {
		return err
	}
	defer f.Close()
	flags := 0
	if !strings.HasSuffix(m.File, ".ko") {
		flags = unix.MODULE_INIT_COMPRESSED_FILE
	}
	return unix.FinitModule(int(f.Fd()), m.Options, flags)
}

// loopback switches on the only network there is.
func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
}

// run returns a program's exit status, 127 if it could not be started.
func run(p program) int {
	cmd := exec.Command(p.Args[0], p.Args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
	cmd.Dir = "/tmp"
	cmd.Env = append([]string{"PATH=/bin", "HOME=/tmp"}, p.Env...)
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		if code := exit.ExitCode(); code >= 0 {
			return code
		}
		return 128
	}
	if err != nil {
		fmt.Println("guest:", err)
		return 127
	}
	return 0
}

func off() {
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("guest: switch off:", err)
	}
	select {}
}
