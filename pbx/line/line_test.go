package line_test

import (
	"context"
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
	"branchline/pbx/line"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/pbxtest"
)

// A branch is an office with lines: one plant stands for all hardware.
type branch struct {
	*pbxtest.Office
	*sim.Plant
	bank   *line.Bank
	stop   context.CancelFunc
	ended  chan struct{}
	places *planetest.Plane
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
	synctest.Test(t, func(t *testing.T) {
		b := &branch{Office: pbxtest.Open(t, dialplan), Plant: sim.NewPlant("plant"), places: planetest.New(), ended: make(chan struct{})}
		prepare(b.Plant)
		b.bank = line.New(line.Options{
			Drivers: map[string]hal.Driver{"dahdi": b.Plant, "modem": b.Plant, "cell": b.Plant},
			Plane:   b.places, Exchange: b.Office.Exchange, Log: slog.New(slog.NewTextHandler(b.Log, nil)),
		})
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
