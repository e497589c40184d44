package appliance

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"branchline/appliance/systemd"
	"branchline/pbx/cli"
	"branchline/rootfs/card"
	"branchline/rootfs/update"
)

// alarmPace is how often the report of the newest update is read.
const alarmPace = 10 * time.Second

// watchUpdate raises an alarm, once, when the newest update of this machine has failed:
// an error in the log, and a word in the service's status for as long as that is so.
// The lamp shows it too; see package led.
func (d *daemon) watchUpdate(ctx context.Context) error {
	if !systemd.OnAppliance() {
		<-ctx.Done()
		return nil
	}
	look := time.NewTicker(alarmPace)
	defer look.Stop()
	for last := ""; ; {
		report, err := update.ReadReport(os.DirFS(card.DataDir))
		if err != nil {
			d.log.Warn("report of the newest update", "error", err)
		}
		alarm := report.Alarm()
		if alarm != "" && alarm != last {
			d.log.Error(alarm)
		}
		last = alarm
		d.alarm.Store(&alarm)
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// alarmed is what the service's status says beside the rest.
func (d *daemon) alarmed() string {
	if alarm := d.alarm.Load(); alarm != nil && *alarm != "" {
		return "; " + *alarm
	}
	return ""
}

// updateCommands show, on the appliance, what runs and how its newest update ended.
func (d *daemon) updateCommands() []cli.Command {
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
