package port

import (
	"context"
	"time"

	"branchline/hal"
	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/line/fxo"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/line/speech"
)

// A trunk is a line towards an exchange: at most one call at a time.
type trunk struct {
	*Port
	conf    *lineconf.Line
	machine *fxo.Machine
	call    *leg // nil: none
}

func newTrunk(p *Port, conf *lineconf.Line) *trunk {
	t := &trunk{Port: p, conf: conf}
	t.machine = fxo.New(trunkPort{t}, conf, p.info)
	return t
}

func (t *trunk) ring(*leg)     {} // the exchange at the other end lets the caller hear it
func (t *trunk) progress(*leg) {} // nothing can be heard before the answer
func (t *trunk) happened(e hal.Event) {
	if e.Kind == hal.Digit { // the device recognises digits by itself
		if t.path != nil && t.conf.DigitsFromLine {
			t.path.Digit(e.Digit, e.Length)
		}
		t.pressed(e.Digit)
		return
	}
	t.machine.Happened(e)
}

func (t *trunk) configure(c *lineconf.Line) {
	t.conf = c
	t.machine.Configure(c)
}

func (t *trunk) status() status {
	state, why := t.machine.State()
	s := status{state: state.String(), why: why, free: t.machine.Free(), idle: state == fxo.Idle || state == fxo.Dead}
	switch state {
	case fxo.Idle, fxo.Expecting, fxo.Recovering:
		s.show = channel.DeviceNotInUse
	case fxo.Ringing, fxo.Offered, fxo.Ignoring:
		s.show = channel.DeviceRinging
	case fxo.Dead:
		s.show = channel.DeviceUnavailable
	default:
		s.show = channel.DeviceInUse
	}
	return s
}

func (t *trunk) heard(h speech.Heard) {
	switch h.Kind {
	case speech.Tone:
		if h.Tone == hal.FaxCalling {
			t.fax()
		}
		if state, _ := t.machine.State(); !h.Vague || state == fxo.Up { // a rhythm alone tells busy from congestion badly
			t.machine.Tone(h.Tone)
		}
	case speech.RingbackOver:
		t.machine.RingbackOver()
	case speech.Voice:
		t.machine.Voice()
	case speech.Abandoned:
		t.machine.Abandoned()
	case speech.CallerBegun:
		t.machine.CallerBegun()
	case speech.CallerKnown:
		t.machine.Caller(&h.Caller)
	case speech.CallerDamaged:
		t.machine.Caller(nil)
	case speech.DigitsSent:
		t.machine.DigitsSent()
	case speech.PeerDigit:
		if err := t.do(hal.Op{Kind: hal.SendDigit, Digits: string(rune(h.Digit))}); err != nil {
			t.log.Warn("digit", "digit", string(rune(h.Digit)), "error", err)
		}
	case speech.DigitBegan:
		t.pressed(h.Digit)
	case speech.DigitEnded, speech.SoundOver, speech.Ended:
	}
}

func (t *trunk) pressed(digit byte) {
	if t.call != nil {
		t.call.pressed(digit)
	}
}

// fax sends a fax to the extension of that name, if there is one, with its first tone:
// it goes on until the other machine answers.
func (t *trunk) fax() {
	wanted := t.conf.FaxDetect == "both" || t.call != nil && t.call.inbound == (t.conf.FaxDetect == "incoming") && t.conf.FaxDetect != "no"
	if t.call == nil || !wanted || t.call.faxed {
		return
	}
	if exists, _ := t.Exchange.Lookup(t.call.context, "fax", ""); exists {
		t.call.faxed = true
		t.log.Info("fax tone: the call goes to extension fax", "call", t.call.name)
		t.call.put(channel.Event{Kind: channel.Redirect, Target: t.call.context + ",fax,1"})
	}
}

func (t *trunk) dial(l *leg) {
	t.mu.Lock()
	if t.wanted == l {
		t.wanted = nil
	}
	t.mu.Unlock()
	if t.call != nil { // somebody called at the same moment
		l.end(channel.NormalCircuitCongestion)
		return
	}
	t.call = l
	t.machine.Dial(l.number)
}

func (t *trunk) answer(l *leg) {
	if l == t.call {
		t.machine.Answer()
	}
}

func (t *trunk) hangup(l *leg, c channel.Cause) {
	if l != t.call {
		l.end(c)
		return
	}
	t.machine.Hangup(c)
}

func (t *trunk) flash(l *leg, length time.Duration) error {
	if l != t.call {
		return nil
	}
	return t.machine.Flash(length)
}

// trunkPort is the trunk as its machine sees it.
type trunkPort struct{ *trunk }

var _ fxo.Port = trunkPort{}

func (t trunkPort) Do(op hal.Op) error            { return t.do(op) }
func (t trunkPort) Note(text string, args ...any) { t.log.Info(text, args...) }

func (t trunkPort) Speak(a fxo.Audio) error {
	switch a {
	case fxo.Off:
		return t.speak(nil)
	case fxo.Listening:
		return t.speak(&speech.Config{Ears: speech.CallerID, RxGain: t.conf.RxGain.Or(0)})
	}
	c := speech.ForCall(t.conf, t.info, 0, t.zone(t.conf))
	c.Relay = t.info.Caps.Has(hal.SignalsDigits) && t.info.Kind == hal.Cellular
	if err := t.speak(&c); err != nil {
		return err
	}
	if t.call != nil {
		t.connect(t.call)
	}
	return nil
}

func (t trunkPort) Offer(c hal.Caller, where string) bool {
	l, err := t.newLeg(true)
	if err != nil {
		t.log.Error("incoming call", "error", err)
		return false
	}
	caller := t.party(c)
	l.context = where
	t.trunk.call = l
	t.remember(caller.Number, true)
	exten := "s"
	if n := t.conf.SubscriberNumber; n != "" {
		exten = n
	}
	err = t.Exchange.Accept(context.Background(), t.incoming(l, caller, exten))
	if err != nil {
		t.log.Warn("incoming call refused", "caller", caller.Number, "error", err)
		t.trunk.call = nil
		l.end(channel.SwitchCongestion)
		return false
	}
	return true
}

// party is who calls, as the dialplan gets it.
func (t *trunk) party(c hal.Caller) channel.Party {
	p := channel.Party{Number: c.Number, Name: c.Name, Tag: t.conf.Caller.Tag}
	switch {
	case c.Withheld:
		p.Presentation = channel.ProhibNotScreened
	case c.Number == "" && t.conf.Caller.Number != "":
		p.Number, p.Name = t.conf.Caller.Number, t.conf.Caller.Name
	case c.Number == "":
		p.Presentation = channel.Unavailable
	}
	return p
}

// incoming is a call as the exchange takes it.
func (p *Port) incoming(l *leg, caller channel.Party, exten string) channel.Incoming {
	conf := p.Settings()
	in := channel.Incoming{
		Leg: l, Context: l.context, Exten: exten, Caller: caller, Account: conf.Account, Language: conf.Language,
		ToneZone: conf.ToneZone, MusicClass: conf.MusicClass, CallGroup: conf.CallGroup, PickupGroup: conf.PickupGroup,
		Vars: conf.Vars, MaxForwards: 70, Codecs: []*media.Codec{media.PCMU, media.PCMA},
	}
	if exten != "s" {
		in.Dialed = exten
	}
	return in
}

func (t trunkPort) Report(k channel.EventKind) {
	if t.call != nil {
		t.call.report(k)
	}
}

func (t trunkPort) Over(c channel.Cause) {
	if l := t.trunk.call; l != nil {
		t.trunk.call = nil
		t.connect()
		t.mu.Lock()
		t.show(t.side.status()) // before anybody learns that the call is over
		t.mu.Unlock()
		l.end(c)
	}
}

func (t trunkPort) DialTones(digits string, each time.Duration) {
	if t.path != nil {
		t.path.DialTones(digits, each)
	}
}
