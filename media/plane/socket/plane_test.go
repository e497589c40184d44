package socket

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"branchline/media"
	"branchline/media/plane"
)

func TestSmoke(t *testing.T) {
	p, err := New(plane.Config{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	c, _ := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	s, err := p.Open(plane.Options{Local: netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	s.Apply(media.Flow{Remote: c.LocalAddr().(*net.UDPAddr).AddrPort(), Formats: []media.Format{{PT: 0, Codec: media.PCMU}}, Send: true, Recv: true})
	s.Join(s)
	b := make([]byte, 172)
	b[0] = 0x80
	c.WriteToUDPAddrPort(b, s.Local())
	c.SetReadDeadline(time.Now().Add(time.Second))
	n, from, err := c.ReadFromUDPAddrPort(b)
	t.Log(n, from, err, s.Local())
	if n != 172 {
		t.Fail()
	}
}
