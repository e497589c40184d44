//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
	"branchline/appliance/e2e/switchboard"
)

// Last bytes of the addresses of a name server, of one that never says anything, and of a
// provider's three servers.
const (
	nameServer   = 53
	silentServer = 54
	provider1    = 61
	provider2    = 62
	provider3    = 63
)

// domain is what the name server knows: of voip.example two servers by UDP, one for when the other
// fails; of tcp.example one by TCP, which only its NAPTR record tells.
const domain = `
no-resolv
no-hosts
user=root
port=53
bind-interfaces
local=/example/
host-record=a.voip.example,` + lan.Prefix + `61
host-record=b.voip.example,` + lan.Prefix + `62
host-record=c.tcp.example,` + lan.Prefix + `63
host-record=tcp.example,` + lan.Prefix + `99
srv-host=_sip._udp.voip.example,a.voip.example,5070,10,1
srv-host=_sip._udp.voip.example,b.voip.example,5080,20,1
srv-host=_sip._udp.tcp.example,c.tcp.example,5999,1,1
srv-host=_sip._tcp.tcp.example,c.tcp.example,5090,1,1
naptr-record=tcp.example,10,10,s,SIP+D2T,,_sip._tcp.tcp.example
naptr-record=tcp.example,20,10,s,SIP+D2U,,_sip._udp.tcp.example
`

// namesOn starts a real name server on the LAN.
func (r *rig) namesOn(octet int) {
	r.Helper()
	conf := filepath.Join(r.dir, "dnsmasq.conf")
	r.must(os.WriteFile(conf, []byte(domain), 0o644))
	cmd := r.host(octet).Command(r.ctx, "dnsmasq", "--keep-in-foreground", "--log-facility=-", "--conf-file="+conf, "--pid-file=")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	r.must(cmd.Start())
	r.Cleanup(func() {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			r.Error(err)
		}
		if err := cmd.Wait(); err != nil && r.Failed() {
			r.Logf("dnsmasq: %v\n%s", err, out.String())
		}
	})
	r.eventually(5*time.Second, "the name server listens", func() bool {
		var listens bool
		r.must(r.host(octet).Do(func() error {
			c, err := net.Dial("tcp", addr(octet)+":53")
			if err == nil {
				listens = true
				return c.Close()
			}
			return nil
		}))
		return listens
	})
}

// silentOn opens a port 53 that swallows everything.
func (r *rig) silentOn(octet int) {
	r.Helper()
	var c io.Closer
	r.must(r.host(octet).Do(func() (err error) {
		c, err = net.ListenPacket("udp4", addr(octet)+":53")
		return err
	}))
	r.Cleanup(func() { c.Close() })
}

// resolving is an exchange whose resolv.conf names these servers; what it returns changes the file.
func (r *rig) resolving(octet int, pjsip, extensions string, servers ...int) (*switchboard.Exchange, func(servers ...int)) {
	r.Helper()
	k := single(r.T)
	path := filepath.Join(r.dir, "resolv.conf")
	change := func(servers ...int) {
		var b strings.Builder
		for _, s := range servers {
			fmt.Fprintf(&b, "nameserver %s\n", addr(s))
		}
		r.must(os.WriteFile(path, []byte(b.String()), 0o644))
	}
	change(servers...)
	script := filepath.Join(r.dir, "with-resolv.conf")
	r.must(os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\nexec unshare --mount sh -c 'mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"' %q %q \"$@\"\n",
		path, k.Binary), 0o755))
	k.Binary = script
	return r.exchange(k, octet, files(pjsip, extensions)), change
}

const dnsPJSIP = `
[udp]
type=transport
protocol=udp
bind=198.51.100.52
[tcp]
type=transport
protocol=tcp
bind=198.51.100.52
[1001]
type=endpoint
aors=1001
context=default
allow=ulaw
[1001]
type=aor
max_contacts=1
[1002]
type=endpoint
aors=1002
context=default
allow=ulaw
[1002]
type=aor
max_contacts=1
[voip]
type=endpoint
aors=voip
allow=ulaw
[voip]
type=aor
contact=sip:voip.example
[tcp-voip]
type=endpoint
aors=tcp-voip
allow=ulaw
[tcp-voip]
type=aor
contact=sip:tcp.example
`

const dnsExtensions = `[default]
exten => 1,1,Dial(PJSIP/77@voip,20)
exten => 2,1,Dial(PJSIP/77@tcp-voip,20)
exten => _100X,1,Dial(PJSIP/${EXTEN},20)
`

// TestServices calls a provider by its domain: SRV tells its servers, the second takes over from
// the first; NAPTR tells the transport.
func TestServices(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if !ownOnly(t, single(t)) {
		return
	}
	r.namesOn(nameServer)
	r.resolving(server3, dnsPJSIP, dnsExtensions, nameServer)
	one := r.answering(&phone.SIPp{Host: r.host(provider1), Server: addr(server3), User: "77", Port: 5070, Refuse: 503})
	two := r.answering(&phone.SIPp{Host: r.host(provider2), Server: addr(server3), User: "77", Port: 5080})
	three := r.answering(&phone.SIPp{Host: r.host(provider3), Server: addr(server3), User: "77", Port: 5090, TCP: true})
	r.register(server3, device1001, "1001", false, 200)
	call := phone.SIPp{Talk: 300 * time.Millisecond}
	r.run(r.caller("1", call))
	r.finish(one)
	r.finish(two)
	first, second := r.sip(lan.To(addr(provider1)), lan.Initial), r.sip(lan.To(addr(provider2)), lan.Initial)
	if len(first) != 1 || len(second) != 1 {
		t.Fatalf("%d INVITEs to the first server and %d to the second", len(first), len(second))
	}
	if a, b := first[0].Header("Call-ID"), second[0].Header("Call-ID"); a != b {
		t.Errorf("Call-ID %s for the first server, %s for the second", a, b)
	}
	r.run(r.caller("2", call))
	r.finish(three) // which is reached at its port by TCP only
}

// TestDeadNameServer has a call wait for a name server that says nothing, and others go on as if
// nothing were; when resolv.conf names a living one, calls by name work.
func TestDeadNameServer(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if !ownOnly(t, single(t)) {
		return
	}
	r.silentOn(silentServer)
	r.namesOn(nameServer)
	_, change := r.resolving(server3, dnsPJSIP, dnsExtensions, silentServer)
	r.register(server3, device1001, "1001", false, 200)
	r.register(server3, device1002, "1002", true, 200)
	callee := r.answering(r.callee(phone.SIPp{}))

	lost := r.start(&phone.SIPp{
		Scenario: "refused", Host: r.host(device1009), Server: addr(server3), User: "1001", Dial: "1", Extra: map[string]string{"want": "503"},
	})
	r.await(5*time.Second, "the call by name is under way", lan.To(addr(device1009)), lan.Response(100, "INVITE"))
	r.run(r.caller("1002", phone.SIPp{Talk: 300 * time.Millisecond}))
	r.finish(callee)
	if n := len(r.sip(lan.To(addr(device1009)), lan.Response(503, "INVITE"))); n != 0 {
		t.Error("the call by name ended before the other one: it tells nothing")
	}
	r.finish(lost)

	change(nameServer)
	two := r.answering(&phone.SIPp{Host: r.host(provider1), Server: addr(server3), User: "77", Port: 5070})
	time.Sleep(6 * time.Second) // a name that failed is not asked for again sooner
	r.run(r.caller("1", phone.SIPp{Talk: 300 * time.Millisecond}))
	r.finish(two)
}
