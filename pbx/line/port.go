package line

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"branchline/hal"
	"branchline/media/plane"
	"branchline/media/progress"
	"branchline/media/tone"
	"branchline/pbx/channel"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/line/speech"
)

// A port is one configured line. Its goroutine runs from start to the end of the
// line's life; mu guards the little that others look at.
type port struct {
	bank    *Bank
	id      string // "DAHDI/3"
	tech    string
	name    string
	log     *slog.Logger
	inbox   *inbox
	after   <-chan struct{} // closed when the device may be opened, nil: now
	done    chan struct{}   // closed when the port is no more
	started bool            // guarded by the bank
	cancel  context.CancelFunc

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
	line hal.Line
	info hal.Info
	side side
	path *speech.Path

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

// Counts are what a line has been through since it was configured.
type Counts struct {
	Incoming, Outgoing, Messages uint64
	Openings                     uint64
	LastCaller                   string // who called last
	LastNumber                   string // of the last call: who called, or what was dialled
	LastFrom                     bool   // it called; false: it was dialled
	LastCall                     time.Time
	LastEnd                      channel.Cause
}

// A side is what a line does according to its kind: a trunk or a phone.
type side interface {
	start()
	happened(hal.Event)
	heard(speech.Heard)
	elapsed()
	next() time.Time
	lost()
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

func newPort(b *Bank, l *lineconf.Line) *port {
	return &port{
		bank: b, id: l.ID(), tech: l.Tech, name: l.Name, log: b.Log.With("line", l.ID()), inbox: newInbox(),
		settings: l, done: make(chan struct{}), why: "not opened yet",
	}
}

func (p *port) conf() *lineconf.Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending != nil {
		return p.pending
	}
	return p.settings
}

// reconfigure changes the settings as soon as no call is up.
func (p *port) reconfigure(l *lineconf.Line) {
	p.mu.Lock()
	p.pending = l
	p.mu.Unlock()
	p.inbox.post(func() {})
}

// retire ends the port as soon as no call is up.
func (p *port) retire() {
	p.mu.Lock()
	p.retired = true
	open := p.device != nil
	p.mu.Unlock()
	switch {
	case !p.started:
		close(p.done)
	case !open:
		p.cancel()
	}
	p.inbox.post(func() {})
}

// run keeps the line open.
func (p *port) run(ctx context.Context) {
	defer close(p.done)
	if p.after != nil {
		select {
		case <-p.after:
		case <-ctx.Done():
			return
		}
	}
	d := p.bank.Drivers[p.conf().Driver]
	if d == nil {
		p.closed("this program has no driver for " + p.conf().Driver + " lines")
		<-ctx.Done()
		return
	}
	hal.Reopen(ctx, d, p.name, p.up, p.down)
}

// down is told that the line is not there.
func (p *port) down(err error, again time.Duration) {
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

func (p *port) closed(why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.device, p.why = nil, why
}

// up is the life of the open line.
func (p *port) up(ctx context.Context, l hal.Line) error {
	p.line, p.info = l, l.Info()
	if err := p.begin(); err != nil {
		return err
	}
	p.log.Info("line is open", "kind", p.info.Kind, "driver", p.info.Driver, "model", p.info.Model)
	p.side.start()
	err := p.live(ctx)
	p.side.lost()
	p.speak(nil)
	p.end()
	return err
}

// begin makes the machine that suits the device.
func (p *port) begin() error {
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
		p.side = newPhone(p, conf)
	} else {
		p.side = newTrunk(p, conf)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.device, p.why = p.line, ""
	p.describe, _ = p.line.(hal.Describer)
	p.counts.Openings++
	p.status = p.side.status()
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
func (p *port) end() {
	p.mu.Lock()
	p.device, p.describe = nil, nil
	p.status = status{}
	legs := slices.Clone(p.legs)
	p.mu.Unlock()
	for _, l := range legs { // those that were never dialled
		l.end(channel.DestinationOutOfOrder)
	}
	p.inbox.drain()
}

// live serves the open line until it is lost, retired or ctx ends.
func (p *port) live(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait := time.Hour
		if next := p.side.next(); !next.IsZero() {
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
		case <-p.inbox.ready:
			p.inbox.drain()
		case <-timer.C:
			p.side.elapsed()
		case <-ctx.Done():
			return ctx.Err()
		}
		if p.publish() {
			p.cancel()
			return nil
		}
	}
}

func (p *port) event(e hal.Event) {
	switch e.Kind {
	case hal.Text:
		p.text(e.Message)
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

// publish lets others see how the line is; true if it has been retired and may go.
func (p *port) publish() (over bool) {
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
	p.status = s
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
func (p *port) do(op hal.Op) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return p.line.Do(ctx, op)
}

// speak opens the line's audio as c says, nil closes it.
func (p *port) speak(c *speech.Config) error {
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
		p.inbox.post(func() {
			if p.path == path { // not one that has been closed since
				p.side.heard(h)
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

// talk is how audio is opened for a call.
func (p *port) talk(conf *lineconf.Line, usual float64) *speech.Config {
	c := &speech.Config{
		Ears: speech.Progress | speech.Fax, RxGain: conf.RxGain.Or(usual), TxGain: conf.TxGain.Or(usual),
		Zone: p.zone(conf), Busy: speech.Cadence{Count: conf.BusyCount, On: conf.BusyOn, Off: conf.BusyOff},
	}
	if !p.info.Caps.Has(hal.ReportsDigits) && conf.DigitsFromLine {
		c.Ears |= speech.Digits
	}
	if !p.info.Caps.Has(hal.CancelsEcho) {
		c.EchoTaps, c.EchoDelay = conf.EchoTaps, p.info.EchoDelay
	}
	return c
}

// zone is whose tones the line speaks.
func (p *port) zone(conf *lineconf.Line) *progress.Zone {
	name := cmp.Or(conf.ProgressZone, conf.ToneZone)
	if book := p.bank.tones(); p.tones == nil || p.tonesOf != name || p.book != book {
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
func (p *port) connect(legs ...*leg) {
	if p.path == nil {
		return
	}
	lines := make([]plane.Line, len(legs))
	for i, l := range legs {
		lines[i] = l.stream
	}
	p.path.Connect(lines...)
}

func (p *port) note(text string, args ...any) { p.log.Info(text, args...) }

// newLeg makes a leg and puts it on the port's list.
func (p *port) newLeg(inbound bool) (*leg, error) {
	l := &leg{port: p, inbound: inbound, began: time.Now(), context: p.conf().Context}
	stream, err := p.bank.Plane.Line(l.media)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.id, err)
	}
	stream.Apply(speech.Flow())
	l.stream = stream
	serial := p.bank.nextSerial()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tech == "DAHDI" {
		l.index = p.freeIndex()
		l.name = p.id + "-" + strconv.Itoa(l.index)
	} else {
		l.name = fmt.Sprintf("%s-%08x", p.id, serial)
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
func (p *port) remember(number string, from bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.LastNumber, p.counts.LastFrom = number, from
	if from {
		p.counts.LastCaller = number
	}
}

// freeIndex is the lowest number from 1 that no leg of the port has.
func (p *port) freeIndex() int {
	for i := 1; ; i++ {
		if !slices.ContainsFunc(p.legs, func(l *leg) bool { return l.index == i }) {
			return i
		}
	}
}

// forget takes an ended leg off the list.
func (p *port) forget(l *leg, cause channel.Cause) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.legs = slices.DeleteFunc(p.legs, func(o *leg) bool { return o == l })
	if p.wanted == l {
		p.wanted = nil
	}
	p.counts.LastEnd = cause
}
