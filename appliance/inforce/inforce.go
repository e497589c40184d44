// Package inforce knows which configuration is in force, and how another comes into its
// place: whole or not at all, at the start, by a reload, by going back to one that was
// kept, and for as long as something is borrowed.
package inforce

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"branchline/appliance/configuration"
	"branchline/appliance/history"
	"branchline/pbx/astconf"
	"branchline/pbx/cli"
	"branchline/pbx/settings"
)

// ErrRefused reports a configuration with errors: the daemon does not start.
var ErrRefused = errors.New("the configuration was refused; see the errors above, or start with --lenient to go on without the broken parts")

// A Step readies something for next without any effect; commit puts next into force. A
// nil commit says that there is no way.
type Step func(present, next configuration.Config) (commit func(), diags []astconf.Diag)

// Options are what a Force works with.
type Options struct {
	Directories settings.Directories
	Judge       func() configuration.Judge
	Lenient     bool // broken objects are dropped at start instead of refusing to start
	Log         *slog.Logger

	// Exchange readies what calls need, Machine what else a configuration speaks of: who
	// borrows the exchange leaves that alone, whatever it was brought to since the files
	// were read.
	Exchange, Machine Step
}

// Force is the configuration in force.
type Force struct {
	o Options

	changing sync.Mutex // one change at a time; guards the next two
	present  configuration.Config
	lenient  bool // it had errors, and Options.Lenient let it pass

	accepted atomic.Pointer[time.Time]      // when the last configuration was
	findings atomic.Pointer[[]astconf.Diag] // of the last start or reload
}

// New makes a force without any configuration.
func New(o Options) *Force { return &Force{o: o} }

// Accepted is when the last configuration came into force; zero: none has.
func (f *Force) Accepted() time.Time {
	if at := f.accepted.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// Findings are those of the last start or reload.
func (f *Force) Findings() []astconf.Diag {
	if found := f.findings.Load(); found != nil {
		return *found
	}
	return nil
}

// prepare readies every part for next without any effect; commit puts it into
// force.
func (f *Force) prepare(next configuration.Config) (commit func(), diags []astconf.Diag) {
	exchange, diags := f.prepareExchange(next)
	machine, more := f.o.Machine(f.present, next)
	return func() {
		exchange()
		machine()
	}, append(diags, more...)
}

func (f *Force) prepareExchange(next configuration.Config) (commit func(), diags []astconf.Diag) {
	put, diags := f.o.Exchange(f.present, next)
	if put == nil {
		return func() {}, diags
	}
	return func() {
		put()
		f.present = next
		now := time.Now()
		f.accepted.Store(&now)
	}, diags
}

// First puts the configuration on disk into force, or explains why not. read is told
// what the files say before anything is readied; if again says so everything is readied
// once more.
func (f *Force) First(read func(configuration.Config), again func([]astconf.Diag) bool) error {
	f.settle()
	next, diags := f.o.Judge().Read()
	read(next)
	commit, more := f.prepare(next)
	for again(more) {
		commit, more = f.prepare(next)
	}
	diags = append(diags, more...)
	f.findings.Store(&diags)
	configuration.Report(f.o.Log, diags)
	f.lenient = astconf.Failed(diags)
	if f.lenient && !f.o.Lenient && !next.Bearable(diags) {
		return ErrRefused
	}
	commit()
	return nil
}

// Reload reads the configuration anew. What there is to say goes to the log. An
// error means that nothing was changed.
func (f *Force) Reload() (diags []astconf.Diag, changes []history.Change, err error) {
	f.changing.Lock()
	defer f.changing.Unlock()
	before := f.present
	if diags, err = f.reloadFiles(); err == nil {
		changes = f.changedSince(before)
	}
	return diags, changes, err
}

// reloadFiles is Reload for who holds f.changing.
func (f *Force) reloadFiles() (diags []astconf.Diag, err error) {
	defer func() { f.findings.Store(&diags) }()
	next, diags := f.o.Judge().Read()
	if !astconf.Failed(diags) {
		commit, more := f.prepare(next)
		diags = append(diags, more...)
		if !astconf.Failed(diags) {
			commit()
			f.lenient = false
			f.remember()
			return diags, nil
		}
	}
	errs := 0
	for _, found := range diags {
		if found.Severity == astconf.Error {
			errs++
		}
	}
	return diags, fmt.Errorf("the new configuration was refused because of %d error(s); nothing was changed", errs)
}

// ReloadFor is `core reload` and its relatives. All files are read and checked together
// whatever part was named: a configuration is accepted or refused whole.
func (f *Force) ReloadFor(_ context.Context, w io.Writer, part string) error {
	diags, changes, err := f.Reload()
	show(w, diags)
	if err != nil {
		return err
	}
	if part == "" || len(changes) > 0 {
		showChanges(w, changes)
	}
	return nil
}

// Borrow puts the configuration in force into force with what lend gives behind the
// user's own sections, for as long as do takes. What runs meanwhile is not disturbed, and
// files edited since the last reload stay unread. What is wrong is written to w.
func (f *Force) Borrow(w io.Writer, lend func(present configuration.Config) (fs.FS, error), do func() error) error {
	f.changing.Lock()
	defer f.changing.Unlock()
	before := f.present
	extra, err := lend(before)
	if err != nil {
		return err
	}
	during, diags := before.With(extra, f.o.Judge())
	commit, more := f.prepareExchange(during)
	if diags = append(diags, more...); astconf.Failed(diags) && !f.o.Lenient {
		for _, found := range diags {
			if found.Severity == astconf.Error {
				fmt.Fprintln(w, found.String())
			}
		}
		return errors.New("the self-test's phones could not be configured")
	}
	commit()
	err = do()
	restore, more := f.prepareExchange(before)
	if astconf.Failed(more) && !f.o.Lenient {
		configuration.Report(f.o.Log, more)
	}
	restore()
	return err
}

// changedSince lists what is different in the configuration in force.
func (f *Force) changedSince(old configuration.Config) []history.Change {
	return history.Changes(history.Config{Files: old.Files, Plan: old.Plan}, history.Config{Files: f.present.Files, Plan: f.present.Plan})
}

// maxChanges is how many changes a reload lists.
const maxChanges = 50

func showChanges(w io.Writer, changes []history.Change) {
	cli.Add(w, "changes")
	for _, c := range changes {
		cli.Add(w, "changes", cli.Fields("what", c.What, "kind", c.Kind, "name", c.Name, "detail", c.Detail))
	}
	if len(changes) == 0 {
		fmt.Fprintln(w, "Nothing has changed.")
		return
	}
	fmt.Fprintf(w, "%d change(s) in force:\n", len(changes))
	history.Write(w, changes, maxChanges)
}

// show prints what the user should know.
func show(w io.Writer, diags []astconf.Diag) {
	for _, f := range diags {
		if f.Severity > astconf.Note {
			fmt.Fprintln(w, f.String())
		}
	}
}
