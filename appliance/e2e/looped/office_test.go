//go:build dahdi

package looped_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The office has a line to the public exchange at channel 5 and a telephone at channel 2;
// the tests have the other ends, 1 and 6. Its SIP telephone is SIPp.
var officeFiles = map[string]string{
	"asterisk.conf": `[directories]
astetcdir = {dir}
astdatadir = {dir}/lib
astvarlibdir = {dir}/lib
astdbdir = {dir}/lib
astkeydir = {dir}/lib
astspooldir = {dir}/spool
astrundir = {dir}/run
astlogdir = {dir}/log
`,
	"pjsip.conf": `[udp]
type=transport
protocol=udp
bind=127.0.0.1:5060

[desk]
type=endpoint
context=office
disallow=all
allow=ulaw
aors=desk
dtmf_mode=auto

[desk]
type=aor
contact=sip:desk@127.0.0.1:5070

[desk]
type=identify
endpoint=desk
match=127.0.0.1
`,
	"extensions.conf": `[pstn]
exten => s,1,Dial(PJSIP/desk,30)

[office]
exten => 100,1,Dial(PJSIP/desk,30)
exten => 200,1,Dial(DAHDI/2,30)
exten => _09XXXXXXXX,1,Dial(DAHDI/g1/${EXTEN},60)
`,
	"system.conf": systemConf,
	"chan_dahdi.conf": `[channels]
tonezone=tw
usecallerid=yes
echocancel=128
signalling=fxs_ks
context=pstn
group=1
callerid=asreceived
channel => 5
signalling=fxo_ks
context=office
group=2
callerid="Workshop" <200>
channel => 2
`,
}

// office is a running exchange.
type office struct {
	t   *testing.T
	dir string
	log *transcript
}

// transcript is what a program says.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *transcript) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *transcript) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

const branchline = "/bin/branchline"

// openOffice starts the exchange and waits until its line and its telephone are there.
func openOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, dir: t.TempDir(), log: &transcript{}}
	for _, dir := range []string{"lib", "spool", "run", "log"} {
		if err := os.MkdirAll(filepath.Join(o.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range officeFiles {
		if err := os.WriteFile(filepath.Join(o.dir, name), []byte(strings.ReplaceAll(text, "{dir}", o.dir)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, branchline, "-C", o.dir, "-f", "-vvv")
	cmd.Stdout, cmd.Stderr = o.log, o.log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		cmd.Wait()
		if t.Failed() {
			t.Logf("the exchange said:\n%s", o.log)
		}
	})
	for limit := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		if out, err := o.console("core waitfullybooted"); err == nil && strings.Contains(out, "fully booted") {
			break
		} else if time.Now().After(limit) {
			t.Fatalf("the exchange did not start: %v %s", err, out)
		}
	}
	o.await("line show", "DAHDI/5")
	return o
}

// console has the exchange carry out a command.
func (o *office) console(command string) (string, error) {
	out, err := exec.Command(branchline, "-C", o.dir, "-rx", command).CombinedOutput()
	return string(out), err
}

// await waits until a command's output holds a text.
func (o *office) await(command, text string) string {
	o.t.Helper()
	for limit := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		out, err := o.console(command)
		if err == nil && strings.Contains(out, text) {
			return out
		}
		if time.Now().After(limit) {
			o.t.Fatalf("%s: no %q in\n%s%v", command, text, out, err)
		}
	}
}

// A sipp is a SIP telephone that answers, or calls, and sends back the speech that it
// hears.
type sipp struct {
	t      *testing.T
	dir    string
	exited chan error
}

// desk is the office's SIP telephone, which is called once.
func desk(t *testing.T) *sipp { return startSIPp(t, "-sn", "uas") }

// dial calls a number from it and hangs up after some time.
func dial(t *testing.T, number string, talk time.Duration) *sipp {
	return startSIPp(t, "-sn", "uac", "-s", number, "-d", strconv.FormatInt(talk.Milliseconds(), 10), "127.0.0.1:5060")
}

func startSIPp(t *testing.T, args ...string) *sipp {
	t.Helper()
	s := &sipp{t: t, dir: t.TempDir(), exited: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "sipp", append([]string{"-m", "1", "-i", "127.0.0.1", "-p", "5070", "-mp", "17000", "-nostdin", "-rtp_echo", "-deadcall_wait", "0",
		"-timeout", "120s", "-trace_msg", "-message_file", s.messages(), "-trace_err", "-error_file", filepath.Join(s.dir, "errors")}, args...)...)
	cmd.Dir = s.dir
	var screen transcript
	cmd.Stdout, cmd.Stderr = &screen, &screen
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.exited <- cmd.Wait() }()
	t.Cleanup(func() {
		cancel()
		if t.Failed() {
			text, _ := os.ReadFile(s.messages())
			t.Logf("SIPp: %s\n%s", &screen, text)
		}
	})
	return s
}

func (s *sipp) messages() string { return filepath.Join(s.dir, "messages") }

// end waits for the call to be over, as its scenario says.
func (s *sipp) end() {
	s.t.Helper()
	select {
	case err := <-s.exited:
		if err != nil {
			s.t.Errorf("the SIP telephone: %v", err)
		}
	case <-time.After(patience):
		s.t.Error("the call of the SIP telephone did not end")
	}
}

// header is what the SIP telephone was told in the first header of a name.
func (s *sipp) header(name string) string {
	text, err := os.ReadFile(s.messages())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Error(err)
	}
	if m := regexp.MustCompile(`(?m)^` + name + `: (.*?)\r?$`).FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return ""
}

// when is when the telephone was sent a message, by its first line.
func (s *sipp) when(first string) time.Time {
	s.t.Helper()
	text, err := os.ReadFile(s.messages())
	if err != nil {
		s.t.Error(err)
	}
	m := regexp.MustCompile(`- (\S+ \S+)\r?\nUDP message received \[\d+\] bytes :\s+` + regexp.QuoteMeta(first)).FindSubmatch(text)
	if m == nil {
		s.t.Errorf("the telephone received no %s", first)
		return time.Time{}
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05.999999", string(m[1]), time.Local)
	if err != nil {
		s.t.Error(err)
	}
	return at
}
