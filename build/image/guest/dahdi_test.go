//go:build image

package guest

import (
	"context"
	"strings"
	"testing"
	"time"
)

// loop is an exchange that is its own public exchange and its own telephone: ports 1 to
// 4 feed telephones, 5 to 8 are lines, and each of the one is wired to one of the
// others. What comes over line 5 is answered and says 2468 with tones. The telephone at
// port 1 is lifted when line 5 is; whoever dials 42 on it hears 1357.
var loop = map[string]string{
	"system.conf": `dynamic=loc,1:0,4,0
dynamic=loc,1:1,4,0
fxoks=1-4
fxsks=5-8
loadzone=us
defaultzone=us
`,
	"chan_dahdi.conf": `[channels]
usecallerid=no
signalling=fxo_ks
context=office
channel => 1
signalling=fxs_ks
context=pstn
channel => 5
`,
	"pjsip.conf": `[udp]
type=transport
protocol=udp
bind=0.0.0.0
`,
	"extensions.conf": `[pstn]
exten => s,1,Answer()
same => n,Wait(2)
same => n,SendDTMF(2468)
same => n,Wait(10)
[office]
exten => 42,1,Answer()
same => n,Wait(2)
same => n,SendDTMF(1357)
same => n,Wait(10)
[test]
exten => listen,1,Read(HEARD,,4,,1,20)
same => n,Set(DB(test/heard)=${HEARD})
same => n,Hangup()
`,
}

// TestDAHDI starts the image with the kernel modules of telephone cards on a machine
// that has none. Nothing of DAHDI is loaded until system.conf asks for spans, here two
// that are each other's far end. Then calls go over them: one that rings, one that
// dials.
func TestDAHDI(t *testing.T) {
	o := card(t, "amd64-dahdi")
	o.Shell = true
	// The guest's time passes as its processor works, so that a busy machine loses no
	// speech.
	o.Extra = []string{"-icount", "shift=1,sleep=off"}
	// On a machine that is busy with other things that takes its time.
	const patience = 15 * time.Minute
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	g, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Kill)
	if _, err := g.Expect(`# `, patience); err != nil {
		t.Fatal(err)
	}
	run := func(command string) string {
		t.Helper()
		out, err := g.Run(command, patience)
		if err != nil {
			journal, _ := g.Run("journalctl -b -n 60 --no-pager -o cat", time.Minute)
			t.Fatalf("%v; the journal:\n%s", err, journal)
		}
		return out
	}
	run("until systemctl is-active -q branchline; do sleep 1; done")
	t.Logf("READY after %.0f s", time.Since(g.began).Seconds())
	run("! grep dahdi /proc/modules")
	// A card that is found while the exchange runs: it may open what has come.
	run("modprobe dahdi && udevadm settle && asterisk -rx 'dahdi show version' | grep 'DAHDI Version: 3' && modprobe -r dahdi && ! grep dahdi /proc/modules")
	run("rm -f /etc/asterisk/*.conf")
	for name, text := range loop {
		run("cat > /etc/asterisk/" + name + " <<'E'\n" + text + "E\ntrue")
	}
	run("systemctl restart asterisk")
	run("asterisk -rx 'core waitfullybooted'")
	// until repeats a command for two minutes of the guest's time, until its output has a
	// line that matches.
	until := func(command, match string) {
		t.Helper()
		run("i=0; until " + command + " | grep '" + match + "'; do i=$((i+1)); test $i -lt 120 || break; sleep 1; done; test $i -lt 120 || { " + command + "; false; }")
	}
	idle := func() {
		t.Helper()
		until("asterisk -rx 'line show'", "DAHDI/1 .*on hook")
		until("asterisk -rx 'line show'", "DAHDI/5 .*idle")
	}
	idle()
	status := run("asterisk -rx 'dahdi show status'; asterisk -rx 'dahdi show channels'; asterisk -rx 'dahdi show version'; asterisk -rx 'line show'")
	t.Log(status)
	for _, want := range []string{"Dynamic 'loc' span at '1:0'", "Dynamic 'loc' span at '1:1'", "DAHDI Version: 3"} {
		if !strings.Contains(status, want) {
			t.Errorf("the console does not tell of %s", want)
		}
	}
	for _, call := range []struct{ what, channel, heard string }{
		{"the telephone's port rings the line", "DAHDI/1", "2468"},
		{"the line is dialled on, and the telephone dials", "DAHDI/5/42", "1357"},
	} {
		run("asterisk -rx 'channel originate " + call.channel + " extension listen@test'")
		until("asterisk -rx 'database get test heard'", "Value")
		if out := run("asterisk -rx 'database get test heard'"); !strings.Contains(out, call.heard) {
			t.Errorf("%s: heard %s", call.what, out)
		} else {
			t.Logf("%s: heard %s, after %.0f s", call.what, call.heard, time.Since(g.began).Seconds())
		}
		run("asterisk -rx 'database del test heard'")
		until("asterisk -rx 'core show channels'", "^0 active channels")
		idle()
	}
	t.Log(run("lsmod 2>/dev/null || cat /proc/modules; ls -l /dev/dahdi; ls /usr/share/doc/dahdi; systemctl --failed --no-legend --plain; systemd-analyze security branchline | tail -1"))
	g.Kill()
	processor, wall := g.Seconds()
	t.Logf("%.1f processor seconds and %.1f s in all", processor, wall)
}
