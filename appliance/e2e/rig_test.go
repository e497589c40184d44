//go:build e2e

package e2e

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
	"branchline/appliance/e2e/switchboard"
)

//go:embed testdata
var testdata embed.FS

// Last bytes of the addresses, from the how-to.
const (
	server1    = 9
	server3    = 52
	device1001 = 206
	device1002 = 55
	device1009 = 103
	device3001 = 31
	device3002 = 32
	stranger   = 66
)

func addr(octet int) string { return fmt.Sprint(lan.Prefix, octet) }

func TestMain(m *testing.M) {
	if err := lan.RemoveStale(); err != nil {
		fmt.Fprintln(os.Stderr, "namespaces of an earlier run:", err)
	}
	os.Exit(m.Run())
}

var names lan.Namer

// pair is which exchanges play server1 and server3.
type pair struct{ one, three switchboard.Kind }

func (p pair) String() string { return p.one.Name + "+" + p.three.Name }

func kind(t *testing.T, name string) switchboard.Kind {
	t.Helper()
	k := switchboard.Kind{Name: name, Runner: os.Getenv("E2E_RUNNER")}
	if k.Runner == "" {
		k.Runner = "asterisk-run"
	}
	switch name {
	case "branchline":
		k.Binary = os.Getenv("E2E_BRANCHLINE")
		if k.Binary == "" {
			k.Binary = "../../bin/branchline"
		}
		path, err := filepath.Abs(k.Binary)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := exec.LookPath(path); err != nil {
			t.Fatalf("the binary under test: %v", err)
		}
		k.Binary = path
	case "ast22", "ast16":
		k.Chroot = os.Getenv("E2E_" + strings.ToUpper(name))
		if k.Chroot == "" {
			t.Fatalf("E2E_%s is not set", strings.ToUpper(name))
		}
	default:
		t.Fatalf("E2E_MIX names an unknown exchange %q", name)
	}
	return k
}

// pairs lists what E2E_MIX asks for.
func pairs(t *testing.T) []pair {
	t.Helper()
	mix := os.Getenv("E2E_MIX")
	if mix == "" {
		mix = "branchline+branchline"
	}
	var out []pair
	for p := range strings.SplitSeq(mix, ",") {
		one, three, ok := strings.Cut(p, "+")
		if !ok {
			t.Fatalf("E2E_MIX: %q is not server1+server3", p)
		}
		out = append(out, pair{kind(t, one), kind(t, three)})
	}
	return out
}

// single is the exchange for tests that need only one.
func single(t *testing.T) switchboard.Kind { return pairs(t)[0].three }

// ownOnly ends a test of the product's own promises when a peer stands in for it.
func ownOnly(t *testing.T, k switchboard.Kind) bool { return !k.Asterisk() }

// rig is a LAN, the exchanges on it and the telephones, for one test.
type rig struct {
	*testing.T
	ctx       context.Context
	lan       *lan.LAN
	dir       string
	phones    int
	exchanges []*switchboard.Exchange
}

// testLimit bounds every test; the longest waits 12 s for a ringing phone and 8 s of prompts.
const testLimit = 100 * time.Second

func newRig(t *testing.T) *rig {
	t.Helper()
	l, err := names.New()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), testLimit)
	r := &rig{T: t, ctx: ctx, lan: l}
	if os.Getenv("E2E_KEEP") != "" {
		r.dir, err = os.MkdirTemp("", "branchline-e2e-")
		t.Log("kept:", r.dir)
	} else {
		// Not TempDir: the path of the console's socket has to stay short.
		r.dir, err = os.MkdirTemp("", "bl")
		t.Cleanup(func() { os.RemoveAll(r.dir) })
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			r.explain()
		} else {
			r.tally()
		}
		for _, e := range r.exchanges {
			if err := e.Kill(); err != nil {
				t.Error(err)
			}
		}
		cancel()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// explain prints what a reader needs to understand a failure.
func (r *rig) explain() {
	r.Helper()
	trace := r.lan.Tap().SIP().String()
	const limit = 60_000
	if len(trace) > limit {
		trace = trace[:limit] + "\n... cut"
	}
	r.Logf("what passed the switch:\n%s", trace)
	for _, e := range r.exchanges {
		log := e.LogSinceBoot()
		r.Logf("%s at %s printed:\n%s", e.Kind.Name, e.Host.Addr, log[max(0, len(log)-6000):])
	}
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) host(octet int) *lan.Host {
	r.Helper()
	h, err := r.lan.Host(octet)
	r.must(err)
	return h
}

// exchange starts an exchange of that kind with the files of conf.
func (r *rig) exchange(k switchboard.Kind, octet int, conf fs.FS) *switchboard.Exchange {
	r.Helper()
	dir := filepath.Join(r.dir, fmt.Sprint("x", octet))
	e, err := switchboard.Start(r.ctx, k, r.host(octet), dir, conf)
	if e != nil {
		r.exchanges = append(r.exchanges, e)
	}
	r.must(err)
	return e
}

// rx runs a console command.
func (r *rig) rx(e *switchboard.Exchange, command string) string {
	r.Helper()
	out, err := e.RX(r.ctx, command)
	r.must(err)
	return out
}

// howto is a configuration directory of the how-to, as printed there.
func howto(t *testing.T, dir string) fs.FS {
	t.Helper()
	sub, err := fs.Sub(testdata, "testdata/howto/"+dir)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// files is a configuration written in the test.
func files(pjsip, extensions string) fstest.MapFS {
	return fstest.MapFS{
		"pjsip.conf":      {Data: []byte(pjsip)},
		"extensions.conf": {Data: []byte("[general]\nstatic=yes\n" + extensions)},
	}
}

// start begins one SIPp scenario; it is ended with the test.
func (r *rig) start(s *phone.SIPp) *phone.SIPp {
	r.Helper()
	r.phones++
	s.Dir = filepath.Join(r.dir, fmt.Sprintf("p%d-%s-%s", r.phones, s.User, s.Scenario))
	r.must(s.Start(r.ctx))
	r.Cleanup(func() {
		if err := s.Stop(); err != nil {
			r.Error(err)
		}
	})
	return s
}

// finish waits for a scenario to run to its end.
func (r *rig) finish(s *phone.SIPp) {
	r.Helper()
	r.must(s.Wait())
}

// run plays one scenario from begin to end.
func (r *rig) run(s *phone.SIPp) {
	r.Helper()
	r.finish(r.start(s))
}

// answering starts a phone that waits for a call, and returns when it can take one.
func (r *rig) answering(s *phone.SIPp) *phone.SIPp {
	r.Helper()
	if s.Scenario == "" {
		s.Scenario = "answer"
	}
	r.start(s)
	r.eventually(5*time.Second, "the phone "+s.User+" listens", func() bool {
		if s.Ended() {
			r.must(errors.Join(errors.New("ended before it listened"), s.Wait()))
		}
		return s.Listening()
	})
	return s
}

// eventually polls until ok holds.
func (r *rig) eventually(limit time.Duration, what string, ok func() bool) {
	r.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			r.Fatalf("not within %v: %s", limit, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// await waits until the recording holds a message that satisfies the conditions.
func (r *rig) await(limit time.Duration, what string, conds ...func(lan.Message) bool) lan.Message {
	r.Helper()
	if !r.lan.Tap().Await(limit, func(t *lan.Tap) bool { return len(t.SIP().Where(conds...)) > 0 }) {
		r.Fatalf("not seen within %v: %s", limit, what)
	}
	return r.sip(conds...)[0]
}

// sip returns the recorded messages that satisfy the conditions.
func (r *rig) sip(conds ...func(lan.Message) bool) lan.Trace {
	return r.lan.Tap().SIP().Where(conds...)
}

// statuses checks which responses a host got to its requests of one method, in order.
func (r *rig) statuses(octet int, method string, want ...int) {
	r.Helper()
	got := r.sip(lan.To(addr(octet)), lan.ResponseTo(method)).Statuses()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.Errorf("%s got %v to its %s, want %v", addr(octet), got, method, want)
	}
}

// register registers a phone and checks the answers.
func (r *rig) register(server, octet int, user string, tcp bool, want ...int) {
	r.Helper()
	before := len(r.sip(lan.To(addr(octet)), lan.ResponseTo("REGISTER")).Statuses())
	s := r.start(&phone.SIPp{
		Scenario: "register", Host: r.host(octet), Server: addr(server), User: user, TCP: tcp,
	})
	err := s.Wait()
	if want[len(want)-1] == 200 {
		r.must(err)
	}
	got := r.sip(lan.To(addr(octet)), lan.ResponseTo("REGISTER")).Statuses()[before:]
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.Fatalf("REGISTER of %s from %s got %v, want %v: %v", user, addr(octet), got, want, err)
	}
}

// audioPaths lists between which hosts RTP flowed after a moment.
func (r *rig) audioPaths(after time.Time) map[[2]netip.Addr]int {
	out := map[[2]netip.Addr]int{}
	for _, p := range r.lan.Tap().RTP() {
		if p.Time.After(after) {
			out[[2]netip.Addr{p.Src.Addr(), p.Dst.Addr()}]++
		}
	}
	return out
}
