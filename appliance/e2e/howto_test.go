//go:build e2e

package e2e

import (
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
	"branchline/appliance/e2e/switchboard"
)

// seedPassword is the one password of the how-to.
const seedPassword = "1234567890"

// More last bytes of addresses. The how-to names none for server2 and its phones.
const (
	server2    = 10
	device1003 = 203
	device2001 = 21
	device2002 = 22
)

// set is a telephone set: who it is, where it is, and which exchange it belongs to.
type set struct {
	user     string
	device   int
	home     int
	tcp      bool
	password string
	line     bool // keeps the connection it registered by, and takes its calls there
}

// The phones of the scenarios. Those of sip.conf have to prove themselves, those of pjsip.conf are
// asked for nothing.
var (
	set1001 = set{"1001", device1001, server1, false, seedPassword, false}
	set1002 = set{"1002", device1002, server1, true, seedPassword, true}
	set1003 = set{"1003", device1003, server1, false, seedPassword, false}
	set1009 = set{"1009", device1009, server1, false, seedPassword, false}
	set2001 = set{"2001", device2001, server2, false, seedPassword, false}
	set2002 = set{"2002", device2002, server2, true, seedPassword, true}
	set3001 = set{"3001", device3001, server3, true, "", false}
)

// with lays files over those of a directory of the how-to.
func with(t *testing.T, dir string, over ...fs.FS) fs.FS {
	t.Helper()
	out := fstest.MapFS{}
	for _, f := range append([]fs.FS{howto(t, dir)}, over...) {
		if err := fs.WalkDir(f, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := fs.ReadFile(f, path)
			out[path] = &fstest.MapFile{Data: b}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// edited is one file of a configuration with some text exchanged or, for an empty old, appended.
func edited(t *testing.T, conf fs.FS, name, old, text string) fs.FS {
	t.Helper()
	b, err := fs.ReadFile(conf, name)
	if err != nil {
		t.Fatal(err)
	}
	now := string(b) + "\n" + text
	if old != "" {
		if strings.Count(string(b), old) != 1 {
			t.Fatalf("%s: %q is not there once", name, old)
		}
		now = strings.Replace(string(b), old, text, 1)
	}
	return fstest.MapFS{name: {Data: []byte(now)}}
}

// legacyPairs runs a test for every pair whose first exchange knows sip.conf; of two such
// exchanges, if both are to be.
func legacyPairs(t *testing.T, both bool, run func(*testing.T, pair)) {
	t.Parallel()
	for _, p := range pairs(t) {
		if p.one.Name == "ast22" || both && p.three.Name == "ast22" {
			continue
		}
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			run(t, p)
		})
	}
}

// enrol registers a phone and checks the answers.
func (r *rig) enrol(s set, want ...int) {
	r.Helper()
	mine := func() []int { return r.sip(lan.To(addr(s.device)), lan.ResponseTo("REGISTER")).Statuses() }
	before := len(mine())
	p := &phone.SIPp{
		Scenario: "register", Host: r.host(s.device), Server: addr(s.home), User: s.user, Password: s.password, TCP: s.tcp,
	}
	if s.line {
		p.Aside, p.Extra = "answer", map[string]string{"stay": "90000"}
		r.start(p)
		if !r.lan.Tap().Await(5*time.Second, func(*lan.Tap) bool { return len(mine()) >= before+len(want) }) {
			r.Errorf("%s is not registered", s.user)
		}
	}
	var err error
	if !s.line {
		err = r.start(p).Wait()
	}
	if want[len(want)-1] == 200 {
		r.must(err)
	}
	if got := mine()[before:]; !slices.Equal(got, want) {
		r.Fatalf("REGISTER of %s from %s got %v, want %v: %v", s.user, addr(s.device), got, want, err)
	}
}

// waiting has a phone wait for a call.
func (r *rig) waiting(s set, more phone.SIPp) *phone.SIPp {
	r.Helper()
	more.Host, more.Server, more.User, more.TCP = r.host(s.device), addr(s.home), s.user, s.tcp
	return r.answering(&more)
}

// calling is a phone that calls a number at some exchange.
func (r *rig) calling(s set, at int, number, scenario string, more phone.SIPp) *phone.SIPp {
	r.Helper()
	more.Scenario, more.Dial = scenario, number
	more.Host, more.Server, more.User, more.TCP, more.Password = r.host(s.device), addr(at), s.user, s.tcp, s.password
	if s.line {
		more.Port = 5070 // a second phone there
	}
	return &more
}

// answers checks what a phone got to its INVITEs since a moment; what passed since is returned.
func (r *rig) answers(s set, number string, began time.Time, want ...int) lan.Trace {
	r.Helper()
	trace := r.sip(func(m lan.Message) bool { return m.Time.After(began) })
	got := trace.Where(lan.To(addr(s.device)), lan.From(addr(s.home)), lan.ResponseTo("INVITE")).Statuses()
	if !slices.Equal(got, want) {
		r.Errorf("%s called %s and got %v, want %v", s.user, number, got, want)
	}
	return trace
}

// talk has one phone call another by its number, talk and hang up, and checks the answers.
func (r *rig) talk(from, to set, want ...int) lan.Trace {
	r.Helper()
	began := time.Now()
	var callee *phone.SIPp
	if !to.line {
		callee = r.waiting(to, phone.SIPp{})
	}
	r.run(r.calling(from, from.home, to.user, "call", phone.SIPp{Talk: 700 * time.Millisecond}))
	if callee != nil {
		r.finish(callee)
	} else {
		r.await(5*time.Second, to.user+" hangs up too", lan.From(addr(to.device)), lan.Response(200, "BYE"),
			func(m lan.Message) bool { return m.Time.After(began) })
	}
	trace := r.answers(from, to.user, began, want...)
	r.undisturbed(trace)
	return trace
}

// once leaves out what was sent again because a slow machine had not answered yet.
func once(trace lan.Trace) lan.Trace {
	seen := map[string]bool{}
	return trace.Where(func(m lan.Message) bool {
		key := m.Header("Call-ID") + " " + m.Header("CSeq") + " " + m.Header("Via")
		again := seen[key]
		seen[key] = true
		return !again
	})
}

// undisturbed checks that in a call nothing was refused but what a password was wanted for, and that
// nobody repeated a request whose answer had passed; before it, a slow machine is excuse enough.
func (r *rig) undisturbed(trace lan.Trace) {
	r.Helper()
	sent, answered := map[string]bool{}, map[string]bool{}
	for _, m := range trace {
		branch, _, _ := strings.Cut(m.Header("Via"), ",")
		_, branch, _ = strings.Cut(branch, "branch=")
		branch, _, _ = strings.Cut(branch, ";")
		transaction := m.Header("Call-ID") + " " + m.Header("CSeq") + " " + branch
		switch {
		case m.Status >= 400 && m.Status != 401:
			r.Errorf("refused: %s", lan.Trace{m}.Ladder())
		case m.Status != 0:
			answered[transaction] = true
		case sent[transaction] && answered[transaction]:
			r.Errorf("repeated, though answered: %s", lan.Trace{m}.Ladder())
		default:
			sent[transaction] = true
		}
	}
}

// refused has a phone call a number that cannot be reached.
func (r *rig) refused(from set, number string, want ...int) {
	r.Helper()
	began := time.Now()
	last := want[len(want)-1]
	r.run(r.calling(from, from.home, number, "refused", phone.SIPp{Extra: map[string]string{"want": strconv.Itoa(last)}}))
	r.answers(from, number, began, want...)
}

// spoken has a phone call a number whose owner is not there, and checks that it hears so.
func (r *rig) spoken(k switchboard.Kind, from set, number string, want ...int) {
	r.Helper()
	began := time.Now()
	// A phone sends too, and the exchange may wait for it to learn where to.
	r.run(r.calling(from, from.home, number, "call", phone.SIPp{Say: tone(10*time.Second, 300)}))
	r.answers(from, number, began, want...)
	r.heardPrompts(k, from.device, began, digits(number)...)
}
