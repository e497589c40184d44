//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"branchline/appliance/e2e/lan"
	"branchline/netcfg"
)

// boxAside is an address of the box that stays when another one changes.
const boxAside = 20

// moverPJSIP is an exchange on two of its addresses, and over IPv6, with two registrations
// at a provider.
var moverPJSIP = boxPJSIP + fmt.Sprintf(`
[aside]
type=transport
protocol=udp
bind=%[1]s

[six]
type=transport
protocol=udp
bind=[2001:db8::9]:5060

[lan-tcp]
type=transport
protocol=tcp
bind=eth0

[byudp]
type=registration
transport=lan
server_uri=sip:%[2]s
client_uri=sip:byudp@%[2]s
contact_user=byudp
outbound_auth=provider

[bytcp]
type=registration
transport=lan-tcp
server_uri=sip:%[2]s\;transport=tcp
client_uri=sip:bytcp@%[2]s
contact_user=bytcp
outbound_auth=provider

[provider]
type=auth
username=customer
password=only-for-this-test
`, addr(boxAside), addr(server3))

var providerPJSIP = `
[udp]
type=transport
protocol=udp
bind=` + addr(server3) + `
[tcp]
type=transport
protocol=tcp
bind=` + addr(server3) + `
` + customer("byudp") + customer("bytcp")

// customer is who registers at the provider from one address at a time.
func customer(name string) string {
	return strings.ReplaceAll(`
[NAME]
type=endpoint
context=default
allow=!all,ulaw
aors=NAME
auth=NAME
[NAME]
type=auth
username=customer
password=only-for-this-test
[NAME]
type=aor
max_contacts=1
remove_existing=yes
`, "NAME", name)
}

// sockets lists the UDP sockets of the host on port 5060 by their address in hexadecimal: their
// inodes tell whether one is still the same.
func (r *rig) sockets(pid int) map[string]string {
	r.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/udp", pid))
	r.must(err)
	out := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if w := strings.Fields(line); len(w) > 9 && strings.HasSuffix(w[1], ":13C4") {
			out[w[1]] = w[9]
		}
	}
	return out
}

// hex is how the kernel spells an address with port 5060 there.
func hex(octet int) string {
	var a, b, c int
	if _, err := fmt.Sscanf(lan.Prefix, "%d.%d.%d.", &a, &b, &c); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%02X%02X%02X%02X:13C4", octet, c, b, a)
}

// TestNetworkMoves has an interface found by its MAC with several addresses of both families,
// routes and a packet size of its own. Its cable is pulled, and then one of the addresses changes,
// both during calls: exactly what was bound to that address moves, the provider is told, and what
// leaves the box is marked.
func TestNetworkMoves(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	k := single(t)
	if k.Asterisk() {
		return
	}
	h := r.blank(box)
	r.host(router)
	provider := r.exchange(k, server3, files(providerPJSIP, boxPlan))
	network := func(octet int) string {
		return fmt.Sprintf("[general]\nconfirm-timeout=30\nprove=%s\n[office]\nmac=%s\naddress=%s/24, %s/24\naddress=2001:db8::9/64\ngateway=%s\nroute=10.0.0.0/8 via %s metric 20\nmtu=1400\n[firewall]\nsip=any\nrtp=any\nmark=yes\n",
			addr(server3), strings.ToUpper(r.hardware(box)), addr(octet), addr(boxAside), addr(router), addr(router))
	}
	conf := files(moverPJSIP, boxPlan)
	conf["network.conf"] = &fstest.MapFile{Data: []byte(network(box))}
	e := r.exchange(k, box, conf)
	r.shows(e, 10*time.Second, "net show", addr(box)+"/24", addr(boxAside)+"/24", "2001:db8::9/64", " 1400 ", "Route default via "+addr(router)+" dev eth0", "Route 10.0.0.0/8 via "+addr(router)+" dev eth0 metric 20",
		"The last change was kept: "+addr(server3)+":5060 answers")
	contains(t, r.ip(h.Namespace(), "route", "get", "10.1.2.3"), "via "+addr(router))
	contacts := func(octet int) {
		t.Helper()
		out := r.shows(provider, 15*time.Second, "pjsip show contacts", "byudp/sip:byudp@"+addr(octet)+":5060", "bytcp/sip:bytcp@"+addr(octet))
		if n := strings.Count(out, "/sip:by"); n != 2 {
			t.Errorf("%d contacts at the provider\n%s", n, out)
		}
	}
	contacts(box)
	r.ip(r.host(stranger).Namespace(), "addr", "add", "2001:db8::66/64", "dev", "eth0", "nodad")
	r.eventually(10*time.Second, "an answer over IPv6", func() bool { return r.reaches(stranger, "2001:db8::9") })

	a, b := r.talks(device1001, "1001", box), r.talks(device1002, "1002", boxAside)
	open := r.sockets(e.PID())
	if open[hex(box)] == "" || open[hex(boxAside)] == "" {
		t.Fatalf("sockets %v", open)
	}
	r.ip(r.lan.Switch(), "link", "set", "p9", "down")
	r.shows(e, 5*time.Second, "net show", "no cable")
	r.ip(r.lan.Switch(), "link", "set", "p9", "up")
	r.flowsTo(device1001, box)
	r.flowsTo(device1002, boxAside)
	if now := r.sockets(e.PID()); fmt.Sprint(now) != fmt.Sprint(open) {
		t.Errorf("a cable has changed the sockets\n%v\n%v", open, now)
	}
	if n := len(r.sip(lan.Reinvite)); n != 0 {
		t.Errorf("%d re-INVITEs because of a cable", n)
	}

	since := time.Now()
	_, err := e.Reload(r.ctx, fstest.MapFS{"network.conf": {Data: []byte(network(boxLater))}})
	r.must(err)
	again := r.await(15*time.Second, "the re-INVITE from the new address", lan.Reinvite, lan.From(addr(boxLater)), lan.To(addr(device1001)))
	if !strings.Contains(again.Header("Contact"), addr(boxLater)) || again.MediaAt().Addr().String() != addr(boxLater) {
		t.Errorf("it says %s and %s", again.Header("Contact"), again.MediaAt())
	}
	for _, over := range []string{"UDP", "TCP"} {
		m := r.await(15*time.Second, "a REGISTER from the new address over "+over, lan.Request("REGISTER"), lan.From(addr(boxLater)), lan.To(addr(server3)), lan.Over(over))
		if !strings.Contains(m.Header("Contact"), addr(boxLater)) {
			t.Errorf("it says %s", m.Header("Contact"))
		}
	}
	contacts(boxLater)
	r.flowsTo(device1001, boxLater)
	r.flowsTo(device1002, boxAside)
	if n := len(r.sip(lan.Reinvite, lan.To(addr(device1002)))); n != 0 {
		t.Errorf("%d re-INVITEs to a phone whose address of ours is still there", n)
	}
	now := r.sockets(e.PID())
	if now[hex(boxAside)] != open[hex(boxAside)] || now[hex(boxLater)] == "" || now[hex(box)] != "" {
		t.Errorf("it was not exactly one transport that moved\n%v\n%v", open, now)
	}
	r.shows(e, 30*time.Second, "net show", addr(boxLater)+"/24", "The last change was kept: "+addr(server3)+":5060 answers")
	for _, call := range []interface{ Command(string, string) error }{a, b} {
		r.must(call.Command("hangup", ""))
	}
	r.shows(e, 5*time.Second, "core show channels count", "0 active channels")
	contains(t, r.rx(e, "core show channels count"), "2 calls processed")

	// Marks: signalling CS3 and speech EF, whatever carries it.
	wires := map[string]int{}
	for _, m := range r.sip() {
		if from := m.Src.Addr().String(); from == addr(box) || from == addr(boxLater) || from == addr(boxAside) || from == "2001:db8::9" {
			family := "4"
			if m.Src.Addr().Is6() {
				family = "6"
			}
			wires["SIP over "+m.Proto+" and IPv"+family]++
			if m.DSCP != netcfg.CS3 {
				t.Errorf("DSCP %d on %s from %s to %s", m.DSCP, m.Proto, m.Src, m.Dst)
			}
		}
	}
	speech := 0
	for _, p := range r.lan.Tap().RTP() {
		if from := p.Src.Addr().String(); from == addr(box) || from == addr(boxLater) || from == addr(boxAside) {
			if speech++; p.DSCP != netcfg.EF {
				t.Fatalf("DSCP %d on speech from %s", p.DSCP, p.Src)
			}
		}
	}
	if wires["SIP over UDP and IPv4"] == 0 || wires["SIP over TCP and IPv4"] == 0 || wires["SIP over UDP and IPv6"] == 0 || speech < 100 {
		t.Errorf("not everything was seen: %v, %d packets of speech", wires, speech)
	}
	t.Logf("marked: %v, %d packets of speech; moved %v", wires, speech, time.Since(since))
}
