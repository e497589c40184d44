//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
	"branchline/appliance/e2e/switchboard"
)

// siege is an exchange with two phones, and a stranger who means no good. The stranger's traffic
// is not recorded.
type siege struct {
	*rig
	exchange *switchboard.Exchange
	before   int64 // memory before the stranger has sent anything
}

func newSiege(t *testing.T) *siege {
	t.Helper()
	r := newRig(t)
	r.lan.Tap().Ignore(addr(stranger))
	s := &siege{rig: r, exchange: r.exchange(single(t), server3, smallOffice(plain))}
	r.login(device1001, "1001", false)
	r.login(device1002, "1002", true)
	s.call("before")
	s.before = s.settled()
	return s
}

// settled is the memory of an exchange that has two phones and has carried one call, once it has
// put itself in order: it looks every ten seconds, so that it must be the same for longer.
func (s *siege) settled() int64 {
	s.Helper()
	last, since := s.memory(), time.Now()
	for time.Since(since) < 12*time.Second {
		time.Sleep(100 * time.Millisecond)
		if now := s.memory(); now != last {
			last, since = now, time.Now()
		}
	}
	return last
}

func (s *siege) memory() int64 {
	s.Helper()
	n, err := s.exchange.RSS()
	s.must(err)
	return n
}

// call places a call that has to succeed with sound both ways.
func (s *siege) call(when string) {
	s.Helper()
	began := time.Now()
	callee := s.answering(s.callee(phone.SIPp{Say: tone(time.Second, 440)}))
	caller := s.start(s.caller("1002", phone.SIPp{Talk: 1200 * time.Millisecond, Say: tone(time.Second, 1004)}))
	if err := caller.Wait(); err != nil {
		s.Fatalf("the call %s the siege: %v", when, err)
	}
	s.finish(callee)
	s.heardTone(device1001, device1002, 1004, began)
	s.heardTone(device1002, device1001, 440, began)
}

// survived checks the promises: alive, no panic, a call works, and the memory comes back to what
// it was before the stranger came, within 10 % and a minute. Memory is all that is resident,
// the program's own pages included.
func (s *siege) survived() {
	s.Helper()
	if !s.exchange.Alive() {
		s.Fatal("the exchange is gone")
	}
	s.call("after")
	peak := s.memory()
	if s.exchange.Kind.Asterisk() {
		s.Logf("memory %d kB before, %d kB after", s.before>>10, peak>>10)
		return
	}
	if log := s.exchange.Log(); strings.Contains(log, "panic") || strings.Contains(log, "goroutine ") {
		s.Error("a panic in the log")
	}
	limit := s.before + s.before/10
	least := peak
	for deadline := time.Now().Add(time.Minute); least > limit && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		least = min(least, s.memory())
	}
	if least > limit {
		s.Errorf("memory %d kB before, %d kB after the siege, still %d kB a minute later", s.before>>10, peak>>10, least>>10)
	}
	s.Logf("memory %d kB before, %d kB after the siege, %d kB at the end", s.before>>10, peak>>10, s.memory()>>10)
}

// connect opens a socket on the stranger's machine.
func (s *siege) connect(network string, port int) net.Conn {
	s.Helper()
	var c net.Conn
	err := s.host(stranger).Do(func() error {
		var err error
		c, err = net.DialTimeout(network, fmt.Sprintf("%s:%d", addr(server3), port), 5*time.Second)
		return err
	})
	s.must(err)
	s.Cleanup(func() { c.Close() })
	return c
}

// specimens are requests as a phone would send them.
func specimens() []string {
	const common = "Via: SIP/2.0/UDP " + lan.Prefix + "66:5060;rport;branch=z9hG4bK%[2]d\r\n" +
		"From: <sip:1001@" + lan.Prefix + "52>;tag=%[2]d\r\nTo: <sip:1002@" + lan.Prefix + "52>\r\n" +
		"Call-ID: siege%[2]d\r\nCSeq: %[2]d %[1]s\r\nContact: <sip:1001@" + lan.Prefix + "66:5060>\r\n" +
		"Max-Forwards: 70\r\n"
	const sdp = "v=0\r\no=- 1 1 IN IP4 198.51.100.66\r\ns=-\r\nc=IN IP4 198.51.100.66\r\nt=0 0\r\n" +
		"m=audio 6000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
	var out []string
	for i, method := range []string{"REGISTER", "INVITE", "OPTIONS", "BYE", "ACK", "CANCEL", "SUBSCRIBE", "NOTIFY",
		"REFER", "UPDATE", "PRACK", "INFO", "MESSAGE", "PUBLISH", "NONSENSE"} {
		head := fmt.Sprintf("%s sip:1002@%s52 SIP/2.0\r\n", method, lan.Prefix) + fmt.Sprintf(common, method, i+1)
		switch method {
		case "REGISTER":
			head += `Authorization: Digest username="1001",realm="asterisk",nonce="1/2",uri="sip:x",response="` +
				strings.Repeat("a", 32) + `",qop=auth,nc=00000001,cnonce="3"` + "\r\nExpires: 60\r\n"
		case "SUBSCRIBE", "NOTIFY", "PUBLISH":
			head += "Event: presence\r\nExpires: 60\r\n"
		case "INVITE":
			out = append(out, head+fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(sdp), sdp))
		}
		out = append(out, head+"Content-Length: 0\r\n\r\n",
			"SIP/2.0 200 OK\r\n"+fmt.Sprintf(common, method, i+1)+"Content-Length: 0\r\n\r\n")
	}
	return out
}

// mutate damages a message in a few places.
func mutate(r *rand.Rand, text string) []byte {
	b := []byte(text)
	for range 1 + r.IntN(8) {
		if len(b) == 0 {
			return b
		}
		at := r.IntN(len(b))
		switch r.IntN(5) {
		case 0:
			b[at] = byte(r.Uint32())
		case 1:
			b = append(b[:at], b[min(len(b), at+1+r.IntN(40)):]...)
		case 2:
			piece := b[at:min(len(b), at+1+r.IntN(60))]
			b = append(b[:at:at], append([]byte(strings.Repeat(string(piece), 1+r.IntN(5))), b[at:]...)...)
		case 3:
			b = append(b[:at:at], append([]byte("999999999999999999999"), b[at:]...)...)
		case 4:
			b = b[:at]
		}
	}
	return b[:min(len(b), 60_000)]
}

// TestHostileDatagrams sends 100,000 random and damaged datagrams to the SIP port, and some to
// where the audio of the call comes in.
func TestHostileDatagrams(t *testing.T) {
	t.Parallel()
	s := newSiege(t)
	var sockets []net.Conn
	for range 20 {
		sockets = append(sockets, s.connect("udp4", 5060))
	}
	for port := 10000; port < 10020; port++ {
		sockets = append(sockets, s.connect("udp4", port))
	}
	r := rand.New(rand.NewPCG(4475, 3261))
	done := make(chan struct{})
	go func() {
		defer close(done)
		flood(r, sockets, 100_000)
	}()
	s.call("during")
	<-done
	s.survived()
}

// flood sends total datagrams, about 12,000 a second so that they are read and not dropped by the
// kernel; one in 20 goes to any of the sockets, the others to the first 20.
func flood(r *rand.Rand, sockets []net.Conn, total int) {
	texts := specimens()
	began := time.Now()
	for i := range total {
		var b []byte
		switch r.IntN(8) {
		case 0:
			b = make([]byte, r.IntN(1500))
			for k := range b {
				b[k] = byte(r.Uint32())
			}
		case 1:
			b = []byte(texts[r.IntN(len(texts))])
		default:
			b = mutate(r, texts[r.IntN(len(texts))])
		}
		c := sockets[r.IntN(20)]
		if i%20 == 0 {
			c = sockets[r.IntN(len(sockets))]
		}
		// A closed audio port answers with ICMP, which the next write reports: no matter.
		_, _ = c.Write(b)
		if ahead := time.Duration(i)*80*time.Microsecond - time.Since(began); ahead > time.Millisecond {
			time.Sleep(ahead)
		}
	}
}

// TestHostileConnections holds 1,000 connections open that never finish a message.
func TestHostileConnections(t *testing.T) {
	t.Parallel()
	s := newSiege(t)
	open := func(count int) []net.Conn {
		var conns []net.Conn
		for i := range count {
			c := s.connect("tcp4", 5060)
			conns = append(conns, c)
			text := specimens()[i%30]
			// The exchange may close the connection at any time.
			_, _ = c.Write([]byte(text[:i%len(text)]))
		}
		return conns
	}
	leave := func(conns []net.Conn) {
		for _, c := range conns {
			c.Close()
		}
	}
	conns := open(1000)
	s.call("during")
	leave(conns)
	s.survived()
}

// TestHostileSizes sends messages that are far too large.
// Seed: S-290.
func TestHostileSizes(t *testing.T) {
	t.Parallel()
	s := newSiege(t)
	huge := strings.Repeat("x", 10<<20)
	invite := specimens()[2]
	head, _, _ := strings.Cut(invite, "Content-Type")
	var lines strings.Builder
	lines.WriteString("v=0\r\no=- 1 1 IN IP4 198.51.100.66\r\ns=-\r\nc=IN IP4 198.51.100.66\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n")
	for i := range 10_000 {
		fmt.Fprintf(&lines, "a=rtpmap:%d PCMU/8000\r\n", i)
	}
	sdp := lines.String()
	messages := []string{
		head + fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(huge), huge), // body
		head + "Subject: " + huge + "\r\nContent-Length: 0\r\n\r\n",                                          // header
		head + strings.Repeat("Subject: x\r\n", 1<<20) + "Content-Length: 0\r\n\r\n",                         // headers
		"INVITE sip:" + huge + " SIP/2.0\r\n\r\n",                                                            // request line
		huge, // no SIP at all
		head + fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(sdp), sdp),
		head + "Content-Length: 99999999999999999999\r\n\r\n",
		head + "Content-Length: -1\r\n\r\n",
	}
	send := func(m string, meanwhile func()) {
		c := s.connect("tcp4", 5060)
		defer c.Close()
		s.must(c.SetDeadline(time.Now().Add(10 * time.Second)))
		// The exchange may close the connection in the middle.
		_, _ = c.Write([]byte(strings.ReplaceAll(m, "SIP/2.0/UDP", "SIP/2.0/TCP")))
		meanwhile()
	}
	send(messages[0], func() { s.call("during") })
	for _, m := range messages {
		send(m, func() {})
	}
	// The same many lines as one datagram, as many as fit.
	u := s.connect("udp4", 5060)
	short := sdp[:50_000]
	_, err := u.Write([]byte(head + fmt.Sprintf("Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", len(short), short)))
	s.must(err)
	s.survived()
}

// torture are the messages of RFC 4475, byte for byte.
func torture(t *testing.T) [][]byte {
	t.Helper()
	found, err := filepath.Glob("../../pbx/sip/wire/testdata/rfc4475/*.dat")
	if err != nil || len(found) < 40 {
		t.Fatalf("only %d messages of RFC 4475: %v", len(found), err)
	}
	var out [][]byte
	for _, path := range found {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// TestTortureMessages sends the messages of RFC 4475, over UDP and TCP.
func TestTortureMessages(t *testing.T) {
	t.Parallel()
	messages := torture(t)
	s := newSiege(t)
	u := s.connect("udp4", 5060)
	for _, m := range messages {
		_, _ = u.Write(m)
		c := s.connect("tcp4", 5060)
		_, _ = c.Write(m)
		c.Close()
	}
	s.survived()
}
