//go:build image

package guest

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"branchline/appliance/e2e/ear"
	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
)

var names lan.Namer

func TestMain(m *testing.M) {
	if err := lan.RemoveStale(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// An office is a local network whose exchange is a guest. The guest's QEMU is a host on
// it and passes on what comes to the ports of telephony; the telephones are hosts of
// their own, and were not written here.
type office struct {
	*testing.T
	ctx context.Context
	lan *lan.LAN
	dir string
	box *lan.Host // where the guest is reached

	started int // telephones
}

// The last bytes of the addresses.
const (
	boxOctet   = 3
	phoneOctet = 11
	otherOctet = 12
)

const (
	firstSpeechPort = 10000
	speechPorts     = 10
)

// patience is how long a guest may take for anything, however busy the machine is: no
// test here proves anything by time.
const patience = 10 * time.Minute

// newOffice puts the guest to be started with o into an office.
func newOffice(t *testing.T, o *Options) *office {
	t.Helper()
	l, err := names.New()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &office{T: t, ctx: ctx, lan: l, dir: t.TempDir()}
	t.Cleanup(func() {
		cancel()
		if t.Failed() {
			trace := l.Tap().SIP().String()
			t.Logf("what passed the switch last:\n%s", trace[max(0, len(trace)-20_000):])
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	f.box = f.host(boxOctet)
	o.Host = f.box
	o.Forwards = []string{"udp:5060"}
	for p := firstSpeechPort; p < firstSpeechPort+speechPorts; p++ {
		o.Forwards = append(o.Forwards, fmt.Sprintf("udp:%d", p))
	}
	return f
}

func (f *office) host(octet int) *lan.Host {
	f.Helper()
	h, err := f.lan.Host(octet)
	f.must(err)
	return h
}

func (f *office) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// await waits until the network has carried a message.
func (f *office) await(what string, conditions ...func(lan.Message) bool) {
	f.Helper()
	if !f.lan.Tap().Await(patience, func(t *lan.Tap) bool { return len(t.SIP().Where(conditions...)) > 0 }) {
		f.Fatalf("not seen: %s", what)
	}
}

// sipp starts a telephone made of SIPp, which ends with the test.
func (f *office) sipp(s *phone.SIPp) *phone.SIPp {
	f.Helper()
	f.started++
	s.Dir = filepath.Join(f.dir, fmt.Sprint("sipp", f.started))
	if s.Server == "" {
		s.Server = f.box.Addr
	}
	s.Args = append([]string{"-timeout", fmt.Sprintf("%.0fs", patience.Seconds())}, s.Args...)
	f.must(s.Start(f.ctx))
	f.Cleanup(func() {
		if err := s.Stop(); err != nil {
			f.Error(err)
		}
	})
	return s
}

// play has a telephone made of SIPp do all that its scenario says.
func (f *office) play(s *phone.SIPp) {
	f.Helper()
	f.must(f.sipp(s).Wait())
}

const secret = "only-for-this-test"

// desk is the configuration that a person might put on the boot partition: a telephone
// with a password, and an echo test. What the exchange says of its own address is right
// for those outside of the network that QEMU makes for it.
func desk(box string) map[string]string {
	return map[string]string{
		"pjsip.conf": `[transport-udp]
type=transport
protocol=udp
bind=0.0.0.0
external_media_address=` + box + `
external_signaling_address=` + box + `
[1001]
type=endpoint
context=default
disallow=all
allow=ulaw
auth=1001
aors=1001
[1001]
type=auth
username=1001
password=` + secret + `
[1001]
type=aor
max_contacts=9
`,
		"extensions.conf": `[default]
exten => 600,1,Answer()
same => n,Echo()
`,
		"rtp.conf": fmt.Sprintf("[general]\nrtpstart=%d\nrtpend=%d\n", firstSpeechPort, firstSpeechPort+speechPorts-1),
	}
}

// furnish puts an office's configuration on a card that has never been started.
func furnish(t *testing.T, o *Options) *office {
	t.Helper()
	f := newOffice(t, o)
	dir := t.TempDir()
	tool(t, "mmd", "-i", boot(*o), "::asterisk")
	for name, text := range desk(f.box.Addr) {
		file := filepath.Join(dir, name)
		f.must(os.WriteFile(file, []byte(text), 0o644))
		tool(t, "mcopy", "-i", boot(*o), file, "::asterisk/"+name)
	}
	return f
}

// call has two telephones, one of SIPp and one of baresip, register and call the echo
// test through the guest's forwarded ports. The user of the second speaks, and hears
// what it has said.
func (f *office) call() {
	f.Helper()
	plain := phone.SIPp{Host: f.host(otherOctet), User: "1001", Password: secret}
	login := plain
	login.Scenario = "register"
	f.play(&login)
	plain.Scenario, plain.Dial, plain.Codecs, plain.Talk = "call", "600", "0", time.Second
	f.play(&plain)

	const hz = 1004
	b := &phone.Baresip{
		Host: f.host(phoneOctet), Dir: filepath.Join(f.dir, fmt.Sprint("baresip", f.started)), Server: f.box.Addr, User: "1001", Password: secret,
		Say: ear.SineWAV(time.Minute, -16, hz),
	}
	f.started++
	f.Cleanup(func() {
		if f.Failed() {
			f.Logf("the telephone printed:\n%s", b.Screen())
		}
		if err := b.Stop(); err != nil {
			f.Error(err)
		}
	})
	began := time.Now()
	f.must(b.Start(f.ctx))
	since := func(m lan.Message) bool { return m.Time.After(began) }
	f.await("registration of baresip", since, lan.To(b.Host.Addr), lan.Response(200, "REGISTER"))
	f.must(b.Command("dial", "600"))
	_, err := b.Event(patience, "CALL_ESTABLISHED")
	f.must(err)
	// Four seconds of speech, counted on the wire and not by the clock.
	f.until("speech that comes back", func() bool {
		n := 0
		for _, p := range lan.Sound(f.lan.Tap().RTP(), "", b.Host.Addr) {
			if p.Time.After(began) {
				n++
			}
		}
		return n > 200
	})
	f.must(b.Command("hangup", ""))
	f.await("the end of the call", since, lan.To(b.Host.Addr), lan.Response(200, "BYE"))
	recording, err := b.Heard()
	f.must(err)
	pcm, err := ear.WAV(recording)
	f.must(err)
	got, err := ear.MeasureTone(ear.Trim(pcm))
	if err != nil || math.Abs(got.Hz-hz) > 5 || got.Share < 0.5 {
		f.Errorf("its user heard %v (%v) of its own %d Hz", got, err, hz)
	}
	f.Logf("its user heard %v", got)
	f.must(b.Stop())
}

// until waits for what the network or a telephone shows.
func (f *office) until(what string, ok func() bool) {
	f.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			f.Fatalf("not seen: %s", what)
		}
	}
}
