package wire_test

import (
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/siptest"
	"branchline/pbx/sip/wire"
)

// FuzzDatagram sends one hostile datagram, then asks whether the transport
// still answers.
func FuzzDatagram(f *testing.F) {
	f.Add([]byte(options(1, "Content-Length: 0\r\n")))
	f.Add(register(1, "198.51.100.206:5060"))
	f.Add([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nCSeq: 1 INVITE\r\n\r\n"))
	f.Add([]byte("CANCEL sip:1@198.51.100.9 SIP/2.0\r\nVia: SIP/2.0/UDP [::1]:5060;branch=z9hG4bKc\r\nTo: <sip:x>\r\nFrom: <sip:y>;tag=\"\r\nCall-ID: \r\nCSeq: 0 CANCEL\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 60000 {
			return
		}
		hostile(t, [][]byte{raw})
	})
}

func hostile(t *testing.T, raws [][]byte) {
	synctest.Test(t, func(t *testing.T) {
		n := siptest.NewNet(t)
		w, err := wire.Open(wire.Config{
			Name: "x", Network: "udp", Bind: netip.MustParseAddrPort(server), Net: n.Host("198.51.100.9"),
			Log: slog.New(slog.DiscardHandler),
			Receive: func(in *wire.Inbound) {
				if !in.Request.IsAck() {
					_ = in.Respond(sip.NewResponseFromRequest(in.Request, 200, "OK", nil)) // may be over already
				}
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.Start()
		p := n.Phone("1001", phone, server)
		defer p.Close()
		defer func() {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}()
		bad := n.Phone("bad", "198.51.100.66:5060", server)
		defer bad.Close()
		for _, raw := range raws {
			bad.SendBytes(raw)
			synctest.Wait()
		}
		p.Send("OPTIONS", "sip:1@198.51.100.9")
		p.Want("200")
		if n := w.Counts().Panics.Load(); n != 0 {
			t.Errorf("%d panics", n)
		}
	})
}

// TestMutations damages good messages in a few thousand ways.
func TestMutations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seeds := [][]byte{
		[]byte(options(1, "Content-Length: 0\r\n")), register(1, "198.51.100.206:5060"),
		[]byte("SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 198.51.100.9;branch=z9hG4bKPjx\r\nFrom: \"A\" <sip:a@b>;tag=1\r\nTo: sip:b\r\nCall-ID: 1\r\nCSeq: 2 INVITE\r\nContact: <sip:a@[::1]:5060;transport=tcp>\r\n\r\n"),
	}
	var raws [][]byte
	for i := range 3000 {
		b := append([]byte(nil), seeds[i%len(seeds)]...)
		for range 1 + r.IntN(6) {
			switch at := r.IntN(len(b)); r.IntN(5) {
			case 0:
				b[at] = byte(r.Uint32())
			case 1:
				b = append(b[:at], b[min(len(b), at+1+r.IntN(20)):]...)
			case 2:
				b = append(b[:at:at], append([]byte(" \t;,<>\"\r\n:@%[]"[r.IntN(14):][:1]), b[at:]...)...)
			case 3:
				b = append(b[:at:at], append(append([]byte(nil), b[r.IntN(at+1):at]...), b[at:]...)...)
			default:
				b = b[:at]
			}
			if len(b) == 0 {
				b = []byte("x")
			}
		}
		raws = append(raws, b)
	}
	hostile(t, raws)
}
