//go:build e2e

package e2e

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"branchline/appliance/e2e/ear"
	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
	"branchline/appliance/e2e/switchboard"
)

// emulator is a modem made of text, in a process of its own.
type emulator struct {
	r     *rig
	in    io.Writer
	data  string
	audio string

	mu    sync.Mutex
	story []string
}

// emulate plugs a modem of some kind in.
func (r *rig) emulate(kind string) *emulator {
	r.Helper()
	dir := filepath.Join(r.dir, kind)
	r.must(os.MkdirAll(dir, 0o755))
	binary := os.Getenv("E2E_MODEMEMU")
	if binary == "" {
		binary = "../../bin/modememu"
	}
	cmd := exec.CommandContext(r.ctx, binary, "-kind", kind, "-dir", dir)
	in, err := cmd.StdinPipe()
	r.must(err)
	out, err := cmd.StdoutPipe()
	r.must(err)
	cmd.Stderr = os.Stderr
	r.must(cmd.Start())
	m := &emulator{r: r, in: in}
	go func() {
		for s := bufio.NewScanner(out); s.Scan(); {
			m.mu.Lock()
			m.story = append(m.story, s.Text())
			m.mu.Unlock()
		}
	}()
	r.Cleanup(func() {
		if r.Failed() {
			m.mu.Lock()
			r.Logf("the %s: %s", kind, strings.Join(m.story, "; "))
			m.mu.Unlock()
		}
		in.Close()
		_ = cmd.Wait() // it ends with its input, or with the test's context
	})
	m.says("ready")
	m.data, m.audio = m.path("data "), m.path("audio ")
	return m
}

// path is what the emulator said behind a word.
func (m *emulator) path(word string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.story {
		if p, ok := strings.CutPrefix(l, word); ok {
			return p
		}
	}
	return ""
}

// says waits until the emulator has said a line that begins so, and forgets what came
// before it.
func (m *emulator) says(begin string) string {
	m.r.Helper()
	var found string
	m.r.eventually(20*time.Second, "the modem says "+begin, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		for i, l := range m.story {
			if strings.HasPrefix(l, begin) {
				found = l
				if begin != "ready" {
					m.story = m.story[i+1:]
				}
				return true
			}
		}
		return false
	})
	return found
}

func (m *emulator) do(command string) {
	m.r.Helper()
	_, err := fmt.Fprintln(m.in, command)
	m.r.must(err)
	word, _, _ := strings.Cut(command, " ")
	m.says("done " + word)
}

// hears waits until most of what arrives over the line is a tone.
func (m *emulator) hears(hz float64) {
	m.r.Helper()
	var share float64
	m.r.eventually(15*time.Second, fmt.Sprintf("%v Hz heard at the far end", hz), func() bool {
		_, err := fmt.Fprintf(m.in, "heard %v\n", hz)
		m.r.must(err)
		_, err = fmt.Sscanf(m.says("heard"), "heard %f share %f", new(float64), &share)
		m.r.must(err)
		return share > 0.9
	})
}

// lineOffice is one exchange with a voice modem, a cellular module and the phone 1001.
func lineOffice(t *testing.T) (r *rig, e *switchboard.Exchange, modem, cell *emulator, desk *phone.Baresip) {
	t.Helper()
	r = newRig(t)
	modem, cell = r.emulate("cx93010"), r.emulate("ec25")
	conf := smallOffice(map[string]string{"1001": "allow=ulaw"})
	conf["extensions.conf"] = &fstest.MapFile{Data: []byte(`[default]
exten => _9X.,1,Dial(Modem/office/${EXTEN:1},60)
exten => _8X.,1,Dial(Cell/gsm/${EXTEN:1},60)
exten => 700,hint,Modem/office
[pstn]
exten => s,1,Dial(PJSIP/1001,60)
[mobile]
exten => 0912000111,1,Dial(PJSIP/1001,60)
[sms]
exten => gsm,1,Verbose(1,message from ${MESSAGE(from)}: ${MESSAGE(body)})
 same => n,Set(MESSAGE(body)=thanks)
 same => n,MessageSend(sms:0955)
`)}
	conf["modem.conf"] = &fstest.MapFile{Data: fmt.Appendf(nil, "[office]\ndata=%s\ncontext=pstn\ntonezone=tw\n", modem.data)}
	conf["quectel.conf"] = &fstest.MapFile{Data: fmt.Appendf(nil, "[gsm]\ndata=%s\naudio=%s\ncontext=mobile\nexten=0912000111\n", cell.data, cell.audio)}
	e = r.exchange(single(t), server3, conf)
	r.linesUp(e, "2 line(s), 2 up")
	desk = r.telephone(&phone.Baresip{Host: r.host(device1001), Server: addr(server3), User: "1001", Password: secret, Say: hum(700)})
	return r, e, modem, cell, desk
}

func (r *rig) linesUp(e *switchboard.Exchange, want string) {
	r.Helper()
	r.eventually(20*time.Second, "lines: "+want, func() bool {
		out, err := e.RX(r.ctx, "line show")
		return err == nil && strings.Contains(out, want)
	})
}

// converse checks that both sides hear each other, and the channels.
func (r *rig) converse(far *emulator, desk *phone.Baresip) {
	r.Helper()
	far.hears(700)
	before := len(r.heard(device1001, time.Time{}))
	r.eventually(10*time.Second, "a second of speech at the desk", func() bool {
		return len(r.heard(device1001, time.Time{})) > before+ear.Rate
	})
	r.must(desk.Command("hangup", ""))
}

func (r *rig) quiet(e *switchboard.Exchange) {
	r.Helper()
	r.eventually(10*time.Second, "all channels gone", func() bool {
		out, err := e.RX(r.ctx, "core show channels count")
		return err == nil && len(out) > 0 && out[0] == '0'
	})
}

// TestModemCalls (S-018): a call that comes in over a voice modem, with the caller's number,
// and one that goes out, with speech both ways; then the modem is pulled out in a
// call and put back.
func TestModemCalls(t *testing.T) {
	t.Parallel()
	r, e, modem, _, desk := lineOffice(t)
	modem.do("tone 1004")
	modem.do("ring 0223456789")
	told := time.Now()
	invite := r.await(5*time.Second, "INVITE to the desk", lan.To(addr(device1001)), lan.Request("INVITE"))
	t.Logf("the desk was called %v after the modem told the number", invite.Time.Sub(told).Round(time.Millisecond))
	if from := invite.Header("From"); !strings.Contains(from, "0223456789") {
		t.Errorf("the desk was told of a call from %q", from)
	}
	_, err := desk.Event(10*time.Second, "CALL_ESTABLISHED") // it answers by itself
	r.must(err)
	modem.says("off hook")
	contains(t, r.rx(e, "core show channels"), "Modem/office-", "PJSIP/1001-", "2 active channels")
	r.converse(modem, desk)
	modem.says("on hook")
	r.quiet(e)
	r.heardBy(desk.User, desk, 1004)

	r.eventually(10*time.Second, "the line is free again", func() bool { return strings.Contains(r.rx(e, "line show office"), "idle") })
	r.must(desk.Command("dial", "90287654321"))
	modem.says("dialled 0287654321")
	_, err = desk.Event(10*time.Second, "CALL_ESTABLISHED")
	r.must(err)
	modem.hears(700)
	modem.do("unplug")
	bye := r.await(10*time.Second, "BYE to the desk", lan.To(addr(device1001)), lan.Request("BYE"))
	if why := bye.Header("Reason"); !strings.Contains(why, "cause=27") { // destination out of order
		t.Errorf("the call ended with reason %q", why)
	}
	_, err = desk.Event(10*time.Second, "CALL_CLOSED")
	r.must(err)
	r.linesUp(e, "2 line(s), 1 up")
	contains(t, r.rx(e, "line show office"), "Why:", "/ttyACM0")
	modem.do("replug")
	r.linesUp(e, "2 line(s), 2 up")
}

// TestCellCalls is the same with a cellular module, and short messages.
func TestCellCalls(t *testing.T) {
	t.Parallel()
	r, e, _, cell, desk := lineOffice(t)
	cell.do("tone 1004")
	cell.do("ring 0933444555")
	told := time.Now()
	invite := r.await(5*time.Second, "INVITE to the desk", lan.To(addr(device1001)), lan.Request("INVITE"))
	t.Logf("the desk was called %v after the module told the number", invite.Time.Sub(told).Round(time.Millisecond))
	if from := invite.Header("From"); !strings.Contains(from, "0933444555") {
		t.Errorf("the desk was told of a call from %q", from)
	}
	_, err := desk.Event(10*time.Second, "CALL_ESTABLISHED") // it answers by itself
	r.must(err)
	r.converse(cell, desk)
	r.quiet(e)
	r.heardBy(desk.User, desk, 1004)

	r.eventually(10*time.Second, "the line is free again", func() bool { return strings.Contains(r.rx(e, "line show gsm"), "idle") })
	r.must(desk.Command("dial", "80955666777"))
	cell.says("dialled 0955666777")
	cell.do("alert")
	r.await(5*time.Second, "ringing", lan.To(addr(device1001)), lan.Response(180, "INVITE"))
	cell.do("answer")
	_, err = desk.Event(10*time.Second, "CALL_ESTABLISHED")
	r.must(err)
	cell.hears(700)
	cell.do("hangup")
	_, err = desk.Event(10*time.Second, "CALL_CLOSED")
	r.must(err)
	r.quiet(e)

	cell.do("sms 0955 good morning")
	cell.says("sent")
}
