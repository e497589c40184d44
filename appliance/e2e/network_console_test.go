//go:build e2e

package e2e

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"branchline/appliance/e2e/switchboard"
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
