//go:build image

package guest

import (
	"bytes"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The exchange as a service: what the manager sees of it, and what phones see of what
// the manager does.
func TestSystemd(t *testing.T) {
	o := card(t, "amd64")
	o.Shell = true
	o.Forwards = []string{"udp:15560:5060"}
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
	phones := newPhones(t, "127.0.0.1:15560")
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
			phones.settled(t, 3)
			began := time.Now()
			run(c.command)
			took := time.Since(began)
			phones.settled(t, 3)
			sent, answered, longest := phones.end(t)
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
		phones.settled(t, 2)
		if sent, answered, _ := phones.end(t); sent != answered {
			t.Errorf("after it %d of %d REGISTER were answered", answered, sent)
		}
		t.Log(run("systemctl show branchline -p NRestarts -p MemoryCurrent -p MemoryPeak"))
	})
	// What the exchange says can be found by call, endpoint and cause.
	t.Run("journal", func(t *testing.T) {
		run("echo 'exten => 9,1,Log(NOTICE,hello)' >> /etc/asterisk/extensions.conf; asterisk -rx 'dialplan reload'; asterisk -rx 'channel originate PJSIP/nobody application Wait 1'")
		phones.invite("9")
		phones.invite("8")
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
		phones.settled(t, 3)
		run("systemctl stop asterisk")
		phones.settled(t, 3)
		sent, answered, longest := phones.end(t)
		if sent != answered {
			t.Errorf("%d of %d REGISTER were lost", sent-answered, sent)
		}
		if out := run("journalctl -b --no-pager -u branchline -p err | grep -v \"^--\\|'nobody'\\|Watchdog timeout\" || true"); out != "" {
			t.Errorf("errors: %s", out)
		}
		t.Logf("started by a console, stopped, started by a REGISTER, stopped, started by a REGISTER: %d sent once each meanwhile, %d answered 200, the slowest after %v", sent, answered, longest.Round(time.Millisecond))
	})
}

// phones send a REGISTER four times a second, each exactly once: UDP's repetition
// would hide what is lost.
type phones struct {
	c net.Conn

	mu      sync.Mutex
	sent    map[int]time.Time // not answered yet
	total   int
	good    int
	refused []string
	longest time.Duration
	stop    chan struct{}
	stopped chan struct{}
}

func newPhones(t *testing.T, address string) *phones {
	t.Helper()
	c, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	p := &phones{c: c, sent: map[int]time.Time{}}
	go p.listen()
	return p
}

// console is a line that was not the shell's.
var console = regexp.MustCompile(`(?m)^\[ *\d+\.\d+\] .*\n`)

var callID = regexp.MustCompile(`(?i)\r\nCall-ID: once-(\d+)@`)

func (p *phones) listen() {
	buf := make([]byte, 4096)
	for {
		n, err := p.c.Read(buf)
		if err != nil {
			return
		}
		id := callID.FindSubmatch(buf[:n])
		if id == nil {
			continue
		}
		i, _ := strconv.Atoi(string(id[1]))
		p.mu.Lock()
		if at, waits := p.sent[i]; waits {
			if bytes.HasPrefix(buf[:n], []byte("SIP/2.0 200 ")) {
				p.good++
			} else {
				line, _, _ := bytes.Cut(buf[:n], []byte("\r"))
				p.refused = append(p.refused, string(line))
			}
			p.longest = max(p.longest, time.Since(at))
			delete(p.sent, i)
		}
		p.mu.Unlock()
	}
}

func (p *phones) begin() {
	p.mu.Lock()
	p.good, p.longest, p.refused = 0, 0, nil
	first := p.total
	p.mu.Unlock()
	p.stop, p.stopped = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(p.stopped)
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for i := first; ; i++ {
			p.mu.Lock()
			p.sent[i] = time.Now()
			p.total = i + 1
			p.mu.Unlock()
			at, user := p.c.LocalAddr(), 3001+i%20
			_, _ = fmt.Fprintf(p.c, "REGISTER sip:10.0.2.15 SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bKonce%d\r\nMax-Forwards: 70\r\nFrom: <sip:%d@10.0.2.15>;tag=p\r\nTo: <sip:%[3]d@10.0.2.15>\r\n"+
				"Call-ID: once-%[2]d@outside\r\nCSeq: 1 REGISTER\r\nContact: <sip:%[3]d@%[1]s>\r\nExpires: 300\r\nContent-Length: 0\r\n\r\n", at, i, user)
			select {
			case <-p.stop:
				return
			case <-tick.C:
			}
		}
	}()
}

// invite calls a number, once.
func (p *phones) invite(number string) {
	at := p.c.LocalAddr()
	_, _ = fmt.Fprintf(p.c, "INVITE sip:%s@10.0.2.15 SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=z9hG4bKinvite%[1]s\r\nMax-Forwards: 70\r\nFrom: <sip:3001@10.0.2.15>;tag=i\r\nTo: <sip:%[1]s@10.0.2.15>\r\n"+
		"Call-ID: call-%[1]s@outside\r\nCSeq: 1 INVITE\r\nContact: <sip:3001@%[2]s>\r\nContent-Length: 0\r\n\r\n", number, at)
}

// settled waits until so many more REGISTER have been answered.
func (p *phones) settled(t *testing.T, more int) {
	t.Helper()
	p.mu.Lock()
	want := p.good + len(p.refused) + more
	p.mu.Unlock()
	for range 600 {
		p.mu.Lock()
		have := p.good + len(p.refused)
		p.mu.Unlock()
		if have >= want {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("no answers to REGISTER for a minute")
}

// end stops sending, gives the last ones time, and is how many were sent and answered
// 200.
func (p *phones) end(t *testing.T) (sent, answered int, longest time.Duration) {
	t.Helper()
	close(p.stop)
	<-p.stopped
	for range 100 {
		p.mu.Lock()
		waiting := len(p.sent)
		p.mu.Unlock()
		if waiting == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.refused {
		t.Errorf("refused: %s", line)
	}
	sent = p.good + len(p.refused) + len(p.sent)
	p.sent = map[int]time.Time{}
	return sent, p.good, p.longest
}
