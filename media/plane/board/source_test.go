package board

import (
	"net/netip"
	"testing"
	"time"

	"branchline/media"
	"branchline/media/plane"
)

// talkFrom sends one packet from another address, with numbers of its own.
func (f *phone) talkFrom(addr netip.AddrPort, seq uint16) {
	was, n, ssrc := f.addr, f.seq, f.ssrc
	f.addr, f.seq, f.ssrc = addr, seq, uint32(addr.Port())
	f.talk(frame(1))
	f.addr, f.seq, f.ssrc = was, n, ssrc
}

// hearer joins f to a party that hears it.
func (f *phone) hearer() *phone {
	h := f.x.phone(plane.Config{})
	h.apply(h.flow(media.PCMU))
	f.party.Join(h.party)
	return h
}

func TestStrictLearning(t *testing.T) {
	elsewhere, third := netip.MustParseAddrPort("203.0.113.5:9000"), netip.MustParseAddrPort("203.0.113.6:9000")
	x := newExchange(t)
	a := x.phone(plane.Config{Strict: true, Probation: 4})
	w := a.flow(media.PCMU)
	a.apply(w)
	h := a.hearer()

	// The negotiated address is believed from the first packet on.
	a.talk(frame(1))
	if n := len(h.take()); n != 1 {
		t.Errorf("%d packets from the negotiated address", n)
	}
	// Another must send four in a row; any packet out of order begins anew.
	for _, seq := range []uint16{1, 2, 3, 7, 8, 9} {
		a.talkFrom(elsewhere, seq)
	}
	if n := len(h.take()); n != 0 || a.party.dropped != 6 {
		t.Errorf("%d packets from elsewhere on probation, %d dropped", n, a.party.dropped)
	}
	a.talkFrom(elsewhere, 10)
	a.talkFrom(elsewhere, 50)
	if n := len(h.take()); n != 2 || a.happened() != "latched " {
		t.Errorf("%d packets from elsewhere after probation", n)
	}
	// Now nobody else is heard, however long it tries.
	for seq := range uint16(20) {
		a.talkFrom(third, seq)
	}
	if n := len(h.take()); n != 0 || a.party.dropped != 26 {
		t.Errorf("%d packets from a third party, %d dropped", n, a.party.dropped)
	}
	if a.aim != a.addr {
		t.Errorf("sends to %v, not symmetric", a.aim)
	}
	// But the negotiated address may come back.
	for range 4 {
		a.talk(frame(1))
	}
	if n := len(h.take()); n != 1 || a.happened() != "latched " {
		t.Errorf("%d packets from the negotiated address again", n)
	}
	x.run(200 * time.Millisecond)
	if s := a.party.Stats(); s.Source != a.addr || s.Dropped != 29 || s.RxPackets != 4 {
		t.Errorf("stats %+v", s)
	}

	// The same flow again changes nothing; a new address is learned anew.
	a.apply(w)
	for seq := range uint16(5) {
		a.talkFrom(elsewhere, seq)
	}
	if len(h.take()) != 0 {
		t.Error("elsewhere is heard after an unchanged flow")
	}
	w.Remote = third
	a.apply(w)
	a.talkFrom(third, 1)
	if n := len(h.take()); n != 1 || a.aim != third {
		t.Errorf("%d packets from the new address; aims at %v", n, a.aim)
	}
	a.talk(frame(1))
	if n := len(h.take()); n != 0 {
		t.Error("the old address is still believed")
	}
}

// Seed: S-090.
func TestSymmetric(t *testing.T) {
	behindNAT := netip.MustParseAddrPort("203.0.113.5:9000")
	for _, strict := range []bool{true, false} {
		x := newExchange(t)
		a := x.phone(plane.Config{Strict: strict})
		w := a.flow(media.PCMU)
		w.Symmetric = true
		w.RemoteRTCP = netip.MustParseAddrPort("192.0.2.1:7777")
		a.apply(w)
		if a.aim != w.Remote || a.aimed != w.RemoteRTCP {
			t.Errorf("strict %v: before anything came aims at %v and %v", strict, a.aim, a.aimed)
		}
		for seq := range uint16(4) {
			if strict && a.aim != w.Remote {
				t.Error("believed too soon")
			}
			a.talkFrom(behindNAT, seq)
		}
		if a.aim != behindNAT || a.aimed != netip.AddrPortFrom(behindNAT.Addr(), 9001) || a.happened() != "latched " {
			t.Errorf("strict %v: aims at %v and %v", strict, a.aim, a.aimed)
		}
		reports := netip.AddrPortFrom(behindNAT.Addr(), 5555)
		a.party.ReceiveReport(x.now, reports, receiverReport)
		if a.aimed != reports {
			t.Errorf("strict %v: reports to %v", strict, a.aimed)
		}
		moved := netip.AddrPortFrom(behindNAT.Addr(), 9100)
		for seq := range uint16(4) {
			a.talkFrom(moved, seq)
		}
		if want := map[bool]netip.AddrPort{true: behindNAT, false: moved}[strict]; a.aim != want {
			t.Errorf("strict %v: after another move aims at %v", strict, a.aim)
		}
	}
}

func TestNothingIsBelievedBeforeAFlow(t *testing.T) {
	x := newExchange(t)
	a := x.phone(plane.Config{Strict: true})
	for range 10 {
		a.talk(frame(1))
	}
	if a.party.in.Packets != 0 || a.happened() != "" {
		t.Error("packets counted before negotiation")
	}
	// An answer without an address: whoever sends in a row.
	w := a.flow(media.PCMU)
	w.Remote, w.Symmetric = netip.AddrPort{}, true
	a.apply(w)
	for range 4 {
		a.talk(frame(1))
	}
	if a.happened() != "latched " || a.aim != a.addr {
		t.Errorf("aims at %v", a.aim)
	}
}

func TestMappedAddressesAreTheSame(t *testing.T) {
	x := newExchange(t)
	a := x.phone(plane.Config{Strict: true})
	w := a.flow(media.PCMU)
	w.Remote = netip.AddrPortFrom(netip.AddrFrom16(a.addr.Addr().As16()), a.addr.Port())
	a.apply(w)
	h := a.hearer()
	a.talk(frame(1))
	if len(h.take()) != 1 {
		t.Error("not believed")
	}
}

func TestSilent(t *testing.T) {
	x := newExchange(t)
	a := x.phone(plane.Config{})
	w := a.flow(media.PCMU)
	w.Timeout = time.Second
	a.apply(w)
	a.talk(frame(1))
	a.happened()
	x.run(900 * time.Millisecond)
	if got := a.happened(); got != "" {
		t.Errorf("too soon: %s", got)
	}
	x.run(5 * time.Second)
	if got := a.happened(); got != "silent " {
		t.Errorf("events %q", got)
	}
	a.talk(frame(1))
	x.run(2 * time.Second)
	if got := a.happened(); got != "silent " {
		t.Errorf("events %q", got)
	}
	w.Recv = false
	a.apply(w)
	x.run(5 * time.Second)
	if got := a.happened(); got != "" {
		t.Errorf("on hold: %q", got)
	}
}
