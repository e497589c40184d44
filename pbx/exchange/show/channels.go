package show

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/exchange"
)

// showChannels is `core show channels [concise|verbose|count]`.
func (x view) showChannels(ctx context.Context, w io.Writer, args []string) error {
	all := x.Channels()
	how := ""
	if len(args) > 0 {
		how = strings.ToLower(args[0])
	}
	now := time.Now()
	cli.Add(w, "channels")
	for _, s := range all {
		cli.Add(w, "channels", channelRecord(s, now))
	}
	switch how {
	case "concise":
		for _, s := range all {
			fmt.Fprintf(w, "%s!%s!%s!%d!%s!%s!%s!%s!%s!%s!3!%d!%s!%s\n", s.Name, s.Context, s.Exten, s.Priority, s.State,
				cmp.Or(s.App, "(None)"), s.Data, s.Caller.Number, s.Account, s.PeerAccount,
				int(now.Sub(s.Created).Seconds()), cmp.Or(s.Bridge, "(None)"), s.UniqueID)
		}
		return nil
	case "verbose":
		const row = "%-80.80s %-24.24s %-24.24s %-4.4s %-7.7s %-12.12s %-25.25s %-15.15s %8.8s %-11.11s %-11.11s %-20.20s\n"
		fmt.Fprintf(w, row, "Channel", "Context", "Extension", "Prio", "State", "Application", "Data", "CallerID",
			"Duration", "Accountcode", "PeerAccount", "BridgeID")
		for _, s := range all {
			fmt.Fprintf(w, row, s.Name, s.Context, s.Exten, fmt.Sprintf("%4d", s.Priority), s.State.String(),
				cmp.Or(s.App, "(None)"), cmp.Or(s.Data, "(Empty)"), s.Caller.Number, clock(now.Sub(s.Created)),
				s.Account, s.PeerAccount, cmp.Or(s.Bridge, "(None)"))
		}
	case "count":
	case "":
		const row = "%-64.64s %-32.32s %-7.7s %-30.30s\n"
		fmt.Fprintf(w, row, "Channel", "Location", "State", "Application(Data)")
		for _, s := range all {
			where, what := "(None)", "(None)"
			if s.Exten != "" {
				where = fmt.Sprintf("%s@%s:%d", s.Exten, s.Context, s.Priority)
			}
			if s.App != "" {
				what = fmt.Sprintf("%s(%s)", s.App, s.Data)
			}
			fmt.Fprintf(w, row, s.Name, where, s.State.String(), what)
		}
	default:
		return cli.ErrUsage
	}
	fmt.Fprintf(w, "%d active channel%s\n", len(all), plural(len(all)))
	return x.showCalls(ctx, w, nil)
}

// channelRecord is a channel in a document.
func channelRecord(s *channel.Snapshot, now time.Time) cli.Record {
	return cli.Fields("name", s.Name, "context", s.Context, "exten", s.Exten, "priority", s.Priority, "state", s.State.String(),
		"application", s.App, "data", s.Data, "caller_number", s.Caller.Number, "caller_name", s.Caller.Name,
		"connected_number", s.Connected.Number, "account", s.Account, "peer_account", s.PeerAccount,
		"seconds", int(now.Sub(s.Created).Seconds()), "bridge", s.Bridge, "peer", s.Peer, "codec", s.Codec, "uniqueid", s.UniqueID, "linkedid", s.LinkedID)
}

// showCalls is `core show calls [uptime]`.
func (x view) showCalls(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 1 || len(args) == 1 && !strings.EqualFold(args[0], "uptime") {
		return cli.ErrUsage
	}
	active, processed := x.Counts()
	cli.Show(w, "active_calls,", "%d active call%s\n", active, plural(active))
	cli.Show(w, "calls_processed,", "%d call%s processed\n", processed, plural(int(processed)))
	if len(args) == 1 {
		cli.Show(w, "uptime_seconds,", "System uptime: %d second%s\n", int(time.Since(x.Began()).Seconds()), plural(int(time.Since(x.Began()).Seconds())))
	}
	return nil
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// clock prints a duration as 00:00:00.
func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}

// stateNumbers are Asterisk's numbers of the channel states.
var stateNumbers = map[channel.State]int{channel.Down: 0, channel.Dialing: 3, channel.Ring: 4, channel.RingingState: 5, channel.Up: 6}

// showChannel is `core show channel X`.
func (x view) showChannel(ctx context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	c, ok := x.Find(args[0])
	if !ok {
		fmt.Fprintf(w, "%s is not a known channel\n", args[0])
		return nil
	}
	s := c.Snapshot()
	var vars, record map[string]string
	var callGroup, pickupGroup uint64
	var limit time.Time
	known := x.Ask(ctx, args[0], func(c *channel.Channel) {
		vars, record = maps.Clone(c.Vars()), x.Record(ctx, c)
		callGroup, pickupGroup, limit = c.CallGroup, c.PickupGroup, c.AbsoluteEnd
	})
	tech, _, _ := strings.Cut(s.Name, "/")
	elapsed, left := int(time.Since(s.Created).Seconds()), 0
	if !limit.IsZero() {
		left = int(time.Until(limit).Seconds())
	}
	none := func(v string) string { return cmp.Or(v, "(N/A)") }
	codec := cmp.Or(s.Codec, "none")
	doc := cli.Record{}
	lines := func(list [][2]string) {
		for _, l := range list {
			fmt.Fprintf(w, "%15s: %s\n", l[0], l[1])
			doc = append(doc, cli.Field{Name: word(l[0]), Value: strings.TrimSpace(l[1])})
		}
	}
	fmt.Fprintf(w, " -- General --\n")
	lines([][2]string{
		{"Name", s.Name}, {"Type", tech}, {"UniqueID", s.UniqueID}, {"LinkedID", s.LinkedID},
		{"Caller ID", none(s.Caller.Number)}, {"Caller ID Name", none(s.Caller.Name)},
		{"Connected Line ID", none(s.Connected.Number)}, {"Connected Line ID Name", none(s.Connected.Name)},
		{"Eff. Connected Line ID", none(s.Connected.Number)}, {"Eff. Connected Line ID Name", none(s.Connected.Name)},
		{"DNID Digits", none(s.Dialed)}, {"Language", s.Language},
		{"State", fmt.Sprintf("%s (%d)", s.State, stateNumbers[s.State])},
		{"NativeFormats", "(" + codec + ")"}, {"WriteFormat", codec}, {"ReadFormat", codec},
		{"WriteTranscode", "No "}, {"ReadTranscode", "No "},
		{"Time to Hangup", fmt.Sprint(left)},
		{"Elapsed Time", fmt.Sprintf("%dh%dm%ds", elapsed/3600, elapsed/60%60, elapsed%60)},
		{"Bridge ID", cmp.Or(s.Bridge, "(Not bridged)")},
	})
	fmt.Fprintf(w, " --   PBX   --\n")
	lines([][2]string{
		{"Context", s.Context}, {"Extension", s.Exten}, {"Priority", fmt.Sprint(s.Priority)},
		{"Call Group", fmt.Sprint(callGroup)}, {"Pickup Group", fmt.Sprint(pickupGroup)},
		{"Application", none(s.App)}, {"Data", cmp.Or(s.Data, "(None)")},
		{"Call Identifier", "[C-" + s.LinkedID + "]"},
	})
	fmt.Fprintf(w, "%15s:\n", "Variables")
	if !known {
		fmt.Fprintf(w, "(the channel is busy and did not tell)\n")
	}
	for _, k := range slices.Sorted(maps.Keys(vars)) {
		fmt.Fprintf(w, "%s=%s\n", k, vars[k])
	}
	fmt.Fprintf(w, "  CDR Variables:\n")
	for _, k := range exchange.RecordFields() {
		if v := record[k]; v != "" {
			fmt.Fprintf(w, "level 1: %s=%s\n", k, v)
		}
	}
	fmt.Fprintf(w, "\n -- Streams --\nName: audio-0\n    Type: audio\n    State: sendrecv\n    Group: -1\n    Formats: (%s)\n    Metadata:\n", codec)
	cli.Put(w, "channel", doc)
	cli.Put(w, "variables", vars)
	cli.Put(w, "record", record)
	return nil
}

// word makes a field name of a label: "Eff. Connected Line ID" is
// eff_connected_line_id.
func word(label string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(label), ".", ""), " ", "_")
}
