// Package show is the console's view of calls: channels, bridges, records, technologies and
// codecs, what the dialplan can use, and the levers there are.
package show

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"branchline/pbx/app/form"
	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/exchange"
)

// A view is the exchange as the console has it.
type view struct{ *exchange.Exchange }

// Commands gives the console commands about calls.
func Commands(e *exchange.Exchange) []cli.Command {
	x := view{e}
	own := []cli.Command{
		{Path: "channel originate", Summary: "Originate a call",
			Usage: "Usage: channel originate <tech/data> application <appname> [appdata]\n" +
				"       channel originate <tech/data> extension [exten@][context]\n" +
				"       Calls a device; when it answers, runs the application or the dialplan.\n", Run: x.cmdOriginate},
		{Path: "channel redirect", Summary: "Redirect a call",
			Usage: "Usage: channel redirect <channel> <[[context,]exten,]priority>\n       Sends a channel to another place in the dialplan.\n",
			Run:   x.cmdRedirect, Complete: x.completeChannel},
		{Path: "channel request hangup", Summary: "Request a hangup on a given channel",
			Usage: "Usage: channel request hangup <channel>|<all>\n       Asks a channel, or all of them, to hang up.\n",
			Run:   x.cmdHangup, Complete: x.completeChannelOrAll},
		{Path: "core show applications [like|describing]", Summary: "Shows registered dialplan applications",
			Usage: "Usage: core show applications [{like|describing} <text>]\n       Lists the applications the dialplan can use.\n", Run: x.showApps},
		{Path: "core show application", Summary: "Describe a specific dialplan application",
			Usage: "Usage: core show application <application> [<application> ...]\n       Describes an application.\n",
			Run:   x.showApp, Complete: x.completeApp},
		{Path: "core show calls [uptime]", Summary: "Display information on calls",
			Usage: "Usage: core show calls [uptime]\n       Shows the number of calls now and since the start.\n", Run: x.showCalls},
		{Path: "core show channel", Summary: "Display information on a specific channel",
			Usage: "Usage: core show channel <channel>\n       Shows what is known about a channel.\n",
			Run:   x.showChannel, Complete: x.completeChannel},
		{Path: "core show channels [concise|verbose|count]", Summary: "Display information on channels",
			Usage: "Usage: core show channels [concise|verbose|count]\n       Lists the channels that are up: with concise for programs, with verbose\n" +
				"       in more and longer fields, with count only their number.\n", Run: x.showChannels},
		{Path: "core show function", Summary: "Describe a specific dialplan function",
			Usage: "Usage: core show function <function>\n       Describes a function.\n", Run: x.showFunction, Complete: x.completeFunction},
		{Path: "core show functions [like]", Summary: "Shows registered dialplan functions",
			Usage: "Usage: core show functions [like <text>]\n       Lists the functions the dialplan can use.\n", Run: x.showFunctions},
		{Path: "dialplan set chanvar", Summary: "Set a channel variable",
			Usage: "Usage: dialplan set chanvar <channel> <varname> <value>\n       Sets a variable of a channel.\n",
			Run:   x.setVar, Complete: x.completeChannel},
		{Path: "dialplan show chanvar", Summary: "Show channel variables",
			Usage: "Usage: dialplan show chanvar <channel>\n       Shows the variables of a channel.\n",
			Run:   x.showVars, Complete: x.completeChannel},
	}
	for _, more := range [][]cli.Command{x.bridgeCommands(), x.recordCommands(), x.techCommands(), codecCommands()} {
		own = append(own, more...)
	}
	return own
}

func (x view) completeChannel(args []string) []string {
	if len(args) > 1 {
		return nil
	}
	var out []string
	for _, s := range x.Channels() {
		out = append(out, s.Name)
	}
	return out
}

func (x view) completeChannelOrAll(args []string) []string {
	return append(x.completeChannel(args), "all")
}

// originateTimeout is how long `channel originate` rings.
const originateTimeout = 30 * time.Second

func (x view) cmdOriginate(_ context.Context, w io.Writer, args []string) error {
	if len(args) < 3 {
		return cli.ErrUsage
	}
	tech, dest, ok := strings.Cut(args[0], "/")
	if !ok {
		return cli.ErrUsage
	}
	o := form.Order{Tech: tech, Dest: dest, Timeout: originateTimeout}
	switch strings.ToLower(args[1]) {
	case "application":
		o.App, o.Data = args[2], strings.Join(args[3:], " ")
	case "extension":
		exten, ctxt, _ := strings.Cut(args[2], "@")
		if exten == "" {
			exten = "s"
		}
		if ctxt == "" {
			ctxt = "default"
		}
		o.Place = channel.Place{Context: ctxt, Exten: exten, Priority: 1}
	default:
		return cli.ErrUsage
	}
	if _, known := x.Tech(tech); !known {
		fmt.Fprintf(w, "No such channel type '%s'\n", tech)
		return cli.ErrFailed
	}
	x.Begin(o) // the result shows in the log, as the command does not wait
	return nil
}

func (x view) cmdRedirect(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 2 {
		return cli.ErrUsage
	}
	c, ok := x.Find(args[0])
	if !ok {
		fmt.Fprintf(w, "Channel '%s' not found\n", args[0])
		return nil
	}
	if _, err := argument.ParseTarget(args[1]); err != nil {
		fmt.Fprintf(w, "%v\n", err)
		return cli.ErrFailed
	}
	c.Post(channel.Event{Kind: channel.Redirect, Target: args[1]})
	fmt.Fprintf(w, "Channel '%s' successfully redirected to %s\n", c.Name, args[1])
	return nil
}

func (x view) cmdHangup(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	if strings.EqualFold(args[0], "all") {
		for _, s := range x.Channels() {
			if x.Hangup(s.Name, channel.NormalClearing) {
				fmt.Fprintf(w, "Requested Hangup on channel '%s'\n", s.Name)
			}
		}
		return nil
	}
	c, ok := x.Find(args[0])
	if !ok {
		fmt.Fprintf(w, "%s is not a known channel\n", args[0])
		return nil
	}
	x.Hangup(c.Name, channel.NormalClearing)
	fmt.Fprintf(w, "Requested Hangup on channel '%s'\n", c.Name)
	return nil
}

func (x view) setVar(ctx context.Context, w io.Writer, args []string) error {
	if len(args) != 3 {
		return cli.ErrUsage
	}
	var err error
	if !x.Ask(ctx, args[0], func(c *channel.Channel) { err = x.System().Assign(ctx, c, args[1], args[2]) }) {
		fmt.Fprintf(w, "Channel '%s' not found\n", args[0])
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n    -- Channel variable '%s' set to '%s' for '%s'\n", args[1], args[2], args[0])
	return nil
}

func (x view) showVars(ctx context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	var vars map[string]string
	if !x.Ask(ctx, args[0], func(c *channel.Channel) { vars = maps.Clone(c.Vars()) }) {
		fmt.Fprintf(w, "Channel '%s' not found\n", args[0])
		return nil
	}
	for _, k := range slices.Sorted(maps.Keys(vars)) {
		fmt.Fprintf(w, "%s=%s\n", k, vars[k])
	}
	cli.Put(w, "variables", vars)
	return nil
}
