// Package pbxtest is an exchange in a bottle: the real exchange, dialplan and
// applications, with phones made of text and virtual time around them. Tests
// run inside a testing/synctest bubble.
package pbxtest

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"branchline/media"
	"branchline/pbx/app"
	"branchline/pbx/app/form"
	"branchline/pbx/astconf"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/exchange"
	"branchline/pbx/local"
	"branchline/pbx/prompt"
)

// An Office is an exchange with its phones.
type Office struct {
	*exchange.Exchange
	T      *testing.T
	System *live.System
	Trace  *Transcript
	Log    *Transcript
	Sounds *Sounds

	apps   []dialplan.App
	mu     sync.Mutex
	phones map[string]*Phone
	serial int
}

// Open starts an exchange on an extensions.conf, with the functions the caller
// brings.
func Open(t *testing.T, extensions string, functions ...dialplan.Function) *Office {
	t.Helper()
	return OpenWith(t, extensions, exchange.Options{}, functions...)
}

// Run opens an exchange in virtual time and closes it after f.
func Run(t *testing.T, extensions string, f func(*Office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := Open(t, extensions)
		f(o)
		o.Close()
	})
}

// OpenWith is Open with options; those an Office has of its own are overridden.
func OpenWith(t *testing.T, extensions string, options exchange.Options, functions ...dialplan.Function) *Office {
	t.Helper()
	o := &Office{T: t, Trace: &Transcript{}, Log: &Transcript{}, Sounds: &Sounds{}, phones: map[string]*Phone{}}
	log := slog.New(slog.NewTextHandler(o.Log, &slog.HandlerOptions{Level: slog.LevelInfo,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
	o.System = live.New(nil)
	o.System.Log = log
	booth := &prompt.Booth{Sounds: o.Sounds}
	options.System, options.Trace, options.Log, options.Booth = o.System, o.Trace, log, booth
	o.Exchange = exchange.New(options)
	o.apps = app.All(form.Deps{System: o.System, Exchange: o.Exchange, Booth: booth, Bridges: o.Bridges(), Trace: o.Trace, Log: log})
	o.System.Catalog = exchange.NewCatalog(o.apps, functions, app.Refused())
	o.AddTech(tech{o})
	o.AddTech(local.New(o.Exchange, pairer{}))
	o.Load(extensions)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("trace:\n%s\nlog:\n%s", o.Trace, o.Log)
		}
	})
	return o
}

// Applications are those of the office, for a catalog with other functions.
func (o *Office) Applications() []dialplan.App { return o.apps }

// Load puts another extensions.conf in force.
func (o *Office) Load(extensions string) {
	o.T.Helper()
	f, diags := astconf.Load(fstest.MapFS{"extensions.conf": {Data: []byte(extensions)}}, "extensions.conf")
	if astconf.Failed(diags) {
		o.T.Fatalf("extensions.conf: %v", diags)
	}
	plan, _ := live.Compile(f, o.System.Catalog)
	o.System.Install(plan)
}

// Close stops the exchange; call it at the end of the bubble.
func (o *Office) Close() {
	o.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := o.Stop(ctx); err != nil {
		o.T.Errorf("stop: %v", err)
	}
	if left := o.Channels(); len(left) > 0 {
		o.T.Errorf("%d channels left on the list, first %s", len(left), left[0].Name)
	}
	time.Sleep(10 * time.Minute) // let every programme end
}

// A Phone can be called as Test/name. Without a Script it lies there and is
// dealt with through Calls.
type Phone struct {
	Name   string
	Refuse channel.Cause // not registered: NewLeg fails with this cause
	Script func(*Call)   // runs when the phone is called
	Direct bool          // can send its media past the exchange
	Info   bool          // takes digits in signalling
	calls  []*Call
	office *Office
}

// Phone makes or finds a phone.
func (o *Office) Phone(name string) *Phone {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.phones[name]
	if p == nil {
		p = &Phone{Name: name, office: o}
		o.phones[name] = p
	}
	return p
}

// Last is the phone's most recent call.
func (p *Phone) Last() *Call {
	p.office.T.Helper()
	synctest.Wait()
	p.office.mu.Lock()
	defer p.office.mu.Unlock()
	if len(p.calls) == 0 {
		p.office.T.Fatalf("%s was never called", p.Name)
	}
	return p.calls[len(p.calls)-1]
}

// Called is how often the phone was called or has called.
func (p *Phone) Called() int {
	synctest.Wait()
	p.office.mu.Lock()
	defer p.office.mu.Unlock()
	return len(p.calls)
}

// Dial makes the phone call number in context default.
func (p *Phone) Dial(number string) *Call { return p.DialIn("default", number) }

// DialIn makes the phone call a number in a context.
func (p *Phone) DialIn(ctxt, number string) *Call { return p.DialHops(ctxt, number, 70) }

// DialHops is DialIn with a given Max-Forwards.
func (p *Phone) DialHops(ctxt, number string, hops int) *Call {
	return p.place(channel.Incoming{Context: ctxt, Exten: number, Dialed: number, MaxForwards: hops})
}

// Replaces makes the phone take the place of other in its call (INVITE with
// Replaces).
func (p *Phone) Replaces(other *Call) *Call {
	return p.place(channel.Incoming{Context: "default", Exten: "s", Replaces: other.name, MaxForwards: 70})
}

func (p *Phone) place(in channel.Incoming) *Call {
	c := p.office.newCall(p)
	in.Leg, in.Caller, in.Endpoint = c, channel.Party{Number: p.Name}, p.Name
	in.Codecs = []*media.Codec{media.PCMU}
	if err := p.office.Accept(context.Background(), in); err != nil {
		p.office.T.Errorf("accept %s: %v", in.Exten, err)
	}
	synctest.Wait()
	return c
}

// Nobody is the one phone there is not: Test/nobody. All others come into being
// when they are named.
const Nobody = "nobody"

// tech is the technology "Test".
type tech struct{ o *Office }

func (tech) Name() string { return "Test" }

func (t tech) State(dest string) channel.DeviceState {
	switch {
	case dest == Nobody:
		return channel.DeviceInvalid
	case t.o.Phone(dest).Refuse != 0:
		return channel.DeviceUnavailable
	}
	return channel.DeviceNotInUse
}

func (t tech) NewLeg(_ context.Context, r channel.Request) (channel.Leg, error) {
	if r.Dest == Nobody {
		return nil, &channel.Refusal{Cause: channel.NoRoute, Why: "no such endpoint"}
	}
	p := t.o.Phone(r.Dest)
	if p.Refuse != 0 {
		return nil, &channel.Refusal{Cause: p.Refuse, Why: "not registered"}
	}
	c := t.o.newCall(p)
	c.Request = r
	return c, nil
}

func (o *Office) newCall(p *Phone) *Call {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := &Call{phone: p, name: fmt.Sprintf("Test/%s-%08x", p.Name, o.serial)}
	o.serial++
	c.stream = &stream{call: c}
	p.calls = append(p.calls, c)
	return c
}

// A Transcript collects lines; it is a channel.Tracer that wants everything.
type Transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

var _ io.Writer = (*Transcript)(nil)

// Level is part of channel.Tracer.
func (t *Transcript) Level() int { return 9 }

// Trace is part of channel.Tracer.
func (t *Transcript) Trace(_ int, line string) { fmt.Fprintln(t, line) }

func (t *Transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *Transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// Sounds has every prompt, half a second long, but those in Missing.
type Sounds struct{ Missing []string }

// Has is part of prompt.Sounds.
func (s *Sounds) Has(_, name string) bool {
	for _, m := range s.Missing {
		if m == name {
			return false
		}
	}
	return true
}

// Open is part of prompt.Sounds.
func (s *Sounds) Open(language string, names ...string) (media.Source, error) {
	for _, n := range names {
		if !s.Has(language, n) {
			return nil, fmt.Errorf("%s: %w", n, fs.ErrNotExist)
		}
	}
	return &recording{names: names, left: len(names) * 4000}, nil
}

// recording is a prompt that remembers its name.
type recording struct {
	names []string
	left  int
}

func (r *recording) Fill(frame []byte) int {
	n := min(len(frame), r.left)
	r.left -= n
	return n
}

// Said is what Verbose steps have said, of lines that begin with "> ".
func (o *Office) Said() string {
	var out []string
	for l := range strings.Lines(o.Trace.String()) {
		if s, ok := strings.CutPrefix(l, "> "); ok {
			out = append(out, strings.TrimSpace(s))
		}
	}
	return strings.Join(out, " ")
}
