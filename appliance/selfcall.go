package appliance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"

	"branchline/appliance/configuration"
	"branchline/appliance/selftest"
	"branchline/configs"
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
		if lines == nil && d.options.rehearsal != nil {
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

// SelfTest starts an exchange of its own on loopback, in a temporary directory,
// tests it and puts it away.
func SelfTest(ctx context.Context, w io.Writer) error {
	dir, err := os.MkdirTemp("", "branchline-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := settleIn(dir, nil); err != nil {
		return err
	}
	return during(ctx, Options{Config: dir, Quiet: true}, func(ctx context.Context, d *daemon) error {
		return d.selftest(ctx, w)
	})
}

// Demo starts an exchange on the sample configuration in dir (made if it is not
// there yet), proves it with a self-test, says how to register a phone and
// serves until ctx ends.
func Demo(ctx context.Context, w io.Writer, dir string, o Options) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	sample, err := fs.Sub(configs.FS, "demo")
	if err != nil {
		return err
	}
	if err := settleIn(dir, sample); err != nil {
		return err
	}
	o.Config = dir
	plant := simulate(&o)
	defer plant.Close()
	return during(ctx, o, func(ctx context.Context, d *daemon) error {
		if err := d.selftest(ctx, w); err != nil {
			return err
		}
		fmt.Fprintf(w, welcome, os.Args[0], dir)
		<-ctx.Done()
		return nil
	})
}

// welcome is what a person reads who has just started the sample.
const welcome = `
The exchange is up and has just called itself. Register two phones on this machine:

  SIP server  127.0.0.1:15060, UDP or TCP
  Phone One   user 1001, password first-phone
  Phone Two   user 1002, password second-phone

They can dial each other, 600 (hear yourself), 601 (hear the exchange), 602 (a measuring tone).
Two telephone lines are simulated: 9 and ten digits (90223456789) call somebody outside who
repeats what you say, 90800000001 calls you back; 1003 is an old telephone on line 2.
Console command "line show" tells what has happened on them.

Console:       %[1]s -C %[2]s -rvvv
Configuration: %[2]s
Stop with Ctrl-C.
`

// settleIn writes an asterisk.conf that keeps everything below dir, and the
// files of sample (nil: none) where there are none yet.
func settleIn(dir string, sample fs.FS) error {
	all := map[string]string{"asterisk.conf": fmt.Sprintf(`[directories]
astetcdir => %[1]s
astvarlibdir => %[1]s/lib
astdbdir => %[1]s/lib
astdatadir => %[1]s/data
astspooldir => %[1]s/spool
astrundir => %[1]s/run
astlogdir => %[1]s/log
`, dir)}
	if sample != nil {
		names, err := fs.Glob(sample, "*.conf")
		if err != nil {
			return err
		}
		for _, name := range names {
			text, err := fs.ReadFile(sample, name)
			if err != nil {
				return err
			}
			all[name] = string(text)
		}
	}
	for name, text := range all {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
			return err
		}
	}
	return nil
}

// during runs an exchange for as long as do takes.
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
