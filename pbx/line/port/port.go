// Package port is one telephone line at work. Its goroutine opens the device, and again
// when it comes back; takes the device's events, what the exchange asks of the line's
// calls, and what is heard on it; has a state machine decide, that of a trunk or that
// of a phone; and lets others see how the line is.
package port

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"branchline/hal"
	"branchline/media"
	"branchline/media/plane"
	"branchline/media/progress"
	"branchline/media/tone"
	"branchline/pbx/channel"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/line/orders"
	"branchline/pbx/line/speech"
)

// Surroundings are what all lines of an exchange have in common.
type Surroundings struct {
	Plane    Streams
	Exchange Exchange
	Tones    func() *tone.Book // in force now; nil: those that come with the program
	// Text takes a short message that has come over a line.
	Text func(*lineconf.Line, hal.Message)
	// Changed is called when the state that hints show of a line, or of one of its
	// groups, may be another. It must not block; nil: nobody cares.
	Changed func(device string)
	// Waiting reports whether new messages wait in a mailbox; nil: nobody knows.
	Waiting func(mailbox string) bool
	Log     *slog.Logger

	serial atomic.Uint32 // of channel names
}

// Streams makes the plane's end of a call; socket.Plane does.
type Streams interface {
	Line(events func(media.Event)) (plane.Line, error)
}

// Exchange takes calls into the dialplan.
type Exchange interface {
	channel.Acceptor
	Lookup(context, exten, caller string) (exists, more bool)
}

// countries are the tones they have.
func (s *Surroundings) countries() *tone.Book {
	if s.Tones == nil {
		return tone.Builtin()
	}
	return s.Tones()
}

// A Port is one configured line. Start, Reconfigure and Retire are for one owner, who
// calls them one at a time; all else may come from any goroutine. The port's own
// goroutine runs from start to the end of the line's life; mu guards the little that
// others look at.
type Port struct {
	*Surroundings
	id     string // "DAHDI/3"
	tech   string
	name   string
	driver hal.Driver // nil: there is none
	log    *slog.Logger
	orders *orders.Queue[side]
	done   chan struct{} // closed when the port is no more
	cancel context.CancelFunc

	mu       sync.Mutex
	settings *lineconf.Line
	pending  *lineconf.Line // settings for when no call is up
	retired  bool
	device   hal.Line // nil: not open
	why      string   // why it is not
	status   status
	legs     []*leg // all that have not ended
	wanted   *leg   // an outgoing one that has not been dialled yet
	testing  bool
	counts   Counts
	describe hal.Describer

	// What follows is the goroutine's.
	line    hal.Line
	info    hal.Info
	side    side
	machine machine
	path    *speech.Path

	tones   *progress.Zone // of tonesOf
	tonesOf string
	book    *tone.Book
}

// status is what a port's machine last published.
type status struct {
	state string
	why   string // it is down
	free  bool   // a call can be made over it, or to it
	show  channel.DeviceState
	idle  bool // nothing goes on at all
}

// A machine decides for a side.
type machine interface {
	Start()
	Next() time.Time // when Elapsed wants to be called, zero: not at all
	Elapsed()
	Lost()
}

// A side is what a line does according to its kind: a trunk or a phone.
type side interface {
	happened(hal.Event)
	heard(speech.Heard)
	configure(*lineconf.Line)
	status() status
	// What legs ask for:
	dial(*leg)
	ring(*leg)
	progress(*leg)
	answer(*leg)
	hangup(*leg, channel.Cause)
	flash(*leg, time.Duration) error
}

// New makes the port of a line; d opens its device, nil if nothing can.
func New(around *Surroundings, d hal.Driver, l *lineconf.Line) *Port {
	return &Port{
		Surroundings: around, id: l.ID(), tech: l.Tech, name: l.Name, driver: d, log: around.Log.With("line", l.ID()),
		orders: orders.New[side](), settings: l, done: make(chan struct{}), why: "not opened yet",
	}
}

// ID is how the dialplan calls the line: "DAHDI/3". Tech and Name are its parts.
func (p *Port) ID() string   { return p.id }
func (p *Port) Tech() string { return p.tech }
func (p *Port) Name() string { return p.name }

// Settings are those that the next call will have.
func (p *Port) Settings() *lineconf.Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending != nil {
		return p.pending
	}
	return p.settings
}

// Start gives the port its goroutine, once, which ends with ctx or when the port has
// retired. The device is opened when after is closed; nil: at once.
func (p *Port) Start(ctx context.Context, running *sync.WaitGroup, after <-chan struct{}) {
	if p.cancel != nil {
		return
	}
	ctx, p.cancel = context.WithCancel(ctx)
	running.Go(func() { p.run(ctx, after) })
}

// Done is closed when the port has let go of its device for good.
func (p *Port) Done() <-chan struct{} { return p.done }

// Reconfigure changes the settings as soon as no call is up.
func (p *Port) Reconfigure(l *lineconf.Line) {
	p.mu.Lock()
	p.pending = l
	p.mu.Unlock()
	p.orders.Add(func(side) {})
}

// Retire ends the port as soon as no call is up.
func (p *Port) Retire() {
	p.mu.Lock()
	p.retired = true
	open := p.device != nil
	p.mu.Unlock()
	switch {
	case p.cancel == nil:
		close(p.done)
	case !open:
		p.cancel()
	}
	p.orders.Add(func(side) {})
}

// run keeps the line open.
func (p *Port) run(ctx context.Context, after <-chan struct{}) {
	defer close(p.done)
	if after != nil {
		select {
		case <-after:
		case <-ctx.Done():
			return
		}
	}
	if p.driver == nil {
		p.down(errors.New("this program has no driver for "+p.Settings().Driver+" lines"), 0)
		<-ctx.Done()
		return
	}
	hal.Reopen(ctx, p.driver, p.name, p.up, p.down)
}

// down is told that the line is not there.
func (p *Port) down(err error, again time.Duration) {
	text := "closed"
	if err != nil {
		text = err.Error()
	}
	p.mu.Lock()
	news := p.why != text
	p.why = text
	p.mu.Unlock()
	if news {
		p.log.Warn("line is down", "why", text, "again", again)
	}
}

// up is the life of the open line.
func (p *Port) up(ctx context.Context, l hal.Line) error {
	p.line, p.info = l, l.Info()
	if err := p.begin(); err != nil {
		return err
	}
	p.log.Info("line is open", "kind", p.info.Kind, "driver", p.info.Driver, "model", p.info.Model)
	p.machine.Start()
	err := p.live(ctx)
	p.machine.Lost()
	p.speak(nil)
	p.end()
	return err
}

// begin makes the machine that suits the device.
func (p *Port) begin() error {
	p.mu.Lock()
	if p.pending != nil {
		p.settings, p.pending = p.pending, nil
	}
	conf := p.settings
	p.mu.Unlock()
	if want := conf.Signalling; want != lineconf.Auto && want != signalling(p.info.Kind) {
		return fmt.Errorf("configured as %s line at %s, but the device is %s: write %s", want, conf.Pos, p.info.Kind, cure(p.info.Kind))
	}
	if p.info.Kind == hal.FXS {
		f := newPhone(p, conf)
		p.side, p.machine = f, f.machine
	} else {
		t := newTrunk(p, conf)
		p.side, p.machine = t, t.machine
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.device, p.why = p.line, ""
	p.describe, _ = p.line.(hal.Describer)
	p.counts.Openings++
	p.status = p.side.status()
	p.changed()
	return nil
}

func signalling(k hal.Kind) lineconf.Signalling {
	return [...]lineconf.Signalling{hal.FXO: lineconf.FXO, hal.FXS: lineconf.FXS, hal.Cellular: lineconf.Cell}[k]
}

func cure(k hal.Kind) string {
	if k == hal.FXS {
		return "signalling=fxo_ks"
	}
	return "signalling=fxs_ks"
}

// end takes the line out of reach.
func (p *Port) end() {
	p.mu.Lock()
	p.device, p.describe = nil, nil
	p.status = status{}
	p.changed()
	legs := slices.Clone(p.legs)
	p.mu.Unlock()
	for _, l := range legs { // those that were never dialled
		l.end(channel.DestinationOutOfOrder)
	}
	p.orders.Obey(p.side)
}

// live serves the open line until it is lost, retired or ctx ends.
func (p *Port) live(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait := time.Hour
		if next := p.machine.Next(); !next.IsZero() {
			wait = max(0, time.Until(next))
		}
		timer.Reset(wait)
		select {
		case e, ok := <-p.line.Events():
			if !ok {
				return hal.ErrClosed
			}
			p.event(e)
			if e.Kind == hal.Lost {
				return e.Err
			}
		case <-p.orders.Ready():
			p.orders.Obey(p.side)
		case <-timer.C:
			p.machine.Elapsed()
		case <-ctx.Done():
			return ctx.Err()
		}
		if p.publish() {
			p.cancel()
			return nil
		}
	}
}

func (p *Port) event(e hal.Event) {
	switch e.Kind {
	case hal.Text:
		p.mu.Lock()
		p.counts.Messages++
		p.mu.Unlock()
		p.Text(p.Settings(), e.Message)
		return
	case hal.TextSent:
		p.log.Info("message report", "ref", e.Message.Ref, "error", e.Err)
		return
	}
	p.mu.Lock()
	testing := p.testing
	p.mu.Unlock()
	if !testing || e.Kind == hal.Lost {
		p.side.happened(e)
	}
}

// show is what the machine publishes from now on; mu is held.
func (p *Port) show(s status) {
	other := s.show != p.status.show
	p.status = s
	if other {
		p.changed()
	}
}

// changed tells that hints may show another state of the line, and of the groups it is
// in, however Dial names them; mu is held.
func (p *Port) changed() {
	if p.Changed == nil {
		return
	}
	p.Changed(p.id)
	for group := range 64 {
		if p.settings.In(group) {
			p.Changed(fmt.Sprint(p.tech, "/g", group))
			p.Changed(fmt.Sprint(p.tech, "/r", group))
		}
	}
}

// publish lets others see how the line is; true if it has been retired and may go.
func (p *Port) publish() (over bool) {
	s := p.side.status()
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.why != p.status.why {
		if s.why != "" {
			p.log.Warn("line is down", "why", s.why)
		} else {
			p.log.Info("line is back")
		}
	}
	p.show(s)
	if !s.idle || len(p.legs) > 0 || p.testing {
		return false
	}
	if p.pending != nil {
		p.settings, p.pending = p.pending, nil
		conf := p.settings
		p.mu.Unlock()
		p.side.configure(conf)
		p.mu.Lock()
	}
	return p.retired
}

// do has the device carry out an operation, within the time hardware may take.
func (p *Port) do(op hal.Op) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return p.line.Do(ctx, op)
}

// speak opens the line's audio as c says, nil closes it.
func (p *Port) speak(c *speech.Config) error {
	if p.path != nil {
		old := p.path
		p.mu.Lock()
		p.path = nil
		p.mu.Unlock()
		old.Close()
	}
	if c == nil {
		return nil
	}
	audio, err := p.line.Audio()
	if err != nil {
		return err
	}
	c.Audio = audio
	var path *speech.Path
	c.Heard = func(h speech.Heard) {
		p.orders.Add(func(s side) {
			if p.path == path { // not one that has been closed since
				s.heard(h)
			}
		})
	}
	opened := make(chan struct{})
	heard := c.Heard
	c.Heard = func(h speech.Heard) { <-opened; heard(h) }
	path = speech.Open(*c)
	close(opened)
	p.mu.Lock()
	p.path = path
	p.mu.Unlock()
	return nil
}

// zone is whose tones the line speaks.
func (p *Port) zone(conf *lineconf.Line) *progress.Zone {
	name := cmp.Or(conf.ProgressZone, conf.ToneZone)
	if book := p.countries(); p.tones == nil || p.tonesOf != name || p.book != book {
		z, err := progress.Tones(book, name)
		if err != nil {
			p.log.Warn("tones", "zone", name, "error", err)
			return p.tones
		}
		p.tones, p.tonesOf, p.book = z, name, book
	}
	return p.tones
}

// connect gives the line the speech of legs.
func (p *Port) connect(legs ...*leg) {
	if p.path == nil {
		return
	}
	lines := make([]plane.Line, len(legs))
	for i, l := range legs {
		lines[i] = l.stream
	}
	p.path.Connect(lines...)
}

// newLeg makes a leg and puts it on the port's list.
func (p *Port) newLeg(inbound bool) (*leg, error) {
	l := &leg{port: p, inbound: inbound, began: time.Now(), context: p.Settings().Context}
	stream, err := p.Plane.Line(l.media)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.id, err)
	}
	stream.Apply(speech.Flow())
	l.stream = stream
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tech == "DAHDI" {
		l.index = p.freeIndex()
		l.name = p.id + "-" + strconv.Itoa(l.index)
	} else {
		l.name = fmt.Sprintf("%s-%08x", p.id, p.serial.Add(1)-1)
	}
	p.legs = append(p.legs, l)
	if inbound {
		p.counts.Incoming++
	} else {
		p.counts.Outgoing++
	}
	p.counts.LastCall, p.counts.LastNumber = l.began, ""
	return l, nil
}

// remember keeps with whom the last call was.
func (p *Port) remember(number string, from bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.LastNumber, p.counts.LastFrom = number, from
	if from {
		p.counts.LastCaller = number
	}
}

// freeIndex is the lowest number from 1 that no leg of the port has.
func (p *Port) freeIndex() int {
	for i := 1; ; i++ {
		if !slices.ContainsFunc(p.legs, func(l *leg) bool { return l.index == i }) {
			return i
		}
	}
}

// forget takes an ended leg off the list.
func (p *Port) forget(l *leg, cause channel.Cause) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.legs = slices.DeleteFunc(p.legs, func(o *leg) bool { return o == l })
	if p.wanted == l {
		p.wanted = nil
		p.changed()
	}
	p.counts.LastEnd = cause
}
