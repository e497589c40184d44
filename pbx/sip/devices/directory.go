// Package devices tells where the devices of sip.conf are and how they are reached: by
// the address they registered from, which is kept under the key chan_sip had, or by
// host=; and what an argument of Dial after "SIP/" means.
package devices

import (
	"net/netip"

	"branchline/pbx/astdb"
	"branchline/pbx/settings"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
)

// A Directory tells where the devices of sip.conf are and how they are reached.
type Directory struct {
	where     *whereabouts
	rack      *transports.Rack
	ways      *way.Finder
	registrar *registrar.Registrar
}

// New makes one that begins with what db has kept; db may be nil.
func New(db *astdb.DB, rack *transports.Rack, ways *way.Finder, r *registrar.Registrar) *Directory {
	return &Directory{where: newWhereabouts(db), rack: rack, ways: ways, registrar: r}
}

// Learn notes what a REGISTER of dev has shown: it came from src over network, and
// routed says that its contact does not reach it.
func (d *Directory) Learn(dev *settings.Device, src netip.AddrPort, network string, routed bool) {
	d.where.learn(dev, d.registrar.Contacts(dev.ID), src, network, routed)
}

// At names the device that registered from an address; "" if none has.
func (d *Directory) At(addr netip.AddrPort) string { return d.where.at(addr) }

// ContactsChanged is to be called when the contacts of an address of record have
// changed (registrar.Options.Changed): a device of sip.conf that has none left
// is nowhere any more.
func (d *Directory) ContactsChanged(aor string) {
	dev := d.rack.Load().Device(aor)
	if dev == nil {
		return
	}
	for _, c := range d.registrar.Contacts(aor) {
		if !c.Permanent() {
			return
		}
	}
	d.where.forget(dev)
}

// Address is the address a device of sip.conf is reached at; invalid while
// it is not registered.
func (d *Directory) Address(dev *settings.Device) netip.AddrPort {
	if dev.AOR == nil {
		return netip.AddrPort{}
	}
	for _, c := range d.registrar.Contacts(dev.ID) {
		if at, ok := d.where.place(dev); ok && !c.Permanent() {
			return at.addr
		}
		if addr, ok := way.Literal(&c.Uri); ok {
			port := c.Uri.Port
			if port == 0 {
				port = 5060
			}
			return netip.AddrPortFrom(addr, uint16(port))
		}
	}
	if len(dev.Addresses) > 0 {
		port := dev.Port
		if port == 0 {
			port = 5060
		}
		return netip.AddrPortFrom(dev.Addresses[0], uint16(port))
	}
	return netip.AddrPort{}
}
