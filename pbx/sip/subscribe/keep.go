package subscribe

import (
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
)

// family is where subscriptions are kept over a restart, by our tag.
const family = "subscriptions"

// soon is how soon a subscription that is new, or over, is on disk. One that only goes on
// is written when the exchange ends in order, and not before: a card wears out by writing,
// and there are many lamps. After a crash the phone of a lease that has passed since asks
// anew when its refresh is answered 481, which is no loss of a call.
const soon = time.Minute

// A record is a subscription in the store.
type record struct {
	Endpoint string   `json:"endpoint"`
	Event    string   `json:"event"`
	Params   string   `json:"params,omitempty"`
	Body     string   `json:"body"`
	Exten    string   `json:"exten"`
	CallID   string   `json:"call_id"`
	Local    side     `json:"local"`
	Remote   side     `json:"remote"`
	Target   string   `json:"target"`
	Routes   []string `json:"routes,omitempty"`
	Wire     string   `json:"transport"`
	Peer     string   `json:"peer"`
	Called   string   `json:"called"`
	Heard    uint32   `json:"heard"` // CSeq of the last SUBSCRIBE
	Sent     uint32   `json:"sent"`  // of the last NOTIFY
	Version  uint32   `json:"version"`
	Saved    int64    `json:"saved"` // Unix seconds
	Until    int64    `json:"until"`
	Lasts    int64    `json:"lasts"` // seconds
	NATted   bool     `json:"natted,omitempty"`
}

type side struct {
	Name string `json:"name,omitempty"`
	URI  string `json:"uri"`
	Tag  string `json:"tag"`
}

func sideOf(i dialog.Identity) side { return side{i.Name, i.URI.String(), i.Tag} }

// identity reads a side of the dialog back; false if it is none.
func (p side) identity() (out dialog.Identity, ok bool) {
	out = dialog.Identity{Name: p.Name, Tag: p.Tag}
	return out, p.Tag != "" && way.ParseURI(p.URI, &out.URI) == nil
}

// keep writes the subscription down.
func (s *subscription) keep() {
	b, d := s.book, s.dialog
	if b.o.Store == nil {
		return
	}
	r := record{
		Endpoint: s.ep.ID, Event: s.event, Params: s.eventID, Body: s.body, Exten: s.exten, CallID: d.CallID,
		Local: sideOf(d.Local), Remote: sideOf(d.Remote), Target: d.Target.String(), Wire: s.wire, Peer: s.peer.String(),
		Called: s.voice.Called, Heard: d.RemoteSeq, Sent: d.LocalSeq, Version: s.version, Saved: time.Now().Unix(),
		Until: s.until.Unix(), Lasts: int64(s.lasts / time.Second),
		NATted: s.ep.ForceRport,
	}
	for _, u := range d.Routes {
		r.Routes = append(r.Routes, u.String())
	}
	text, err := json.Marshal(r)
	if err != nil {
		b.o.Log.Warn("subscription is not kept", "endpoint", s.ep.ID, "error", err)
		return
	}
	b.o.Store.PutSoon(family, d.Local.Tag, string(text), soon)
}

// freeze leaves the subscription as it is to who comes after the restart: what happens
// while everything ends is not told, nor is a phone given up that cannot be told any
// more.
func (s *subscription) freeze() {
	s.keep() // with the numbers of now
	s.over = "frozen"
	s.timer.Stop()
	for _, stop := range s.stops {
		stop()
	}
}

// Restore takes up the subscriptions of before a restart, once, when the configuration
// is in force. Their phones are told the state of now, one after the other.
func (b *Book) Restore() {
	b.put(func() {
		if b.o.Store == nil || b.restored {
			return
		}
		b.restored = true
		w := b.o.Rack.Load()
		n := 0
		for _, e := range b.o.Store.List("/" + family) {
			tag := e.Name[len(family)+2:]
			s := b.revive(w, e.Value)
			if s == nil || s.dialog.Local.Tag != tag {
				b.o.Store.DelSoon(family, tag, soon)
				continue
			}
			b.serial++
			s.serial = b.serial
			b.enter(s)
			s.expire()
			s.keep() // with numbers that another restart may count from
			time.AfterFunc(time.Duration(n)*pace, func() {
				b.put(func() {
					if s.over == "" {
						s.notify()
					}
				})
			})
			n++
		}
	})
}

// pace is the time between the phones that are told after a restart.
const pace = 5 * time.Millisecond

// revive makes a subscription of its record; nil if it is over, or cannot go on with
// the configuration there is now.
func (b *Book) revive(w *transports.World, text string) *subscription {
	var r record
	if json.Unmarshal([]byte(text), &r) != nil || w.Settings == nil {
		return nil
	}
	ep := w.Endpoint(r.Endpoint)
	if dev := w.Device(r.Endpoint); dev != nil {
		if ep = dev.Endpoint; r.NATted {
			ep = dev.NATted
		}
	}
	x, until := w.Wire(r.Wire), time.Unix(r.Until, 0)
	peer, err := netip.ParseAddrPort(r.Peer)
	if ep == nil || !ep.AllowSubscribe || x == nil || err != nil || !until.After(time.Now()) || len(b.all()) >= mostOfAll {
		return nil
	}
	local, lok := r.Local.identity()
	remote, rok := r.Remote.identity()
	d := &dialog.Dialog{CallID: r.CallID, Local: local, Remote: remote, RemoteSeq: r.Heard}
	ok := lok && rok && way.ParseURI(r.Target, &d.Target) == nil
	for _, text := range r.Routes {
		var u sip.Uri
		ok = ok && way.ParseURI(text, &u) == nil
		d.Routes = append(d.Routes, u)
	}
	if !ok {
		return nil
	}
	// More NOTIFYs have been sent than were written down, and their numbers may only
	// rise. The phone may have refreshed, too: any CSeq of its is taken.
	ahead := uint32(1000 + 2*max(0, time.Now().Unix()-r.Saved))
	d.LocalSeq = r.Sent + ahead
	s := &subscription{
		book: b, ep: ep, dialog: d, event: r.Event, eventID: r.Params, body: r.Body, exten: r.Exten, context: contextOf(ep),
		lasts: time.Duration(r.Lasts) * time.Second, until: until, peer: peer, version: r.Version + ahead,
	}
	s.equip(w, x, netip.Addr{}, r.Called)
	if !s.watch(w) {
		return nil
	}
	return s
}

// Move tells the phones whose subscriptions name an address of ours that is gone, by
// a NOTIFY from the new one. here are the machine's addresses.
func (b *Book) Move(here []netip.Addr) {
	b.put(func() {
		w := b.o.Rack.Load()
		for _, s := range b.all() {
			x := w.Wire(s.wire)
			host, err := netip.ParseAddr(s.voice.Local.Host)
			if x == nil || err != nil || slices.Contains(here, host) {
				continue
			}
			now := way.Appearance(w, s.ep, x, s.peer.Addr(), netip.Addr{})
			if a, err := netip.ParseAddr(now.Host); err != nil || a.IsUnspecified() || now.Host == s.voice.Local.Host {
				continue
			}
			s.voice.Local = now
			s.dialog.Contact = s.voice.Contact("")
			s.notify()
		}
	})
}

// now is the endpoint as it is configured now; nil if it is there no more.
func (s *subscription) now(w *transports.World) *settings.Endpoint {
	if !s.ep.Legacy {
		return w.Endpoint(s.ep.ID)
	}
	dev := w.Device(s.ep.ID)
	switch {
	case dev == nil && w.Settings != nil && w.Settings.SIP != nil:
		return w.Settings.SIP.Guest
	case dev == nil:
		return nil
	case s.ep.ForceRport:
		return dev.NATted
	}
	return dev.Endpoint
}
