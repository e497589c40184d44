//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
	"branchline/appliance/e2e/switchboard"
)

// Last bytes of addresses in the tests of the box's own network.
const (
	router   = 1
	box      = 9
	boxLater = 10
)

const boxPJSIP = `
[lan]
type=transport
protocol=udp
bind=eth0

[1001]
type=endpoint
context=default
allow=!all,ulaw
aors=1001
direct_media=no

[1001]
type=aor
max_contacts=2

[1002]
type=endpoint
context=default
allow=!all,ulaw
aors=1002

[1002]
type=aor
max_contacts=2
`

const boxPlan = "[default]\nexten => 600,1,Answer()\nexten => 600,n,Echo()\n"

// onBox is the configuration of an exchange whose network is its own business.
func onBox(network string) fstest.MapFS {
	conf := files(boxPJSIP, boxPlan)
	conf["network.conf"] = &fstest.MapFile{Data: []byte(network)}
	return conf
}

// ip runs ip(8) in a namespace.
func (r *rig) ip(namespace string, args ...string) string {
	r.Helper()
	out, err := exec.Command("ip", append([]string{"-n", namespace}, args...)...).CombinedOutput()
	if err != nil {
		r.Fatalf("ip -n %s %v: %v: %s", namespace, args, err, out)
	}
	return string(out)
}

// blank takes a host's addresses away.
func (r *rig) blank(octet int) *lan.Host {
	r.Helper()
	h := r.host(octet)
	r.ip(h.Namespace(), "addr", "flush", "dev", "eth0")
	return h
}

// leases runs a real DHCP server at the router that has one address to give, or more if
// more of its options say so. The function ends it.
func (r *rig) leases(octet int, more ...string) (end func()) {
	r.Helper()
	var out bytes.Buffer
	cmd := r.host(router).Command(r.ctx, "dnsmasq", append([]string{"--keep-in-foreground", "--no-resolv", "--no-hosts", "--port=0", "--conf-file=/dev/null",
		"--pid-file=", "--user=root", "--log-facility=-", "--log-dhcp", "--interface=eth0", "--bind-interfaces", "--dhcp-authoritative", "--no-ping",
		"--dhcp-leasefile=" + filepath.Join(r.dir, "leases"+addr(octet)), "--dhcp-range=" + addr(octet) + "," + addr(octet) + ",2m",
		"--dhcp-option=option:router," + addr(router), "--dhcp-option=option:dns-server," + addr(router), "--dhcp-option=option:ntp-server," + addr(router), "--domain=office.example"}, more...)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	r.must(cmd.Start())
	ended := false
	end = func() {
		if ended {
			return
		}
		ended = true
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			r.Error(err)
		}
		if err := cmd.Wait(); err != nil || r.Failed() {
			r.Logf("dnsmasq: %v\n%s", err, out.String())
		}
	}
	r.Cleanup(end)
	return end
}

// shows waits until a console command prints all of what.
func (r *rig) shows(e *switchboard.Exchange, limit time.Duration, command string, what ...string) string {
	r.Helper()
	out := ""
	deadline := time.Now().Add(limit)
	for {
		missing := ""
		out, _ = e.RX(r.ctx, command)
		for _, w := range what {
			if !strings.Contains(out, w) {
				missing = w
			}
		}
		if missing == "" {
			return out
		}
		if time.Now().After(deadline) {
			r.Fatalf("%s does not show %q within %v:\n%s", command, missing, limit, out)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// talking is a phone in a call with the echo.
func (r *rig) talking(e *switchboard.Exchange) *phone.Baresip {
	r.Helper()
	return r.talks(device1001, "1001", box)
}

// talks is talking with another phone, or at another address of the box.
func (r *rig) talks(device int, user string, octet int) *phone.Baresip {
	r.Helper()
	a := r.telephone(&phone.Baresip{Host: r.host(device), Server: addr(octet), User: user, Say: hum(1004)})
	r.must(a.Command("dial", "600"))
	_, err := a.Event(10*time.Second, "CALL_ESTABLISHED")
	r.must(err)
	r.eventually(10*time.Second, "a second of echo", func() bool { return len(r.heard(device, time.Time{})) > 8000 })
	return a
}

// flows waits for speech between the phone and an address of the box, both ways, from now on.
func (r *rig) flows(octet int) {
	r.Helper()
	r.flowsTo(device1001, octet)
}

// flowsTo is flows with another phone.
func (r *rig) flowsTo(device, octet int) {
	r.Helper()
	since := time.Now()
	r.eventually(10*time.Second, "speech both ways at "+addr(octet), func() bool {
		there, back := 0, 0
		for path, n := range r.audioPaths(since) {
			switch {
			case path[0].String() == addr(device) && path[1].String() == addr(octet):
				there = n
			case path[0].String() == addr(octet) && path[1].String() == addr(device):
				back = n
			}
		}
		return there > 25 && back > 25
	})
}

// TestNetworkDHCP gives the box an address by DHCP from dnsmasq, pulls and plugs the cable
// during a call, and lets the server give another address then: the call goes on there.
func TestNetworkDHCP(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	k := single(t)
	if k.Asterisk() {
		return // its network is the machine's
	}
	end := r.leases(box)
	h := r.blank(box)
	e := r.exchange(k, box, onBox("[eth0]\ndhcp=yes\n"))
	r.shows(e, 20*time.Second, "net show", addr(box)+"/24", "Route default via "+addr(router)+" dev eth0", "Name servers: "+addr(router), "Time servers: "+addr(router), "Lease eth0: "+addr(box)+"/24 from "+addr(router))
	r.shows(e, 5*time.Second, "pjsip show transports", "eth0:5060")
	a := r.talking(e)

	// The cable: out and in again. The address is the same, and nobody is told anything.
	cable := func(state string) { r.ip(r.lan.Switch(), "link", "set", "p9", state) }
	cable("down")
	r.shows(e, 5*time.Second, "net show", "no cable")
	cable("up")
	r.eventually(10*time.Second, "the address is asked for again", func() bool { return !strings.Contains(r.rx(e, "net show"), "no cable") })
	r.flows(box)
	if n := len(r.sip(lan.Reinvite)); n != 0 {
		t.Errorf("%d re-INVITEs although the address is the same", n)
	}

	// Now the server has another address for it.
	end()
	r.leases(boxLater)
	cable("down")
	r.shows(e, 5*time.Second, "net show", "no cable")
	cable("up")
	again := r.await(30*time.Second, "the re-INVITE from the new address", lan.Reinvite, lan.From(addr(boxLater)))
	if !strings.Contains(again.Header("Contact"), addr(boxLater)) || again.MediaAt().Addr().String() != addr(boxLater) {
		t.Errorf("it says %s and %s", again.Header("Contact"), again.MediaAt())
	}
	r.await(10*time.Second, "its answer", lan.Response(200, "INVITE"), lan.To(addr(boxLater)))
	r.flows(boxLater)
	out := r.shows(e, 5*time.Second, "net show", addr(boxLater)+"/24", "default via "+addr(router))
	if strings.Contains(out, addr(box)+"/24") {
		t.Errorf("the old address is still there\n%s", out)
	}
	if got := r.ip(h.Namespace(), "-4", "addr", "show", "dev", "eth0"); strings.Count(got, "inet ") != 1 {
		t.Error(got)
	}
	r.must(a.Command("hangup", ""))
	r.shows(e, 5*time.Second, "core show channels count", "0 active channels")
}

// TestNetworkChange changes the address of the box by its file during a call, proves it by
// the gateway, and then makes a change that cuts the box off: it is taken back, and the call
// is still there.
func TestNetworkChange(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	k := single(t)
	if k.Asterisk() {
		return
	}
	r.blank(box)
	r.host(router)
	static := func(octet int) string {
		return "[general]\nconfirm-timeout=10\nprove=gateway\n[eth0]\naddress=" + addr(octet) + "/24\ngateway=" + addr(router) + "\n"
	}
	e := r.exchange(k, box, onBox(static(box)))
	r.shows(e, 10*time.Second, "pjsip show transports", "eth0:5060")
	a := r.talking(e)
	_, err := e.Reload(r.ctx, onBox(static(boxLater)))
	r.must(err)
	r.await(10*time.Second, "the re-INVITE from the new address", lan.Reinvite, lan.From(addr(boxLater)))
	r.flows(boxLater)
	r.shows(e, 15*time.Second, "net show", "The last change was kept: gateway "+addr(router)+" answers")

	bad := "[general]\nconfirm-timeout=10\nprove=gateway\n[eth0]\naddress=203.0.113.9/24\ngateway=203.0.113.1\nmtu=1300\n"
	_, err = e.Reload(r.ctx, onBox(bad))
	r.must(err)
	r.shows(e, 5*time.Second, "net show", "203.0.113.9/24", "A change is on trial")
	if out, err := e.Reload(r.ctx, onBox(static(box))); err != nil || !strings.Contains(out, "on trial") {
		t.Errorf("a change during a trial: %v %s", err, out)
	}
	out := r.shows(e, 20*time.Second, "net show", "taken back: nothing proved within 10s that it works", addr(boxLater)+"/24", "default via "+addr(router))
	if strings.Contains(out, "203.0.113.9") || strings.Contains(out, "1300") {
		t.Errorf("something is left\n%s", out)
	}
	r.flows(boxLater)
	r.must(a.Command("hangup", ""))
	r.shows(e, 5*time.Second, "core show channels count", "0 active channels")
	contains(t, r.rx(e, "core show channels count"), "1 call processed")
}

// answered reports whether an OPTIONS from one host to another gets an answer.
func (r *rig) answered(from, to int) bool {
	r.Helper()
	return r.reaches(from, addr(to))
}

// reaches reports whether an OPTIONS from a host to an address gets an answer.
func (r *rig) reaches(from int, to string) (yes bool) {
	r.Helper()
	r.must(r.host(from).Do(func() error {
		c, err := net.Dial("udp", net.JoinHostPort(to, "5060"))
		if err != nil {
			return err
		}
		defer c.Close()
		uri := "sip:" + to
		if strings.Contains(to, ":") {
			uri = "sip:[" + to + "]"
		}
		request := "OPTIONS " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + c.LocalAddr().String() + ";rport;branch=z9hG4bKwall\r\nFrom: <sip:x@" + addr(from) +
			">;tag=1\r\nTo: <" + uri + ">\r\nCall-ID: wall\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
		if _, err := c.Write([]byte(request)); err != nil {
			return err
		}
		if err := c.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			return err
		}
		_, err = c.Read(make([]byte, 2000))
		yes = err == nil
		return nil
	}))
	return yes
}

// TestNetworkBridge makes a bridge of two ports, and a firewall that lets one phone in.
func TestNetworkBridge(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	k := single(t)
	if k.Asterisk() {
		return
	}
	h := r.blank(box)
	r.host(device1002)
	r.ip(r.lan.Switch(), "link", "set", "p55", "netns", h.Namespace(), "name", "eth1") // its only neighbour is the box
	conf := onBox("[lan]\ntype=bridge\ndevice=br0\nports=eth0,eth1\naddress=" + addr(box) + "/24\n")
	conf["pjsip.conf"].Data = bytes.Replace(conf["pjsip.conf"].Data, []byte("bind=eth0"), []byte("bind=br0"), 1)
	e := r.exchange(k, box, conf)
	r.shows(e, 10*time.Second, "net show", "br0", addr(box)+"/24")
	tries := func(octet int, user string) error {
		s := r.start(&phone.SIPp{Scenario: "register", Host: r.host(octet), Server: addr(box), User: user, Args: []string{"-timeout", "5s"}})
		return s.Wait()
	}
	r.must(tries(device1001, "1001")) // by eth0
	r.must(tries(device1002, "1002")) // by eth1
	contains(t, r.rx(e, "pjsip show contacts"), "1001/sip:1001@"+addr(device1001), "1002/sip:1002@"+addr(device1002))
	// The two ports are one network.
	r.must(r.host(device1002).Do(func() error {
		c, err := net.DialTimeout("tcp", addr(device1001)+":9", 5*time.Second)
		if err == nil {
			return c.Close()
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			return nil
		}
		return err
	}))

	conf["network.conf"].Data = append(conf["network.conf"].Data, "[firewall]\nsip="+addr(device1001)+"/32\nmark=yes\n"...)
	_, err := e.Reload(r.ctx, conf)
	r.must(err)
	r.shows(e, 5*time.Second, "net show", "Firewall: ", "A change is on trial")
	if r.answered(device1002, box) {
		t.Error("the firewall let a stranger in")
	}
	if !r.answered(device1001, box) {
		t.Error("the firewall keeps a phone out")
	}
	r.must(tries(device1001, "1001"))
	r.shows(e, 5*time.Second, "net show", "The last change was kept: a phone has registered")

	// Without the file nothing of it is left.
	conf["network.conf"].Data = []byte("; nothing\n")
	_, err = e.Reload(r.ctx, conf)
	r.must(err)
	r.shows(e, 5*time.Second, "net confirm", "The change stays.")
	if exec.Command("ip", "-n", h.Namespace(), "link", "show", "br0").Run() == nil {
		t.Error("the bridge is still there")
	}
}
