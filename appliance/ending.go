package appliance

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"branchline/appliance/configuration"
	"branchline/appliance/privileges"
	"branchline/appliance/systemd"
	"branchline/pbx/console/system"
)

// ErrRestart is Run's way to say that it was asked to begin again.
var ErrRestart = errors.New("restart asked for")

// ending is what is known about the daemon's end.
type ending struct {
	asked   chan system.Shutdown
	restart atomic.Bool

	mu     sync.Mutex
	revoke context.CancelFunc // takes a patient shutdown back; nil: none under way
}

// shutdown asks for the end and returns at once; the last request counts.
func (d *daemon) shutdown(s system.Shutdown) {
	select {
	case <-d.ending.asked:
	default:
	}
	d.ending.asked <- s
}

// abortShutdown takes a patient shutdown back.
func (d *daemon) abortShutdown() bool {
	d.ending.mu.Lock()
	defer d.ending.mu.Unlock()
	if d.ending.revoke == nil {
		return false
	}
	d.ending.revoke()
	d.ending.revoke = nil
	return true
}

// listenForEnd turns signals and requests from consoles into stop, or into a
// reload for SIGHUP.
func (d *daemon) listenForEnd(ctx context.Context, stop func()) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP)
	defer signal.Stop(signals)
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-signals:
			if s != syscall.SIGHUP {
				d.log.Info("stopping", "signal", s.String())
				stop()
				return
			}
			d.reloadOnSignal()
		case s := <-d.ending.asked:
			d.abortShutdown()
			if s.Patience == system.Now {
				d.ending.restart.Store(s.Restart)
				stop()
				return
			}
			patience, revoke := context.WithCancel(ctx)
			d.ending.mu.Lock()
			d.ending.revoke = revoke
			d.ending.mu.Unlock()
			go d.stopWhenIdle(patience, s, stop)
		}
	}
}

// reloadOnSignal reads the configuration again. The service manager waits for the
// end of it, whatever it is.
func (d *daemon) reloadOnSignal() {
	d.tell(systemd.Reloading())
	diags, changes, err := d.force.Reload()
	configuration.Report(d.log, diags)
	if err != nil {
		d.log.Error(err.Error())
		d.tell(systemd.Ready, systemd.Status("the last reload was refused: %v", err))
		return
	}
	d.log.Info("reloaded", "changes", len(changes))
	d.tell(systemd.Ready)
}

// stopWhenIdle waits for the last call, or, when convenient, for a moment
// without any, and then stops. A revoked context lets new calls in again.
func (d *daemon) stopWhenIdle(ctx context.Context, s system.Shutdown, stop func()) {
	if s.Patience == system.Gracefully {
		d.exchange.Refuse(true)
	}
	if d.exchange.Drain(ctx) != nil {
		d.exchange.Refuse(false)
		return
	}
	d.ending.restart.Store(s.Restart)
	stop()
}

// dropPrivileges gives up root for the user and group of -U, -G or
// asterisk.conf, once every socket is bound.
func (d *daemon) dropPrivileges() error {
	owner, group := d.process.RunUser, d.process.RunGroup
	if owner == "" && group == "" {
		return nil
	}
	dirs := d.process.Directories
	// What root wrote into the history before must stay readable.
	kept, err := d.force.Kept()
	if err != nil {
		return err
	}
	if err := privileges.Drop(owner, group, append(kept, ControlSocket(d.process), filepath.Join(dirs.DB, databaseFile), dirs.DB, dirs.Run)); err != nil {
		return err
	}
	d.log.Info("privileges dropped", slog.String("user", owner), slog.String("group", group))
	return nil
}
