package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"branchline/appliance"
	"branchline/pbx/console/client"
)

// attach is -r: a console of the daemon that runs on this machine.
func (inv *invocation) attach(ctx context.Context) int {
	socket, o := inv.socket, inv.options
	verbose, debug, times := o.Verbose, o.Debug, o.Timestamps
	if socket == "" {
		p, _, _, err := appliance.ReadMain(o)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", inv.program, err)
			return 1
		}
		socket, verbose, times = appliance.ControlSocket(p), p.Verbose, p.Timestamp
	}
	history := ""
	if home, err := os.UserHomeDir(); err == nil {
		history = filepath.Join(home, ".branchline_history")
	}
	return client.Attach(ctx, client.Options{
		Name: appliance.Name, Version: appliance.Name + " " + appliance.Version,
		Socket: socket,
		Once:   inv.commands != nil, Commands: inv.commands, Strict: inv.strict, Reconnect: inv.reconnect,
		Verbose: verbose, Debug: debug, Mute: o.Mute, Quiet: o.Quiet, NoColour: o.NoColour || os.Getenv("NO_COLOR") != "", Times: times,
		HistoryFile: history,
		In:          os.Stdin, Out: os.Stdout, Err: os.Stderr,
	})
}
