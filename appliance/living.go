package appliance

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"branchline/appliance/systemd"
)

// A keeper leaves the sockets that listen with the service manager while the daemon
// is started again. Once the daemon is ending, closing a socket no longer takes it
// from there: whether this is the end or a restart only the manager knows.
type keeper struct {
	*systemd.Store
	ending atomic.Bool
}

// Drop has the manager let go of a socket that the configuration no longer names.
func (k *keeper) Drop(name string) error {
	if k.ending.Load() {
		return nil
	}
	return k.Store.Drop(name)
}

// A controlKeeper is the keeper as the console knows it.
type controlKeeper struct{ *keeper }

// Keep reports whether there is a manager to keep it.
func (c controlKeeper) Keep(name string, fd uintptr) bool {
	return systemd.Managed() && c.Store.Keep(name, fd) == nil
}

// pulses are the parts that must work for the service manager's watchdog to be
// content: the media thread, the table of calls, the SIP side, the store.
func (d *daemon) pulses() []systemd.Pulse {
	return []systemd.Pulse{
		{Name: "media", Beat: d.plane.Beat},
		{Name: "calls", Beat: func(context.Context) error { d.exchange.Counts(); return nil }},
		{Name: "sip", Beat: func(context.Context) error { d.agent.Sessions(); return nil }},
		{Name: "store", Beat: func(context.Context) error { d.db.Get("watchdog", "beat"); return nil }},
	}
}

// logger is where the daemon's own words go: to the consoles, and to the journal in
// fields if standard error ends there.
func (d *daemon) logger() *slog.Logger {
	if d.options.Quiet || !systemd.InJournal() {
		return d.out.Logger()
	}
	return slog.New(both{d.out.Logger().Handler(), systemd.Journal()})
}

// both hands every record to two handlers.
type both [2]slog.Handler

func (b both) Enabled(ctx context.Context, l slog.Level) bool {
	return b[0].Enabled(ctx, l) || b[1].Enabled(ctx, l)
}

func (b both) Handle(ctx context.Context, r slog.Record) error {
	for _, h := range b {
		if h.Enabled(ctx, r.Level) {
			if err := h.Handle(ctx, r.Clone()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b both) WithAttrs(attrs []slog.Attr) slog.Handler {
	return both{b[0].WithAttrs(attrs), b[1].WithAttrs(attrs)}
}

func (b both) WithGroup(name string) slog.Handler {
	return both{b[0].WithGroup(name), b[1].WithGroup(name)}
}

// prove calls itself until a call has passed whole, and lets the service manager
// know what holds it up. Meanwhile real calls are taken: a bad self-test is no
// reason to be deaf.
func (d *daemon) prove(ctx context.Context) error {
	for {
		var story strings.Builder
		err := d.selftest(ctx, &story)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		d.log.Error("the self-test call has not passed", "error", err, "story", story.String())
		d.tell(systemd.Status("not ready: the self-test call has not passed: %v", err))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(proveAgain):
		}
	}
}

// proveAgain is the pause between two self-test calls of a start.
const proveAgain = 5 * time.Second

// life tells the service manager what the exchange is doing, and feeds its watchdog,
// until ctx ends.
func (d *daemon) life(ctx context.Context) error {
	go d.keepStatus(ctx)
	return systemd.Watch(ctx, d.log, d.pulses()...)
}

// keepStatus renews the line that `systemctl status` shows when it has changed.
func (d *daemon) keepStatus(ctx context.Context) {
	if !systemd.Managed() {
		return
	}
	select {
	case <-d.booted:
	case <-ctx.Done():
		return
	}
	look := time.NewTicker(10 * time.Second)
	defer look.Stop()
	for last := ""; ; {
		active, processed := d.exchange.Counts()
		also := d.alarm.Why()
		if also != "" {
			also = "; " + also
		}
		line := systemd.Status("%s %s: %d phones registered, %d calls, %d since the start%s", Name, Version, d.registrar.Registered(), active, processed, also)
		if line != last {
			d.tell(line)
			last = line
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// ready tells the service manager that phones can call, once a call has been seen.
func (d *daemon) ready(ctx context.Context) {
	if d.prove(ctx) == nil {
		d.tell(systemd.Ready)
	}
}
