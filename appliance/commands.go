package appliance

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"branchline/appliance/alarm"
	"branchline/appliance/inspect"
	"branchline/pbx/astdb"
	"branchline/pbx/cli"
	"branchline/pbx/console/system"
	"branchline/pbx/dialplan/live"
	calls "branchline/pbx/exchange/show"
	"branchline/pbx/sip/show"
	"branchline/pbx/sip/showsip"
)

// addCommands fills the console's command tree. Each package brings the
// commands about its own data.
func (d *daemon) addCommands() error {
	tree := d.tree
	err := tree.Add(system.Commands(system.Daemon{
		Name: Name, Version: Version, Speaks: Speaks,
		Started: d.started, Booted: d.booted,
		LastReload: d.force.Accepted,
		Reload:     d.force.ReloadFor,
		Shutdown:   d.shutdown, Abort: d.abortShutdown,
		Settings: d.settings, Modules: d.modules(),
	}, d.out, tree)...)
	for _, commands := range [][]cli.Command{
		{{
			Path: "selftest", Summary: "Call the exchange with two phones of its own",
			Usage: "Usage: selftest\n       Two built-in phones register, call each other and check what they hear.\n       Calls that are up are not disturbed.",
			Run: func(ctx context.Context, w io.Writer, args []string) error {
				if len(args) > 0 {
					return cli.ErrUsage
				}
				return d.selftest(ctx, w)
			},
		}},
		inspect.CheckCommands(d.judge, d.force.Findings),
		d.smallCommands(),
		d.groups.Commands(),
		d.force.Commands(),
		d.network.Commands(),
		alarm.Commands(),
		inspect.ExplainCommands(d.live),
		live.Commands(d.system, d.devices.Of, d.extensions.Watchers),
		calls.Commands(d.exchange),
		d.agent.Commands(),
		d.agent.LegacyCommands(),
		showsip.Commands(showsip.Deps{
			Snapshot: d.agent.Snapshot, Contacts: d.registrar, Address: d.agent.DeviceAddress, Channels: d.agent.DeviceChannels,
			Registrations: d.outbound, Notify: d.notifyDevice, UserAgent: Name + "/" + Version,
			Reload: func(ctx context.Context, w io.Writer) error { return d.force.ReloadFor(ctx, w, "sip") },
		}),
		d.lineCommands(),
		astdb.Commands(d.db),
		show.Commands(show.Deps{
			Snapshot: d.agent.Snapshot, Identifiers: d.agent.Identifiers, Contacts: d.registrar,
			Channels: d.agent.EndpointChannels, State: d.agent.State, Qualify: d.registrar.Qualify, Probes: d.registrar.Probes,
			UserAgent: Name + "/" + Version, Version: sipStack(), Registrations: d.outbound,
			Subscriptions: d.agent.Subscriptions, Notify: d.notify, Notices: d.notices,
		}),
	} {
		if err == nil {
			err = tree.Add(commands...)
		}
	}
	if err != nil {
		return err
	}
	return system.AddNames(tree)
}

func (d *daemon) settings() system.Settings {
	dirs := d.process.Directories
	var files syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) // 0 is shown as "Not set"
	cwd, _ := os.Getwd()
	return system.Settings{
		MaxCalls: d.process.MaxCalls, MaxFiles: uint64(files.Cur), SystemName: d.process.SystemName,
		DefaultLanguage: d.process.DefaultLanguage, User: d.process.RunUser, Group: d.process.RunGroup,
		ConfigFile: d.mainFile, RunningDirectory: cwd, ConfigDirectory: dirs.Etc, ModuleDirectory: dirs.Modules,
		SpoolDirectory: dirs.Spool, LogDirectory: dirs.Log, RunDirectory: dirs.Run,
		PIDFile: filepath.Join(dirs.Run, "asterisk.pid"), VarLibDirectory: dirs.VarLib, DataDirectory: dirs.Data,
		Database: filepath.Join(dirs.DB, databaseFile),
	}
}
