// Command bench measures the built exchange and prints each figure beside its aim, and beside a
// peer or a floor measured in the same run.
//
//	bench -binary bin/branchline [-asterisk ROOT -runner asterisk-run] [-quick]
//
// It needs root (network namespaces), sipp, and two processors: the exchange is pinned to the
// first, everything that loads it to the second. On a machine that does other work too the figures
// are a lower bound.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/switchboard"
)

const (
	serverCPU = "0"
	loadCPU   = "1"
)

func main() {
	binary := flag.String("binary", "bin/branchline", "the exchange to measure; empty for the peer alone")
	root := flag.String("asterisk", "", "root directory of an installed Asterisk, to measure beside")
	runner := flag.String("runner", "asterisk-run", "script that runs an Asterisk from there")
	quick := flag.Bool("quick", false, "shorter runs")
	only := flag.String("only", "", "one group: size, large, boot, memory, registrations, calls or media")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &bench{ctx: ctx, quick: *quick, only: *only}
	if err := b.run(*binary, *root, *runner); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench is one run of all measurements.
type bench struct {
	ctx    context.Context
	quick  bool
	only   string
	names  lan.Namer
	report report
}

func (b *bench) run(binary, root, runner string) error {
	path, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	// Children inherit the processor; the exchange is put on its own one afterwards.
	if out, err := exec.Command("taskset", "-acp", loadCPU, strconv.Itoa(os.Getpid())).CombinedOutput(); err != nil {
		return fmt.Errorf("taskset: %w: %s", err, out)
	}
	// Ahead of whatever else the machine does; the exchange and the phones inherit it.
	if err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, -15); err != nil {
		return fmt.Errorf("priority: %w", err)
	}
	var kinds []switchboard.Kind
	if binary != "" {
		kinds = append(kinds, switchboard.Kind{Name: "branchline", Binary: path})
	}
	if root != "" {
		kinds = append(kinds, switchboard.Kind{Name: "asterisk", Chroot: root, Runner: runner})
	}
	groups := []struct {
		name string
		run  func(switchboard.Kind) error
	}{
		{"size", b.sizes},
		{"large", b.large},
		{"boot", b.boot},
		{"memory", b.memory},
		{"registrations", b.registrations},
		{"calls", b.calls},
		{"media", b.media},
	}
	for _, g := range groups {
		if b.only != "" && b.only != g.name {
			continue
		}
		for _, k := range kinds {
			if err := g.run(k); err != nil {
				return fmt.Errorf("%s of %s: %w", g.name, k.Name, err)
			}
		}
	}
	b.report.print(os.Stdout)
	return nil
}

// bed is a LAN with one exchange, for one measurement.
type bed struct {
	lan      *lan.LAN
	dir      string
	exchange *switchboard.Exchange
}

// Last bytes of the addresses in use.
const (
	exchangeAt = 52
	callerAt   = 100
	calleeAt   = 101
	phonesAt   = 102
)

// bed makes a quiet LAN and the exchange on it, not yet started.
func (b *bench) bed(k switchboard.Kind) (*bed, error) {
	l, err := b.names.New()
	if err != nil {
		return nil, err
	}
	l.Quiet()
	h, err := l.Host(exchangeAt)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "blb")
	if err != nil {
		return nil, err
	}
	x := &switchboard.Exchange{Kind: k, Host: h, Dir: filepath.Join(dir, "x"), CPUs: serverCPU}
	return &bed{lan: l, dir: dir, exchange: x}, nil
}

// started is a bed whose exchange runs on the bench configuration.
func (b *bench) started(k switchboard.Kind, extensions int) (*bed, error) {
	d, err := b.bed(k)
	if err != nil {
		return nil, err
	}
	if err := d.exchange.Configure(configuration(extensions)); err != nil {
		return d, err
	}
	return d, d.exchange.Run(b.ctx)
}

func (d *bed) close() {
	if d == nil {
		return
	}
	_ = d.exchange.Kill() // it may never have started
	if err := d.lan.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	os.RemoveAll(d.dir)
}
