//go:build image

package guest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"branchline/media/g711"
	"branchline/media/tone"
)

// office is the configuration that a person might put on the boot partition: one
// phone behind a network that changes addresses, as QEMU's forwarded ports do, and an
// echo test. The ports for speech are ports from rtp on.
func office(rtp int) map[string]string {
	return map[string]string{
		"pjsip.conf": `[transport-udp]
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
`,
		"extensions.conf": `[default]
exten => 600,1,Answer()
same => n,Echo()
`,
		"rtp.conf": fmt.Sprintf("[general]\nrtpstart=%d\nrtpend=%d\n", rtp, rtp+speechPorts-1),
	}
}

// speechPorts is how many ports an office has for speech.
const speechPorts = 10

// furnish puts an office on a card that has never been started, and forwards the
// ports of its telephony; it is the one of SIP on the host.
func furnish(t *testing.T, o *Options) (sip int) {
	t.Helper()
	dir := t.TempDir()
	rtp := freePorts(t, speechPorts)
	tool(t, "mmd", "-i", boot(*o), "::asterisk")
	for name, text := range office(rtp) {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		tool(t, "mcopy", "-i", boot(*o), file, "::asterisk/"+name)
	}
	sip = freePorts(t, 1)
	o.Forwards = []string{fmt.Sprintf("udp:%d:5060", sip)}
	for p := rtp; p < rtp+speechPorts; p++ { // the guest says its own ports, so these are the same
		o.Forwards = append(o.Forwards, fmt.Sprintf("udp:%d:%d", p, p))
	}
	return sip
}

// freePorts is the first of n UDP ports in a row that nobody on the host has. It is
// even, as RTP likes it.
func freePorts(t *testing.T, n int) int {
	t.Helper()
next:
	for base := 20000 + 2*rand.IntN(4000); ; base += 2 {
		for p := base; p < base+n; p++ {
			c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: p})
			if err != nil {
				continue next
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
		return base
	}
}

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
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); {
		if _, err := c.sip.WriteToUDPAddrPort([]byte(text), netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(c.port))); err != nil {
			c.t.Fatal(err)
		}
		if method == "ACK" {
			return ""
		}
		_ = c.sip.SetReadDeadline(time.Now().Add(time.Second))
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

// register registers a phone at the guest, which may still be starting.
func register(t *testing.T, port int) *caller {
	t.Helper()
	sip, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sip.Close() })
	c := &caller{t: t, sip: sip, port: port, tag: fmt.Sprintf("r%d", time.Now().UnixNano())}
	if a := c.ask("REGISTER", "sip:1001@guest", "", ""); !strings.HasPrefix(a, "SIP/2.0 200") {
		t.Fatalf("REGISTER: %s", a)
	}
	return c
}

// call registers a phone, calls the echo test, and hears itself.
func call(t *testing.T, port int) {
	t.Helper()
	c := register(t, port)
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

// callGuest starts a card with an office on it to READY and calls it through
// forwarded ports.
func callGuest(t *testing.T, board string) {
	t.Parallel()
	o := card(t, board)
	o.Shell = true
	port := furnish(t, &o)
	g := start(t, o)
	// However busy the machine is: there is nothing here that time would prove.
	const patience = 10 * time.Minute
	if _, err := g.Expect(`# `, patience); err != nil {
		t.Fatal(err)
	}
	run := func(command string) string {
		t.Helper()
		out, err := g.Run(command, patience)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	run("until systemctl is-active -q branchline; do sleep 1; done")
	up := time.Since(g.began)
	if out := run("systemctl --failed --no-legend --plain"); strings.Contains(out, " failed ") { // the console may say other things
		t.Errorf("failed units: %s", out)
	}
	if out := run("systemctl is-system-running --wait"); !strings.Contains(out, "running") {
		t.Errorf("the system is %s", out)
	}
	call(t, port)
	out := run("systemd-analyze security branchline | tail -1; systemd-analyze; df -h /data /var /tmp; free")
	g.Kill()
	processor, wall := g.Seconds()
	t.Logf("%s: READY after %.1f s; %.1f processor seconds and %.1f s in all; %s", board, up.Seconds(), processor, wall, out)
}

func TestCallAMD64(t *testing.T) { callGuest(t, "amd64") }
func TestCallARM64(t *testing.T) { callGuest(t, "arm64") }

// TestCallARMHF does it as the board would: U-Boot and its script start the card,
// nobody has a shell. Then the card is given an update, which goes into the other
// slot, is tried and confirmed, and the phone calls again.
func TestCallARMHF(t *testing.T) {
	o := card(t, "armhf")
	port := furnish(t, &o)
	g := walk(t, o, `starting slot 2 \(trying=0`, ready)
	call(t, port)
	g.Kill()
	tool(t, "mcopy", "-i", boot(o), artefact(t, o, spoiled(t, o, ""), "9.9"), "::UPDATE.BRL")
	g = walk(t, o, `starting slot 2 \(trying=0`, `is in slot B, on trial`, `starting slot 3 \(trying=1 left=0\)`, `in slot B is confirmed`)
	call(t, port)
	g.Kill()
	processor, wall := g.Seconds()
	t.Logf("armhf: %.1f processor seconds and %.1f s for the second", processor, wall)
}
