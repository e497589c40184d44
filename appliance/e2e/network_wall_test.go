//go:build e2e

package e2e

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"branchline/appliance/e2e/switchboard"
	"branchline/netcfg/nft"
)

const consoleSecret = "only-for-this-test"

// remotely runs a console command of the box from another host.
func (r *rig) remotely(k switchboard.Kind, from int, secret, command string) (string, error) {
	ctx, cancel := context.WithTimeout(r.ctx, 20*time.Second)
	defer cancel()
	cmd := r.host(from).Command(ctx, k.Binary, "remote", addr(box), command)
	cmd.Env = []string{"BRANCHLINE_CONSOLE_SECRET=" + secret}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// connects tells what comes of a TCP connection from a host to a port of the box: "open", "shut"
// at once, or "silent".
func (r *rig) connects(from int, port string) (how string) {
	r.Helper()
	r.must(r.host(from).Do(func() error {
		c, err := net.DialTimeout("tcp", net.JoinHostPort(addr(box), port), 700*time.Millisecond)
		var late net.Error
		switch {
		case err == nil:
			how = "open"
			if err := c.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
				return err
			}
			if _, err := c.Read(make([]byte, 1)); err != nil && !(errors.As(err, &late) && late.Timeout()) {
				how = "shut"
			}
			return c.Close()
		case errors.As(err, &late) && late.Timeout():
			how = "silent"
		default:
			how = "shut"
		}
		return nil
	}))
	return how
}

// knocks tells what comes of a datagram from a host to a port of the box where nobody listens:
// "shut" if it is let in, or "silent".
func (r *rig) knocks(from int, to, port string) (how string) {
	r.Helper()
	r.must(r.host(from).Do(func() error {
		c, err := net.Dial("udp", net.JoinHostPort(to, port))
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := c.Write([]byte("knock")); err != nil {
			return err
		}
		if err := c.SetReadDeadline(time.Now().Add(500 * time.Millisecond)); err != nil {
			return err
		}
		how = "silent"
		if _, err := c.Read(make([]byte, 9)); errors.Is(err, syscall.ECONNREFUSED) {
			how = "shut"
		}
		return nil
	}))
	return how
}

// rules is how many rules the kernel has in our table, -1 without one.
func (r *rig) rules(octet int) (n int) {
	r.Helper()
	r.must(r.host(octet).Do(func() (err error) {
		n, err = nft.Filter{}.Rules()
		return err
	}))
	return n
}

// TestNetworkFirewall asks at every kind of opening, from where it is open and from elsewhere.
func TestNetworkFirewall(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	k := single(t)
	if k.Asterisk() {
		return
	}
	r.blank(box)
	const six, six1001, sixStranger = "2001:db8::9", "2001:db8::206", "2001:db8::66"
	for octet, a := range map[int]string{device1001: six1001, stranger: sixStranger} {
		r.ip(r.host(octet).Namespace(), "addr", "add", a+"/64", "dev", "eth0", "nodad")
	}
	conf := onBox("[eth0]\naddress=" + addr(box) + "/24\naddress=" + six + "/64\n[firewall]\nsip=eth7," + addr(device1001) + "/32\nrtp=" + addr(device1001) + ",2001:db8::200/120\nallow=udp/7000-7001 from eth0\nallow=udp/7002 from eth7\n")
	conf["rtp.conf"] = &fstest.MapFile{Data: []byte("[general]\nrtpstart=10000\nrtpend=10100\n")}
	e := r.exchange(k, box, conf)
	r.eventually(10*time.Second, "the IPv6 address", func() bool { return r.knocks(device1001, six, "10050") == "shut" })
	for _, tt := range []struct {
		from     int
		to, port string
		want     string
	}{
		{device1001, addr(box), "10000", "shut"}, {device1001, addr(box), "10100", "shut"}, {device1001, addr(box), "10101", "silent"},
		{stranger, addr(box), "10050", "silent"}, {stranger, six, "10050", "silent"},
		{stranger, addr(box), "7000", "shut"}, {stranger, six, "7001", "shut"}, {stranger, addr(box), "7002", "silent"}, {device1001, addr(box), "7003", "silent"},
	} {
		if how := r.knocks(tt.from, tt.to, tt.port); how != tt.want {
			t.Errorf("from %s to %s port %s: %s, want %s", addr(tt.from), tt.to, tt.port, how, tt.want)
		}
	}
	if !r.answered(device1001, box) || r.answered(stranger, box) {
		t.Error("SIP is not open to whom it should be, or to others")
	}
	if n := r.rules(box); n < 10 {
		t.Errorf("%d rules", n)
	}
	_, err := e.Reload(r.ctx, onBox("[eth0]\naddress="+addr(box)+"/24\n"))
	r.must(err)
	r.shows(e, 5*time.Second, "net confirm", "The change stays.")
	if n := r.rules(box); n != -1 {
		t.Errorf("%d rules are left", n)
	}
	if !r.answered(stranger, box) {
		t.Error("it is still shut")
	}
}

// TestNetworkConsole opens a console over the network, to one phone's place and to who knows the
// secret, with the firewall and without.
func TestNetworkConsole(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	k := single(t)
	if k.Asterisk() {
		return
	}
	r.blank(box)
	network := func(wall string) string {
		return "[general]\nconfirm=manual\n[eth0]\naddress=" + addr(box) + "/24\n[console]\nsecret=" + consoleSecret + "\nfrom=" + addr(device1001) + "/32\n" + wall
	}
	const wall = "[firewall]\nsip=any\nrtp=any\nallow=tcp/22\n"
	e := r.exchange(k, box, onBox(network(wall)))
	r.eventually(10*time.Second, "the console is open", func() bool { return r.connects(device1001, "5039") == "open" })
	if out, err := r.remotely(k, device1001, consoleSecret, "core show version"); err != nil || !strings.Contains(out, "Branchline") {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := r.remotely(k, device1001, "not the secret of this test", "core show version"); err == nil || strings.Contains(out, "Branchline 0") {
		t.Errorf("with another secret: %s", out)
	}
	if how := r.connects(stranger, "5039"); how != "silent" {
		t.Errorf("to a stranger the console is %s", how)
	}
	if how := r.connects(stranger, "22"); how != "shut" { // let in, and nobody is there
		t.Errorf("port 22 is %s", how)
	}
	if how := r.connects(stranger, "23"); how != "silent" {
		t.Errorf("port 23 is %s", how)
	}
	contains(t, r.rx(e, "net show firewall"), "ip saddr "+addr(device1001)+"/32 tcp dport 5039 accept")

	// Without the firewall strangers are not spoken to either. The change is decided on from
	// afar, which is what the console is for.
	_, err := e.Reload(r.ctx, onBox(network("")))
	r.must(err)
	out, err := r.remotely(k, device1001, consoleSecret, "net confirm")
	if err != nil || !strings.Contains(out, "The change stays.") {
		t.Errorf("%v\n%s", err, out)
	}
	if how := r.connects(stranger, "5039"); how != "shut" {
		t.Errorf("without the firewall the console is %s to a stranger", how)
	}
	if how := r.connects(device1001, "5039"); how != "open" {
		t.Errorf("the console is %s", how)
	}
	// And without the section there is none.
	_, err = e.Reload(r.ctx, onBox("[eth0]\naddress="+addr(box)+"/24\n"))
	r.must(err)
	r.eventually(5*time.Second, "the console is shut", func() bool { return r.connects(device1001, "5039") == "shut" })
	if strings.Contains(e.Log(), consoleSecret) {
		t.Error("the secret is in the log")
	}
}
