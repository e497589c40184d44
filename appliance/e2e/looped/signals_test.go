//go:build dahdi

package looped_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"branchline/hal"
	"branchline/hal/dahdi"
	"branchline/hal/dahdi/sysconf"
	"branchline/media/callerid"
	"branchline/media/dtmf"
	"branchline/media/tone"
	"branchline/pbx/line/dahdizone"
)

// Channels 1 to 4 are ports for telephones, 5 to 8 lines to an exchange, and the former
// are wired to the latter.
const systemConf = `dynamic=loc,1:0,4,0
dynamic=loc,1:1,4,0
fxoks=1-4
fxsks=5-8
loadzone=tw
defaultzone=tw
`

// configure does what the exchange does when it starts, for tests that run without one.
var configure = sync.OnceValue(func() []sysconf.Diag {
	conf, diags := sysconf.Parse("system.conf", []byte(systemConf))
	return append(diags, conf.Apply(sysconf.Means{Zone: dahdizone.In(tone.Builtin())})...)
})

var driver = sync.OnceValue(func() *dahdi.Driver { return dahdi.New(dahdi.Config{}) })

// port is one end of a wire.
type port struct {
	hal.Line
	t     *testing.T
	name  string
	audio hal.Audio
}

func open(t *testing.T, channel int) *port {
	t.Helper()
	if diags := configure(); len(diags) > 0 {
		t.Fatal(diags)
	}
	l, err := driver().Open(context.Background(), strconv.Itoa(channel))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &port{Line: l, t: t, name: fmt.Sprintf("%v %d", l.Info().Kind, channel)}
	if p.audio, err = l.Audio(); err != nil {
		t.Fatal(err)
	}
	return p
}

const patience = 20 * time.Second

// see waits for an event; the others before it are passed over.
func (p *port) see(kind hal.EventKind) hal.Event {
	p.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case e, ok := <-p.Events():
			p.t.Logf("%s: %v at %d", p.name, e.Kind, e.At)
			if !ok {
				p.t.Fatalf("%s ended before %v", p.name, kind)
			}
			if e.Kind == kind {
				return e
			}
		case <-limit:
			p.t.Fatalf("%s: no %v", p.name, kind)
		}
	}
}

func (p *port) do(op hal.Op) {
	p.t.Helper()
	p.t.Logf("%s: do %v", p.name, op.Kind)
	if err := p.Do(context.Background(), op); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// exchange passes frames for as long as say returns true: what is heard goes in, what
// is to be said comes out.
func (p *port) exchange(say func(heard, said *hal.Frame) bool) {
	var heard, said hal.Frame
	for p.audio.Read(&heard) == nil {
		said = hal.Frame{}
		if !say(&heard, &said) {
			return
		}
		p.audio.Write(&said)
	}
}

func TestCallerID(t *testing.T) {
	phone, line := open(t, 1), open(t, 5)
	time.Sleep(2200 * time.Millisecond) // in which the kernel hears no ringing
	for _, c := range []struct{ signalling, start, zone string }{
		{"bell", "ring", "us"}, {"v23", "ring", "de"}, {"dtmf", "ring", "tw"}, {"dtmf", "ring", "dk"},
	} {
		name := c.signalling + " " + c.zone
		form, ok := callerid.FormOf(c.signalling, c.start, c.zone)
		if !ok {
			t.Fatalf("no form %s", name)
		}
		want := callerid.Message{Number: "0223456789", Name: "Branch", Stamp: callerid.Stamp{Month: 11, Day: 22, Hour: 20, Minute: 15}}
		heard := make(chan callerid.Message, 1)
		stop := make(chan struct{})
		go line.exchange(hear(heard, stop))
		send(phone, form.Plan(want))
		select {
		case got := <-heard:
			if got.Number != want.Number || form.Signal != callerid.DTMF && got.Name != want.Name {
				t.Errorf("%s: read %+v", name, got)
			}
			t.Logf("%s: %s %s %s", name, got.Signal, got.Number, got.Name)
		case <-time.After(patience):
			t.Errorf("%s: nothing was read", name)
		}
		close(stop)
		phone.do(hal.Op{Kind: hal.StopRing})
		time.Sleep(500 * time.Millisecond)
	}
}

// hear reads caller ID until stop.
func hear(heard chan<- callerid.Message, stop <-chan struct{}) func(heard, said *hal.Frame) bool {
	r := callerid.NewReceiver(callerid.HearAll)
	return func(in, _ *hal.Frame) bool {
		if e := r.Hear(in[:]); e.Kind == callerid.Complete {
			heard <- e.Message
		}
		select {
		case <-stop:
			return false
		default:
			return true
		}
	}
}

// send rings a telephone and tells it who calls.
func send(p *port, plan []callerid.Step) {
	for _, s := range plan {
		switch s.Do {
		case callerid.Ring:
			p.do(hal.Op{Kind: hal.Ring, Cadence: []time.Duration{time.Second, 4 * time.Second}})
		case callerid.AwaitBurst:
			p.see(hal.RingEnd)
		case callerid.Silence:
			left := int(s.Length * hal.Rate / time.Second)
			p.exchange(func(_, _ *hal.Frame) bool {
				left -= hal.FrameSize
				return left > 0
			})
		case callerid.Play:
			p.exchange(func(_, said *hal.Frame) bool { return s.Sound.Fill(said[:]) > 0 })
		default: // a reversal, which these ports cannot make
		}
	}
}

// Digits that the kernel dials are heard by our receiver, and so are our own.
func TestDigits(t *testing.T) {
	phone, line := open(t, 2), open(t, 6)
	line.do(hal.Op{Kind: hal.Seize})
	phone.see(hal.OffHook)
	const row = "1234567890*#ABCD"
	for _, kernel := range []bool{true, false} {
		var got strings.Builder
		done := make(chan struct{})
		go func() {
			d := dtmf.NewDetector()
			phone.exchange(func(in, _ *hal.Frame) bool {
				if c := d.Hear(in[:]); c.Ended != 0 {
					got.WriteByte(c.Ended)
				}
				return got.Len() < len(row)
			})
			close(done)
		}()
		if kernel {
			line.do(hal.Op{Kind: hal.Dial, Digits: row})
		} else {
			var s dtmf.Sender
			s.Start(row, dtmf.Form{On: 70 * time.Millisecond, Off: 70 * time.Millisecond})
			go line.exchange(func(_, said *hal.Frame) bool {
				s.Fill(said[:])
				return !s.Done()
			})
		}
		select {
		case <-done:
		case <-time.After(patience):
			phone.audio.Close()
			<-done
		}
		if got.String() != row {
			t.Errorf("by the kernel %v: heard %q", kernel, got.String())
		}
		if kernel { // until its last pause is over nothing else goes out
			line.see(hal.DialDone)
		}
	}
}
