package sip

import (
	"slices"
	"strings"

	"branchline/pbx/settings"
	"branchline/pbx/sip/wire"
)

// fronts tells which front ends a transport belongs to.
func (w *world) fronts(x *wire.Wire) (pjsip, legacy bool) {
	t := w.of[x]
	return t == nil || !t.Legacy, w.settings != nil && w.settings.SIP != nil && slices.Contains(w.settings.SIP.Transports, x.Name())
}

// legacyWire is the transport sip.conf has for a network; nil if it has none.
func (w *world) legacyWire(network string) *wire.Wire {
	for _, name := range w.settings.SIP.Transports {
		if x := w.wire(name); x != nil && x.Network() == network {
			return x
		}
	}
	return nil
}

// device is the device of sip.conf an address of record belongs to.
func (w *world) device(id string) *settings.Device {
	name, ok := strings.CutPrefix(id, "SIP/")
	if !ok || w.settings == nil {
		return nil
	}
	return w.settings.Device(name)
}

// plain says whether services are not looked up for what came from sip.conf.
func (w *world) plain(legacy bool) bool {
	return legacy && w.settings != nil && w.settings.SIP != nil && !w.settings.SIP.SRVLookup
}
