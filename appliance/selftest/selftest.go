// Package selftest proves a running exchange by using it: two phones of its own,
// one on UDP with u-law and one on TCP with A-law, register with digest, call
// each other through the exchange, and check what a user would notice: ringing,
// speech in both directions at the right pitch and level, keys, hanging up.
//
// The phones are SIP agents made of the product's own parts, but their media is
// not: see ear.go.
package selftest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"branchline/media"
	"branchline/media/tone"
	"branchline/pbx/channel"
)

// Names of the phones, which are also their numbers, and of their context.
const (
	caller = "selftest-udp"
	callee = "selftest-tcp"
	place  = "selftest"
)

// A Bench is what a self-test needs of the exchange: a little configuration of
// its own beside the user's. Make one, have the exchange read Files as well,
// then Run.
type Bench struct {
	dir, password string
	udp, tcp      netip.AddrPort
	lines         *Lines
}

// A step of the test tells, beside an error, what was measured.
type step struct {
	name string
	do   func(context.Context) (string, error)
}

// NewBench prepares a self-test at an address of this machine, below a new temporary
// directory; lines, if not nil, are tried as well. Close removes it.
func NewBench(at netip.Addr, lines *Lines) (*Bench, error) {
	b := &Bench{password: rand.Text(), lines: lines}
	var err error
	if b.udp, err = freePort("udp", at); err != nil {
		return nil, err
	}
	if b.tcp, err = freePort("tcp", at); err != nil {
		return nil, err
	}
	if b.dir, err = os.MkdirTemp("", "branchline-selftest-"); err != nil {
		return nil, err
	}
	pjsip := ""
	for _, t := range []struct {
		protocol, phone, codec string
		at                     netip.AddrPort
	}{{"udp", caller, "ulaw", b.udp}, {"tcp", callee, "alaw", b.tcp}} {
		pjsip += fmt.Sprintf(`[selftest-net-%[1]s]
type=transport
protocol=%[1]s
bind=%[2]s
allow_reload=yes

[%[3]s]
type=endpoint
context=%[4]s
transport=selftest-net-%[1]s
aors=%[3]s
auth=%[3]s
direct_media=no
allow=!all,%[5]s

[%[3]s]
type=aor
max_contacts=1
remove_existing=yes

[%[3]s]
type=auth
auth_type=userpass
username=%[3]s
password=%[6]s

`, t.protocol, t.at, t.phone, place, t.codec, b.password)
	}
	plan := fmt.Sprintf("[%s]\nexten => %s,1,Dial(PJSIP/%s,10)\n same => n,Hangup()\n", place, callee, callee)
	if lines != nil {
		plan += lines.plan()
	}
	for name, text := range map[string]string{"pjsip.conf": pjsip, "extensions.conf": plan} {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// Files are the sections the exchange must have in force during Run.
func (b *Bench) Files() fs.FS { return os.DirFS(b.dir) }

// Close removes the bench's files.
func (b *Bench) Close() error { return os.RemoveAll(b.dir) }

// stepTime bounds each step.
const stepTime = 5 * time.Second

// Run makes the calls and prints one line a step to w, with the time it took.
// The error is the first step that did not hold.
func (b *Bench) Run(ctx context.Context, w io.Writer) error {
	var near, far *phone
	var out, in *talk
	defer func() {
		for _, p := range []*phone{near, far} {
			if p != nil {
				p.close()
			}
		}
	}()
	within := stepTime
	steps := []step{
		{"two phones plugged in, UDP and TCP", func(context.Context) (_ string, err error) {
			if near, err = newPhone(b.dir, caller, b.password, "udp", "ulaw", b.udp); err != nil {
				return "", err
			}
			far, err = newPhone(b.dir, callee, b.password, "tcp", "alaw", b.tcp)
			return "", err
		}},
		{"registered over UDP, with digest", func(ctx context.Context) (string, error) { return "", near.register(ctx, time.Minute) }},
		{"registered over TCP, with digest", func(ctx context.Context) (string, error) { return "", far.register(ctx, time.Minute) }},
		{"call made, phone rings", func(ctx context.Context) (_ string, err error) {
			if out, err = near.call(ctx, callee, media.PCMU); err != nil {
				return "", err
			}
			select {
			case call := <-far.incoming:
				if in, err = newTalk(call.Leg); err != nil {
					return "", err
				}
			case <-ctx.Done():
				return "", fmt.Errorf("the call did not arrive")
			}
			in.leg.Ring()
			_, err = out.await(ctx, channel.Ringing)
			return "", err
		}},
		{"call answered", func(ctx context.Context) (string, error) {
			in.leg.Answer()
			_, err := out.await(ctx, channel.Answered)
			return "", err
		}},
		{"speech from UDP to TCP, u-law to A-law", func(context.Context) (string, error) { return heard(out, in, 1004) }},
		{"speech from TCP to UDP, A-law to u-law", func(context.Context) (string, error) { return heard(in, out, 620) }},
		{"keys from UDP to TCP", func(ctx context.Context) (string, error) { return keyed(ctx, out, in, "159#") }},
		{"keys from TCP to UDP", func(ctx context.Context) (string, error) { return keyed(ctx, in, out, "*80") }},
		{"hung up, the other side is told", func(ctx context.Context) (string, error) {
			in.leg.Hangup(channel.NormalClearing)
			_, err := out.await(ctx, channel.Gone)
			return "", err
		}},
	}
	if b.lines != nil {
		steps = append(steps, b.lines.steps(&near)...)
		within = patience
	}
	steps = append(steps, step{"unregistered", func(ctx context.Context) (string, error) {
		if err := near.register(ctx, 0); err != nil {
			return "", err
		}
		return "", far.register(ctx, 0)
	}})
	for i, s := range steps {
		ctx, cancel := context.WithTimeout(ctx, within)
		began := time.Now()
		note, err := s.do(ctx)
		took := time.Since(began)
		cancel()
		if err != nil {
			fmt.Fprintf(w, "%2d. %-42s FAILED after %s: %v\n", i+1, s.name, took.Round(100*time.Microsecond), err)
			return fmt.Errorf("self-test: %s: %w", s.name, err)
		}
		fmt.Fprintf(w, "%2d. %-42s ok %9s%s\n", i+1, s.name, took.Round(100*time.Microsecond), note)
	}
	return nil
}

// heard checks that a tone said on one side is heard on the other at the same
// pitch and within 1 dB.
func heard(from, to *talk, hz float64) (string, error) {
	list, err := tone.Parse(fmt.Sprint(hz))
	if err != nil {
		return "", err
	}
	from.ear.Play(&media.Program{Source: list.Source()})
	defer from.ear.Play(nil)
	said := tone.NewMeter()
	sample := make([]byte, 10*frame)
	list.Source().Fill(sample)
	_, _ = said.Write(sample)
	// The first frames may still be silence, or on their way.
	if _, err := to.ear.measure(10*frame, stepTime); err != nil {
		return "", err
	}
	m, err := to.ear.measure(10*frame, stepTime)
	if err != nil {
		return "", err
	}
	f, loss := m.Frequency(), m.Level()-said.Level()
	note := fmt.Sprintf("  %.1f Hz, %+.2f dB", f, loss)
	if math.Abs(f-hz) > 2 {
		return "", fmt.Errorf("heard %.1f Hz instead of %.0f", f, hz)
	}
	if math.Abs(loss) > 1 {
		return "", fmt.Errorf("level changed by %+.1f dB", loss)
	}
	return note, nil
}

// keyed checks that keys pressed on one side arrive on the other, in order.
func keyed(ctx context.Context, from, to *talk, keys string) (string, error) {
	for i := range keys {
		from.ear.SendDigit(keys[i], 0)
		e, err := to.await(ctx, channel.DigitEnded)
		if err != nil {
			return "", fmt.Errorf("key %c: %w", keys[i], err)
		}
		if e.Digit != keys[i] {
			return "", fmt.Errorf("key %c arrived as %c", keys[i], e.Digit)
		}
	}
	return "  " + keys, nil
}
