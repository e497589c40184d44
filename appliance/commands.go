package appliance

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"branchline/appliance/inspect"
	"branchline/pbx/astconf"
	"branchline/pbx/astdb"
	"branchline/pbx/cli"
	"branchline/pbx/console"
	"branchline/pbx/dialplan"
	"branchline/pbx/sip/show"
	"branchline/pbx/sip/showsip"
)

// addCommands fills the console's command tree. Each package brings the
// commands about its own data.
func (d *daemon) addCommands() error {
	tree := d.tree
	err := tree.Add(console.Commands(console.Daemon{
		Name: Name, Version: Version, Speaks: Speaks,
		Started: d.started, Booted: d.booted,
		LastReload: func() time.Time { return *d.accepted.Load() },
		Reload:     d.reloadFromConsole,
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
		inspect.CheckCommands(d.judge, d.lastFindings),
		d.smallCommands(),
		d.groups.Commands(),
		d.historyCommands(),
		d.network.Commands(),
		d.updateCommands(),
		inspect.ExplainCommands(d.live),
		dialplan.Commands(d.system, d.devices.Of, nil),
		d.exchange.Commands(),
		d.agent.Commands(),
		d.agent.LegacyCommands(),
		showsip.Commands(showsip.Deps{
			Snapshot: d.agent.Snapshot, Contacts: d.registrar, Address: d.agent.DeviceAddress, Channels: d.agent.DeviceChannels,
			Registrations: d.outbound, Notify: d.notifyDevice, UserAgent: Name + "/" + Version,
			Reload: func(ctx context.Context, w io.Writer) error { return d.reloadFromConsole(ctx, w, "sip") },
		}),
		d.lineCommands(),
		astdb.Commands(d.db),
		show.Commands(show.Deps{
			Snapshot: d.agent.Snapshot, Identifiers: d.agent.Identifiers, Contacts: d.registrar,
			Channels: d.agent.EndpointChannels, State: d.agent.State, Qualify: d.registrar.Qualify, Probes: d.registrar.Probes,
			UserAgent: Name + "/" + Version, Version: sipStack(), Registrations: d.outbound,
			Notify: d.notify, Notices: d.notices,
		}),
	} {
		if err == nil {
			err = tree.Add(commands...)
		}
	}
	if err != nil {
		return err
	}
	return console.AddNames(tree)
}

// reloadFromConsole is `core reload` and its relatives. All files are read and
// checked together whatever part was named: a configuration is accepted or
// refused whole.
func (d *daemon) reloadFromConsole(_ context.Context, w io.Writer, part string) error {
	diags, changes, err := d.reload()
	findings(w, diags)
	if err != nil {
		return err
	}
	if part == "" || len(changes) > 0 {
		showChanges(w, changes)
	}
	return nil
}

// lastFindings are those of the last start or reload.
func (d *daemon) lastFindings() []astconf.Diag {
	if found := d.findings.Load(); found != nil {
		return *found
	}
	return nil
}

func (d *daemon) settings() console.Settings {
	dirs := d.process.Directories
	var files syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) // 0 is shown as "Not set"
	cwd, _ := os.Getwd()
	return console.Settings{
		MaxCalls: d.process.MaxCalls, MaxFiles: uint64(files.Cur), SystemName: d.process.SystemName,
		DefaultLanguage: d.process.DefaultLanguage, User: d.process.RunUser, Group: d.process.RunGroup,
		ConfigFile: d.mainFile, RunningDirectory: cwd, ConfigDirectory: dirs.Etc, ModuleDirectory: dirs.Modules,
		SpoolDirectory: dirs.Spool, LogDirectory: dirs.Log, RunDirectory: dirs.Run,
		PIDFile: filepath.Join(dirs.Run, "asterisk.pid"), VarLibDirectory: dirs.VarLib, DataDirectory: dirs.Data,
		Database: filepath.Join(dirs.DB, databaseFile),
	}
}
