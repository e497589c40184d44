package sip

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"

	"branchline/pbx/sip/sockets"
)

// BenchmarkRegister is a full digest registration: REGISTER, 401, REGISTER with
// credentials, 200, over real loopback sockets, sixteen phones at a time.
func BenchmarkRegister(b *testing.B) {
	x := &exchange{t: b, plan: plan}
	a := newAgent(b, x, strings.ReplaceAll(office, "bind=198.51.100.9", "bind=127.0.0.1:0"), sockets.Kernel{}, &lines{}, nil, &knobs{})
	defer a.Close()
	server := net.UDPAddrFromAddrPort(a.rack.Load().Wire("transport-udp").Bound())
	const phones = 16
	work := make(chan int, phones)
	var wait sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range phones {
		wait.Go(func() {
			c, err := net.DialUDP("udp", nil, server)
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			buf := make([]byte, 2048)
			for i := range work {
				if !enrol(c, buf, i) {
					b.Error("not registered")
					return
				}
			}
		})
	}
	for i := range b.N {
		work <- i
	}
	close(work)
	wait.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "registrations/s")
}

var nonceOf = regexp.MustCompile(`nonce="([^"]*)"`)

func enrol(c *net.UDPConn, buf []byte, i int) bool {
	me := c.LocalAddr().String()
	send := func(seq int, extra string) string {
		_, err := fmt.Fprintf(c, "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%d.%d;rport\r\nMax-Forwards: 70\r\n"+
			"From: <sip:1003@127.0.0.1>;tag=%d\r\nTo: <sip:1003@127.0.0.1>\r\nCall-ID: call-%s\r\nCSeq: %d REGISTER\r\n"+
			"Contact: <sip:1003@127.0.0.1:5070>\r\nExpires: 3600\r\n%sContent-Length: 0\r\n\r\n", me, i, seq, i, me, 2*i+seq, extra)
		if err != nil {
			return ""
		}
		n, err := c.Read(buf)
		if err != nil {
			return ""
		}
		return string(buf[:n])
	}
	m := nonceOf.FindStringSubmatch(send(1, ""))
	if m == nil {
		return false
	}
	h := func(s string) string { d := md5.Sum([]byte(s)); return hex.EncodeToString(d[:]) }
	answer := h(h("1003:asterisk:secret") + ":" + m[1] + ":00000001:abc:auth:" + h("REGISTER:sip:127.0.0.1"))
	return strings.HasPrefix(send(2, fmt.Sprintf(`Authorization: Digest username="1003", realm="asterisk", nonce="%s", uri="sip:127.0.0.1", `+
		`response="%s", cnonce="abc", nc=00000001, qop=auth, algorithm=MD5`+"\r\n", m[1], answer)), "SIP/2.0 200")
}
