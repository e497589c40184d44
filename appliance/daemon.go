// Package appliance puts the exchange together: it alone knows every part.
// Reading order: assemble and run here, and below them what every part does when
// a configuration comes into force; ending.go for how it stops; commands.go for the
// console; selfcall.go for the exchange that calls itself.
package appliance

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"branchline/appliance/alarm"
	"branchline/appliance/configuration"
	"branchline/appliance/connection"
	"branchline/appliance/hardware"
	"branchline/appliance/inforce"
	"branchline/appliance/memory"
	"branchline/appliance/systemd"
	"branchline/appliance/task"
	"branchline/media/plane"
	"branchline/media/plane/socket"
	"branchline/media/tone"
	"branchline/pbx/app"
	"branchline/pbx/app/form"
	"branchline/pbx/astconf"
	"branchline/pbx/astdb"
	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/console"
	"branchline/pbx/console/distant"
	"branchline/pbx/console/output"
	"branchline/pbx/console/system"
	"branchline/pbx/devstate"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/exchange"
	"branchline/pbx/extstate"
	"branchline/pbx/fn"
	"branchline/pbx/fn/call"
	"branchline/pbx/fn/office"
	"branchline/pbx/line"
	"branchline/pbx/local"
	"branchline/pbx/mailbox"
	"branchline/pbx/presence"
	"branchline/pbx/prompt"
	"branchline/pbx/recording"
	"branchline/pbx/settings"
	"branchline/pbx/sip"
	"branchline/pbx/sip/digest"
	"branchline/pbx/sip/outreg"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/sockets"
)

// A daemon is the running exchange with all its parts.
type daemon struct {
	options  Options
	process  settings.Process
	mainFile string // asterisk.conf, "" if there was none
	started  time.Time
	booted   chan struct{}

	out        *output.Output
	log        *slog.Logger
	db         *astdb.DB
	plane      *socket.Plane
	system     *live.System
	exchange   *exchange.Exchange
	studio     *recording.Studio
	registrar  *registrar.Registrar
	agent      *sip.Agent
	outbound   *outreg.Keeper
	bank       *line.Bank
	hardware   *hardware.Hardware // nil: the lines are opened by somebody else
	groups     *office.Groups
	devices    *devstate.States
	mailboxes  *mailbox.Store
	presences  *presence.States
	extensions *extstate.Watches
	tree       *cli.Tree
	console    *console.Server
	distant    *distant.Server
	keeper     *keeper
	network    *connection.Network

	force  *inforce.Force
	tones  atomic.Pointer[tone.Book] // the zones in force
	alarm  *alarm.Alarm
	ending ending
}

// databaseFile is the persistent store, in astdbdir.
const databaseFile = "branchline.db"

// assemble makes every part and joins them; the one place that knows all of
// them. Nothing is bound yet, except for the console's socket: two exchanges on
// one set of files must not even begin.
func assemble(o Options) (*daemon, error) {
	d := &daemon{options: o, started: time.Now(), booted: make(chan struct{}), out: output.New(), tree: cli.NewTree()}
	d.ending.asked = make(chan system.Shutdown, 1)
	if err := d.assemble(); err != nil {
		d.putAway()
		return nil, err
	}
	return d, nil
}

func (d *daemon) assemble() (err error) {
	o := d.options
	var diags []astconf.Diag
	d.process, d.mainFile, diags, err = ReadMain(o)
	if err != nil {
		return err
	}
	dirs := d.process.Directories
	d.out.SetDebug(d.process.Debug)
	if !o.Quiet && !systemd.InJournal() {
		d.out.Attach("stderr", os.Stderr, d.process.Verbose)
	}
	d.log = d.logger()
	configuration.Report(d.log, diags)
	d.keeper, d.alarm = &keeper{Store: systemd.NewStore()}, alarm.New(d.log)
	d.force = inforce.New(inforce.Options{
		Directories: dirs, Judge: d.judge, Lenient: o.Lenient, Log: d.log, Exchange: d.prepareExchange, Machine: d.prepareMachine,
	})

	for _, dir := range []string{dirs.Run, dirs.DB} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	product := Name + "/" + Version
	d.console = console.NewServer(console.ServerOptions{
		Socket: ControlSocket(d.process), PIDFile: filepath.Join(dirs.Run, "asterisk.pid"),
		Permissions: d.process.Files.Permissions, Owner: d.process.Files.Owner, Group: d.process.Files.Group,
		Version: Name + " " + Version, Tree: d.tree, Output: d.out, Log: d.log, HideConnect: d.process.HideConnect,
		Keeper: controlKeeper{d.keeper},
	})
	if err := d.console.Listen(); err != nil {
		return err
	}
	d.distant = distant.NewServer(d.console.Serve, d.log)

	if d.db, err = astdb.Open(filepath.Join(dirs.DB, databaseFile), d.log); err != nil {
		return err
	}
	d.mailboxes = mailbox.New(d.db)
	d.network = connection.New(connection.Options{
		DB: d.db, Product: Name, Log: d.log, Changed: func() { d.agent.AddressesChanged() }, Renumbered: d.registerAgain,
		Snapshot: func() *settings.Snapshot { return d.agent.Snapshot() }, Call: d.selftestAt,
	})
	verifier, err := digest.NewVerifier(rand.Reader)
	if err != nil {
		return err
	}
	if d.plane, err = socket.New(plane.Config{Realtime: o.RealTime}); err != nil {
		return err
	}
	d.system = live.New(nil)
	d.system.Log, d.system.Name = d.log, d.process.SystemName
	d.system.Dirs, d.system.EntityID = directoryVariables(dirs), entityID()
	d.tones.Store(tone.Builtin())
	booth := &prompt.Booth{Sounds: configuration.Sounds(dirs), Tones: d.tones.Load}
	d.studio = recording.New(filepath.Join(dirs.Spool, "monitor"), d.log)
	d.extensions = extstate.New(d.system.HintOf, func(device string) channel.DeviceState { return d.devices.Of(device) })
	d.exchange = exchange.New(exchange.Options{
		System: d.system, MaxCalls: d.process.MaxCalls, Trace: d.out, Log: d.log, Booth: booth,
		HangupRoutines: call.HangupRoutines, Studio: d.studio, Changed: d.extensions.Changed,
	})
	pinger := &lazyPinger{}
	d.registrar = registrar.New(registrar.Options{
		DB: d.db, Log: d.log, Pinger: pinger, Changed: func(aor string) { d.agent.ContactsChanged(aor) },
		Registered: d.network.Registered,
	})
	d.agent = sip.New(sip.Options{
		Router: d.exchange, Acceptor: d.exchange, Plane: d.plane, Registrar: d.registrar, Mailboxes: d.mailboxes, Store: d.db, Verifier: verifier,
		UserAgent: product, Channels: d.exchange.Channels, Say: d.out.Say, Log: d.log,
		Net: sockets.Kernel{Keeper: d.keeper}, FeatureCode: func(name string) string { return d.exchange.Bridges().Codes().Code(name) },
		Tones: d.tones.Load, Extensions: d.extensions, Changed: d.extensions.Changed,
	})
	pinger.Pinger = d.agent
	d.outbound = outreg.New(d.agent, d.log)
	d.exchange.AddTech(d.agent.Tech())
	d.exchange.AddTech(d.agent.LegacyTech())
	d.exchange.AddTech(local.New(d.exchange, d.plane))
	d.addLines()

	refused := app.Refused()
	d.devices = &devstate.States{Store: d.db, Others: d.exchange.DeviceState, Changed: d.extensions.Changed}
	d.presences = &presence.States{Store: d.db, Published: d.agent.Published}
	d.system.Presence = func(entity string) string { return d.presences.Of(entity).Value }
	d.groups = office.NewGroups(d.exchange.Channels)
	functions := fn.Functions(office.Deps{
		Groups: d.groups,
		System: d.system, Store: d.db, State: d.devices.Of, Custom: d.devices.Set, Presence: d.presences,
		Settings: d.agent.Snapshot, Contacts: d.contacts, Channels: d.exchange.Channels, Version: Version,
		Env: []string{"HOSTNAME", "LANG", "TZ"},
	})
	for name, why := range fn.Refused() {
		refused[name] = why
	}
	d.system.Catalog = exchange.NewCatalog(app.All(form.Deps{
		System: d.system, Exchange: d.exchange, Booth: booth, Bridges: d.exchange.Bridges(),
		Store: d.db, Trace: d.out, Log: d.log,
	}), functions, refused)
	return d.addCommands()
}

// Run is the daemon's life: it starts everything, serves until it is told to
// stop, ends calls properly and puts everything away. ErrRestart asks the caller
// to begin again.
func Run(ctx context.Context, o Options) error {
	d, err := assemble(o)
	if err != nil {
		return err
	}
	return d.run(ctx)
}

func (d *daemon) run(ctx context.Context) error {
	defer d.putAway()
	if err := d.firstConfiguration(); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go d.listenForEnd(ctx, stop)
	ready := func() {
		if err := d.dropPrivileges(); err != nil {
			d.log.Error(err.Error())
			stop()
			return
		}
		d.force.Remember() // as who may write there from now on
		close(d.booted)
		if err := d.keeper.Tidy(); err != nil {
			d.log.Warn(err.Error())
		}
		d.log.Info("fully booted", "in", time.Since(d.started).Round(time.Millisecond))
		if systemd.Managed() {
			go d.ready(ctx)
		}
		if d.options.Booted != nil {
			d.options.Booted()
		}
	}
	err := task.Run(ctx, ready,
		part{"memory", memory.GiveBack},
		part{"contacts", d.registrar.Run},
		d.agent,
		part{"registrations", d.outbound.Run},
		part{"lines", d.bank.Run},
		part{"calls", d.serveCalls},
		d.console,
		part{"console over the network", d.distant.Run},
		part{"watchdog", d.life},
		part{"update", d.alarm.Run},
		part{"network", d.network.Run},
	)
	if err == nil && d.ending.restart.Load() {
		return ErrRestart
	}
	return err
}

// serveCalls lets calls run until ctx ends, then hangs them all up.
func (d *daemon) serveCalls(ctx context.Context) error {
	<-ctx.Done()
	d.keeper.ending.Store(true)
	d.tell(systemd.Stopping, systemd.Status("hanging up"))
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	return d.exchange.Stop(limit)
}

// tell lets the service manager know; that it cannot be told changes nothing.
func (d *daemon) tell(assignments ...string) {
	if err := systemd.Notify(assignments...); err != nil {
		d.log.Warn(err.Error())
	}
}

// putAway closes whatever was opened so far, in the reverse order.
func (d *daemon) putAway() {
	var errs []error
	if d.console != nil {
		errs = append(errs, d.console.Close())
	}
	if d.agent != nil {
		errs = append(errs, d.agent.Close())
	}
	if d.studio != nil {
		d.studio.Close()
	}
	if d.hardware != nil {
		errs = append(errs, d.hardware.Close())
	}
	if d.plane != nil {
		errs = append(errs, d.plane.Close())
	}
	if d.db != nil {
		errs = append(errs, d.db.Close())
	}
	if err := errors.Join(errs...); err != nil {
		d.log.Error("while stopping", "error", err)
	}
}

// A part is a function that serves until its context ends, as a task that is
// ready from the start.
type part struct {
	name string
	run  func(context.Context) error
}

func (p part) Name() string                  { return p.name }
func (p part) Run(ctx context.Context) error { return p.run(ctx) }
func (p part) Ready() <-chan struct{}        { return always }

var always = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// lazyPinger breaks a knot: the registrar asks the agent to qualify contacts,
// the agent is made with the registrar.
type lazyPinger struct{ registrar.Pinger }

// How often, and after which pause, a socket is tried again that the service manager may
// be about to let go of.
const (
	keptTries = 10
	keptPause = 100 * time.Millisecond
)

// unbound reports whether a socket could not be bound.
func unbound(diags []astconf.Diag) bool {
	return slices.ContainsFunc(diags, func(d astconf.Diag) bool { return d.Rule == "bind" && d.Severity == astconf.Error })
}

// judge is what configurations are held against here.
func (d *daemon) judge() configuration.Judge {
	return configuration.Judge{Process: d.process, Catalog: d.system.Catalog, Here: d.hardware != nil}
}

// firstConfiguration puts the configuration on disk into force, or explains why
// not.
func (d *daemon) firstConfiguration() error {
	connected := false
	connect := func(c configuration.Config) {
		connected = !d.options.aside && d.network.Begin(c.Network, c.NetworkFaults)
	}
	try := 0
	again := func(diags []astconf.Diag) bool {
		if try == keptTries || !systemd.Managed() || !unbound(diags) {
			return false
		}
		try++
		// A socket of the configuration before may be in the manager's keeping, and in
		// the way.
		if err := d.keeper.Tidy(); err != nil {
			d.log.Warn(err.Error())
		}
		time.Sleep(keptPause)
		return true
	}
	if err := d.force.First(connect, again); err != nil {
		return err
	}
	if connected {
		d.network.Follow()
	}
	return nil
}

// registerAgain tells where we register that we are reached at other addresses.
func (d *daemon) registerAgain() {
	for _, r := range d.outbound.Statuses() {
		if r.State != outreg.Stopped {
			d.outbound.Send(r.ID, true)
		}
	}
}

// prepareExchange readies every part that calls need for next, without any effect;
// commit puts it into force.
func (d *daemon) prepareExchange(present, next configuration.Config) (commit func(), diags []astconf.Diag) {
	signalling, diags, err := d.agent.Prepare(present.Settings, next.Settings)
	if err != nil {
		return nil, append(diags, astconf.Diag{Pos: astconf.Pos{File: "pjsip.conf"}, Severity: astconf.Error, Rule: "sip", Message: err.Error()})
	}
	return func() {
		rtp := next.Settings.RTP
		d.plane.Configure(plane.Config{
			First: rtp.PortFirst, Last: rtp.PortLast, Strict: rtp.Strict, Probation: rtp.Probation,
			RTCPInterval: rtp.RTCPInterval, DTMFTimeout: rtp.DTMFTimeout, Realtime: d.options.RealTime,
		})
		d.tones.Store(next.Tones)
		d.exchange.Bridges().SetFeatures(next.Features)
		d.system.Install(next.Plan)
		d.registrar.Configure(next.Settings)
		signalling()
		d.outbound.Configure(next.Settings)
		d.configureLines(next.Lines)
		d.extensions.Reloaded()
	}, diags
}

// prepareMachine does so for the machine's network and the console that is reached by it.
func (d *daemon) prepareMachine(_, next configuration.Config) (commit func(), diags []astconf.Diag) {
	connect, diags := d.network.Prepare(next.Network)
	return func() {
		connect()
		if !d.options.aside {
			d.distant.Configure(next.Distant)
		}
	}, diags
}

func directoryVariables(d settings.Directories) map[string]string {
	return map[string]string{
		"ASTCACHEDIR": d.Cache, "ASTETCDIR": d.Etc, "ASTMODDIR": d.Modules, "ASTVARLIBDIR": d.VarLib,
		"ASTDBDIR": d.DB, "ASTKEYDIR": d.Key, "ASTDATADIR": d.Data, "ASTAGIDIR": d.AGI,
		"ASTSPOOLDIR": d.Spool, "ASTRUNDIR": d.Run, "ASTLOGDIR": d.Log, "ASTSBINDIR": d.Sbin,
	}
}
