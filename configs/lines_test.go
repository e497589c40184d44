package configs_test

import (
	"context"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/appliance/inspect"
	"branchline/configs"
	"branchline/hal"
	"branchline/hal/sim"
	"branchline/hal/sim/signal"
	"branchline/media/callerid"
	"branchline/media/plane/planetest"
	"branchline/pbx/astconf"
	"branchline/pbx/astdb"
	"branchline/pbx/channel"
	"branchline/pbx/exchange"
	"branchline/pbx/fn"
	"branchline/pbx/fn/office"
	"branchline/pbx/line"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/pbxtest"
	"branchline/pbx/pbxtest/desk"
)

// A site is a sample that runs: its dialplan and its lines, with simulated
// exchanges and telephones at their ends and phones on the desk.
type site struct {
	*testing.T
	*desk.Desk
	*sim.Plant
	ctx    context.Context
	store  *astdb.DB
	office *pbxtest.Office
}

// visit runs f at a site in virtual time; build makes what its lines lead to.
func visit(t *testing.T, dir string, build func(*sim.Plant), f func(*site)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sample, err := fs.Sub(configs.FS, dir)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := fs.ReadFile(sample, "extensions.conf")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
		s := &site{T: t, Plant: sim.NewPlant("plant"), ctx: ctx, store: astdb.Memory(), office: pbxtest.Open(t, "")}
		// The functions want the system that the office has made.
		s.office.System.Catalog = exchange.NewCatalog(s.office.Applications(), fn.Functions(office.Deps{System: s.office.System, Store: s.store}))
		s.office.Load(string(plan))
		plane := planetest.New()
		s.Desk = desk.New(s.office.Exchange, plane)
		build(s.Plant)
		bank := line.New(line.Options{
			Drivers: map[string]hal.Driver{"dahdi": s.Plant, "modem": s.Plant, "cell": s.Plant},
			Plane:   plane, Exchange: s.office.Exchange, Log: slog.New(slog.NewTextHandler(s.office.Log, nil)),
		})
		for _, tech := range bank.Techs() {
			s.office.AddTech(tech)
		}
		bank.Configure(lines(t, sample))
		running, stop := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if err := bank.Run(running); err != nil {
				t.Error(err)
			}
		}()
		defer func() {
			s.office.Close()
			stop()
			<-ended
			s.Plant.Close()
			plane.Close()
			cancel()
		}()
		time.Sleep(3 * time.Second)
		f(s)
	})
}

// lines are those that a sample configures, without anything to complain about.
func lines(t *testing.T, sample fs.FS) lineconf.Config {
	t.Helper()
	parsed := map[string]*astconf.File{}
	for _, name := range lineconf.Files() {
		if _, err := fs.Stat(sample, name); err != nil {
			continue
		}
		file, diags := astconf.Load(sample, name)
		for _, d := range diags {
			t.Error(d)
		}
		parsed[name] = file
	}
	c, diags := lineconf.Read(parsed)
	for _, d := range diags {
		t.Error(d)
	}
	return c
}

// TestNothingToFind: whoever starts from a sample has nothing to put right.
func TestNothingToFind(t *testing.T) {
	for _, dir := range []string{"demo", "lines-office", "lines-modem", "lines-mobile", "lines-by-caller", "lines-emergency"} {
		var report strings.Builder
		if err := inspect.Check(t.Context(), &report, inspect.Options{Dir: dir}); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
		if !strings.HasPrefix(report.String(), "0 errors, 0 warnings, 0 notes") {
			t.Errorf("%s:\n%s", dir, &report)
		}
	}
}

func (s *site) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// follow waits for what happens at an exchange or a telephone, in this order.
func (s *site) follow(x interface {
	Await(ctx context.Context, any ...sim.What) (sim.Happening, error)
}, whats ...sim.What) (last sim.Happening) {
	s.Helper()
	for _, w := range whats {
		var err error
		last, err = x.Await(s.ctx, w)
		s.must(err)
	}
	return last
}

// from is a call of number, with caller ID as Taiwan's exchanges send it.
func from(number string) sim.Call {
	form, _ := callerid.FormFor("tw")
	return sim.Call{Caller: hal.Caller{Number: number}, Spill: form.Samples(callerid.Message{Number: number})}
}

// hear checks that the party at the exchange and a phone hear each other.
func (s *site) hear(x *sim.Exchange, c *desk.Call) {
	s.Helper()
	x.Say(signal.Tones(-16, 1004))
	time.Sleep(time.Second)
	say := signal.Tones(-16, 1500)
	c.Say(func(frame []int16) { say((*hal.Frame)(frame)) })
	var near, far hal.Frame
	c.Hear(func(frame []int16) { near = hal.Frame(frame) })
	x.Hear(func(f *hal.Frame) { far = *f })
	time.Sleep(2 * time.Second)
	synctest.Wait()
	if l := signal.PowerAt(&near, 1004); l < -18 || l > -14 {
		s.Errorf("the phone hears the party at %.1f dBm0", l)
	}
	if l := signal.PowerAt(&far, 1500); l < -18 || l > -14 {
		s.Errorf("the party hears the phone at %.1f dBm0", l)
	}
	x.Say(nil)
	c.Say(nil)
}

// out dials over a line and gives the answered call.
func (s *site) out(phone, number string) *desk.Call {
	s.Helper()
	c, err := s.Phone(phone).Dial(s.ctx, "office", number)
	s.must(err)
	s.must(c.Await(s.ctx, "answered"))
	return c
}

// S-018, S-028: an office with a DAHDI card: the line rings the desks, a desk dials
// out, the old telephones are called and call.
func TestOffice(t *testing.T) {
	var x *sim.Exchange
	var desk, workshop *sim.Telephone
	visit(t, "lines-office", func(p *sim.Plant) {
		x, desk, workshop = p.Exchange("1", sim.Loop{Noise: -65, Companded: true}), p.Telephone("2", sim.Loop{}), p.Telephone("3", sim.Loop{})
		x.Directory = func(digits string) (sim.Party, sim.Verdict) {
			switch {
			case digits == "110":
				return sim.Party{Answer: 2 * time.Second}, sim.Found
			case len(digits) < 10:
				return sim.Party{}, sim.More
			}
			return sim.Party{Answer: 3 * time.Second}, sim.Found
		}
	}, func(s *site) {
		// A call from outside rings at the desk; the network phone takes it.
		x.CallIn(from("0287654321"))
		c, err := s.Phone("203").Called(s.ctx)
		s.must(err)
		if c.Caller.Number != "0287654321" {
			s.Errorf("the display shows %q", c.Caller.Number)
		}
		s.follow(desk, sim.Rings)
		s.follow(workshop, sim.Rings)
		c.PickUp()
		s.follow(x, sim.Connected)
		s.hear(x, c)
		x.HangUp()
		s.must(c.Await(s.ctx, "hung up 16"))
		s.follow(x, sim.Released)

		// The front desk calls the workshop.
		desk.Lift()
		s.must(desk.AwaitTone(s.ctx, "dial"))
		desk.Dial("202")
		s.follow(workshop, sim.Rings)
		s.must(desk.AwaitTone(s.ctx, "ringback"))
		workshop.Lift()
		time.Sleep(time.Second)
		desk.Say(signal.Tones(-16, 1000))
		s.must(workshop.AwaitTone(s.ctx, signal.Voice))
		desk.PutBack()
		s.must(workshop.AwaitTone(s.ctx, "congestion"))
		workshop.PutBack()

		// The workshop dials out, with the plate.
		workshop.Lift()
		s.must(workshop.AwaitTone(s.ctx, "dial"))
		workshop.Pulse("90223456789")
		if h := s.follow(x, sim.Dialled, sim.Connected); h.What != sim.Connected {
			s.Error(h)
		}
		workshop.PutBack()
		s.follow(x, sim.Released)

		// Nobody at the desk, nobody at the manager's: the caller gives up.
		call := from("0287654321")
		call.Rings = 25
		x.CallIn(call)
		c, err = s.Phone("203").Called(s.ctx)
		s.must(err)
		s.must(c.Await(s.ctx, "hung up 0"))
		manager, err := s.Phone("204").Called(s.ctx)
		s.must(err)
		s.must(manager.Await(s.ctx, "hung up 0"))
		s.follow(x, sim.GaveUp)
		time.Sleep(10 * time.Second) // until the line is sure that it rings no more

		// Emergency.
		c = s.out("203", "110")
		if h := s.follow(x, sim.Dialled); h.Digits != "110" {
			s.Error(h)
		}
		c.HangUp(channel.NormalClearing)
		s.follow(x, sim.Released)
	})
}

func TestModem(t *testing.T) {
	var x *sim.Exchange
	visit(t, "lines-modem", func(p *sim.Plant) {
		// What a voice modem does by itself, and how far its buffers reach.
		x = p.Exchange("office", sim.Loop{Caps: hal.ReportsCallerID | hal.Dials | hal.Flashes, Delay: 600, Companded: true, Noise: -60})
		x.Hangup = sim.BusyTone
	}, func(s *site) {
		x.CallIn(sim.Call{Caller: hal.Caller{Number: "0912345678"}, Spill: make([]int16, 4000)})
		c, err := s.Phone("201").Called(s.ctx)
		s.must(err)
		other, err := s.Phone("202").Called(s.ctx)
		s.must(err)
		if c.Caller.Number != "0912345678" {
			s.Errorf("the display shows %q", c.Caller.Number)
		}
		c.PickUp()
		s.must(other.Await(s.ctx, "hung up 26")) // answered elsewhere
		s.follow(x, sim.Connected)
		s.hear(x, c)
		// The only sign of the end is a busy tone.
		x.HangUp()
		s.must(c.Await(s.ctx, "hung up 16"))
		s.follow(x, sim.Released)

		x.CallIn(sim.Call{})
		c, err = s.Phone("202").Called(s.ctx)
		s.must(err)
		if c.Caller.Name != "Unknown" {
			s.Errorf("the display shows %q", c.Caller.Name)
		}
		x.HangUp()
		s.must(c.Await(s.ctx, "hung up 16"))

		c = s.out("202", "90223456789")
		if h := s.follow(x, sim.Dialled); h.Digits != "0223456789" {
			s.Error(h)
		}
		s.follow(x, sim.Connected)
		c.HangUp(channel.NormalClearing)
		s.follow(x, sim.Released)
	})
}

func TestMobile(t *testing.T) {
	var x *sim.Exchange
	visit(t, "lines-mobile", func(p *sim.Plant) { x = p.Exchange("gsm1", sim.Loop{Kind: hal.Cellular}) }, func(s *site) {
		x.CallIn(sim.Call{Caller: hal.Caller{Number: "+886912345678"}})
		c, err := s.Phone("201").Called(s.ctx)
		s.must(err)
		if c.Caller.Number != "0912345678" {
			s.Errorf("the display shows %q", c.Caller.Number)
		}
		c.PickUp()
		s.follow(x, sim.Connected)
		s.hear(x, c)
		x.HangUp()
		s.must(c.Await(s.ctx, "hung up 16"))

		x.SendText(hal.Message{From: "+886912345678", Body: "stuck in traffic"})
		m, err := s.Phone("201").Text(s.ctx)
		s.must(err)
		if m.Body != "stuck in traffic" {
			s.Errorf("the phone shows %q", m.Body)
		}
		s.must(s.Phone("202").Write(s.ctx, "texts", "0912345678", "take your time"))
		if h := s.follow(x, sim.Message); h.Digits != "take your time" {
			s.Error(h)
		}

		c = s.out("202", "0912345678")
		if h := s.follow(x, sim.Dialled); h.Digits != "0912345678" {
			s.Error(h)
		}
		c.HangUp(channel.NormalClearing)
		s.follow(x, sim.Released)
	})
}

func TestByCaller(t *testing.T) {
	var sales, service *sim.Exchange
	visit(t, "lines-by-caller", func(p *sim.Plant) {
		sales, service = p.Exchange("1", sim.Loop{}), p.Exchange("2", sim.Loop{})
	}, func(s *site) {
		s.must(s.store.Put("unwanted", "0255550000", "1"))
		for _, c := range []struct {
			line   *sim.Exchange
			caller string
			phones string
		}{
			{sales, "0227001234", "203"},
			{service, "0912345678", "202"},
			{sales, "0287654321", "201"},
			{service, "0287654321", "201 202"},
		} {
			c.line.CallIn(from(c.caller))
			for _, phone := range strings.Fields(c.phones) {
				call, err := s.Phone(phone).Called(s.ctx)
				s.must(err)
				if call.Caller.Number != c.caller {
					s.Errorf("%s for %s", call.Caller.Number, c.caller)
				}
			}
			time.Sleep(5 * time.Second)
			c.line.HangUp()
			s.follow(c.line, sim.GaveUp)
			time.Sleep(10 * time.Second)
		}
		// The unwanted caller hears busy tone and rings nowhere.
		sales.CallIn(from("0255550000"))
		s.follow(sales, sim.Connected, sim.Released)

		// Calls out take the last line first.
		c := s.out("201", "90223456789")
		s.follow(service, sim.Seized, sim.Connected)
		c.HangUp(channel.NormalClearing)
		s.follow(service, sim.Released)
	})
}

func TestEmergency(t *testing.T) {
	var x *sim.Exchange
	visit(t, "lines-emergency", func(p *sim.Plant) { x = p.Exchange("1", sim.Loop{}) }, func(s *site) {
		chat := s.out("201", "90223456789")
		s.follow(x, sim.Connected)
		for _, number := range []string{"110", "9119"} {
			help, err := s.Phone("202").Dial(s.ctx, "office", number)
			s.must(err)
			// The call on the line makes room.
			s.must(chat.Await(s.ctx, "hung up 8"))
			s.follow(x, sim.Released)
			if h := s.follow(x, sim.Dialled); h.Digits != strings.TrimPrefix(number, "9") {
				s.Error(h)
			}
			s.must(help.Await(s.ctx, "answered"))
			s.follow(x, sim.Connected)
			s.hear(x, help)

			// Another one does not: an emergency call stays.
			second, err := s.Phone("201").Dial(s.ctx, "office", "119")
			s.must(err)
			s.must(second.Await(s.ctx, "hung up 34"))
			help.HangUp(channel.NormalClearing)
			s.follow(x, sim.Released)
			time.Sleep(5 * time.Second)
			if number == "110" {
				chat = s.out("201", "90223456789")
				s.follow(x, sim.Connected)
			}
		}
	})
}
