// Package trace lets people look at SIP messages: printed on the consoles as they
// pass, or kept to be listed later, by the commands of either front end (`pjsip set
// logger`, `pjsip set history`, `sip set debug`, `sip set history`) and as the
// configuration says. Nothing costs anything while it is off.
package trace

import (
	"log/slog"
	"net/netip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/wire"
)

// Options are what views are made from. All must be set.
type Options struct {
	Taps     *wire.Taps
	Say      func(text string) // where messages are printed
	Snapshot func() *settings.Snapshot
	Address  func(*settings.Device) netip.AddrPort // of a device of sip.conf; invalid: not known
	CallIDs  func() []string                       // of the dialogs that are up, to be completed
	Log      *slog.Logger
}

// Views are all ways in which messages are looked at: printed as they pass, in the
// layout of either front end, or kept. Each is off until somebody switches it on.
type Views struct {
	o       Options
	logger  logger      // `pjsip set logger`
	history history     // `pjsip set history`
	oldLook legacyTrace // `sip set debug`
	oldPast history     // `sip set history`
}

func New(o Options) *Views { return &Views{o: o} }

// Off ends all of them.
func (v *Views) Off() {
	v.logger.off()
	v.history.off()
	v.oldLook.off()
	v.oldPast.off()
}

// Configured does what debug= and sipdebug=, recordhistory= say that were not so in
// the configuration before; old may be nil.
func (v *Views) Configured(next, old *settings.Snapshot) {
	v.debug(next.Global.Debug, old)
	v.legacyDebug(next, old)
}
