//go:build image

package guest

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"
)

// wait runs a command in the guest until it succeeds.
func until(t *testing.T, g *Guest, command string) {
	t.Helper()
	loop := fmt.Sprintf("for i in $(seq 120); do %s && break; sleep 1; done; %s", command, command)
	if out, err := g.Run(loop, 3*time.Minute); err != nil {
		log, _ := g.Run("journalctl -b --no-pager -u branchline | tail -40; ip addr; ip route", time.Minute)
		t.Fatalf("%s: %v\n%s\n%s", command, err, out, log)
	}
}

const guestPJSIP = `[lan]
type=transport
protocol=udp
bind=DEVICE

[voice]
type=transport
protocol=udp
bind=voice

[1001]
type=endpoint
context=default
allow=!all,ulaw
auth=1001
aors=1001

[1001]
type=auth
username=1001
password=only-for-this-test

[1001]
type=aor
max_contacts=3
`

const guestNetwork = `[general]
dns=10.0.2.3
search=office.example
ntp=10.0.2.2

[lan]
device=DEVICE
dhcp=yes

[phones]
device=CABLE

[voice]
parent=phones
id=40
address=10.40.0.1/24

[office]
type=bridge
ports=voice2
address=10.50.0.1/24

[voice2]
parent=phones
id=41

[firewall]
sip=10.0.2.0/24,voice
mark=yes
`

// write puts a file into the guest.
func write(t *testing.T, g *Guest, path, text string) {
	t.Helper()
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if out, err := g.Run("printf '%s\\n' '"+strings.Join(lines, "' '")+"' > "+path, time.Minute); err != nil {
		t.Fatal(err, out)
	}
}

// TestNetworkByDHCP boots the image as it is flashed: it finds its address by itself. Then
// a phone outside registers, and VLANs on a second interface, a bridge and the firewall
// come by a reload that the gateway proves. A phone in the voice VLAN registers, too. In
// the end network.conf is broken, and the machine is found all the same.
func TestNetworkByDHCP(t *testing.T) {
	o := card(t, "amd64")
	o.Shell = true
	o.Forwards = []string{"udp:15260:5060"}
	cable := plug(t)
	o.Extra = cable.arguments()
	g := start(t, o)
	if _, err := g.Expect(`# `, 2*time.Minute); err != nil {
		t.Fatal(err)
	}
	until(t, g, "ip -4 addr show | grep -q 'inet 10.0.2.15/24'")
	named := func(what string) string {
		t.Helper()
		out, err := g.Run(what, time.Minute)
		if err != nil || strings.TrimSpace(out) == "" {
			t.Fatal(err, out)
		}
		return strings.TrimSpace(out)
	}
	device := named("ip -4 -o addr show | grep ' 10.0.2.15/' | cut -d' ' -f2")
	second := named("grep -l " + cableMAC + " /sys/class/net/*/address | cut -d/ -f5")
	until(t, g, "systemctl is-active -q branchline")
	until(t, g, "grep -q '^nameserver 10.0.2.3' /etc/resolv.conf")
	shown := func(command string, what ...string) {
		t.Helper()
		for _, w := range what {
			until(t, g, "/usr/sbin/asterisk -rx '"+command+"' | grep -q '"+w+"'")
		}
		out, _ := g.Run("/usr/sbin/asterisk -rx '"+command+"'", time.Minute)
		t.Log(out)
	}
	shown("net show", "10.0.2.15/24", "Route default via 10.0.2.2 dev "+device, "Lease "+device+": 10.0.2.15/24 from 10.0.2.2")

	write(t, g, "/etc/asterisk/pjsip.conf", strings.ReplaceAll(guestPJSIP, "DEVICE", device))
	// The sample on the card listens on all addresses: a transport on one of them cannot
	// be bound beside it, only in its place.
	if out, err := g.Run("systemctl restart branchline", 3*time.Minute); err != nil {
		t.Fatal(err, out)
	}
	shown("pjsip show transports", device+":5060")
	outside := dialGuest(t, "127.0.0.1:15260")
	if status, _ := outside.ask(t, "OPTIONS", "1001", ""); status == 0 {
		out, _ := g.Run("ip addr show "+device+"; journalctl -b --no-pager -u branchline | tail -40; cat /proc/net/udp", time.Minute)
		t.Fatal("no answer to OPTIONS\n" + out)
	}
	register := func(phone *phone) {
		t.Helper()
		status, header := phone.ask(t, "REGISTER", "1001", "")
		if status != 401 {
			t.Fatalf("REGISTER without a password is answered %d", status)
		}
		status, _ = phone.ask(t, "REGISTER", "1001", digest(header.Get("WWW-Authenticate"), "1001", "only-for-this-test", "REGISTER", "sip:10.0.2.15"))
		if status != 200 {
			t.Fatalf("REGISTER with a password is answered %d", status)
		}
	}
	register(outside)
	shown("pjsip show contacts", "1001/sip:1001@")

	write(t, g, "/etc/asterisk/network.conf", strings.NewReplacer("DEVICE", device, "CABLE", second).Replace(guestNetwork))
	shown("core reload")
	shown("net show", "voice .*10.40.0.1/24", "office .*10.50.0.1/24", "Firewall: ", "The last change was kept: gateway 10.0.2.2 answers")
	register(outside)
	if out, err := g.Run("cat /proc/net/vlan/config; ls /sys/class/net/office/brif", time.Minute); err != nil || !strings.Contains(out, "| 40 ") || !strings.Contains(out, "voice2") {
		t.Errorf("%v %s", err, out)
	}
	// The voice VLAN, seen from the other end of the cable: a telephone that tags what
	// it sends is answered there, with the mark of signalling; the other VLAN leads to
	// the bridge.
	shown("pjsip show transports", "voice:5060")
	register(cable.phone(40, "10.40.0.2", "10.40.0.1"))
	shown("pjsip show contacts", "1001/sip:1001@10.40.0.2")
	for _, f := range cable.heard {
		if f.vlan == 40 && f.port == 5060 && f.dscp != 24 {
			t.Errorf("signalling is marked %d", f.dscp)
		}
	}
	if n := cable.answers(t, 41, "10.50.0.2", "10.50.0.1"); n == 0 {
		t.Error("the bridge does not answer in its VLAN")
	}
	if n := cable.answers(t, 0, "10.50.0.2", "10.50.0.1"); n != 0 {
		t.Error("the bridge answers outside of its VLAN")
	}
	until(t, g, "systemctl show -p StatusText systemd-timesyncd | grep -q 10.0.2.2")

	if out, err := g.Run("journalctl -b --no-pager -u branchline | grep -i 'network\\|dhcp\\|interface'; journalctl -b --no-pager -o short-monotonic | grep -i 'virtio_net\\|eth0\\|Started branch\\|network step\\|fully booted'", time.Minute); err != nil {
		t.Error(err)
	} else {
		t.Log(out)
	}
	if out, err := g.Run("cat /etc/resolv.conf /etc/systemd/timesyncd.conf.d/branchline.conf; systemctl is-active branchline-time.path", time.Minute); err != nil || !strings.Contains(out, "NTP=10.0.2.2") || !strings.Contains(out, "search office.example") {
		t.Errorf("%v %s", err, out)
	}
	if out, err := g.Run("journalctl -b --no-pager -u branchline | grep 'could be asked whether'", time.Minute); err == nil {
		t.Errorf("the address was not tried before it was used\n%s", out)
	}

	// A typing error, and the power is gone: what has worked is in force.
	write(t, g, "/etc/asterisk/network.conf", "[lan]\ndevcie="+device+"\ndhcp=yes\n")
	if out, err := g.Run("systemctl stop branchline; ip addr flush dev "+device+"; systemctl start branchline", 3*time.Minute); err != nil {
		journal, _ := g.Run("journalctl -b --no-pager -n 60; ip addr; ip route", time.Minute)
		t.Fatal(err, out, journal)
	}
	shown("net show", "10.0.2.15/24", "voice .*10.40.0.1/24", "network.conf is not in force: network.conf:2: .lan. has no option devcie")
	register(outside)
	// The same, and nothing has ever worked.
	if out, err := g.Run("systemctl stop branchline; rm -f /var/lib/asterisk/branchline.db; ip addr flush dev "+device+"; systemctl start branchline", 3*time.Minute); err != nil {
		t.Fatal(err, out)
	}
	shown("net show", "10.0.2.15/24", "network.conf is not in force", "The last change was kept: gateway 10.0.2.2 answers")
	if out, err := g.Run("journalctl -b --no-pager -u branchline | grep 'not in force'", time.Minute); err != nil || !strings.Contains(out, "DHCP on every interface") {
		t.Errorf("%v %s", err, out)
	}
	register(outside)
}

// A phone is as much of one as it takes to see that packets go both ways.
type phone struct {
	c   line
	to  *net.UDPAddr
	seq int
}

// A line is what a phone hangs on: a socket that is not connected, because QEMU answers
// from another port than it was asked at, or a cable.
type line interface {
	WriteToUDP(b []byte, to *net.UDPAddr) (int, error)
	Read(b []byte) (int, error)
	SetReadDeadline(t time.Time) error
	LocalAddr() net.Addr
}

func dialGuest(t *testing.T, address string) *phone {
	t.Helper()
	to, err := net.ResolveUDPAddr("udp4", address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &phone{c: c, to: to}
}

// ask sends a request and repeats it until there is a final answer; 0 is none.
func (p *phone) ask(t *testing.T, method, user, authorization string) (status int, header textproto.MIMEHeader) {
	t.Helper()
	p.seq++
	at := p.c.LocalAddr()
	var b strings.Builder
	fmt.Fprintf(&b, "%s sip:10.0.2.15 SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bKnet%d\r\nMax-Forwards: 70\r\n", method, at, p.seq)
	fmt.Fprintf(&b, "From: <sip:%s@10.0.2.15>;tag=outside\r\nTo: <sip:%[1]s@10.0.2.15>\r\nCall-ID: net-%d@outside\r\nCSeq: %[2]d %[3]s\r\n", user, p.seq, method)
	fmt.Fprintf(&b, "Contact: <sip:%s@%s>\r\nExpires: 300\r\n", user, at)
	if authorization != "" {
		b.WriteString("Authorization: " + authorization + "\r\n")
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	buf := make([]byte, 4096)
	for range 20 {
		if _, err := p.c.WriteToUDP([]byte(b.String()), p.to); err != nil {
			t.Log(err)
		}
		if err := p.c.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := p.c.Read(buf)
		if err != nil {
			continue
		}
		line, rest, _ := bytes.Cut(buf[:n], []byte("\r\n"))
		if _, err := fmt.Sscanf(string(line), "SIP/2.0 %d", &status); err != nil {
			continue
		}
		header, err = textproto.NewReader(bufio.NewReader(bytes.NewReader(rest))).ReadMIMEHeader()
		if err == nil && status >= 200 {
			return status, header
		}
	}
	return 0, nil
}

// digest answers a challenge (RFC 2617 3.2.2 without qop).
func digest(challenge, user, secret, method, uri string) string {
	parameter := func(name string) string {
		_, v, _ := strings.Cut(challenge, name+"=\"")
		v, _, _ = strings.Cut(v, "\"")
		return v
	}
	sum := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
	realm, nonce := parameter("realm"), parameter("nonce")
	response := sum(sum(user+":"+realm+":"+secret) + ":" + nonce + ":" + sum(method+":"+uri))
	return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", algorithm=MD5`, user, realm, nonce, uri, response)
}
