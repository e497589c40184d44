// Package inspect answers questions about a configuration without putting it into
// force: what is wrong with it, and what would happen if a phone dialled a number.
package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"branchline/appliance/configuration"
	"branchline/pbx/astconf"
	"branchline/pbx/check/objects"
	"branchline/pbx/check/verdict"
	"branchline/pbx/cli"
	"branchline/pbx/settings"
)

// Options are what `branchline check` was asked for.
type Options struct {
	Config string   // -C: an asterisk.conf, or a directory that may hold one; "" is /etc/asterisk
	Dir    string   // the directory to look at, whatever asterisk.conf says; "" is Config's
	Fix    bool     // apply what is safe
	Rules  []string // and the fixes of these rules
	JSON   bool
	DNS    bool // look up host names too
}

// ErrFaulty reports a configuration that the exchange would refuse.
var ErrFaulty = errors.New("the configuration has errors")

// Check reads a configuration as the exchange would, and reports on it to w.
func Check(ctx context.Context, w io.Writer, o Options) error {
	report, etc, err := inspect(ctx, o)
	if err != nil {
		return err
	}
	for round := 0; o.Fix && round < maxRounds; round++ {
		edits := verdict.Chosen(report.Findings, o.Rules)
		if len(edits) == 0 {
			break
		}
		backups, done, err := verdict.Rewrite(etc, edits)
		for _, file := range slices.Sorted(maps.Keys(backups)) {
			if !o.JSON {
				fmt.Fprintf(w, "%s: repaired; the file as it was is %s\n", file, backups[file])
			}
		}
		if err != nil {
			return err
		}
		if done == 0 {
			break
		}
		// One mistake may have hidden another.
		if report, etc, err = inspect(ctx, o); err != nil {
			return err
		}
	}
	write := report.Write
	if o.JSON {
		write = report.JSON
	}
	if err := write(w); err != nil {
		return err
	}
	if astconf.Failed(report.Findings) {
		return ErrFaulty
	}
	return nil
}

// maxRounds bounds how often files are repaired and read again.
const maxRounds = 5

// inspect reads and judges; etc is the directory that relative names of files
// in the findings belong to.
func inspect(ctx context.Context, o Options) (r verdict.Report, etc string, err error) {
	main := o.Config
	if o.Dir != "" {
		main = o.Dir
	}
	p, file, diags, err := configuration.Main(main)
	if err != nil && len(diags) == 0 {
		return r, "", err
	}
	if err != nil {
		p = settings.DefaultProcess() // the findings say what is wrong with it
	}
	shown := o.Dir
	if o.Dir != "" {
		if file != "" && p.Directories.Etc != o.Dir && err == nil {
			diags = append(diags, astconf.Diag{Pos: astconf.Pos{File: "asterisk.conf"}, Severity: astconf.Warning, Rule: "other-directory",
				Message: "[directories] says astetcdir=" + p.Directories.Etc, Effect: "an exchange started with -C " + o.Dir + " reads its configuration there, not here",
				Cure: "correct astetcdir, or begin the section with [directories](!)"})
		}
		p.Directories.Etc = o.Dir
	}
	etc = p.Directories.Etc
	if shown == "" {
		shown = etc
	}
	if file != "" && filepath.Dir(file) != filepath.Clean(etc) {
		for i := range diags {
			diags[i].File = file
		}
	}
	if !slices.ContainsFunc(configuration.Names(), func(name string) bool { _, err := os.Stat(filepath.Join(etc, name)); return err == nil }) {
		return r, "", fmt.Errorf("%s: there is none of %v: %w", etc, configuration.Names(), fs.ErrNotExist)
	}
	j := configuration.Judge{Process: p}
	c, found := j.Read()
	diags = append(diags, found...)
	if o.DNS {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		diags = append(diags, objects.Resolve(ctx, c.Settings, net.DefaultResolver.LookupNetIP)...)
	}
	return verdict.Report{Dir: relative(shown), Findings: verdict.Arrange(diags, j.Source), Source: j.Source}, etc, nil
}

// relative is a directory as seen from the present one, if that is shorter.
func relative(dir string) string {
	if wd, err := os.Getwd(); err == nil {
		if r, err := filepath.Rel(wd, dir); err == nil && len(r) < len(dir) {
			return r
		}
	}
	return dir
}

// CheckCommands are the console's view of the same: judge is of the exchange that runs,
// found what its last start or reload had to say.
func CheckCommands(judge func() configuration.Judge, found func() []astconf.Diag) []cli.Command {
	list := func(w io.Writer, diags []astconf.Diag) {
		errs, warnings, notes := 0, 0, 0
		for _, f := range verdict.Arrange(diags, judge().Source) {
			fmt.Fprintln(w, f.String())
			cli.Add(w, "findings", cli.Fields("file", f.File, "line", f.Line, "column", f.Col, "severity", f.Severity.String(),
				"rule", f.Rule, "message", f.Message, "effect", f.Effect, "cure", f.Cure))
			switch f.Severity {
			case astconf.Error:
				errs++
			case astconf.Warning:
				warnings++
			default:
				notes++
			}
		}
		cli.Show(w, "errors,warnings,notes", "%d errors, %d warnings, %d notes\n", errs, warnings, notes)
	}
	return []cli.Command{
		{
			Path: "pbx show warnings", Summary: "Show what the last start or reload found in the configuration",
			Usage: "Usage: pbx show warnings\n       Lists the findings of the last start or reload.",
			Run: func(_ context.Context, w io.Writer, args []string) error {
				if len(args) > 0 {
					return cli.ErrUsage
				}
				if diags := found(); diags != nil {
					list(w, diags)
				}
				return nil
			},
		},
		{
			Path: "config check", Summary: "Check the configuration files without putting them into force",
			Usage: "Usage: config check\n       Reads the files as a reload would, lists what it finds, and changes nothing.",
			Run: func(_ context.Context, w io.Writer, args []string) error {
				if len(args) > 0 {
					return cli.ErrUsage
				}
				_, diags := judge().Read()
				list(w, diags)
				if astconf.Failed(diags) {
					return ErrFaulty
				}
				return nil
			},
		},
	}
}
