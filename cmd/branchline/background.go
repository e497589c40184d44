package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"branchline/appliance"
)

// bootPipe names the variable that tells a process in the background on which
// descriptor its starter waits to hear that everything is bound.
const bootPipe = "BRANCHLINE_BOOT_PIPE"

// background starts the program anew in a session of its own, waits until it is
// fully booted, and gives the status to exit with. What goes wrong at start is
// still seen on this terminal. Go cannot fork: by the time main runs there are
// threads.
func background() int {
	r, w, err := os.Pipe()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), bootPipe+"=3")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{w} // becomes descriptor 3
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	w.Close()
	if _, err := io.ReadFull(r, make([]byte, 1)); err == nil {
		return 0
	}
	// It ended without a word on the pipe; it has said why.
	var exit *exec.ExitError
	if errors.As(cmd.Wait(), &exit) && exit.ExitCode() > 0 {
		return exit.ExitCode()
	}
	return 1
}

// inBackground reports whether this process was started by background, and
// arranges that o.Booted sends the starter home and lets go of its terminal:
// from then on what the program prints goes to messages.log in logDir, or
// nowhere if there is no such directory.
func inBackground(o *appliance.Options, logDir string) bool {
	if os.Getenv(bootPipe) != "3" {
		return false
	}
	os.Unsetenv(bootPipe)
	unix.CloseOnExec(3)
	starter := os.NewFile(3, "starter")
	o.Booted = func() {
		if err := letGo(logDir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		_, _ = starter.Write([]byte{1}) // a starter that was killed is no concern
		starter.Close()
	}
	return true
}

func letGo(logDir string) error {
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	out := null
	if f, err := os.OpenFile(filepath.Join(logDir, "messages.log"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640); err == nil {
		defer f.Close()
		out = f
	}
	return errors.Join(
		unix.Dup3(int(null.Fd()), 0, 0),
		unix.Dup3(int(out.Fd()), 1, 0),
		unix.Dup3(int(out.Fd()), 2, 0),
	)
}
