package board

import (
	"net/netip"
	"testing"
	"time"

	"branchline/media"
	"branchline/media/plane"
	"branchline/media/rtp"
)

// An abyss is a wire that ends nowhere.
type abyss struct{}

func (abyss) Aim(netip.AddrPort, netip.AddrPort) {}
func (abyss) RTP([]byte)                         {}
func (abyss) RTCP([]byte)                        {}

// BenchmarkReceive is what a packet costs between two sockets.
func BenchmarkReceive(b *testing.B) {
	x, from := New(time.Unix(1_000_000_000, 0)), netip.MustParseAddrPort("192.0.2.1:4000")
	var ends [2]*Party
	for i := range ends {
		ends[i] = x.Party(abyss{}, RulesOf(plane.Config{Strict: true}), nil)
		ends[i].Enter(0)
		ends[i].Apply(0, media.Flow{Remote: from, Formats: []media.Format{{Codec: media.PCMU}}, Send: true, Recv: true})
	}
	ends[0].Join(ends[1])
	packet := make([]byte, rtp.HeaderLen+160)
	now := int64(0)
	b.ReportAllocs()
	for i := range b.N {
		now += 20 * ms
		h := rtp.Header{Seq: uint16(i), Stamp: uint32(160 * i), SSRC: 7}
		h.Put(packet)
		ends[0].Receive(now, from, packet)
	}
	if ends[1].out.packets < uint64(b.N) {
		b.Errorf("%d of %d packets went on", ends[1].out.packets, b.N)
	}
}
