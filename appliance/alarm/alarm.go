// Package alarm says when the newest update of this machine has failed: in the log, in the
// service's status and on the console. The lamp shows it too; see package led.
package alarm

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"branchline/appliance/systemd"
	"branchline/pbx/cli"
	"branchline/rootfs/card"
	"branchline/rootfs/update"
)

// pace is how often the report of the newest update is read.
const pace = 10 * time.Second

// An Alarm is raised, once, when the newest update has failed, and stands for as long as
// that is so. On a machine that is no appliance it never is.
type Alarm struct {
	log *slog.Logger
	why atomic.Pointer[string] // "" or nil: nothing
}

// New makes an alarm; nothing is looked at before Run.
func New(log *slog.Logger) *Alarm { return &Alarm{log: log} }

// Run looks at the reports of updates until ctx ends.
func (a *Alarm) Run(ctx context.Context) error {
	if !systemd.OnAppliance() {
		<-ctx.Done()
		return nil
	}
	look := time.NewTicker(pace)
	defer look.Stop()
	for last := ""; ; {
		report, err := update.ReadReport(os.DirFS(card.DataDir))
		if err != nil {
			a.log.Warn("report of the newest update", "error", err)
		}
		why := report.Alarm()
		if why != "" && why != last {
			a.log.Error(why)
		}
		last = why
		a.why.Store(&why)
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Why is what somebody should look after, "" if there is nothing.
func (a *Alarm) Why() string {
	if why := a.why.Load(); why != nil {
		return *why
	}
	return ""
}

// Commands show, on an appliance, what runs and how its newest update ended.
func Commands() []cli.Command {
	if !systemd.OnAppliance() {
		return nil
	}
	return []cli.Command{{
		Path: "update show", Summary: "Show how the newest update of this machine has ended",
		Usage: "Usage: update show\n       Shows what runs, and the newest update: whether it is installed, and if not why,\n       with the last lines of the system that failed.\n",
		Run: func(_ context.Context, w io.Writer, args []string) error {
			if len(args) > 0 {
				return cli.ErrUsage
			}
			return showUpdate(w)
		},
	}}
}

func showUpdate(w io.Writer) error {
	release, err := os.ReadFile(card.ReleaseFile)
	if err != nil {
		return err
	}
	report, err := update.ReadReport(os.DirFS(card.DataDir))
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "running:\n%s", release)
	if report == nil {
		fmt.Fprintln(w, "there has been no update")
		return nil
	}
	fmt.Fprint(w, report)
	return nil
}
