package port

import (
	"context"
	"time"

	"branchline/hal"
	"branchline/media"
	"branchline/media/tone"
	"branchline/pbx/channel"
	"branchline/pbx/line/fxs"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/line/speech"
)

// A phone is a line towards a telephone.
type phone struct {
	*Port
	conf    *lineconf.Line
	machine *fxs.Machine
	calls   [fxs.MaxCalls]*leg
}

func newPhone(p *Port, conf *lineconf.Line) *phone {
	f := &phone{Port: p, conf: conf}
	f.machine = fxs.New(phonePort{f}, conf, p.info)
	return f
}

func (f *phone) happened(e hal.Event) {
	if e.Kind == hal.Digit && f.path != nil { // pulses, or what the device recognised
		f.path.Digit(e.Digit, e.Length)
	}
	if e.Kind == hal.Digit {
		f.pressed(e.Digit)
	}
	f.machine.Happened(e)
}

func (f *phone) configure(c *lineconf.Line) {
	f.conf = c
	f.machine.Configure(c)
}

func (f *phone) status() status {
	state, why := f.machine.State()
	_, free := f.machine.Takes()
	s := status{state: state.String(), why: why, free: free, idle: state == fxs.Idle, show: channel.DeviceInUse}
	switch {
	case why != "":
		s.show = channel.DeviceUnavailable
	case state == fxs.Idle:
		s.show = channel.DeviceNotInUse
	case state == fxs.Ringing:
		s.show = channel.DeviceRinging
	}
	return s
}

func (f *phone) heard(h speech.Heard) {
	switch h.Kind {
	case speech.DigitBegan:
		f.machine.DigitBegan(h.Digit)
		f.pressed(h.Digit)
	case speech.DigitEnded:
		f.machine.Digit(h.Digit)
	case speech.SoundOver:
		f.machine.SoundOver()
	case speech.Tone, speech.RingbackOver, speech.Voice, speech.Abandoned, speech.CallerBegun, speech.CallerKnown,
		speech.CallerDamaged, speech.DigitsSent, speech.PeerDigit, speech.Ended:
	}
}

// pressed takes a key for the calls that wait to be confirmed with one.
func (f *phone) pressed(digit byte) {
	for _, l := range f.calls {
		if l != nil {
			l.pressed(digit)
		}
	}
}

// slotOf finds a call of the phone; false if it is no longer the phone's.
func (f *phone) slotOf(l *leg) (int, bool) {
	return l.slot, l.slot < len(f.calls) && f.calls[l.slot] == l
}

func (f *phone) dial(l *leg) {
	f.mu.Lock()
	if f.wanted == l {
		f.wanted = nil
	}
	f.mu.Unlock()
	slot, ok := f.machine.Takes()
	if !ok {
		l.end(channel.UserBusy)
		return
	}
	l.slot = slot
	f.calls[slot] = l
	f.machine.Dial(slot, l.caller, l.ringer)
}

func (f *phone) ring(l *leg) {
	if slot, ok := f.slotOf(l); ok {
		f.machine.Ring(slot)
	}
}

func (f *phone) progress(l *leg) {
	if slot, ok := f.slotOf(l); ok {
		f.machine.Progress(slot)
	}
}

func (f *phone) answer(l *leg) {
	if slot, ok := f.slotOf(l); ok {
		f.machine.Answer(slot)
	}
}

func (f *phone) hangup(l *leg, c channel.Cause) {
	slot, ok := f.slotOf(l)
	if !ok {
		l.end(c)
		return
	}
	f.machine.Hangup(slot, c)
}

func (f *phone) flash(*leg, time.Duration) error { return nil }

// usualPhoneGain keeps the two ways through two telephones from adding up to
// singing: what telephone adapters take off in each direction, in dB.
const usualPhoneGain = -3

// phonePort is the phone as its machine sees it.
type phonePort struct{ *phone }

var _ fxs.Port = phonePort{}

func (f phonePort) Do(op hal.Op) error            { return f.do(op) }
func (f phonePort) Note(text string, args ...any) { f.log.Info(text, args...) }

func (f phonePort) Speak(on bool) error {
	if on == (f.path != nil) {
		return nil
	}
	if !on {
		return f.speak(nil)
	}
	c := speech.ForCall(f.conf, f.info, usualPhoneGain, f.zone(f.conf))
	c.Ears &^= speech.Progress
	return f.speak(&c)
}

// howler is what wakes somebody who left the receiver off the hook.
const howler = "1400+2060/100,0/100"

// source is a tone of the phone's zone.
func (f *phone) source(name string) media.Source {
	text, ok := f.countries().Find(f.conf.ToneZone, name)
	if !ok {
		text = howler
	}
	list, err := tone.Parse(text)
	if err != nil { // a zone of the user's own making
		f.log.Warn("tone", "tone", name, "error", err)
		return nil
	}
	return list.Source()
}

func (f phonePort) Play(name string) {
	switch {
	case f.path == nil:
	case name == "":
		f.path.Play(nil)
	default:
		f.path.Play(f.source(name))
	}
}

func (f phonePort) Waiting() bool {
	return f.conf.Mailbox != "" && f.Surroundings.Waiting != nil && f.Surroundings.Waiting(f.conf.Mailbox)
}

func (f phonePort) Sound(s fxs.Sound) {
	switch {
	case f.path == nil:
	case s == nil:
		f.path.Sound(nil)
	default:
		f.path.Sound(s)
	}
}

// Beep is the call waiting tone of most countries, once.
func (f phonePort) Beep() {
	if f.path == nil {
		return
	}
	if l, err := tone.Parse("!440/300"); err == nil {
		f.path.Beep(l.Source())
	}
}

func (f phonePort) Connect(slots ...int) {
	var legs []*leg
	for _, s := range slots {
		if f.calls[s] != nil {
			legs = append(legs, f.calls[s])
		}
	}
	f.connect(legs...)
}

func (f phonePort) Enter(slot int, number string) bool {
	l, err := f.newLeg(true)
	if err != nil {
		f.log.Error("call of the telephone", "error", err)
		return false
	}
	l.slot, l.number = slot, number
	f.remember(number, false)
	f.calls[slot] = l
	caller := f.conf.Caller
	if f.machine.Hidden() {
		caller.Presentation = channel.ProhibNotScreened
	}
	if f.conf.HideName {
		caller.Name = ""
	}
	if err := f.Exchange.Accept(context.Background(), f.incoming(l, caller, number)); err != nil {
		f.log.Warn("call of the telephone refused", "number", number, "error", err)
		f.calls[slot] = nil
		l.end(channel.SwitchCongestion)
		return false
	}
	return true
}

func (f phonePort) Lookup(number string) (exists, more bool) {
	return f.Exchange.Lookup(f.conf.Context, number, f.conf.Caller.Number)
}

func (f phonePort) Report(slot int, k channel.EventKind) {
	if l := f.calls[slot]; l != nil {
		l.report(k)
	}
}

func (f phonePort) Over(slot int, c channel.Cause) {
	if l := f.calls[slot]; l != nil {
		f.phone.calls[slot] = nil
		l.end(c)
	}
}

// Transfer lets the far end of held take the place of the telephone in other. The
// two legs stay until the exchange has done it.
func (f phonePort) Transfer(held, other int) {
	h, o := f.calls[held], f.calls[other]
	f.phone.calls[held], f.phone.calls[other] = nil, nil
	if h == nil || o == nil {
		return
	}
	h.detached, o.detached = true, true
	replies := make(chan int, 8)
	h.put(channel.Event{Kind: channel.Unheld})
	h.put(channel.Event{Kind: channel.Transfer, Replaces: o.name, Replies: replies})
	go func() {
		limit := time.NewTimer(time.Minute)
		defer limit.Stop()
		for open := true; open; {
			select {
			case _, open = <-replies:
			case <-limit.C:
				open = false
			}
		}
		h.end(channel.NormalClearing)
		o.end(channel.NormalClearing)
	}()
}
