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
	"branchline/appliance/e2e/phone"
	"branchline/appliance/e2e/switchboard"
)

// TestTerm sends TERM while a call is up: both phones get a BYE and the exit status is 0.
// Seed: S-037.
func TestTerm(t *testing.T) {
	t.Parallel()
	r, e := office(t, plain)
	r.answering(r.callee(phone.SIPp{}))
	r.start(r.caller("1002", phone.SIPp{}))
	r.await(10*time.Second, "the ACK to the callee", lan.To(addr(device1002)), lan.Request("ACK"))
	if err := e.Stop(5 * time.Second); err != nil {
		t.Errorf("stopping: %v", err)
	}
	// How the phones end is no matter: one of them sees its connection closed under it.
	for _, device := range []int{device1001, device1002} {
		if n := len(r.sip(lan.From(addr(device)), lan.Response(200, "BYE"))); n != 1 {
			t.Errorf("%s answered %d BYEs", addr(device), n)
		}
	}
}

// TestKill kills the exchange the hard way while phones are registering. Afterwards every phone
// that had its 200 can be called.
func TestKill(t *testing.T) {
	t.Parallel()
	r, e := office(t, plain)
	flood := r.start(&phone.SIPp{
		Scenario: "register", Host: r.host(device1009), Server: addr(server3), User: "nobody",
		Args: []string{"-m", "100000", "-r", "300"},
	})
	r.await(10*time.Second, "other registrations", lan.To(addr(device1009)), lan.Response(401, "REGISTER"))
	if e.Kind.Asterisk() { // it writes its database once a second
		r.eventually(5*time.Second, "registrations", func() bool { return settled(e, time.Now().Add(-2*time.Second)) })
	}
	r.must(e.Kill())
	r.must(flood.Stop())
	r.must(e.Run(r.ctx))
	contains(t, r.rx(e, "pjsip show contacts"), "1001/sip:1001@"+addr(device1001), "1002/sip:1002@"+addr(device1002))
	callee := r.answering(r.callee(phone.SIPp{}))
	r.run(r.caller("1002", phone.SIPp{Talk: 200 * time.Millisecond}))
	r.finish(callee)
}

// settled reports whether the exchange's database was last written after a moment.
func settled(e *switchboard.Exchange, after time.Time) bool {
	info, err := os.Stat(e.Dir + "/state/lib/astdb.sqlite3")
	return err == nil && info.ModTime().After(after) && time.Since(info.ModTime()) > time.Second
}

// TestBrokenReload reloads with a mistake in pjsip.conf. The product keeps everything as it was
// and says where the mistake is.
func TestBrokenReload(t *testing.T) {
	t.Parallel()
	k := single(t)
	if k.Asterisk() {
		return // it loads the half it understood
	}
	r, e := office(t, plain)
	conf := smallOffice(plain)
	good := string(conf["pjsip.conf"].Data)
	// The endpoints are gone in the new file, and the transport has no usable address.
	bad := strings.ReplaceAll(good, "[1001]", "[1005]")
	bad = strings.Replace(bad, "protocol=tcp\nbind="+addr(server3), "protocol=tcp\nbind=not an address", 1)
	line := 0
	for i, text := range strings.Split(bad, "\n") {
		if text == "bind=not an address" {
			line = i + 1
		}
	}
	out, _ := e.Reload(r.ctx, fstest.MapFS{
		"pjsip.conf":      {Data: []byte(bad)},
		"extensions.conf": {Data: []byte("[default]\nexten => 700,1,Answer()\n")},
	})
	contains(t, out, fmt.Sprintf("pjsip.conf:%d", line))
	contains(t, r.rx(e, "pjsip show endpoints"), "1001", "1002")
	contains(t, r.rx(e, "dialplan show default"), "_1XXX")
	callee := r.answering(r.callee(phone.SIPp{}))
	r.run(r.caller("1002", phone.SIPp{Talk: 200 * time.Millisecond}))
	r.finish(callee)

	_, err := e.Reload(r.ctx, fstest.MapFS{
		"pjsip.conf":      {Data: []byte(good + "[1005]\ntype=aor\n")},
		"extensions.conf": {Data: []byte("[default]\nexten => _1XXX,1,Dial(PJSIP/${EXTEN})\nexten => 700,1,Answer()\n")},
	})
	r.must(err)
	contains(t, r.rx(e, "dialplan show 700@default"), "Answer()")
	contains(t, r.rx(e, "pjsip show aors"), "1005")
}

// TestReloadDuringCall changes the configuration under a call that is up.
func TestReloadDuringCall(t *testing.T) {
	t.Parallel()
	r, e := office(t, plain)
	began := time.Now()
	callee := r.answering(r.callee(phone.SIPp{Say: tone(3*time.Second, 440)}))
	caller := r.start(r.caller("1002", phone.SIPp{Talk: 3 * time.Second, Say: tone(3*time.Second, 1004)}))
	r.await(10*time.Second, "the ACK to the callee", lan.To(addr(device1002)), lan.Request("ACK"))
	more := smallOffice(map[string]string{"1001": "allow=ulaw", "1002": "allow=ulaw", "1005": "allow=ulaw"})
	_, err := e.Reload(r.ctx, more)
	r.must(err)
	r.eventually(5*time.Second, "the new endpoint", func() bool {
		return strings.Contains(r.rx(e, "pjsip show endpoints"), "1005")
	})
	r.finish(caller)
	r.finish(callee)
	r.heardTone(device1001, device1002, 1004, began)
	r.heardTone(device1002, device1001, 440, began)
}

// TestConsole asks a running exchange what the how-to asks.
func TestConsole(t *testing.T) {
	t.Parallel()
	r, e := office(t, plain)
	rows := []struct {
		command string
		want    []string
	}{
		{"core show version", []string{" "}},
		{"core show uptime", []string{"System uptime:", "Last reload:"}},
		{"core show channels", []string{"Channel", "Location", "State", "0 active channels", "0 active calls"}},
		{"core show calls", []string{"0 active calls"}},
		{"pjsip show endpoints", []string{"Endpoint:  <Endpoint/CID", "1001", "InAuth:", "1002", "Objects found: 2"}},
		{"pjsip show endpoint 1001", []string{"ParameterName", "ParameterValue", "direct_media", "(ulaw)"}},
		{"pjsip show aors", []string{"Aor:", "1001", "Objects found: 2"}},
		{"pjsip show auths", []string{"1001/1001", "Objects found: 2"}},
		{"pjsip show contacts", []string{"1001/sip:1001@" + addr(device1001), "Objects found: 2"}},
		{"pjsip show transports", []string{"udp", "tcp", addr(server3) + ":5060", "Objects found: 2"}},
		{"pjsip show identifies", []string{"No objects found."}},
		{"database show registrar", []string{"/registrar/contact/1001;@", "2 results found."}},
		{"dialplan show default", []string{"[ Context 'default' created by 'pbx_config' ]", "'_1XXX' =>", "1. Dial(PJSIP/${EXTEN},20,tT)"}},
		{"core show application Dial", []string{"Dial"}},
		{"core show function LEN", []string{"LEN"}},
		{"core show applications", []string{"Answer:", "Dial:", "Playback:"}},
		{"pjsip set logger on", []string{"PJSIP Logging enabled"}},
		{"pjsip set logger off", []string{"PJSIP Logging"}},
		{"database deltree registrar/contact", []string{"2 database entries removed."}},
		{"pjsip show contacts", []string{"No objects found."}},
		{"channel originate Local/600@default application Wait 1", nil},
	}
	for _, row := range rows {
		out := r.rx(e, row.command)
		contains(t, out, row.want...)
		if !e.Kind.Asterisk() && strings.Contains(out, secret) {
			t.Errorf("%s shows the password", row.command)
		}
	}
	out, _ := e.RX(r.ctx, "core sh chan")
	contains(t, out, "No such command 'core sh chan' (type 'core show help core sh chan' for other possible commands)")
	out, _ = e.RX(r.ctx, "dialplan show nowhere")
	contains(t, out, "nowhere")
}

// TestRestart keeps a phone's registration over a proper stop and start.
// Seed: S-034.
func TestRestart(t *testing.T) {
	t.Parallel()
	r, e := office(t, plain)
	if err := e.Stop(20 * time.Second); err != nil {
		t.Errorf("stopping: %v", err)
	}
	if _, err := e.RX(r.ctx, "core show version"); err == nil {
		t.Error("a console command worked on a stopped exchange")
	}
	r.must(e.Run(r.ctx))
	contains(t, r.rx(e, "pjsip show contacts"), "1001/sip:1001@", "1002/sip:1002@")
}
