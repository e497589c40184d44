//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/switchboard"
)

// hardware is the Ethernet address of a host.
func (r *rig) hardware(octet int) (mac string) {
	r.Helper()
	r.must(r.host(octet).Do(func() error {
		i, err := net.InterfaceByName("eth0")
		if err == nil {
			mac = i.HardwareAddr.String()
		}
		return err
	}))
	return mac
}

// TestNetworkDHCPTaken lets dnsmasq give an address that a careless neighbour has already:
// it is asked for, declined, and another one is used.
func TestNetworkDHCPTaken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	k := single(t)
	if k.Asterisk() {
		return
	}
	h := r.blank(box)
	squatter := r.host(stranger)
	r.ip(squatter.Namespace(), "addr", "add", addr(box)+"/32", "dev", "eth0")
	r.leases(boxLater, "--dhcp-host="+r.hardware(box)+","+addr(box))
	e := r.exchange(k, box, onBox("[eth0]\ndhcp=yes\n"))
	r.shows(e, 40*time.Second, "net show", addr(boxLater)+"/24", "Lease eth0: "+addr(boxLater)+"/24 from "+addr(router))
	contains(t, e.Log(), "the address is in use by another machine, it is declined", "address="+addr(box), "by="+r.hardware(stranger))
	if got := r.ip(h.Namespace(), "-4", "addr", "show", "dev", "eth0"); strings.Contains(got, addr(box)+"/") {
		t.Errorf("the address of another was used\n%s", got)
	}
	probes := 0
	for _, q := range r.lan.Tap().ARP() {
		if q.Sender.String() == "0.0.0.0" && q.Target.String() == addr(box) {
			probes++
		}
	}
	if probes == 0 {
		t.Errorf("nobody was asked: %v", r.lan.Tap().ARP())
	}
	if !r.answered(stranger, boxLater) {
		t.Error("no answer at the new address")
	}
}

// appliance starts the exchange of a machine that is nothing else.
func (r *rig) appliance(k switchboard.Kind, h *lan.Host, conf fstest.MapFS) *switchboard.Exchange {
	r.Helper()
	e := &switchboard.Exchange{Kind: k, Host: h, Dir: filepath.Join(r.dir, fmt.Sprint("x", box)), Env: []string{"BRANCHLINE_APPLIANCE=1"}}
	r.must(e.Configure(conf))
	r.must(e.Exec(r.ctx))
	r.exchanges = append(r.exchanges, e)
	return e
}

// boot starts the exchange of an appliance, again if it ran before.
func (r *rig) boot(e *switchboard.Exchange, network string) {
	r.Helper()
	if e.Alive() {
		r.must(e.Stop(10 * time.Second))
	}
	r.must(e.Configure(fstest.MapFS{"network.conf": {Data: []byte(network)}}))
	r.must(e.Run(r.ctx))
}

// TestNetworkStart starts an appliance with a network.conf that cannot be read, and with
// one that is wrong: it can be reached all the same, and says why.
func TestNetworkStart(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	k := single(t)
	if k.Asterisk() {
		return
	}
	h := r.blank(box)
	r.host(router)
	r.host(stranger)
	static := func(address, gateway string) string {
		return "[general]\nconfirm-timeout=10\nprove=gateway\n[eth0]\naddress=" + address + "/24\ngateway=" + gateway + "\n"
	}
	const nonsense = "[eth0]\nadress=10.0.0.9/24\n"
	conf := onBox(static(addr(box), addr(router)))
	conf["pjsip.conf"].Data = bytes.Replace(conf["pjsip.conf"].Data, []byte("bind=eth0"), []byte("bind=0.0.0.0"), 1)
	e := r.appliance(k, h, conf)

	// The first start of all: it works, which is remembered.
	r.shows(e, 20*time.Second, "net show", addr(box)+"/24", "The last change was kept: gateway "+addr(router)+" answers")

	// Power is cut, and the file is nonsense: what has worked is in force at once.
	r.ip(h.Namespace(), "addr", "flush", "dev", "eth0")
	r.boot(e, nonsense)
	out := r.shows(e, 5*time.Second, "net show", addr(box)+"/24", "default via "+addr(router), "network.conf is not in force: network.conf:2: [eth0] has no option adress")
	if strings.Contains(out, "proven yet") || strings.Contains(out, "can be reached at") {
		t.Errorf("what has worked needs no proof\n%s", out)
	}
	contains(t, e.Log(), "network.conf:2: [eth0] has no option adress", "network.conf is not in force", "what has worked before")
	if !r.answered(stranger, box) {
		t.Error("no answer")
	}

	// The file can be read, and leads nowhere.
	r.boot(e, static("203.0.113.9", "203.0.113.1"))
	r.shows(e, 5*time.Second, "net show", "203.0.113.9/24", "Nothing has proven yet that the network works")
	r.shows(e, 20*time.Second, "net show", addr(box)+"/24", "network.conf is not in force: it did not prove itself", "The last change was kept: gateway "+addr(router)+" answers")
	if got := r.ip(h.Namespace(), "-4", "addr", "show", "dev", "eth0"); strings.Contains(got, "203.0.113") || strings.Contains(got, "169.254") {
		t.Errorf("something is left\n%s", got)
	}
	if !r.answered(stranger, box) {
		t.Error("no answer")
	}
	// Somebody mends it.
	text, err := e.Reload(r.ctx, fstest.MapFS{"network.conf": {Data: []byte(static(addr(boxLater), addr(router)))}})
	r.must(err)
	r.Log(text)
	out = r.shows(e, 20*time.Second, "net show", addr(boxLater)+"/24", "The last change was kept: gateway")
	if strings.Contains(out, "not in force") {
		t.Errorf("it still complains\n%s", out)
	}
}

// TestNetworkEmergency starts an appliance whose only configuration has never worked: after a
// while a computer that has given itself an address reaches it.
func TestNetworkEmergency(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	k := single(t)
	if k.Asterisk() {
		return
	}
	h := r.blank(box)
	laptop := r.blank(stranger)
	r.ip(laptop.Namespace(), "addr", "add", "169.254.200.1/16", "dev", "eth0")
	e := r.appliance(k, h, onBox("[general]\nconfirm-timeout=10\n[eth0]\nenabled=no\n"))
	r.shows(e, 30*time.Second, "net show", "169.254.77.9/16", "Nothing has proven yet that the network works", "This machine can be reached at 169.254.77.9 too")
	contains(t, e.Log(), "nothing proves that the network works")
	r.shows(e, 5*time.Second, "pjsip show transports", "eth0:5060")
	r.eventually(5*time.Second, "an answer at the emergency address", func() bool { return r.reaches(stranger, "169.254.77.9") })
}
