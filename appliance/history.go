package appliance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"branchline/appliance/configuration"
	"branchline/appliance/history"
	"branchline/pbx/astconf"
	"branchline/pbx/cli"
)

// historyDir holds the kept configurations, in astvarlibdir.
const historyDir = "config-history"

func (d *daemon) history() history.Store {
	return history.Store{Dir: filepath.Join(d.process.Directories.VarLib, historyDir)}
}

// remember keeps the configuration in force. That it could not be kept is no
// reason to refuse it.
func (d *daemon) remember() {
	if d.lenient {
		return
	}
	set, err := history.Read(d.process.Directories.Etc, d.inForce.Parts())
	if err == nil {
		_, err = d.history().Keep(set, true)
	}
	if err != nil {
		d.log.Warn("the configuration is not kept for a rollback", "error", err)
	}
}

// changedSince lists what is different in the configuration in force.
func (d *daemon) changedSince(old configuration.Config) []history.Change {
	return history.Changes(history.Config{Files: old.Files, Plan: old.Plan}, history.Config{Files: d.inForce.Files, Plan: d.inForce.Plan})
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

// settle puts the files of one configuration in place where a rollback was cut off
// with some of two.
func (d *daemon) settle() {
	etc := d.process.Directories.Etc
	found, err := d.history().Settle(etc)
	switch {
	case err != nil:
		d.log.Error("the power was cut during a rollback, and the files are not those of one configuration", "directory", etc, "error", err)
	case found:
		d.log.Warn("the power was cut during a rollback: the files are as they were before it", "directory", etc)
	}
}

// rollback puts the files of a kept configuration back and into force. If that
// fails the files are as they were.
func (d *daemon) rollback(w io.Writer, number int) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	etc, store := d.process.Directories.Etc, d.history()
	set, version, err := store.Load(number)
	if err != nil {
		return err
	}
	// What is on disk may be something else than what is in force.
	written, _ := d.judge().Read()
	present, err := history.Read(etc, slices.Concat(d.inForce.Parts(), written.Parts()))
	if err != nil {
		return err
	}
	saved, err := store.Keep(present, false)
	if err != nil {
		return fmt.Errorf("the files as they are cannot be saved: %w; nothing was changed", err)
	}
	if err := store.Begin(saved.Number, number); err != nil {
		return fmt.Errorf("%w; nothing was changed", err)
	}
	before := d.inForce
	outside, err := history.Put(etc, present, set)
	var diags []astconf.Diag
	if err == nil {
		diags, err = d.reloadFiles()
	}
	if err != nil {
		_, back := history.Put(etc, set, present)
		if back == nil {
			back = store.Done()
		}
		if back != nil {
			return fmt.Errorf("%w; and the files could not be put back (%w): they are configuration %d", err, back, saved.Number)
		}
		findings(w, diags)
		return fmt.Errorf("%w; the files are as they were", err)
	}
	if err := store.Done(); err != nil {
		return fmt.Errorf("configuration %d is in force, until the next start: %w", number, err)
	}
	findings(w, diags)
	fmt.Fprintf(w, "Configuration %d, accepted %s, is in force again.\n", number, stamp(version.Last))
	if saved.Number != number {
		fmt.Fprintf(w, "The files as they were are configuration %d.\n", saved.Number)
	}
	for _, name := range outside {
		fmt.Fprintf(w, "%s was different then, but lies outside of %s and was left as it is.\n", name, etc)
	}
	showChanges(w, d.changedSince(before))
	return nil
}

// findings prints what the user should know.
func findings(w io.Writer, diags []astconf.Diag) {
	for _, f := range diags {
		if f.Severity > astconf.Note {
			fmt.Fprintln(w, f.String())
		}
	}
}

func stamp(t time.Time) string { return t.Format("2006-01-02 15:04:05") }

// historyCommands are the console's.
func (d *daemon) historyCommands() []cli.Command {
	return []cli.Command{
		{
			Path: "config history", Summary: "List the configurations that can be put back",
			Usage: "Usage: config history\n       Lists the last configurations that were accepted, the latest first, and\n       files that were saved because a rollback replaced them.",
			Run: func(_ context.Context, w io.Writer, args []string) error {
				if len(args) > 0 {
					return cli.ErrUsage
				}
				return d.showHistory(w)
			},
		},
		{
			Path: "config rollback", Summary: "Put a former configuration back into force",
			Usage: "Usage: config rollback <number>\n       Saves the configuration files as they are, replaces them by those of the\n       configuration with this number (see 'config history') and reloads. If that\n       configuration is refused, the files stay as they were.",
			Run: func(_ context.Context, w io.Writer, args []string) error {
				if len(args) != 1 {
					return cli.ErrUsage
				}
				n, err := strconv.Atoi(args[0])
				if err != nil {
					return cli.ErrUsage
				}
				return d.rollback(w, n)
			},
			Complete: func(args []string) []string {
				if len(args) != 1 {
					return nil
				}
				all, err := d.history().List()
				if err != nil {
					return nil // the command itself says why
				}
				var out []string
				for _, v := range all {
					out = append(out, strconv.Itoa(v.Number))
				}
				return out
			},
		},
	}
}

func (d *daemon) showHistory(w io.Writer) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	all, err := d.history().List()
	if err != nil {
		return err
	}
	now := ""
	set, err := history.Read(d.process.Directories.Etc, d.inForce.Parts())
	if err == nil {
		now = set.Hash()
	}
	t := cli.NewTable(w, "configurations", "%3v  %-19v  %-19v  %7v  %v\n", "number,first,last,size,note")
	t.Head("No.", "First accepted", "Last accepted", "Size", "")
	for _, v := range all {
		var notes []string
		if !v.Accepted {
			notes = append(notes, "saved before a rollback, not accepted")
		}
		if v.Hash == now {
			notes = append(notes, "the files as they are")
		}
		t.Row(v.Number, stamp(v.First), stamp(v.Last), v.Size, strings.Join(notes, ", "))
	}
	if len(all) == 0 {
		return errors.New("no configuration has been kept yet")
	}
	return nil
}
