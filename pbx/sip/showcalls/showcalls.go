// Package showcalls is the console's view of what goes on: the channels of pjsip.conf
// and strangers in Asterisk 22's layout (`pjsip show channels`), the dialogs and
// connections of sip.conf in that of Asterisk 16's chan_sip (`sip show channels`),
// column for column.
//
// It holds nothing: every command asks the functions in Deps anew.
package showcalls

import (
	"net/netip"
	"strings"

	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/settings"
	"branchline/pbx/sip/door"
	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/subscribe"
	"branchline/pbx/sip/wire"
)

// Deps is where the facts come from. All must be set.
type Deps struct {
	All           func() []*channel.Snapshot // channels of every technology
	Sessions      func() []*invite.Session   // of both front ends
	Strangers     func() []door.Stranger
	Subscriptions func() []subscribe.Entry // of both front ends
	Snapshot      func() *settings.Snapshot
	Address       func(*settings.Device) netip.AddrPort // of a device of sip.conf; invalid: not known
	Wires         func() []*wire.Wire                   // the transports of sip.conf
}

// Commands are the commands about what goes on in either front end.
func Commands(d Deps) (pjsip, legacy []cli.Command) { return d.commands(), d.legacyCommands() }

// channels are those whose names begin with prefix.
func (d *Deps) channels(prefix string) (out []*channel.Snapshot) {
	for _, c := range d.All() {
		if strings.HasPrefix(c.Name, prefix) {
			out = append(out, c)
		}
	}
	return out
}

// streams are the audio streams of all sessions by channel name.
func (d *Deps) streams() map[string]media.Stream {
	out := map[string]media.Stream{}
	for _, s := range d.Sessions() {
		out[s.Name()] = s.Media()
	}
	return out
}

// device is the device of sip.conf an endpoint is made of; nil for guests.
func (d *Deps) device(endpoint string) *settings.Device {
	if name, ok := strings.CutPrefix(endpoint, "SIP/"); ok {
		return d.Snapshot().Device(name)
	}
	return nil
}
