package inforce

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

	"branchline/appliance/history"
	"branchline/pbx/astconf"
	"branchline/pbx/cli"
)

// historyDir holds the kept configurations, in astvarlibdir.
const historyDir = "config-history"

func (f *Force) history() history.Store {
	return history.Store{Dir: filepath.Join(f.o.Directories.VarLib, historyDir)}
}

// Kept are the files of the kept configurations, and their directory; none if there are
// none.
func (f *Force) Kept() ([]string, error) {
	dir := f.history().Dir
	kept, err := filepath.Glob(filepath.Join(dir, "*"))
	if len(kept) > 0 {
		kept = append(kept, dir)
	}
	return kept, err
}

// Remember keeps the configuration in force. That it could not be kept is no
// reason to refuse it.
func (f *Force) Remember() {
	f.changing.Lock()
	defer f.changing.Unlock()
	f.remember()
}

// remember is Remember for who holds f.changing.
func (f *Force) remember() {
	if f.lenient {
		return
	}
	set, err := history.Read(f.o.Directories.Etc, f.present.Parts())
	if err == nil {
		_, err = f.history().Keep(set, true)
	}
	if err != nil {
		f.o.Log.Warn("the configuration is not kept for a rollback", "error", err)
	}
}

// settle puts the files of one configuration in place where a rollback was cut off
// with some of two.
func (f *Force) settle() {
	etc := f.o.Directories.Etc
	found, err := f.history().Settle(etc)
	switch {
	case err != nil:
		f.o.Log.Error("the power was cut during a rollback, and the files are not those of one configuration", "directory", etc, "error", err)
	case found:
		f.o.Log.Warn("the power was cut during a rollback: the files are as they were before it", "directory", etc)
	}
}

// rollback puts the files of a kept configuration back and into force. If that
// fails the files are as they were.
func (f *Force) rollback(w io.Writer, number int) error {
	f.changing.Lock()
	defer f.changing.Unlock()
	etc, store := f.o.Directories.Etc, f.history()
	set, version, err := store.Load(number)
	if err != nil {
		return err
	}
	// What is on disk may be something else than what is in force.
	written, _ := f.o.Judge().Read()
	present, err := history.Read(etc, slices.Concat(f.present.Parts(), written.Parts()))
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
	before := f.present
	outside, err := history.Put(etc, present, set)
	var diags []astconf.Diag
	if err == nil {
		diags, err = f.reloadFiles()
	}
	if err != nil {
		_, back := history.Put(etc, set, present)
		if back == nil {
			back = store.Done()
		}
		if back != nil {
			return fmt.Errorf("%w; and the files could not be put back (%w): they are configuration %d", err, back, saved.Number)
		}
		show(w, diags)
		return fmt.Errorf("%w; the files are as they were", err)
	}
	if err := store.Done(); err != nil {
		return fmt.Errorf("configuration %d is in force, until the next start: %w", number, err)
	}
	show(w, diags)
	fmt.Fprintf(w, "Configuration %d, accepted %s, is in force again.\n", number, stamp(version.Last))
	if saved.Number != number {
		fmt.Fprintf(w, "The files as they were are configuration %d.\n", saved.Number)
	}
	for _, name := range outside {
		fmt.Fprintf(w, "%s was different then, but lies outside of %s and was left as it is.\n", name, etc)
	}
	showChanges(w, f.changedSince(before))
	return nil
}

func stamp(t time.Time) string { return t.Format("2006-01-02 15:04:05") }

// Commands are the console's, about the configurations that were in force before.
func (f *Force) Commands() []cli.Command {
	return []cli.Command{
		{
			Path: "config history", Summary: "List the configurations that can be put back",
			Usage: "Usage: config history\n       Lists the last configurations that were accepted, the latest first, and\n       files that were saved because a rollback replaced them.",
			Run: func(_ context.Context, w io.Writer, args []string) error {
				if len(args) > 0 {
					return cli.ErrUsage
				}
				return f.showHistory(w)
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
				return f.rollback(w, n)
			},
			Complete: func(args []string) []string {
				if len(args) != 1 {
					return nil
				}
				all, err := f.history().List()
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

func (f *Force) showHistory(w io.Writer) error {
	f.changing.Lock()
	defer f.changing.Unlock()
	all, err := f.history().List()
	if err != nil {
		return err
	}
	now := ""
	set, err := history.Read(f.o.Directories.Etc, f.present.Parts())
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
