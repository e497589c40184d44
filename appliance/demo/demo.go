// Package demo starts exchanges that keep everything in one directory: one on the sample
// configuration with two simulated telephone lines, for people to try, and one that only
// calls itself.
package demo

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"branchline/appliance"
	"branchline/configs"
)

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
	return appliance.Aside(ctx, appliance.Options{Config: dir, Quiet: true}, func(ctx context.Context, selftest func(context.Context, io.Writer) error) error {
		return selftest(ctx, w)
	})
}

// Run starts an exchange on the sample configuration in dir (made if it is not
// there yet), proves it with a self-test, says how to register a phone and
// serves until ctx ends.
func Run(ctx context.Context, w io.Writer, dir string, o appliance.Options) error {
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
	return appliance.Aside(ctx, o, func(ctx context.Context, selftest func(context.Context, io.Writer) error) error {
		if err := selftest(ctx, w); err != nil {
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
