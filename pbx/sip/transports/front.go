package transports

import (
	"slices"
	"strings"

	"branchline/pbx/settings"
	"branchline/pbx/sip/wire"
)

// Fronts tells which front ends a transport belongs to.
func (w *World) Fronts(x *wire.Wire) (pjsip, legacy bool) {
	t := w.Of[x]
	return t == nil || !t.Legacy, w.Settings != nil && w.Settings.SIP != nil && slices.Contains(w.Settings.SIP.Transports, x.Name())
}

// LegacyWires are the transports of sip.conf.
func (w *World) LegacyWires() (out []*wire.Wire) {
	for _, x := range w.Wires {
		if _, legacy := w.Fronts(x); legacy {
			out = append(out, x)
		}
	}
	return out
}

// LegacyWire is the transport sip.conf has for a network; nil if it has none.
func (w *World) LegacyWire(network string) *wire.Wire {
	for _, name := range w.Settings.SIP.Transports {
		if x := w.Wire(name); x != nil && x.Network() == network {
			return x
		}
	}
	return nil
}

// Device is the device of sip.conf an address of record belongs to.
func (w *World) Device(id string) *settings.Device {
	name, ok := strings.CutPrefix(id, "SIP/")
	if !ok || w.Settings == nil {
		return nil
	}
	return w.Settings.Device(name)
}

// Plain says whether services are not looked up for what came from sip.conf.
func (w *World) Plain(legacy bool) bool {
	return legacy && w.Settings != nil && w.Settings.SIP != nil && !w.Settings.SIP.SRVLookup
}
