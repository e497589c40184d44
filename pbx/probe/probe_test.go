package probe

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"branchline/media/plane"
	"branchline/media/rtp"
	"branchline/pbx/cli"
	"branchline/pbx/settings"
)

// socket is a media plane that only has a tap.
type socket struct{ tap func(plane.Packet) }

func (s *socket) Tap(f func(plane.Packet)) { s.tap = f }

var (
	peer  = netip.MustParseAddrPort("198.51.100.206:4000")
	other = netip.MustParseAddrPort("198.51.100.55:4000")
)

func bench(t *testing.T) (s *socket, said func() string, run func(string) string) {
	t.Helper()
	s = &socket{}
	lines := make(chan string, 100)
	p := New(s, func(text string) { lines <- text }, settings.DefaultRTP)
	tree := cli.NewTree()
	if err := tree.Add(p.Commands()...); err != nil {
		t.Fatal(err)
	}
	said = func() string {
		synctest.Wait()
		var out []string
		for len(lines) > 0 {
			out = append(out, <-lines)
		}
		return strings.Join(out, "\n")
	}
	run = func(line string) string {
		var b bytes.Buffer
		tree.Run(context.Background(), &b, line)
		return b.String()
	}
	return s, said, run
}

func TestPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, said, run := bench(t)
		traffic := func() {
			for _, k := range []plane.Packet{
				{Peer: peer, Seq: 1, Stamp: 160, Size: 160},
				{Peer: other, Sent: true, Type: 8, Seq: 65535, Stamp: 4294967295, Size: 80},
				{Peer: peer, Report: &rtp.Report{SSRC: 0xabc, Sent: true, Sender: rtp.Sender{NTP: 5<<32 | 1<<31, Stamp: 160, Packets: 2, Octets: 320},
					Reported: true, Block: rtp.Block{SSRC: 0xdef, Fraction: 128, Lost: 7, Highest: 9, Jitter: 8, LSR: 1, DLSR: 32768}}},
				{Peer: peer, Sent: true, Report: &rtp.Report{SSRC: 1, Bye: true}},
			} {
				if s.tap != nil {
					s.tap(k)
				}
			}
		}
		const (
			got    = "Got  RTP packet from    198.51.100.206:4000 (type 00, seq 000001, ts 000160, len 000160)"
			sent   = "Sent RTP packet to      198.51.100.55:4000 (type 08, seq 065535, ts 4294967295, len 000080)"
			report = "Got RTCP report from 198.51.100.206:4000\n  SSRC: 00000abc\n  Sender: NTP 5.500, RTP 160, 2 packets, 320 octets\n" +
				"  About 00000def: fraction lost 128/256, lost 7, highest 9, jitter 8, LSR 1, DLSR 0.500 s"
			bye   = "Sent RTCP report to 198.51.100.206:4000\n  SSRC: 00000001\n  Goodbye"
			stats = "RTCP stats 198.51.100.206:4000 (theirs of ours): lost 7, jitter 8, lately lost 50.0%\n" +
				"RTCP stats 198.51.100.206:4000 (ours of theirs): nothing received"
		)
		for _, step := range []struct{ line, answer, shown string }{
			{"rtp set debug on", "RTP Packet Debugging Enabled\n", got + "\n" + sent},
			{"rtp set debug ip 198.51.100.55", "RTP Packet Debugging Enabled for address: 198.51.100.55:0\n", sent},
			{"rtp set debug ip 198.51.100.55:1", "RTP Packet Debugging Enabled for address: 198.51.100.55:1\n", ""},
			{"rtp set debug ip nonsense", "Lookup failed for 'nonsense'\nCommand 'rtp set debug ip nonsense' failed.\n", ""},
			{"rtp set debug off", "RTP Packet Debugging Disabled\n", ""},
			{"rtcp set debug on", "RTCP Packet Debugging Enabled\n", report + "\n" + bye},
			{"rtcp set debug ip 198.51.100.55", "RTCP Packet Debugging Enabled for address: 198.51.100.55:0\n", ""},
			{"rtcp set debug off", "RTCP Packet Debugging Disabled\n", ""},
			{"rtcp set stats on", "RTCP Stats Enabled\n", stats},
			{"rtcp set stats off", "RTCP Stats Disabled\n", ""},
			{"rtp set debug foo", "No such command 'rtp set debug foo' (type 'core show help rtp set debug foo' for other possible commands)\n", ""},
		} {
			if got := run(step.line); got != step.answer {
				t.Errorf("%s: %s", step.line, got)
			}
			traffic()
			if got := said(); got != step.shown {
				t.Errorf("after %s:\n%s\nwant\n%s", step.line, got, step.shown)
			}
		}
		if s.tap != nil {
			t.Error("a tap is left")
		}
	})
}

// The media thread never waits for a console.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &socket{}
		free := make(chan struct{})
		last := ""
		p := New(s, func(text string) { <-free; last = text }, settings.DefaultRTP)
		p.rtp.on.Store(true)
		p.retune()
		for range queued + 100 {
			s.tap(plane.Packet{Peer: peer})
		}
		close(free)
		synctest.Wait()
		if last != "Got  RTP packet from    198.51.100.206:4000 (type 00, seq 000000, ts 000000, len 000000)" || p.lost.Load() != 0 {
			t.Errorf("%q %d", last, p.lost.Load())
		}
		p.rtp.on.Store(false)
		p.retune()
	})
}

func TestSettings(t *testing.T) {
	_, _, run := bench(t)
	const want = "\n\nGeneral Settings:\n----------------\n  Port start:      10000\n  Port end:        20000\n  Checksums:       Yes\n" +
		"  DTMF Timeout:    1200\n  Strict RTP:      Yes\n  Probation:       4 frames\n  Replay Protect:  No\n  ICE support:     No\n" +
		"  STUN:            disabled\n   Address:        0.0.0.0:0\n"
	if got := run("rtp show settings"); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := run("rtp show settings --json"); !strings.Contains(got, `"port_start": 10000`) {
		t.Error(got)
	}
}
