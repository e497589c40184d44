// Package lan makes a small local network out of Linux network namespaces: a switch, and hosts
// that hang on it by a cable each, every host with one address of 198.51.100.0/24 (RFC 5737).
//
// A [LAN] belongs to one test or one measurement. Nothing of it reaches the machine's own
// network, everything of it goes when it is closed, and a [Tap] on the switch sees every frame
// that any host sends, so a test judges what was really on the wire and not what a program under
// test says about itself. Root is needed.
package lan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Prefix of every address on a LAN; Host adds the last byte.
const Prefix = "198.51.100."

const (
	netnsDir   = "/var/run/netns"
	namePrefix = "bl"
)

// LAN is one switch and the hosts on it. Its methods may be called from several goroutines.
type LAN struct {
	id    string
	tap   *Tap
	mu    sync.Mutex
	hosts map[int]*Host
}

// Host is one machine on the LAN: a network namespace with one interface and one address.
type Host struct {
	Addr string // dotted address, e.g. 198.51.100.9
	ns   string
}

// Namer hands out LAN names that are unique in this process; the process id makes them unique on
// the machine.
type Namer struct{ n atomic.Uint32 }

// New makes a LAN with an empty switch and starts its tap.
func (n *Namer) New() (*LAN, error) {
	l := &LAN{
		id:    fmt.Sprintf("%s%dx%d", namePrefix, os.Getpid(), n.n.Add(1)),
		hosts: map[int]*Host{},
	}
	if err := run("ip", "netns", "add", l.switchNS()); err != nil {
		return nil, err
	}
	steps := []string{
		"link set lo up",
		"link add br0 mtu 9000 type bridge stp_state 0 forward_delay 0 mcast_snooping 0",
		"link set br0 up",
	}
	if err := batch(l.switchNS(), steps); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	tap, err := newTap(l.switchNS())
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	l.tap = tap
	return l, nil
}

func (l *LAN) switchNS() string { return l.id + "sw" }

// Switch is the namespace of the switch, where the cable of host n is interface p<n>.
func (l *LAN) Switch() string { return l.switchNS() }

// Tap returns the recording of everything that passed the switch.
func (l *LAN) Tap() *Tap { return l.tap }

// Quiet stops the recording for good: it would cost time while something is measured.
func (l *LAN) Quiet() { l.tap.close() }

// Host returns the host whose address ends in octet, and plugs it in at the first call.
func (l *LAN) Host(octet int) (*Host, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.hosts[octet]; h != nil {
		return h, nil
	}
	h := &Host{Addr: Prefix + strconv.Itoa(octet), ns: fmt.Sprintf("%sh%d", l.id, octet)}
	if err := run("ip", "netns", "add", h.ns); err != nil {
		return nil, err
	}
	l.hosts[octet] = h
	port := fmt.Sprintf("p%d", octet)
	// The large MTU keeps a long SIP datagram in one frame, so the tap need not join fragments.
	if err := batch(l.switchNS(), []string{
		fmt.Sprintf("link add %s mtu 9000 type veth peer name eth0 mtu 9000 netns %s", port, h.ns),
		fmt.Sprintf("link set %s master br0 up", port),
	}); err != nil {
		return nil, err
	}
	return h, batch(h.ns, []string{
		"link set lo up",
		fmt.Sprintf("addr add %s/24 dev eth0", h.Addr),
		"link set eth0 up",
	})
}

// Close stops the tap and removes all namespaces. Processes still running in them lose their
// network but are not ended.
func (l *LAN) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tap != nil {
		l.tap.close()
	}
	var errs []error
	for _, h := range l.hosts {
		errs = append(errs, run("ip", "netns", "del", h.ns))
	}
	errs = append(errs, run("ip", "netns", "del", l.switchNS()))
	return errors.Join(errs...)
}

// RemoveStale deletes the namespaces of earlier runs whose process is gone.
func RemoveStale() error {
	found, err := filepath.Glob(filepath.Join(netnsDir, namePrefix+"[0-9]*x*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range found {
		name := filepath.Base(path)
		pid, _, _ := strings.Cut(strings.TrimPrefix(name, namePrefix), "x")
		if _, err := os.Stat("/proc/" + pid); err == nil {
			continue
		}
		errs = append(errs, run("ip", "netns", "del", name))
	}
	return errors.Join(errs...)
}

// Namespace is the name `ip netns` knows the host by.
func (h *Host) Namespace() string { return h.ns }

// Command prepares a process that will run on the host. Cancelling ctx kills it, and so does the
// death of this process. The started process has the id the Cmd shows: nsenter only executes it.
func (h *Host) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	argv := append([]string{"--net=" + filepath.Join(netnsDir, h.ns), "--", name}, args...)
	cmd := exec.CommandContext(ctx, "nsenter", argv...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 2 * time.Second
	return cmd
}

// Do runs f with the host's network: sockets f opens belong to the host for as long as they live.
// f must open them itself and not leave that to a goroutine.
func (h *Host) Do(f func() error) error { return inNamespace(h.ns, f) }

func inNamespace(ns string, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- visit(ns, f) }()
	return <-done
}

// visit takes its thread into the namespace and home again. The thread must not end abroad: the
// kernel would send the death signal to every process this thread has started earlier.
func visit(ns string, f func() error) error {
	runtime.LockOSThread()
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("own namespace: %w", err)
	}
	defer unix.Close(home)
	away, err := unix.Open(filepath.Join(netnsDir, ns), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("namespace %s: %w", ns, err)
	}
	defer unix.Close(away)
	if err := unix.Setns(away, unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter namespace %s: %w", ns, err)
	}
	result := f()
	if err := unix.Setns(home, unix.CLONE_NEWNET); err != nil {
		return errors.Join(result, fmt.Errorf("leave namespace %s: %w", ns, err)) // stays locked
	}
	runtime.UnlockOSThread()
	return result
}

// batch runs ip(8) commands in one process inside a namespace.
func batch(ns string, steps []string) error {
	cmd := exec.Command("ip", "-n", ns, "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(steps, "\n") + "\n")
	return output(cmd)
}

func run(name string, args ...string) error { return output(exec.Command(name, args...)) }

func output(cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(out.String()))
	}
	return nil
}
