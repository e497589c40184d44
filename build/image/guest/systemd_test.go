//go:build image

package guest

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"branchline/appliance/e2e/phone"
)

// The exchange as a service: what the manager sees of it, and what phones see of what
// the manager does.
func TestSystemd(t *testing.T) {
	o := card(t, "amd64")
	o.Shell = true
	f := newOffice(t, &o)
	generations(t, o)
	g := start(t, o)
	shell(t, g)
	run := func(command string) string {
		t.Helper()
		out, err := g.Run(command, 4*time.Minute)
		if err != nil {
			t.Error(err)
		}
		// What units say to the console comes between.
		return strings.TrimSpace(console.ReplaceAllString(out, ""))
	}
	run("rm -rf /etc/asterisk/*; cp /boot/a/* /etc/asterisk/; busybox chown -R 990:990 /etc/asterisk; asterisk -rx 'core reload'")
	t.Run("is content", func(t *testing.T) {
		if out := run("systemctl --failed --no-legend --plain"); out != "" {
			t.Errorf("failed units: %s", out)
		}
		out := run("systemd-analyze security --no-pager branchline | tail -1")
		figure := regexp.MustCompile(`: (\d+\.\d+) `).FindStringSubmatch(out)
		if figure == nil {
			t.Fatalf("no figure in %q", out)
		}
		if exposure, err := strconv.ParseFloat(figure[1], 64); err != nil || exposure > 2.0 {
			t.Errorf("%s; want 2.0 at most", out)
		}
		t.Log(out)
		t.Log(run("systemctl show branchline -p MemoryCurrent -p MemoryPeak -p NFileDescriptorStore; grep -h 'VmRSS\\|VmHWM' /proc/$(systemctl show -p MainPID --value branchline)/status"))
	})
	// The how-to's section 2.2.3. The shell is root's and there is no sudo in the image:
	// it is a function that runs the rest of the line.
	t.Run("as the how-to types it", func(t *testing.T) {
		run(`sudo() { "$@"; }`)
		for _, c := range []struct{ typed, then, want string }{
			{"sudo systemctl restart asterisk", "systemctl is-active asterisk", "active"},
			{"sudo systemctl status asterisk", "systemctl is-active branchline", "active"},
			{"sudo systemctl start asterisk", "systemctl is-active asterisk", "active"},
			{"systemctl unmask asterisk.service", "systemctl is-active asterisk.service", "active"},
			{"sudo systemctl stop asterisk", "systemctl is-active asterisk || true", "inactive"},
			{"sudo systemctl start asterisk", "systemctl is-active asterisk", "active"},
		} {
			said := run(c.typed)
			if got := run(c.then); got != c.want {
				t.Errorf("%s: then %s, want %s", c.typed, got, c.want)
			}
			if strings.Contains(c.typed, "status") && !strings.Contains(said, "Active: active (running)") {
				t.Errorf("%s:\n%s", c.typed, said)
			}
		}
	})
	phones := f.phones(20)
	pid := func() string { return run("systemctl show -p MainPID --value branchline") }
	for _, c := range []struct {
		name, command string
		same          bool // process as before
	}{
		{"reload", "systemctl reload asterisk", true},
		{"restart", "systemctl restart asterisk", false},
		{"core restart now", "asterisk -rx 'core restart now'; sleep 2; until systemctl is-active -q branchline; do sleep 0.3; done", false},
		{"crash", "kill -9 $(systemctl show -p MainPID --value branchline); sleep 1; until systemctl is-active -q branchline; do sleep 1; done", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := pid()
			phones.begin()
			phones.settled(3)
			began := time.Now()
			run(c.command)
			took := time.Since(began)
			phones.settled(3)
			sent, answered, longest := phones.end()
			if after := pid(); (after == before) != c.same {
				t.Errorf("process %s, before %s", after, before)
			}
			if sent != answered {
				t.Errorf("%d of %d REGISTER were lost, each sent once", sent-answered, sent)
				t.Log(run("journalctl -b --no-pager -u branchline | tail -25"))
			}
			t.Logf("%s in %v; %d REGISTER sent once each meanwhile, %d answered 200, the slowest after %v", c.name, took.Round(time.Millisecond), sent, answered, longest.Round(time.Millisecond))
		})
	}
	t.Run("watchdog", func(t *testing.T) {
		out := run(`p=$(systemctl show -p MainPID --value branchline); n=$(systemctl show -p NRestarts --value branchline); a=$(cut -d' ' -f1 /proc/uptime); kill -STOP $p;` +
			` until test "$(systemctl show -p NRestarts --value branchline)" != $n; do sleep 0.3; done; b=$(cut -d' ' -f1 /proc/uptime);` +
			` until systemctl is-active -q branchline; do sleep 0.3; done; echo "$a $b $(cut -d' ' -f1 /proc/uptime)"`)
		var stalled, ended, ready float64
		if _, err := fmt.Sscanf(out, "%g %g %g", &stalled, &ended, &ready); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		t.Logf("a stalled exchange is noticed and ended after %.1f s, and answers again after %.1f s", ended-stalled, ready-stalled)
		if log := run("journalctl -b --no-pager -u branchline | grep -i watchdog"); !strings.Contains(log, "atchdog timeout") {
			t.Errorf("it was not the watchdog: %s", log)
		}
		phones.begin()
		phones.settled(2)
		if sent, answered, _ := phones.end(); sent != answered {
			t.Errorf("after it %d of %d REGISTER were answered", answered, sent)
		}
		t.Log(run("systemctl show branchline -p NRestarts -p MemoryCurrent -p MemoryPeak"))
	})
	// What the exchange says can be found by call, endpoint and cause.
	t.Run("journal", func(t *testing.T) {
		run("echo 'exten => 9,1,Log(NOTICE,hello)' >> /etc/asterisk/extensions.conf; asterisk -rx 'dialplan reload'; asterisk -rx 'channel originate PJSIP/nobody application Wait 1'")
		for number, status := range map[string]string{"9": "603", "8": "404"} { // nothing but a log line; nothing at all
			f.play(&phone.SIPp{Scenario: "refused", Host: f.host(otherOctet), User: "3001", Dial: number, Extra: map[string]string{"want": status}})
		}
		for field, value := range map[string]string{"CALL": "PJSIP/3001-", "CAUSE": "[0-9]", "ENDPOINT": "3001"} {
			out := run("for i in 1 2 3 4 5 6 7 8 9 10; do journalctl -q -b -F " + field + " | grep '^" + value + "' && break; sleep 1; done")
			if out == "" {
				t.Errorf("nothing in the journal has %s=", field)
				continue
			}
			first, _, _ := strings.Cut(out, "\n")
			t.Logf("%s=%s: %s", field, first, run("journalctl -q -b --no-pager -o cat "+field+"="+first+" | tail -1"))
		}
	})
	// A .socket unit starts the exchange with the first thing that a phone or a person at
	// the console says, and holds what is said while it is stopped.
	t.Run("socket unit", func(t *testing.T) {
		run("systemctl stop asterisk; mkdir -p /run/systemd/system/branchline.service.d; echo '[Service]' > /run/systemd/system/branchline.service.d/sockets.conf; echo RuntimeDirectoryPreserve=yes >> /run/systemd/system/branchline.service.d/sockets.conf;" +
			" for l in '[Socket]' ListenDatagram=0.0.0.0:5060 ListenStream=/run/asterisk/asterisk.ctl SocketUser=asterisk SocketGroup=asterisk SocketMode=0660; do echo $l; done > /run/systemd/system/branchline.socket;" +
			" systemctl daemon-reload; systemctl start branchline.socket")
		if out := run("systemctl is-active asterisk || true"); out != "inactive" {
			t.Errorf("before a word is said: %s", out)
		}
		// The exchange may take longer to come than a console waits.
		if out := run("for i in 1 2 3 4 5 6; do asterisk -rx 'core show version' && break; done"); !strings.Contains(out, "Branchline") {
			t.Errorf("the console said %q", out)
			t.Log(run("systemctl status --no-pager -l branchline.service branchline.socket; journalctl -b --no-pager | tail -30"))
		}
		run("until systemctl is-active -q asterisk; do sleep 0.3; done; systemctl stop asterisk")
		phones.begin()
		phones.settled(3)
		run("systemctl stop asterisk")
		phones.settled(3)
		sent, answered, longest := phones.end()
		if sent != answered {
			t.Errorf("%d of %d REGISTER were lost", sent-answered, sent)
		}
		if out := run("journalctl -b --no-pager -u branchline -p err | grep -v \"^--\\|'nobody'\\|Watchdog timeout\" || true"); out != "" {
			t.Errorf("errors: %s", out)
		}
		t.Logf("started by a console, stopped, started by a REGISTER, stopped, started by a REGISTER: %d sent once each meanwhile, %d answered 200, the slowest after %v", sent, answered, longest.Round(time.Millisecond))
	})
}

// console is a line that was not the shell's.
var console = regexp.MustCompile(`(?m)^\[ *\d+\.\d+\] .*\n`)
