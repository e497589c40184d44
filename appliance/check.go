package appliance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"branchline/appliance/hardware"
	"branchline/media/sound"
	"branchline/media/sound/prompts"
	"branchline/pbx/astconf"
	"branchline/pbx/check"
	"branchline/pbx/cli"
	"branchline/pbx/dialplan"
	"branchline/pbx/fn"
	"branchline/pbx/settings"
)

// A judge is what it takes, beside the files, to judge a configuration.
type judge struct {
	process settings.Process
	catalog dialplan.Catalog
	here    bool // the lines are those of this machine
}

func (d *daemon) judge() judge { return judge{d.process, d.system.Catalog, d.hardware != nil} }

// input is what the checks want: the files, and what this machine is like.
func (j judge) input(files map[string]*astconf.File) check.Input {
	sounds := library(j.process.Directories)
	in := check.Input{
		Files: files, Catalog: j.catalog,
		Language: j.process.DefaultLanguage, HasSound: sounds.Has, Addresses: localAddresses(), Interfaces: localInterfaces(),
		Source: j.source, Port: hardware.PortsOf(j.process.Directories.Etc),
	}
	if j.here {
		in.Exists = func(path string) bool { _, err := os.Stat(path); return err == nil }
	}
	return in
}

// source reads a file named as in findings.
func (j judge) source(file string) ([]byte, error) {
	if !filepath.IsAbs(file) {
		file = filepath.Join(j.process.Directories.Etc, file)
	}
	return os.ReadFile(file)
}

// library holds the prompts: those in files first, then those of the program.
func library(d settings.Directories) *sound.Library {
	return &sound.Library{
		Dirs: []string{filepath.Join(d.Data, "sounds"), filepath.Join(d.VarLib, "sounds")}, Embedded: prompts.FS,
	}
}

// localAddresses are those of this machine's interfaces; none if they cannot be
// told.
func localAddresses() []netip.Addr {
	found, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range found {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLinkLocalUnicast() {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out
}

// localInterfaces are the names of this machine's interfaces; none if they cannot be
// told.
func localInterfaces() []string {
	found, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var out []string
	for _, i := range found {
		out = append(out, i.Name)
	}
	return out
}

// CheckOptions are what `branchline check` was asked for.
type CheckOptions struct {
	Config string   // -C, as in Options
	Dir    string   // the directory to look at, whatever asterisk.conf says; "" is Config's
	Fix    bool     // apply what is safe
	Rules  []string // and the fixes of these rules
	JSON   bool
	DNS    bool // look up host names too
}

// ErrFaulty reports a configuration that the exchange would refuse.
var ErrFaulty = errors.New("the configuration has errors")

// Check reads a configuration as the exchange would, and reports on it to w.
func Check(ctx context.Context, w io.Writer, o CheckOptions) error {
	report, etc, err := inspect(ctx, o)
	if err != nil {
		return err
	}
	for round := 0; o.Fix && round < maxRounds; round++ {
		edits := check.Chosen(report.Findings, o.Rules)
		if len(edits) == 0 {
			break
		}
		backups, done, err := check.Rewrite(etc, edits)
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
func inspect(ctx context.Context, o CheckOptions) (r check.Report, etc string, err error) {
	main := o.Config
	if o.Dir != "" {
		main = o.Dir
	}
	p, file, diags, err := ReadMain(Options{Config: main})
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
	if !slices.ContainsFunc(configFiles, func(name string) bool { _, err := os.Stat(filepath.Join(etc, name)); return err == nil }) {
		return r, "", fmt.Errorf("%s: there is none of %v: %w", etc, configFiles, fs.ErrNotExist)
	}
	j := judge{process: p, catalog: staticCatalog()}
	c, found := readConfiguration(j)
	diags = append(diags, found...)
	if o.DNS {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		diags = append(diags, check.Names(ctx, c.settings, net.DefaultResolver.LookupNetIP)...)
	}
	return check.Report{Dir: relative(shown), Findings: check.Arrange(diags, j.source), Source: j.source}, etc, nil
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

// staticCatalog knows what applications and functions there are; none of them
// can be run.
func staticCatalog() dialplan.Catalog {
	system := dialplan.NewSystem(nil)
	return catalogOf(system, fn.Deps{System: system})
}

// checkCommands are the console's view of the same.
func (d *daemon) checkCommands() []cli.Command {
	list := func(w io.Writer, diags []astconf.Diag) {
		errs, warnings, notes := 0, 0, 0
		for _, f := range check.Arrange(diags, d.judge().source) {
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
				if found := d.findings.Load(); found != nil {
					list(w, *found)
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
				_, diags := readConfiguration(d.judge())
				list(w, diags)
				if astconf.Failed(diags) {
					return ErrFaulty
				}
				return nil
			},
		},
	}
}
