package exchange

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"branchline/media"
	"branchline/pbx/app"
	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/dialplan"
)

var errUsage = cli.ErrUsage

// Commands gives the console commands about calls.
func (x *Exchange) Commands() []cli.Command {
	return []cli.Command{
		{Path: "bridge show all", Summary: "List all bridges",
			Usage: "Usage: bridge show all\n       Lists the bridges that are up.\n", Run: x.showBridges},
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
		{Path: "core show calls", Summary: "Display information on calls",
			Usage: "Usage: core show calls\n       Shows the number of calls now and since the start.\n", Run: x.showCalls},
		{Path: "core show channel", Summary: "Display information on a specific channel",
			Usage: "Usage: core show channel <channel>\n       Shows what is known about a channel.\n",
			Run:   x.showChannel, Complete: x.completeChannel},
		{Path: "core show channels [concise|verbose|count]", Summary: "Display information on channels",
			Usage: "Usage: core show channels [concise|verbose|count]\n       Lists the channels that are up: with concise for programs, with verbose\n" +
				"       in more and longer fields, with count only their number.\n", Run: x.showChannels},
		{Path: "core show channeltypes", Summary: "List available channel types",
			Usage: "Usage: core show channeltypes\n       Lists the channel technologies.\n", Run: x.showTechs},
		{Path: "core show codecs", Summary: "Displays a list of registered codecs",
			Usage: "Usage: core show codecs\n       Lists the codecs that can be negotiated.\n", Run: showCodecs},
		{Path: "core show function", Summary: "Describe a specific dialplan function",
			Usage: "Usage: core show function <function>\n       Describes a function.\n", Run: x.showFunction, Complete: x.completeFunction},
		{Path: "core show functions [like]", Summary: "Shows registered dialplan functions",
			Usage: "Usage: core show functions [like <text>]\n       Lists the functions the dialplan can use.\n", Run: x.showFunctions},
		{Path: "core show translation", Summary: "Display translation matrix",
			Usage: "Usage: core show translation\n       Shows between which codecs speech can be converted.\n", Run: showTranslation},
		{Path: "dialplan set chanvar", Summary: "Set a channel variable",
			Usage: "Usage: dialplan set chanvar <channel> <varname> <value>\n       Sets a variable of a channel.\n",
			Run:   x.setVar, Complete: x.completeChannel},
		{Path: "dialplan show chanvar", Summary: "Show channel variables",
			Usage: "Usage: dialplan show chanvar <channel>\n       Shows the variables of a channel.\n",
			Run:   x.showVars, Complete: x.completeChannel},
	}
}

func (x *Exchange) completeChannel(args []string) []string {
	if len(args) > 1 {
		return nil
	}
	var out []string
	for _, s := range x.Channels() {
		out = append(out, s.Name)
	}
	return out
}

func (x *Exchange) completeChannelOrAll(args []string) []string {
	return append(x.completeChannel(args), "all")
}

// originateTimeout is how long `channel originate` rings.
const originateTimeout = 30 * time.Second

func (x *Exchange) cmdOriginate(_ context.Context, w io.Writer, args []string) error {
	if len(args) < 3 {
		return errUsage
	}
	tech, dest, ok := strings.Cut(args[0], "/")
	if !ok {
		return errUsage
	}
	o := app.Order{Tech: tech, Dest: dest, Timeout: originateTimeout}
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
		return errUsage
	}
	if _, known := x.Tech(tech); !known {
		fmt.Fprintf(w, "No such channel type '%s'\n", tech)
		return cli.ErrFailed
	}
	x.wg.Go(func() { x.Originate(x.ctx, o) }) // the result shows in the log, as the command does not wait
	return nil
}

func (x *Exchange) cmdRedirect(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	c, ok := x.Find(args[0])
	if !ok {
		fmt.Fprintf(w, "Channel '%s' not found\n", args[0])
		return nil
	}
	if _, err := dialplan.ParseTarget(args[1]); err != nil {
		fmt.Fprintf(w, "%v\n", err)
		return cli.ErrFailed
	}
	c.Post(channel.Event{Kind: channel.Redirect, Target: args[1]})
	fmt.Fprintf(w, "Channel '%s' successfully redirected to %s\n", c.Name, args[1])
	return nil
}

func (x *Exchange) cmdHangup(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return errUsage
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

func (x *Exchange) setVar(ctx context.Context, w io.Writer, args []string) error {
	if len(args) != 3 {
		return errUsage
	}
	var err error
	if !x.Ask(ctx, args[0], func(c *channel.Channel) { err = x.sys.Assign(ctx, c, args[1], args[2]) }) {
		fmt.Fprintf(w, "Channel '%s' not found\n", args[0])
		return nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n    -- Channel variable '%s' set to '%s' for '%s'\n", args[1], args[2], args[0])
	return nil
}

func (x *Exchange) showVars(ctx context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	var b strings.Builder
	if !x.Ask(ctx, args[0], func(c *channel.Channel) { printVars(&b, c) }) {
		fmt.Fprintf(w, "Channel '%s' not found\n", args[0])
		return nil
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (x *Exchange) showTechs(_ context.Context, w io.Writer, _ []string) error {
	const row = "%-15.15s  %-40.40s %-12.12s %-12.12s %-12.12s %-12.12s\n"
	fmt.Fprintf(w, row, "Type", "Description", "Devicestate", "Presencestate", "Indications", "Transfer")
	fmt.Fprintf(w, row, "-----------", "-----------", "-----------", "-------------", "-----------", "--------")
	techs := x.Techs()
	for _, t := range techs {
		fmt.Fprintf(w, row, t.Name(), t.Name()+" channels", "yes", "no", "yes", "yes")
	}
	fmt.Fprintf(w, "----------\n%d channel drivers registered.\n", len(techs))
	return nil
}

// showCodecs lists the codecs that can be negotiated: only G.711 is decoded,
// the others are passed on.
func showCodecs(_ context.Context, w io.Writer, _ []string) error {
	fmt.Fprintf(w, "Disclaimer: this command is for informational purposes only.\n\tIt does not indicate anything about your configuration.\n")
	fmt.Fprintf(w, "%8s %-5s %-12s %-16s %7s %s\n", "ID", "TYPE", "NAME", "FORMAT", "QUALITY", "DESCRIPTION")
	fmt.Fprintf(w, "%s\n", strings.Repeat("-", 96))
	for i, c := range media.Codecs {
		kind, quality, what := "audio", 100, "relayed"
		if c.Video {
			kind, quality = "video", 0
		}
		if c.G711() {
			what = "relayed, played and converted"
		}
		fmt.Fprintf(w, "%8d %-5s %-12s %-16s %7d (%s, %s)\n", i+1, kind, c.Name, c.Name, quality, c.Encoding, what)
	}
	return nil
}

// showTranslation tells the truth: there is one pair.
func showTranslation(_ context.Context, w io.Writer, _ []string) error {
	fmt.Fprintf(w, "         Translation times between formats (in microseconds) for one second of data\n")
	fmt.Fprintf(w, "          Source Format (Rows) Destination Format (Columns)\n\n")
	fmt.Fprintf(w, "%9s %5s %5s\n", "", "ulaw", "alaw")
	fmt.Fprintf(w, "%9s %5s %5s\n%9s %5s %5s\n", "ulaw", "-", "<50", "alaw", "<50", "-")
	fmt.Fprintf(w, "Other codecs are passed on between parties that share them, and never converted.\n")
	return nil
}
