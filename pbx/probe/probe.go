// Package probe shows RTP and RTCP packets on the consoles: `rtp set debug`,
// `rtcp set debug`, `rtcp set stats`. While everything is off there is no tap in
// the media plane. While something is on, the media thread only puts what it
// saw into a queue and never waits: what does not fit is counted and left out.
package probe

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"branchline/media/plane"
	"branchline/pbx/cli"
	"branchline/pbx/settings"
)

// A Plane is where packets can be watched; socket.Plane is one.
type Plane interface{ Tap(f func(plane.Packet)) }

// A Probe is the switch, the filter and the printer.
type Probe struct {
	plane    Plane
	say      func(text string)
	settings func() settings.RTP

	mu    sync.Mutex
	queue chan plane.Packet // nil while off
	lost  atomic.Uint64

	rtp, rtcp watch
	stats     atomic.Bool
}

// watch is one kind of packets: off, from anywhere, or from one address.
type watch struct {
	on   atomic.Bool
	only atomic.Pointer[netip.AddrPort] // port 0: any
}

func (w *watch) wants(peer netip.AddrPort) bool {
	if !w.on.Load() {
		return false
	}
	only := w.only.Load()
	return only == nil || only.Addr() == peer.Addr() && (only.Port() == 0 || only.Port() == peer.Port())
}

// New makes a probe that is off. say prints text on the consoles, rtp is what
// rtp.conf says.
func New(p Plane, say func(text string), rtp func() settings.RTP) *Probe {
	return &Probe{plane: p, say: say, settings: rtp}
}

// queued is how many packets may wait to be printed.
const queued = 1024

// retune starts or ends the tap, as the switches now say.
func (p *Probe) retune() {
	p.mu.Lock()
	defer p.mu.Unlock()
	want := p.rtp.on.Load() || p.rtcp.on.Load() || p.stats.Load()
	switch {
	case want && p.queue == nil:
		q := make(chan plane.Packet, queued)
		p.queue = q
		go p.print(q)
		p.plane.Tap(func(k plane.Packet) { p.see(q, k) })
	case !want && p.queue != nil:
		// The tap is gone once the media thread has done this; whatever it still
		// puts into the queue goes with the queue.
		p.plane.Tap(nil)
		p.queue <- plane.Packet{} // the end
		p.queue = nil
	}
}

// see runs on the media thread.
func (p *Probe) see(q chan plane.Packet, k plane.Packet) {
	if k.Report == nil && !p.rtp.wants(k.Peer) || k.Report != nil && !p.rtcp.wants(k.Peer) && !p.stats.Load() {
		return
	}
	if k.Report != nil {
		r := *k.Report // it is only lent
		k.Report = &r
	}
	select {
	case q <- k:
	default:
		p.lost.Add(1)
	}
}

// print says what comes until the end comes.
func (p *Probe) print(q <-chan plane.Packet) {
	for k := range q {
		switch {
		case !k.Peer.IsValid():
			return
		case k.Report == nil:
			p.say(rtpText(k))
		default:
			if p.rtcp.wants(k.Peer) {
				p.say(rtcpText(k))
			}
			if p.stats.Load() {
				p.say(statsText(k))
			}
		}
		if n := p.lost.Swap(0); n > 0 {
			p.say(fmt.Sprintf("%d packets were too many to show", n))
		}
	}
}

// rtpText has Asterisk's form, which tools read.
func rtpText(k plane.Packet) string {
	way := "Got  RTP packet from   "
	if k.Sent {
		way = "Sent RTP packet to     "
	}
	return fmt.Sprintf("%s %s (type %02d, seq %06d, ts %06d, len %06d)", way, k.Peer, k.Type, k.Seq, k.Stamp, k.Size)
}

func rtcpText(k plane.Packet) string {
	way := "Got RTCP report from"
	if k.Sent {
		way = "Sent RTCP report to"
	}
	r := k.Report
	text := fmt.Sprintf("%s %s\n  SSRC: %08x", way, k.Peer, r.SSRC)
	if r.Sent {
		text += fmt.Sprintf("\n  Sender: NTP %d.%03d, RTP %d, %d packets, %d octets", r.Sender.NTP>>32, r.Sender.NTP&0xffffffff*1000>>32,
			r.Sender.Stamp, r.Sender.Packets, r.Sender.Octets)
	}
	if r.Reported {
		b := r.Block
		text += fmt.Sprintf("\n  About %08x: fraction lost %d/256, lost %d, highest %d, jitter %d, LSR %d, DLSR %.3f s",
			b.SSRC, b.Fraction, b.Lost, b.Highest, b.Jitter, b.LSR, float64(b.DLSR)/65536)
	}
	if r.Bye {
		text += "\n  Goodbye"
	}
	return text
}

// statsText is what a report says of how well a stream arrives.
func statsText(k plane.Packet) string {
	who, r := "theirs of ours", k.Report
	if k.Sent {
		who = "ours of theirs"
	}
	if !r.Reported {
		return fmt.Sprintf("RTCP stats %s (%s): nothing received", k.Peer, who)
	}
	return fmt.Sprintf("RTCP stats %s (%s): lost %d, jitter %d, lately lost %.1f%%", k.Peer, who, r.Block.Lost, r.Block.Jitter, float64(r.Block.Fraction)*100/256)
}

// Commands are the `rtp ...` and `rtcp ...` console commands.
func (p *Probe) Commands() []cli.Command {
	return []cli.Command{
		{Path: "rtp set debug {on|off|ip}", Summary: "Enable/Disable RTP debugging",
			Usage: "Usage: rtp set debug {on|off|ip host[:port]}\n       Shows the RTP packets of all streams, or those of one address, or ends that.\n",
			Run:   p.set("RTP Packet Debugging", &p.rtp)},
		{Path: "rtcp set debug {on|off|ip}", Summary: "Enable/Disable RTCP debugging",
			Usage: "Usage: rtcp set debug {on|off|ip host[:port]}\n       Shows the RTCP reports of all streams, or those of one address, or ends that.\n",
			Run:   p.set("RTCP Packet Debugging", &p.rtcp)},
		{Path: "rtcp set stats {on|off}", Summary: "Enable/Disable RTCP stats",
			Usage: "Usage: rtcp set stats {on|off}\n       Shows with each RTCP report how well the stream arrives, or ends that.\n",
			Run: func(ctx context.Context, w io.Writer, args []string) error {
				if len(args) > 0 {
					return cli.ErrUsage
				}
				on := lastWord(ctx, args) == "on"
				p.stats.Store(on)
				p.retune()
				_, err := fmt.Fprintf(w, "RTCP Stats %s\n", map[bool]string{true: "Enabled", false: "Disabled"}[on])
				return err
			}},
		{Path: "rtp show settings", Summary: "Display RTP settings",
			Usage: "Usage: rtp show settings\n       Shows what rtp.conf says.\n", Run: p.show},
	}
}

// lastWord is the last fixed word of the command.
func lastWord(ctx context.Context, args []string) string {
	w := cli.Words(ctx)
	return strings.ToLower(w[len(w)-len(args)-1])
}

func (p *Probe) set(what string, kind *watch) func(context.Context, io.Writer, []string) error {
	return func(ctx context.Context, w io.Writer, args []string) error {
		word := lastWord(ctx, args)
		if (word == "ip") != (len(args) == 1) {
			return cli.ErrUsage
		}
		switch word {
		case "ip":
			only, err := address(args[0])
			if err != nil {
				fmt.Fprintf(w, "Lookup failed for '%s'\n", args[0])
				return cli.ErrFailed
			}
			kind.only.Store(&only)
			kind.on.Store(true)
			fmt.Fprintf(w, "%s Enabled for address: %s\n", what, only)
		case "on":
			kind.only.Store(nil)
			kind.on.Store(true)
			fmt.Fprintf(w, "%s Enabled\n", what)
		default:
			kind.on.Store(false)
			fmt.Fprintf(w, "%s Disabled\n", what)
		}
		p.retune()
		return nil
	}
}

// address reads host[:port].
func address(s string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return a, nil
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return netip.AddrPortFrom(a, 0), err
}

func (p *Probe) show(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	yes := func(on bool) string { return map[bool]string{true: "Yes", false: "No"}[on] }
	r := p.settings()
	fmt.Fprint(w, "\n\nGeneral Settings:\n----------------\n")
	cli.Show(w, "port_start", "  Port start:      %d\n", r.PortFirst)
	cli.Show(w, "port_end", "  Port end:        %d\n", r.PortLast)
	fmt.Fprintf(w, "  Checksums:       %s\n", yes(true))
	// Asterisk counts this in samples.
	cli.Show(w, "dtmf_timeout", "  DTMF Timeout:    %d\n", int(r.DTMFTimeout*8000/time.Second))
	fmt.Fprintf(w, "  Strict RTP:      %s\n", yes(r.Strict))
	cli.Put(w, "strict", r.Strict)
	if r.Strict {
		cli.Show(w, "probation", "  Probation:       %d frames\n", r.Probation)
	}
	fmt.Fprintf(w, "  Replay Protect:  %s\n  ICE support:     %s\n  STUN:            disabled\n   Address:        0.0.0.0:0\n", yes(false), yes(false))
	cli.Put(w, "ice", false)
	return nil
}
