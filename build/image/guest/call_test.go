//go:build image

package guest

import (
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"branchline/media/g711"
	"branchline/media/tone"
)

// The office of the guest: one phone behind a network that changes addresses, as
// QEMU's forwarded ports do, and an echo test.
const office = `cat > /etc/asterisk/pjsip.conf <<'E'
[transport-udp]
type=transport
protocol=udp
bind=0.0.0.0
[1001]
type=endpoint
context=default
disallow=all
allow=ulaw
aors=1001
rtp_symmetric=yes
force_rport=yes
rewrite_contact=yes
[1001]
type=aor
max_contacts=1
E
cat > /etc/asterisk/extensions.conf <<'E'
[default]
exten => 600,1,Answer()
same => n,Echo()
E
cat > /etc/asterisk/rtp.conf <<'E'
[general]
rtpstart=10000
rtpend=10009
E
rm -f /etc/asterisk/branchline-*`

// A caller is a phone on the host, as the guest sees it through its forwarded ports.
type caller struct {
	t    *testing.T
	sip  *net.UDPConn
	port int // of the guest's SIP on the host
	tag  string
	seq  int
}

// ask sends a request and is the first final answer to it.
func (c *caller) ask(method, target, toTag, body string) string {
	c.t.Helper()
	if method != "ACK" {
		c.seq++
	}
	text := fmt.Sprintf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK%s%d%s\r\nMax-Forwards: 70\r\nFrom: <sip:1001@guest>;tag=%s\r\nTo: <%s>%s\r\n"+
		"Call-ID: %s@host\r\nCSeq: %d %s\r\nContact: <sip:1001@127.0.0.1:9>\r\nExpires: 300\r\n", method, target, c.tag, c.seq, method, c.tag, target, toTag, c.tag, c.seq, method)
	if body != "" {
		text += "Content-Type: application/sdp\r\n"
	}
	text += fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	buf := make([]byte, 4096)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if _, err := c.sip.WriteToUDPAddrPort([]byte(text), netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(c.port))); err != nil {
			c.t.Fatal(err)
		}
		if method == "ACK" {
			return ""
		}
		_ = c.sip.SetReadDeadline(time.Now().Add(2 * time.Second))
		for {
			n, err := c.sip.Read(buf)
			if err != nil {
				break // said again
			}
			answer := string(buf[:n])
			if strings.HasPrefix(answer, "SIP/2.0 ") && !strings.HasPrefix(answer, "SIP/2.0 1") && strings.Contains(answer, fmt.Sprintf("CSeq: %d %s", c.seq, method)) {
				return answer
			}
		}
	}
	c.t.Fatalf("no answer to %s", method)
	return ""
}

var (
	toTag     = regexp.MustCompile(`(?mi)^To:.*(;tag=[^\s;]+)`)
	mediaPort = regexp.MustCompile(`m=audio (\d+) `)
)

// call registers a phone, calls the echo test, and hears itself.
func call(t *testing.T, port int) {
	t.Helper()
	sip, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer sip.Close()
	c := &caller{t: t, sip: sip, port: port, tag: fmt.Sprintf("r%d", time.Now().UnixNano())}
	if a := c.ask("REGISTER", "sip:1001@guest", "", ""); !strings.HasPrefix(a, "SIP/2.0 200") {
		t.Fatalf("REGISTER: %s", a)
	}
	c.tag, c.seq = "i"+c.tag, 0
	a := c.ask("INVITE", "sip:600@guest", "", "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=sendrecv\r\n")
	at := mediaPort.FindStringSubmatch(a)
	if !strings.HasPrefix(a, "SIP/2.0 200") || at == nil {
		t.Fatalf("INVITE: %s", a)
	}
	tag := toTag.FindStringSubmatch(a)[1]
	c.ask("ACK", "sip:600@guest", tag, "")
	rtp, err := net.Dial("udp4", "127.0.0.1:"+at[1])
	if err != nil {
		t.Fatal(err)
	}
	defer rtp.Close()
	heard := make(chan float64)
	go func() {
		m := tone.NewMeter(1004)
		buf := make([]byte, 2048)
		for m.Samples() < 8000 {
			_ = rtp.SetReadDeadline(time.Now().Add(10 * time.Second))
			n, err := rtp.Read(buf)
			if err != nil || n < 12 {
				break
			}
			m.Write(buf[12:n])
		}
		if m.Samples() < 8000 {
			heard <- 0
			return
		}
		heard <- m.Frequency()
	}()
	packet := make([]byte, 172)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for i := uint32(0); ; i++ {
		packet[0], packet[1] = 0x80, 0
		binary.BigEndian.PutUint16(packet[2:], uint16(i))
		binary.BigEndian.PutUint32(packet[4:], i*160)
		binary.BigEndian.PutUint32(packet[8:], 4711)
		for k := range 160 {
			packet[12+k] = g711.ULaw().Code(int16(8000 * math.Sin(2*math.Pi*1004*float64(i*160+uint32(k))/8000)))
		}
		if _, err := rtp.Write(packet); err != nil {
			t.Fatal(err)
		}
		select {
		case f := <-heard:
			if math.Abs(f-1004) > 5 {
				t.Errorf("heard %.0f Hz of its own 1004", f)
			}
			if a := c.ask("BYE", "sip:600@guest", tag, ""); !strings.HasPrefix(a, "SIP/2.0 200") {
				t.Errorf("BYE: %s", a)
			}
			return
		case <-ticker.C:
		}
	}
}

// callGuest boots a board's image to READY and calls it through forwarded ports.
func callGuest(t *testing.T, board string, port int) {
	o := card(t, board)
	o.Shell = true
	o.Forwards = []string{fmt.Sprintf("udp:%d:5060", port)}
	for p := 10000; p < 10010; p++ {
		o.Forwards = append(o.Forwards, fmt.Sprintf("udp:%d:%d", p, p))
	}
	g := start(t, o)
	if _, err := g.Expect(`# `, 3*time.Minute); err != nil {
		t.Fatal(err)
	}
	run := func(command string) string {
		t.Helper()
		out, err := g.Run(command, 3*time.Minute)
		if err != nil {
			t.Error(err)
		}
		return out
	}
	run("until systemctl is-active -q branchline; do sleep 1; done")
	ready := time.Since(g.began)
	if out := run("systemctl --failed --no-legend --plain"); strings.Contains(out, " failed ") { // the console may say other things
		t.Errorf("failed units: %s", out)
	}
	run(office)
	run("until ip -4 addr show | grep -q 10.0.2.15; do sleep 1; done")
	run("asterisk -rx 'core reload'")
	call(t, port)
	out := run("systemd-analyze security branchline | tail -1; systemd-analyze")
	g.Kill()
	processor, wall := g.Seconds()
	t.Logf("%s: READY after %.1f s; %.1f processor seconds and %.1f s in all; %s", board, ready.Seconds(), processor, wall, out)
}

func TestCallAMD64(t *testing.T) { callGuest(t, "amd64", 15060) }
func TestCallARM64(t *testing.T) { callGuest(t, "arm64", 15062) }
