package board

import (
	"net/netip"
	"testing"
	"time"

	"branchline/media"
	"branchline/media/plane"
	"branchline/media/rtp"
)

// receiverReport is one without a block.
var receiverReport = rtp.AppendReport(nil, &rtp.Report{SSRC: 5}, "x")

func TestReports(t *testing.T) {
	x := newExchange(t)
	a, b := x.phone(plane.Config{}), x.phone(plane.Config{})
	w := a.flow(media.PCMU)
	a.apply(w)
	b.apply(b.flow(media.PCMU))
	a.party.Join(b.party)
	reports := netip.AddrPortFrom(a.addr.Addr(), a.addr.Port()+1)
	for i := range 600 {
		if i == 100 {
			a.seq += 10 // lost
		}
		a.talk(frame(1))
		b.talk(frame(1))
		x.run(20 * time.Millisecond)
		if i == 200 { // its own report
			sr := rtp.Report{SSRC: a.ssrc, Sent: true, Sender: rtp.Sender{NTP: 0x0001_2345_6789_0000}}
			a.party.ReceiveReport(x.now, reports, rtp.AppendReport(nil, &sr, "a"))
		}
	}
	if len(a.reports) != 2 {
		t.Fatalf("%d reports in 12 s", len(a.reports))
	}
	if a.aimed != reports {
		t.Errorf("reports go to %v", a.aimed)
	}
	var first, second rtp.Report
	if !rtp.ParseReport(a.reports[0], a.ssrc, &first) || !rtp.ParseReport(a.reports[1], a.ssrc, &second) {
		t.Fatal("unreadable")
	}
	if !first.Sent || !first.Reported || first.SSRC != a.take()[0].SSRC {
		t.Errorf("first report %+v", first)
	}
	if n := first.Sender.Packets; n < 245 || n > 255 || first.Sender.Octets != n*160 {
		t.Errorf("%d packets of %d octets", n, first.Sender.Octets)
	}
	if first.Block.Lost != 10 || first.Block.Fraction == 0 || second.Block.Lost != 10 || second.Block.Fraction != 0 {
		t.Errorf("lost %d (%d), then %d (%d)", first.Block.Lost, first.Block.Fraction, second.Block.Lost, second.Block.Fraction)
	}
	if want := uint64(1_000_000_000 + 2208988800 + 6); first.Sender.NTP>>32 != want {
		t.Errorf("NTP %d, want %d", first.Sender.NTP>>32, want)
	}
	if d := second.Sender.Stamp - first.Sender.Stamp; d != 40000 {
		t.Errorf("%d samples between reports 5 s apart", d)
	}
	if first.Block.LSR != 0x2345_6789 || first.Block.DLSR == 0 {
		t.Errorf("LSR %x DLSR %d", first.Block.LSR, first.Block.DLSR)
	}

	// The far side's answer, 100 ms after our report, of which it held it 60.
	x.run(8 * time.Millisecond)
	rr := rtp.Report{SSRC: a.ssrc, Reported: true, Block: rtp.Block{
		SSRC: second.SSRC, Lost: 7, Jitter: 80, LSR: uint32(x.ntp(x.now-100*ms) >> 16), DLSR: 65536 * 60 / 1000,
	}}
	a.party.ReceiveReport(x.now, reports, rtp.AppendReport(nil, &rr, "a"))
	x.run(200 * time.Millisecond)
	s := a.party.Stats()
	if s.TxLost != 7 || s.TxJitter != 10*time.Millisecond || s.RoundTrip < 39*time.Millisecond || s.RoundTrip > 41*time.Millisecond {
		t.Errorf("stats %+v", s)
	}
	if s.RxPackets != 600 || s.RxBytes != 96000 || s.RxLost != 10 || s.TxPackets != 600 || s.TxBytes != 96000 || s.LastRx.IsZero() {
		t.Errorf("stats %+v", s)
	}

	a.reports = nil
	a.party.Close(x.now)
	var bye rtp.Report
	if len(a.reports) != 1 || !rtp.ParseReport(a.reports[0], a.ssrc, &bye) || !bye.Bye {
		t.Error("no goodbye")
	}
}

func TestReportsFromStrangersAreNotRead(t *testing.T) {
	x := newExchange(t)
	a := x.phone(plane.Config{Strict: true})
	a.apply(a.flow(media.PCMU))
	rr := rtp.Report{SSRC: 1, Reported: true, Block: rtp.Block{SSRC: a.party.out.ssrc, Lost: 99}}
	b := rtp.AppendReport(nil, &rr, "a")
	a.party.ReceiveReport(x.now, netip.MustParseAddrPort("203.0.113.5:4001"), b)
	if a.party.far.lost != 0 {
		t.Error("believed a stranger")
	}
	a.party.ReceiveReport(x.now, netip.AddrPortFrom(a.addr.Addr(), 1), b)
	if a.party.far.lost != 99 {
		t.Error("did not believe the phone")
	}
	x.run(11 * time.Second)
	if len(a.reports) != 0 {
		t.Error("a report about nothing")
	}
}
