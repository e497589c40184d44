//go:build image

package guest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
)

// until runs a command in the guest until it succeeds.
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
password=` + secret + `

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
sip=` + lan.Prefix + `0/24,voice
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
	f := newOffice(t, &o)
	cable := plug(f, &o)
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
	// A telephone proves who it is.
	logIn := func(from *lan.Host, server string) {
		t.Helper()
		began := time.Now()
		f.play(&phone.SIPp{Scenario: "register", Host: from, Server: server, User: "1001", Password: secret})
		answers := f.lan.Tap().SIP().Where(lan.To(from.Addr), lan.ResponseTo("REGISTER"), func(m lan.Message) bool { return m.Time.After(began) }).Statuses()
		if server == f.box.Addr && fmt.Sprint(answers) != "[401 200]" {
			t.Errorf("REGISTER is answered %v", answers)
		}
	}
	outside := f.host(phoneOctet)
	logIn(outside, f.box.Addr)
	shown("pjsip show contacts", "1001/sip:1001@")

	write(t, g, "/etc/asterisk/network.conf", strings.NewReplacer("DEVICE", device, "CABLE", second).Replace(guestNetwork))
	shown("core reload")
	shown("net show", "voice .*10.40.0.1/24", "office .*10.50.0.1/24", "Firewall: ", "The last change was kept: gateway 10.0.2.2 answers")
	logIn(outside, f.box.Addr)
	if out, err := g.Run("cat /proc/net/vlan/config; ls /sys/class/net/office/brif", time.Minute); err != nil || !strings.Contains(out, "| 40 ") || !strings.Contains(out, "voice2") {
		t.Errorf("%v %s", err, out)
	}
	// The voice VLAN, seen from the other end of the cable: a telephone in it is answered
	// there, with the mark of signalling; the other VLAN leads to the bridge.
	shown("pjsip show transports", "voice:5060")
	voice := cable.access(40, otherOctet, "10.40.0.2/24")
	logIn(voice, "10.40.0.1")
	shown("pjsip show contacts", "1001/sip:1001@10.40.0.2")
	signalling := 0
	for _, f := range cable.sent() {
		if f.vlan == 40 && f.port == 5060 {
			if signalling++; f.dscp != 24 {
				t.Errorf("signalling is marked %d", f.dscp)
			}
		}
	}
	if signalling < 2 {
		t.Errorf("%d answers in the voice VLAN", signalling)
	}
	const bridge = "10.50.0.1"
	if !cable.finds(cable.access(41, 41, "10.50.0.2/24"), bridge) {
		t.Error("the bridge does not answer in its VLAN")
	}
	if cable.finds(cable.access(0, 42, "10.50.0.3/24"), bridge) {
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
	logIn(outside, f.box.Addr)
	// The same, and nothing has ever worked.
	if out, err := g.Run("systemctl stop branchline; rm -f /var/lib/asterisk/branchline.db; ip addr flush dev "+device+"; systemctl start branchline", 3*time.Minute); err != nil {
		t.Fatal(err, out)
	}
	shown("net show", "10.0.2.15/24", "network.conf is not in force", "The last change was kept: gateway 10.0.2.2 answers")
	if out, err := g.Run("journalctl -b --no-pager -u branchline | grep 'not in force'", time.Minute); err != nil || !strings.Contains(out, "DHCP on every interface") {
		t.Errorf("%v %s", err, out)
	}
	logIn(outside, f.box.Addr)
}
