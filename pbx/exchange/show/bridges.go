package show

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/cli"
)

func (x view) bridgeCommands() []cli.Command {
	return []cli.Command{
		{Path: "bridge show all", Summary: "List all bridges",
			Usage: "Usage: bridge show all\n       Lists the bridges that are up.\n", Run: x.showBridges},
		{Path: "bridge show", Summary: "Show information about a bridge",
			Usage: "Usage: bridge show <bridge-id>\n       Shows a bridge and the channels in it.\n", Run: x.showBridge, Complete: x.completeBridge},
		{Path: "bridge kick", Summary: "Kick a channel from a bridge",
			Usage: "Usage: bridge kick <bridge-id> <channel>\n       Hangs a channel up that is in that bridge.\n",
			Run:   x.kick, Complete: x.completeMember},
		{Path: "bridge technology show", Summary: "List registered bridge technologies",
			Usage: "Usage: bridge technology show\n       Lists the ways of letting channels talk.\n", Run: showBridgeTechs},
	}
}

// bridged are the bridges that are up with the channels in them.
func (x view) bridged() map[string][]*channel.Snapshot {
	out := map[string][]*channel.Snapshot{}
	for _, s := range x.Channels() {
		if s.Bridge != "" {
			out[s.Bridge] = append(out[s.Bridge], s)
		}
	}
	return out
}

func (x view) completeBridge(args []string) []string {
	if len(args) > 1 {
		return nil
	}
	return slices.Collect(maps.Keys(x.bridged()))
}

func (x view) completeMember(args []string) []string {
	if len(args) < 2 {
		return x.completeBridge(args)
	}
	var out []string
	for _, s := range x.bridged()[args[0]] {
		out = append(out, s.Name)
	}
	return out
}

// The technology is the one that Asterisk has for two channels.
const bridgeTech = "simple_bridge"

func (x view) showBridges(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	t := cli.NewTable(w, "bridges", "%-36s %-36s %5v %-15s %-15s %s\n", "id,,channels,type,technology,duration")
	t.Head("Bridge-ID", "Name", "Chans", "Type", "Technology", "Duration")
	all := x.bridged()
	for _, id := range slices.Sorted(maps.Keys(all)) {
		t.Row(id, "<unknown>", len(all[id]), "basic", bridgeTech, clock(time.Since(all[id][0].BridgedAt)))
	}
	return nil
}

func (x view) showBridge(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	members := x.bridged()[args[0]]
	if members == nil {
		fmt.Fprintf(w, "Bridge '%s' not found\n", args[0])
		return nil
	}
	cli.Show(w, "id", "Id: %s\n", args[0])
	fmt.Fprintf(w, "Type: basic\nTechnology: %s\nSubclass: basic\nCreator: \nName: \nVideo-Mode: none\n", bridgeTech)
	cli.Show(w, "channels", "Num-Channels: %d\n", len(members))
	fmt.Fprintf(w, "Num-Active: %d\nDuration: %s\n", len(members), clock(time.Since(members[0].BridgedAt)))
	t := cli.NewTable(w, "members", "Channel: %s\n", "name")
	for _, s := range members {
		t.Row(s.Name)
	}
	return nil
}

func (x view) kick(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 2 {
		return cli.ErrUsage
	}
	members := x.bridged()[args[0]]
	if members == nil {
		fmt.Fprintf(w, "Bridge '%s' not found\n", args[0])
		return nil
	}
	for _, s := range members {
		if s.Name == args[1] {
			fmt.Fprintf(w, "Kicking channel '%s' from bridge '%s'\n", s.Name, args[0])
			x.Hangup(s.Name, channel.NormalClearing)
			return nil
		}
	}
	fmt.Fprintf(w, "Channel '%s' not found in bridge '%s'\n", args[1], args[0])
	return nil
}

func showBridgeTechs(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	t := cli.NewTable(w, "technologies", "%-20s %-20s %8v %s\n", "name,type,priority,suspended")
	t.Head("Name", "Type", "Priority", "Suspended")
	t.Row(bridgeTech, "1to1Mix", 50, "No")
	return nil
}
