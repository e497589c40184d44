package line_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"branchline/hal"
	"branchline/hal/sim"
	"branchline/media/plane/planetest"
	"branchline/pbx/astconf"
	"branchline/pbx/extstate"
	"branchline/pbx/line"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/line/measure"
	"branchline/pbx/pbxtest"
)

// A branch is an office with lines: one plant stands for all hardware.
type branch struct {
	*pbxtest.Office
	*sim.Plant
	bank    *line.Bank
	stop    context.CancelFunc
	ended   chan struct{}
	watches *extstate.Watches
	places  *planetest.Plane
}

// conf reads line configuration files, given as pairs of name and text.
func conf(t *testing.T, pairs ...string) lineconf.Config {
	t.Helper()
	files := map[string]*astconf.File{}
	for i := 0; i < len(pairs); i += 2 {
		f, diags := astconf.Load(fstest.MapFS{pairs[i]: {Data: []byte(pairs[i+1])}}, pairs[i])
		for _, d := range diags {
			t.Error(d)
		}
		files[pairs[i]] = f
	}
	c, diags := lineconf.Read(files)
	for _, d := range diags {
		t.Error(d)
	}
	return c
}

// open runs f in an office with lines, in virtual time. prepare builds the plant.
func open(t *testing.T, dialplan string, c func(*testing.T) lineconf.Config, prepare func(*sim.Plant), f func(*branch)) {
	t.Helper()
	openWith(t, func(p *sim.Plant) hal.Driver { return p }, dialplan, c, prepare, f)
}

// openWith does so with a driver that is put before the plant.
func openWith(t *testing.T, driver func(*sim.Plant) hal.Driver, dialplan string, c func(*testing.T) lineconf.Config, prepare func(*sim.Plant), f func(*branch)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &branch{Office: pbxtest.Open(t, dialplan), Plant: sim.NewPlant("plant"), places: planetest.New(), ended: make(chan struct{})}
		prepare(b.Plant)
		b.bank = line.New(line.Options{
			Drivers: map[string]hal.Driver{"dahdi": driver(b.Plant), "modem": driver(b.Plant), "cell": driver(b.Plant)},
			Plane:   b.places, Exchange: b.Office.Exchange, Log: slog.New(slog.NewTextHandler(b.Log, nil)),
			Changed: func(device string) { b.watches.Changed(device) },
		})
		b.watches = extstate.New(b.System.HintOf, b.DeviceState)
		for _, tech := range b.bank.Techs() {
			b.AddTech(tech)
		}
		b.bank.Configure(c(t))
		ctx, stop := context.WithCancel(context.Background())
		b.stop = stop
		go func() {
			defer close(b.ended)
			if err := b.bank.Run(ctx); err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(3 * time.Second)
		f(b)
		stop()
		<-b.ended
		b.Office.Close()
		b.Plant.Close()
		b.places.Close()
	})
}

func dahdi(text string) func(*testing.T) lineconf.Config {
	return func(t *testing.T) lineconf.Config { return conf(t, "chan_dahdi.conf", "[channels]\n"+text) }
}

// channels tells which channels there are, with their states.
func (b *branch) channels() string {
	synctest.Wait()
	var out []string
	for _, c := range b.Channels() {
		out = append(out, fmt.Sprintf("%s %s", c.Name, c.State))
	}
	return strings.Join(out, ", ")
}

func (b *branch) want(what, got, want string) {
	b.T.Helper()
	if got != want {
		b.T.Errorf("%s:\n got  %s\n want %s", what, got, want)
	}
}

// told waits for things to happen at the exchange.
func told(t *testing.T, x *sim.Exchange, whats ...sim.What) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, w := range whats {
		if h, err := x.Await(ctx, w); err != nil {
			t.Errorf("waiting for %v: %v (last %v)", w, err, h)
		}
	}
}

func TestIncoming(t *testing.T) {
	var x *sim.Exchange
	open(t, "[pstn]\nexten => s,1,NoOp()\nsame => n,Dial(Test/a)\n", dahdi("signalling=fxs_ks\ncontext=pstn\nusecallerid=no\nchannel=>1\n"),
		func(p *sim.Plant) { x = p.Exchange("1", sim.Loop{}) }, func(b *branch) {
			x.CallIn(sim.Call{})
			time.Sleep(time.Second)
			a := b.Phone("a").Last()
			a.Rings()
			a.PicksUp()
			told(t, x, sim.Connected)
			b.want("channels", b.channels(), "Test/a-00000000 Up, DAHDI/1-1 Up")
			x.HangUp()
			told(t, x, sim.PartyGone)
			time.Sleep(time.Second)
			a.Want("dial, hangup 16")
			b.want("channels", b.channels(), "")
		})
}

// TestLineTest: a line is tested while nobody uses it, and is an ordinary line again
// afterwards.
func TestLineTest(t *testing.T) {
	var x *sim.Exchange
	open(t, pstn, dahdi("signalling=fxs_ks\ntonezone=tw\nchannel=>1\n"), one(&x, sim.Loop{Companded: true}), func(b *branch) {
		x.InterDigit = time.Minute
		if err := b.bank.Test(b.T.Context(), "9", nil); !errors.Is(err, line.ErrNoLine) {
			b.T.Error(err)
		}
		var good []string
		if err := b.bank.Test(b.T.Context(), "DAHDI/1", func(r measure.Result) {
			b.T.Logf("%+v", r)
			if r.Good {
				good = append(good, r.What)
			}
		}); err != nil {
			b.T.Error(err)
		}
		b.want("good", strings.Join(good, ", "), "dial tone, noise, echo return loss, caller ID loop, frames")
		time.Sleep(4 * time.Second)
		b.want("state", b.DeviceState("DAHDI/1").String(), "NOT_INUSE")
		b.Phone("a").Dial("5551234")
		time.Sleep(2 * time.Second)
		if err := b.bank.Test(b.T.Context(), "DAHDI/1", nil); err == nil {
			b.T.Error("a line in a call was tested")
		}
	})
}

// TestReload: only what has changed is touched, and a call goes on.
func TestReload(t *testing.T) {
	var one, two *sim.Exchange
	open(t, "[default]\nexten => _X.,1,Dial(DAHDI/${EXTEN:0:1}/${EXTEN:1})\n", dahdi("signalling=fxs_ks\nwaitfordialtone=no\nchannel=>1-2\n"), func(p *sim.Plant) {
		one, two = p.Exchange("1", sim.Loop{}), p.Exchange("2", sim.Loop{})
	}, func(b *branch) {
		a := b.Phone("a").Dial("15551234")
		told(b.T, one, sim.Dialled)
		b.bank.Configure(dahdi("signalling=fxs_ks\nwaitfordialtone=no\ngroup=3\nchannel=>1-2\n")(t))
		time.Sleep(time.Second)
		s, _ := b.bank.Line("1")
		b.want("while a call is up", fmt.Sprint(s.Changing, s.Counts.Openings, len(s.Calls)), "true 1 1")
		s, _ = b.bank.Line("2")
		b.want("the other", fmt.Sprint(s.Changing, s.Settings.Groups, s.Counts.Openings), "false 8 1")
		b.bank.Configure(dahdi("signalling=fxs_ks\nwaitfordialtone=no\nchannel=>2\n")(t)) // the first is taken out
		time.Sleep(time.Second)
		b.want("channels", b.channels(), "DAHDI/1-1 Up, Test/a-00000000 Up")
		if _, ok := b.bank.Line("1"); ok {
			b.T.Error("the line is still on the list")
		}
		b.bank.Configure(dahdi("signalling=fxs_ks\nwaitfordialtone=no\nrxflash=600\nchannel=>1-2\n")(t)) // and comes back, opened anew
		time.Sleep(time.Second)
		s, _ = b.bank.Line("1")
		b.want("waiting for the device", fmt.Sprint(s.Up), "false")
		a.HangsUp()
		time.Sleep(5 * time.Second)
		s, _ = b.bank.Line("1")
		b.want("after the call", fmt.Sprint(s.Up, s.Counts.Openings), "true 1")
		s, _ = b.bank.Line("2")
		b.want("the other", fmt.Sprint(s.Up, s.Counts.Openings), "true 1")
		_ = two
	})
}

// TestMessages: short messages in and out.
func TestMessages(t *testing.T) {
	var x *sim.Exchange
	open(t, "[sms]\nexten => gsm,1,Verbose(from ${CALLERID(num)})\nsame => n,MessageSend(sms:0987)\nsame => n,Wait(1)\nsame => n,MessageSend(quectel:gsm/0988)\nsame => n,Verbose(${MESSAGE_SEND_STATUS})\n",
		func(t *testing.T) lineconf.Config { return conf(t, "quectel.conf", "[gsm]\ndata=x\naudio=y\n") },
		func(p *sim.Plant) { x = p.Exchange("gsm", sim.Loop{Kind: hal.Cellular}) }, func(b *branch) {
			x.SendText(hal.Message{From: "0911", Body: "hello"})
			ctx, cancel := context.WithTimeout(b.T.Context(), time.Minute)
			defer cancel()
			for range 2 {
				if h, err := x.Await(ctx, sim.Message); err != nil || h.Digits != "hello" {
					b.T.Error(h, err)
				}
			}
			time.Sleep(time.Second)
			if !strings.Contains(b.Trace.String(), "SUCCESS") {
				b.T.Error(b.Trace.String())
			}
		})
}
