// Package switchboard starts telephone exchanges on the hosts of a [lan.LAN]: the product itself,
// or a real Asterisk to compare it with.
package switchboard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"branchline/appliance/e2e/lan"
)

// Kind says what to start.
type Kind struct {
	Name   string
	Binary string // of Branchline
	Chroot string // of an Asterisk: a root directory with the package in it
	Runner string // the script that runs an Asterisk from Chroot; it knows start -f, rx
}

// Asterisk says whether the kind is the peer and not the product.
func (k Kind) Asterisk() bool { return k.Chroot != "" }

// Exchange is a running exchange. It is driven by one goroutine.
type Exchange struct {
	Kind Kind
	Host *lan.Host
	Dir  string   // holds etc/ and everything it writes
	CPUs string   // pin it to these, as taskset -c spells them; empty for all
	Env  []string // more of the environment, as name=value

	cmd    *exec.Cmd
	exited chan error
	log    string
	booted int // how much had been printed when it was booted
}

const (
	bootLimit = 40 * time.Second
	rxLimit   = 10 * time.Second
)

// Start lays conf over dir/etc and runs an exchange until [Exchange.Stop] or [Exchange.Kill]. It
// returns once the exchange says that it is fully booted.
func Start(ctx context.Context, kind Kind, host *lan.Host, dir string, conf fs.FS) (*Exchange, error) {
	e := &Exchange{Kind: kind, Host: host, Dir: dir}
	if err := e.Configure(conf); err != nil {
		return nil, err
	}
	return e, e.Run(ctx)
}

// Configure writes files over the exchange's configuration. The seed's addresses 192.168.50.x
// become those of the LAN.
func (e *Exchange) Configure(conf fs.FS) error {
	etc := e.confDir()
	if err := os.MkdirAll(etc, 0o755); err != nil {
		return err
	}
	if e.Kind.Asterisk() {
		// Debian's package puts a Lua dialplan into context default, which the how-to uses too.
		if err := os.WriteFile(filepath.Join(etc, "extensions.lua"), []byte("extensions = {}\n"), 0o644); err != nil {
			return err
		}
	} else if err := e.directories(etc); err != nil {
		return err
	}
	return fs.WalkDir(conf, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(conf, path)
		if err != nil {
			return err
		}
		b = bytes.ReplaceAll(b, []byte("192.168.50."), []byte(lan.Prefix))
		return os.WriteFile(filepath.Join(etc, filepath.Base(path)), b, 0o644)
	})
}

// confDir is where Configure writes: what Branchline reads, or what is laid over Asterisk's
// packaged files at its start.
func (e *Exchange) confDir() string { return filepath.Join(e.Dir, "conf") }

func (e *Exchange) directories(etc string) error {
	var b strings.Builder
	b.WriteString("[directories]\n")
	for name, sub := range map[string]string{
		"astvarlibdir": "lib", "astdbdir": "lib", "astdatadir": "data",
		"astspooldir": "spool", "astrundir": "run", "astlogdir": "log",
	} {
		path := filepath.Join(e.Dir, sub)
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s => %s\n", name, path)
	}
	fmt.Fprintf(&b, "astetcdir => %s\n", etc)
	return os.WriteFile(filepath.Join(etc, "asterisk.conf"), []byte(b.String()), 0o644)
}

// Exec starts the process and returns at once.
func (e *Exchange) Exec(ctx context.Context) error {
	e.log = filepath.Join(e.Dir, "output")
	out, err := os.OpenFile(e.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	name, args := e.Kind.Binary, []string{"-f", "-vvv", "-C", e.confDir()}
	if e.Kind.Asterisk() {
		name = e.Kind.Runner
		args = []string{
			"start", "-f", "-r", e.Kind.Chroot, "-s", filepath.Join(e.Dir, "state"),
			"-c", e.confDir(), "--", "-vvv",
		}
	}
	if e.CPUs != "" {
		name, args = "taskset", append([]string{"-c", e.CPUs, name}, args...)
	}
	e.cmd = e.Host.Command(ctx, name, args...)
	e.cmd.Stdout, e.cmd.Stderr = out, out
	if len(e.Env) > 0 {
		e.cmd.Env = append(os.Environ(), e.Env...)
	}
	if err := e.cmd.Start(); err != nil {
		return err
	}
	e.exited = make(chan error, 1)
	go func(cmd *exec.Cmd, exited chan<- error) { exited <- cmd.Wait() }(e.cmd, e.exited)
	return nil
}

// Run starts the process again, with the state it left, and waits until it is booted.
func (e *Exchange) Run(ctx context.Context) error {
	if err := e.Exec(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	for {
		if out, err := e.RX(ctx, "core waitfullybooted"); err == nil && strings.Contains(out, "fully booted") {
			e.booted = len(e.Log())
			return nil
		}
		select {
		case err := <-e.exited:
			e.exited <- err
			return fmt.Errorf("%s at %s ended while starting: %w\n%s", e.Kind.Name, e.Host.Addr, err, e.Log())
		case <-ctx.Done():
			return fmt.Errorf("%s at %s: %w\n%s", e.Kind.Name, e.Host.Addr, ctx.Err(), e.Log())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// RX runs one console command and returns what it printed.
func (e *Exchange) RX(ctx context.Context, command string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, rxLimit)
	defer cancel()
	name, args := e.Kind.Binary, []string{"-C", e.confDir(), "-rx", command}
	if e.Kind.Asterisk() {
		name, args = e.Kind.Runner, []string{"rx", "-s", filepath.Join(e.Dir, "state"), command}
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("console command %q: %w: %s", command, err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}

// Reload lays files over the configuration and has the exchange read it again; it returns what
// the console said.
func (e *Exchange) Reload(ctx context.Context, conf fs.FS) (string, error) {
	if err := e.Configure(conf); err != nil {
		return "", err
	}
	if e.Kind.Asterisk() {
		cmd := exec.CommandContext(ctx, e.Kind.Runner, "conf", "-s", filepath.Join(e.Dir, "state"), "-c", e.confDir())
		if out, err := cmd.CombinedOutput(); err != nil {
			return string(out), fmt.Errorf("copy configuration: %w: %s", err, out)
		}
	}
	return e.RX(ctx, "core reload")
}

// Stop sends TERM and waits at most limit for the end; it returns how the process ended, nil for
// exit status 0.
func (e *Exchange) Stop(limit time.Duration) error {
	if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-e.exited:
		e.exited <- err
		return err
	case <-time.After(limit):
		return errors.Join(fmt.Errorf("%s still runs %v after TERM", e.Kind.Name, limit), e.Kill())
	}
}

// Kill ends the process the hard way and waits for it.
func (e *Exchange) Kill() error {
	if err := e.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	e.exited <- <-e.exited
	return nil
}

// Alive reports whether the process runs.
func (e *Exchange) Alive() bool {
	select {
	case err := <-e.exited:
		e.exited <- err
		return false
	default:
		return true
	}
}

// PID is the process id.
func (e *Exchange) PID() int { return e.cmd.Process.Pid }

// RSS is the resident memory in bytes.
func (e *Exchange) RSS() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.PID()))
	if err != nil {
		return 0, err
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(rest, "kB")), 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("no VmRSS")
}

// CPU is the processor time used so far.
func (e *Exchange) CPU() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", e.PID()))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("short stat line")
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// Log is everything the exchange printed since it exists.
func (e *Exchange) Log() string {
	b, _ := os.ReadFile(e.log)
	if e.Kind.Asterisk() {
		more, _ := os.ReadFile(filepath.Join(e.Dir, "state", "log", "messages.log"))
		b = append(b, more...)
	}
	return string(b)
}

// LogSinceBoot is what it printed after it was ready.
func (e *Exchange) LogSinceBoot() string {
	log := e.Log()
	return log[min(e.booted, len(log)):]
}
