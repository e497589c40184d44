package show

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"branchline/pbx/cli"
)

func (x view) recordCommands() []cli.Command {
	return []cli.Command{
		{Path: "cdr set debug [on|off]", Summary: "Enable debugging in the CDR engine",
			Usage: "Usage: cdr set debug [on|off]\n       Logs the record of each call when it ends, or ends that.\n", Run: x.debugRecords},
		{Path: "cdr show status", Summary: "Display the CDR status",
			Usage: "Usage: cdr show status\n       Shows what is done with call records.\n", Run: showRecordStatus},
		{Path: "cdr show active", Summary: "Display active CDRs for channels",
			Usage: "Usage: cdr show active [channel]\n       Lists the calls that are up as their records stand now.\n",
			Run:   x.showRecords, Complete: x.completeChannel},
		{Path: "cdr submit", Summary: "Posts all pending batched CDR data",
			Usage: "Usage: cdr submit\n       Records are never held back, so there is nothing to post.\n",
			Run: func(_ context.Context, w io.Writer, args []string) error {
				if len(args) > 0 {
					return cli.ErrUsage
				}
				_, err := fmt.Fprintln(w, "Cannot submit CDR batch: batch mode not enabled.")
				return err
			}},
	}
}

func (x view) debugRecords(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	switch strings.ToLower(args[0]) {
	case "on":
		if !x.DebugRecords(true) {
			fmt.Fprintln(w, "CDR debugging enabled")
		}
	case "off":
		if x.DebugRecords(false) {
			fmt.Fprintln(w, "CDR debugging disabled")
		}
	default:
		return cli.ErrUsage
	}
	return nil
}

// showRecordStatus tells the truth: records can be read in the dialplan and seen
// here, and are not written anywhere.
func showRecordStatus(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	cli.Put(w, "logging", false)
	cli.Put(w, "backends", []string{})
	_, err := io.WriteString(w, `
Call Detail Record (CDR) settings
----------------------------------
  Logging:                    Disabled

* Registered Backends
  -------------------
    (none)

`)
	return err
}

func (x view) showRecords(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 1 {
		return cli.ErrUsage
	}
	day := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.TimeOnly)
	}
	since := func(t, now time.Time) string {
		if t.IsZero() {
			return "00000000"
		}
		return fmt.Sprintf("%08d", int(now.Sub(t).Seconds()))
	}
	fmt.Fprint(w, "\nChannels with Call Detail Record (CDR) Information\n--------------------------------------------------\n")
	t := cli.NewTable(w, "records", "%-25.25s %-25.25s %-15.15s %-8.8s %-8.8s %-8.8s %-8.8s %-8.8s\n",
		"channel,dstchannel,lastapp,start,answer,,billsec,duration")
	t.Head("Channel", "Dst. Channel", "LastApp", "Start", "Answer", "End", "Billsec", "Duration")
	now := time.Now()
	for _, s := range x.Channels() {
		if s.Inbound && (len(args) == 0 || strings.EqualFold(s.Name, args[0])) {
			t.Row(s.Name, cmp.Or(s.Peer, "<none>"), s.App, day(s.Created), day(s.AnsweredAt), day(now), since(s.AnsweredAt, now), since(s.Created, now))
		}
	}
	return nil
}
