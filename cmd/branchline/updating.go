package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"branchline/appliance"
	"branchline/pbx/console/client"
	"branchline/rootfs/card"
	"branchline/rootfs/slots"
	"branchline/rootfs/update"
)

const updateUsage = `Usage: branchline update FILE|URL   install an update, then start it (--later: with the next start)
       branchline update show       how the newest update has ended
       branchline update confirm    on trial: prove that this system works, or go back (run at every start)`

// update is `update ...`, on the appliance's own image.
func (inv *invocation) update(ctx context.Context, args []string) error {
	later := len(args) == 2 && args[1] == "--later"
	if len(args) != 1 && !later {
		return fmt.Errorf("which update?\n%s", updateUsage)
	}
	c, err := card.Open()
	if err != nil {
		return err
	}
	switch args[0] {
	case "show":
		return showUpdate(os.Stdout, c)
	case "confirm":
		return inv.confirm(ctx, c)
	}
	source, err := openArtefact(ctx, args[0])
	if err != nil {
		return err
	}
	defer source.Close()
	if err := install(ctx, os.Stdout, c, source); err != nil {
		return err
	}
	if later {
		return nil
	}
	return card.Restart()
}

// showUpdate tells what runs and how the newest update ended.
func showUpdate(w io.Writer, c *card.Card) error {
	r := c.Release()
	fmt.Fprintf(w, "running: %s, release %d, for %s, in slot %s\n", r.Version, r.Counter, r.Board, update.SlotName(r.Slot))
	if r.Trying {
		fmt.Fprintln(w, "on trial: not confirmed yet")
	}
	report, err := update.ReadReport(os.DirFS(card.DataDir))
	if err != nil {
		return err
	}
	if report == nil {
		fmt.Fprintln(w, "there has been no update")
		return nil
	}
	fmt.Fprint(w, report)
	return nil
}

// openArtefact opens a file, or begins to fetch it.
func openArtefact(ctx context.Context, name string) (io.ReadCloser, error) {
	if !strings.Contains(name, "://") {
		return os.Open(name)
	}
	return update.Fetch(ctx, name)
}

// install writes the artefact into the idle slot, and the report of it.
func install(ctx context.Context, w io.Writer, c *card.Card, source io.Reader) error {
	keys, err := update.Keys(os.DirFS(card.KeyDir))
	if err != nil {
		return err
	}
	leftBehind() // what is older than this trial is no word of it
	tenth := int64(-1)
	m, err := update.Install(ctx, c, keys, source, func(done, all int64) {
		if now := done * 10 / all; now != tenth {
			tenth = now
			fmt.Fprintf(w, "%3d %% written\n", now*10)
		}
	})
	r := &update.Report{Outcome: update.Installed, Version: update.Unknown, Slot: slots.Other(c.Release().Slot), When: time.Now()}
	if m != nil {
		r.Version = m.Version
	}
	if err != nil {
		r.Outcome, r.Reason = update.Refused, err.Error()
	}
	if err := errors.Join(err, r.Save(card.DataDir)); err != nil {
		return err
	}
	fmt.Fprintf(w, "%s is in slot %s, on trial with the next start\n", r.Version, update.SlotName(r.Slot))
	return nil
}

// confirm is run at every start: it tells how a trial before this start has ended,
// takes in an update that lies on the boot partition, and decides a trial that this
// start is.
func (inv *invocation) confirm(ctx context.Context, c *card.Card) error {
	report, err := update.ReadReport(os.DirFS(card.DataDir))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if !c.Release().Trying {
		if report, err = update.Settle(card.DataDir, report, c.Release(), c.Failed(), leftBehind); err != nil {
			return err
		}
		if report != nil && report.Outcome == update.RolledBack {
			fmt.Fprint(os.Stderr, report)
		}
		return errors.Join(tellOnBoot(c), inv.takeFromBoot(ctx, c))
	}
	if err := update.Confirm(ctx, c, card.DataDir, update.TrialTime, inv.proves, func() []string { return consoleLines(ctx) }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return card.Restart()
	}
	// branchline-trial.timer looks for it.
	if err := os.WriteFile("/run/branchline-confirmed", nil, 0o644); err != nil {
		return err
	}
	fmt.Printf("%s in slot %s is confirmed\n", c.Release().Version, update.SlotName(c.Release().Slot))
	return tellOnBoot(c)
}

// proves asks the running exchange once whether it works on the network. The error is
// what it says last.
func (inv *invocation) proves(ctx context.Context) error {
	p, _, _, err := appliance.ReadMain(inv.options)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", appliance.ControlSocket(p))
	if err != nil {
		return fmt.Errorf("the exchange does not run: %w", err)
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	var said strings.Builder
	code := client.Attach(ctx, client.Options{
		Name: appliance.Name, Version: appliance.Name + " " + appliance.Version, Conn: conn,
		Once: true, Commands: []string{"core waitfullybooted", "net prove"}, Strict: true, Quiet: true, NoColour: true,
		In: os.Stdin, Out: &said, Err: &said,
	})
	if code == 0 {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	return errors.New(lines[len(lines)-1])
}

// takeFromBoot installs an update that somebody has put on the boot partition, once:
// the file is renamed first.
func (inv *invocation) takeFromBoot(ctx context.Context, c *card.Card) error {
	files, err := os.ReadDir(card.BootDir)
	if err != nil {
		return err
	}
	// FAT has its own mind about upper and lower case.
	i := slices.IndexFunc(files, func(f os.DirEntry) bool { return strings.EqualFold(filepath.Ext(f.Name()), update.Suffix) })
	if i < 0 {
		return nil
	}
	name := files[i].Name()
	taken := strings.TrimSuffix(name, filepath.Ext(name)) + ".old"
	if err := c.WriteBoot(func(dir string) error {
		return os.Rename(filepath.Join(dir, name), filepath.Join(dir, taken))
	}); err != nil {
		return err
	}
	source, err := os.Open(filepath.Join(card.BootDir, taken))
	if err != nil {
		return err
	}
	defer source.Close()
	fmt.Printf("%s on the boot partition is being installed\n", name)
	if err := install(ctx, os.Stdout, c, source); err != nil {
		return errors.Join(err, tellOnBoot(c))
	}
	return card.Restart()
}
