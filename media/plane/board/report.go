package board

import (
	"net/netip"
	"sync"
	"time"

	"branchline/media"
	"branchline/media/plane"
	"branchline/media/rtp"
)

// farSide is what the other end's RTCP told, and what our own is made of.
type farSide struct {
	lost, jitter uint64 // jitter in our RTP clock's units
	roundTrip    int64
	lsr          uint32 // middle of the NTP time of its last sender report
	lsrAt        int64  // when that came

	reported bool   // we have sent a report
	sentThen uint64 // packets sent when we did
}

// ReceiveReport takes a packet from the party's RTCP port.
func (p *Party) ReceiveReport(now int64, from netip.AddrPort, pkt []byte) {
	var r rtp.Report
	if p.closed || len(p.formats) == 0 || !p.acceptReport(from) || !rtp.ParseReport(pkt, p.out.ssrc, &r) {
		return
	}
	if t := p.board.tap; t != nil {
		shown := r
		t(plane.Packet{Peer: from, Report: &shown})
	}
	f := &p.far
	if r.Sent {
		f.lsr, f.lsrAt = uint32(r.Sender.NTP>>16), now
	}
	if k := &r.Block; r.Reported {
		f.lost, f.jitter = uint64(max(0, k.Lost)), uint64(k.Jitter)
		// RFC 3550 6.4.1: round trip = now - LSR - DLSR, in 1/65536 s.
		if d := uint32(p.board.ntp(now)>>16) - k.LSR - k.DLSR; k.LSR != 0 && d < 60<<16 {
			f.roundTrip = int64(d) * 1e9 >> 16
		}
	}
}

// reportOn sends a report when one is due.
func (p *Party) reportOn(now int64) {
	if now < p.nextReport {
		return
	}
	if p.nextReport += p.rules.RTCPInterval; p.nextReport <= now {
		p.nextReport = now + p.rules.RTCPInterval
	}
	if p.out.packets > 0 || p.in.Started() {
		p.sendReport(now, false)
	}
}

// goodbye tells the far side that its stream has ended, if it ever had a report.
func (p *Party) goodbye(now int64) {
	if p.far.reported {
		p.sendReport(now, true)
	}
}

func (p *Party) sendReport(now int64, bye bool) {
	if !p.aimed || p.wire == nil {
		return
	}
	s, f := &p.out, &p.far
	r := rtp.Report{SSRC: s.ssrc, Sent: s.packets > f.sentThen, Reported: p.in.Started(), Bye: bye}
	if r.Sent {
		r.Sender = rtp.Sender{
			NTP: p.board.ntp(now), Stamp: s.stamp + uint32((now-s.at)/1000*s.rate/1e6),
			Packets: uint32(s.packets), Octets: uint32(s.bytes),
		}
	}
	if r.Reported {
		p.in.Block(&r.Block)
		if f.lsrAt > 0 {
			r.Block.LSR = f.lsr
			r.Block.DLSR = uint32((now - f.lsrAt) / 1000 << 16 / 1e6)
		}
	}
	f.reported, f.sentThen = true, s.packets
	if t := p.board.tap; t != nil {
		shown := r
		t(plane.Packet{Sent: true, Peer: p.target.rtcp, Report: &shown})
	}
	p.wire.RTCP(rtp.AppendReport(p.board.report[:0], &r, p.cname))
}

// ntp is the wall clock as NTP has it: seconds since 1900 in 32.32 fixed point.
func (b *Board) ntp(now int64) uint64 {
	t := b.start.Add(time.Duration(now))
	return uint64(t.Unix()+2208988800)<<32 | uint64(t.Nanosecond())<<32/1e9
}

// A published is the copy of the counters that other goroutines see.
type published struct {
	mu    sync.Mutex
	stats media.Stats
}

// Stats are the party's counters as of its last tick, at most 100 ms ago. It may
// be asked from any goroutine.
func (p *Party) Stats() media.Stats {
	p.published.mu.Lock()
	defer p.published.mu.Unlock()
	return p.published.stats
}

// publish makes the counters visible. If just now somebody reads them, the media
// thread does not wait; the next tick will do.
func (p *Party) publish(now int64) {
	if p.closed {
		p.published.mu.Lock() // the last chance; readers hold it for nanoseconds
	} else if !p.published.mu.TryLock() {
		return
	}
	defer p.published.mu.Unlock()
	rate, source := p.out.rate, p.latch.Source()
	if !source.IsValid() {
		source = p.flow.Remote
	}
	p.published.stats = media.Stats{
		RxPackets: p.in.Packets, RxBytes: p.in.Bytes, RxLost: p.in.Lost(),
		TxPackets: p.out.packets, TxBytes: p.out.bytes,
		RxJitter:  time.Duration(int64(p.in.Jitter()) * 1e9 / max(1, p.rate)),
		TxLost:    p.far.lost,
		TxJitter:  time.Duration(int64(min(p.far.jitter, 1<<32)) * 1e6 / max(1, rate) * 1e3),
		RoundTrip: time.Duration(p.far.roundTrip),
		Source:    source,
		Dropped:   p.dropped,
	}
	if p.lastRx > 0 {
		p.published.stats.LastRx = p.board.start.Add(time.Duration(p.lastRx))
	}
}
