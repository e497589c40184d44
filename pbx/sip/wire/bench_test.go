package wire_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/transaction"
	"branchline/pbx/sip/wire"
)

// load sends requests over real loopback sockets, a window of them under way at
// a time, and waits for the answers.
func load(b *testing.B, answer func(in *wire.Inbound)) {
	w, err := wire.Open(wire.Config{
		Name: "bench", Network: "udp", Bind: netip.MustParseAddrPort("127.0.0.1:0"), Receive: answer,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	w.Start()
	defer func() {
		if err := w.Close(); err != nil {
			b.Error(err)
		}
	}()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(w.Bound()))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	var got atomic.Int64
	window := make(chan struct{}, 64)
	go func() {
		buf := make([]byte, 2048)
		for {
			if _, err := c.Read(buf); err != nil {
				return
			}
			got.Add(1)
			<-window
		}
	}()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		window <- struct{}{}
		if _, err := c.Write(register(i, c.LocalAddr().String())); err != nil {
			b.Fatal(err)
		}
	}
	for len(window) > 0 {
		runtime.Gosched()
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB-live")
}

func register(i int, me string) []byte {
	return fmt.Appendf(nil, "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d;rport\r\nMax-Forwards: 70\r\n"+
		"From: <sip:1001@127.0.0.1>;tag=%d\r\nTo: <sip:1001@127.0.0.1>\r\nCall-ID: call-%d\r\nCSeq: 1 REGISTER\r\n"+
		"Contact: <sip:1001@%s>\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n", me, i, i, i, me)
}

func BenchmarkAnswered(b *testing.B) {
	load(b, func(in *wire.Inbound) {
		if err := in.Respond(sip.NewResponseFromRequest(in.Request, 200, "OK", nil)); err != nil {
			b.Error(err)
		}
	})
}

func BenchmarkChallenged(b *testing.B) {
	load(b, func(in *wire.Inbound) {
		in.Plain()
		if err := in.Respond(sip.NewResponseFromRequest(in.Request, 401, "Unauthorized", nil)); err != nil {
			b.Error(err)
		}
	})
}

// TestMemoryComesBack floods a transport with well-formed requests, each a new
// transaction, and looks at the heap when they are over.
func TestMemoryComesBack(t *testing.T) {
	w, err := wire.Open(wire.Config{
		Name: "flood", Network: "udp", Bind: netip.MustParseAddrPort("127.0.0.1:0"),
		Timers: transaction.Timers{T1: time.Millisecond, B: 200 * time.Millisecond},
		Receive: func(in *wire.Inbound) {
			if err := in.Respond(sip.NewResponseFromRequest(in.Request, 200, "OK", nil)); err != nil {
				t.Error(err)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Start()
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / 1e6
	}
	before := heap()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(w.Bound()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range 20000 {
		if _, err := c.Write(register(i, "127.0.0.1:9")); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); w.Transactions() > 0 || w.Counts().Received.Load() == 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d transactions left", w.Transactions())
		}
		runtime.Gosched()
	}
	after := heap()
	t.Logf("%d received; %.2f MB before, %.2f MB after", w.Counts().Received.Load(), before, after)
	if after > before+2 {
		t.Errorf("%.1f MB before, %.1f MB after", before, after)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}
