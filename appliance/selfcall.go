package appliance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"

	"branchline/appliance/configuration"
	"branchline/appliance/selftest"
)

// selftest calls itself on loopback.
func (d *daemon) selftest(ctx context.Context, w io.Writer) error {
	return d.selftestAt(ctx, w, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
}

// selftestAt calls itself at one of its own addresses: phones of the self-test are
// added to the configuration in force, call each other, and are taken out again.
func (d *daemon) selftestAt(ctx context.Context, w io.Writer, at netip.Addr) error {
	var bench *selftest.Bench
	phones := func(present configuration.Config) (_ fs.FS, err error) {
		lines := d.rehearsal(present)
		if lines == nil && d.options.Rehearsal != nil {
			fmt.Fprintln(w, "The simulated telephone lines are not configured as in the sample: no calls are tried over them.")
		}
		if bench, err = selftest.NewBench(at, lines); err != nil {
			return nil, err
		}
		return bench.Files(), nil
	}
	defer func() {
		if bench != nil {
			bench.Close()
		}
	}()
	return d.force.Borrow(w, phones, func() error { return bench.Run(ctx, w) })
}

// rehearsal is what of the simulated lines the self-test can play with, nil if the
// configuration has other things in mind for them than the sample had: it is the
// user's to change.
func (d *daemon) rehearsal(present configuration.Config) *selftest.Lines {
	l := d.options.Rehearsal
	if l == nil {
		return nil
	}
	lines := &present.Lines
	exchange, telephone := lines.Find("DAHDI", "1"), lines.Find("DAHDI", "2")
	if exchange == nil || telephone == nil || exchange.Context != l.FromExchange {
		return nil
	}
	if exists, _ := d.exchange.Lookup(telephone.Context, l.Prefix+selftest.Outside, ""); !exists {
		return nil
	}
	return l
}

// Aside runs an exchange beside the one of this machine, whose network it leaves alone,
// for as long as do takes; selftest has it call itself.
func Aside(ctx context.Context, o Options, do func(ctx context.Context, selftest func(context.Context, io.Writer) error) error) error {
	return during(ctx, o, func(ctx context.Context, d *daemon) error { return do(ctx, d.selftest) })
}

// during is Aside for who knows the daemon.
func during(ctx context.Context, o Options, do func(context.Context, *daemon) error) error {
	o.aside = true
	d, err := assemble(o)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() {
		served <- d.run(ctx)
		stop()
	}()
	select {
	case <-d.booted:
	case err := <-served:
		return err
	}
	err = do(ctx, d)
	stop()
	return errors.Join(err, <-served)
}
