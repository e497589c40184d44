package latch

import (
	"net/netip"
	"testing"
)

var (
	agreed    = netip.MustParseAddrPort("192.0.2.1:4000")
	elsewhere = netip.MustParseAddrPort("203.0.113.5:9000")
	third     = netip.MustParseAddrPort("203.0.113.6:9000")
)

// What is heard, refused and believed, packet by packet: "." heard, "-" refused, "!"
// the source is another now.
func TestHear(t *testing.T) {
	type packet struct {
		from netip.AddrPort
		seq  uint16
	}
	row := func(from netip.AddrPort, first uint16, n int) (all []packet) {
		for i := range n {
			all = append(all, packet{from, first + uint16(i)})
		}
		return all
	}
	for _, c := range []struct {
		name    string
		strict  bool
		rtp     netip.AddrPort
		packets [][]packet
		want    string
	}{
		{"as agreed", true, agreed, [][]packet{row(agreed, 65534, 6)}, "...!.."},
		{"another in a row, over the end of the numbers", true, agreed, [][]packet{row(elsewhere, 65534, 5)}, "---!."},
		{"another with a hole", true, agreed, [][]packet{row(elsewhere, 1, 3), row(elsewhere, 5, 4)}, "------!"},
		{"two who mix", true, agreed, [][]packet{row(elsewhere, 1, 3), row(third, 1, 3), row(elsewhere, 4, 3)}, "---------"},
		{"once it is learned", true, agreed, [][]packet{row(elsewhere, 1, 4), row(third, 1, 9)}, "---!---------"},
		{"the agreed one comes back", true, agreed, [][]packet{row(elsewhere, 1, 4), row(agreed, 1, 5)}, "---!---!."},
		{"nobody agreed", true, netip.AddrPort{}, [][]packet{row(elsewhere, 1, 5)}, "---!."},
		{"not strict", false, agreed, [][]packet{row(agreed, 1, 2), row(elsewhere, 1, 2), row(third, 9, 1)}, "!.!.!"},
	} {
		l := Latch{Strict: c.strict, Probation: 4}
		l.Agree(c.rtp, netip.AddrPort{}, false, true)
		var got string
		for _, run := range c.packets {
			for _, p := range run {
				v := l.Hear(p.from, p.seq)
				got += map[Verdict]string{Refused: "-", Heard: ".", Learned: "!"}[v]
				if v == Learned && l.Source() != p.from {
					t.Errorf("%s: learned %v of %v", c.name, l.Source(), p.from)
				}
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAim(t *testing.T) {
	reports := netip.MustParseAddrPort("203.0.113.5:5555")
	own := netip.MustParseAddrPort("192.0.2.1:7777")
	learn := func(l *Latch) {
		for seq := range uint16(4) {
			l.Hear(elsewhere, seq)
		}
	}
	for _, c := range []struct {
		name      string
		symmetric bool
		rtp, rtcp netip.AddrPort
		then      func(l *Latch)
		want      [2]netip.AddrPort
	}{
		{"nowhere", true, netip.AddrPort{}, netip.AddrPort{}, func(*Latch) {}, [2]netip.AddrPort{}},
		{"as agreed", true, agreed, own, func(*Latch) {}, [2]netip.AddrPort{agreed, own}},
		{"next to it", false, agreed, netip.AddrPort{}, learn, [2]netip.AddrPort{agreed, netip.AddrPortFrom(agreed.Addr(), 4001)}},
		{"no port is next", false, netip.AddrPortFrom(agreed.Addr(), 65535), netip.AddrPort{}, learn, [2]netip.AddrPort{netip.AddrPortFrom(agreed.Addr(), 65535)}},
		{"where it comes from", true, agreed, own, learn, [2]netip.AddrPort{elsewhere, netip.AddrPortFrom(elsewhere.Addr(), 9001)}},
		{"where its reports come from", true, agreed, own, func(l *Latch) { learn(l); l.HearReport(reports) }, [2]netip.AddrPort{elsewhere, reports}},
		{"a stranger's reports", true, agreed, own, func(l *Latch) { l.HearReport(third) }, [2]netip.AddrPort{agreed, own}},
		{"agreed again", true, agreed, own, func(l *Latch) { learn(l); l.Agree(agreed, own, true, false) }, [2]netip.AddrPort{elsewhere, netip.AddrPortFrom(elsewhere.Addr(), 9001)}},
		{"another agreed", true, agreed, own, func(l *Latch) { learn(l); l.Agree(third, own, true, false) }, [2]netip.AddrPort{third, own}},
	} {
		l := Latch{Strict: true, Probation: 4}
		l.Agree(c.rtp, c.rtcp, c.symmetric, true)
		c.then(&l)
		if rtp, rtcp := l.Aim(); rtp != c.want[0] || rtcp != c.want[1] {
			t.Errorf("%s: %v and %v, want %v", c.name, rtp, rtcp, c.want)
		}
	}
}
