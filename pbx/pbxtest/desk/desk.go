// Package desk is telephones for an office in virtual time that speak and hear: a
// technology PJSIP whose legs have real RTP on a plane of package planetest, without
// SIP around it. Each phone has a clock of its own, which may be wrong.
package desk

import (
	"context"
	"fmt"
	"sync"
	"time"

	"branchline/media"
	"branchline/media/g711"
	"branchline/media/plane"
	"branchline/media/plane/planetest"
	"branchline/media/rtp"
	"branchline/pbx/channel"
	"branchline/pbx/exchange"
)

// A Desk is the phones of one office.
type Desk struct {
	exchange *exchange.Exchange
	plane    *planetest.Plane

	mu     sync.Mutex
	phones map[string]*Phone
	serial int
}

// New makes phones come into being on x as they are named.
func New(x *exchange.Exchange, p *planetest.Plane) *Desk {
	d := &Desk{exchange: x, plane: p, phones: map[string]*Phone{}}
	x.AddTech(tech{d})
	return d
}

// A Phone is called as PJSIP/name.
type Phone struct {
	Name string
	// PPM is by how many millionths its clock is fast. Set it before the first call.
	PPM   float64
	desk  *Desk
	calls chan *Call
	texts chan channel.Text
}

// Phone makes or finds one.
func (d *Desk) Phone(name string) *Phone {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.phones[name]
	if p == nil {
		p = &Phone{Name: name, desk: d, calls: make(chan *Call, 100), texts: make(chan channel.Text, 100)}
		d.phones[name] = p
	}
	return p
}

// Called waits until the phone is called; it rings from then on.
func (p *Phone) Called(ctx context.Context) (*Call, error) {
	select {
	case c := <-p.calls:
		return c, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s was not called: %w", p.Name, ctx.Err())
	}
}

// Text waits for a text message to the phone.
func (p *Phone) Text(ctx context.Context) (channel.Text, error) {
	select {
	case m := <-p.texts:
		return m, nil
	case <-ctx.Done():
		return channel.Text{}, fmt.Errorf("%s was not written to: %w", p.Name, ctx.Err())
	}
}

// Write sends a text message to a number in a context.
func (p *Phone) Write(ctx context.Context, place, number, body string) error {
	return p.desk.exchange.AcceptText(ctx, channel.IncomingText{
		Text: channel.Text{From: "pjsip:" + p.Name, To: "pjsip:" + number, Body: body}, Context: place, Exten: number,
		Caller: channel.Party{Number: p.Name}, Endpoint: p.Name,
	})
}

// Dial calls a number in a context.
func (p *Phone) Dial(ctx context.Context, place, number string) (*Call, error) {
	c, err := p.newCall()
	if err != nil {
		return nil, err
	}
	return c, p.desk.exchange.Accept(ctx, channel.Incoming{
		Leg: c, Context: place, Exten: number, Dialed: number, Caller: channel.Party{Number: p.Name},
		Endpoint: p.Name, Codecs: []*media.Codec{media.PCMU}, MaxForwards: 70,
	})
}

type tech struct{ d *Desk }

func (tech) Name() string { return "PJSIP" }

func (tech) State(string) channel.DeviceState { return channel.DeviceNotInUse }

// SendMessage is channel.Messenger.
func (t tech) SendMessage(_ context.Context, dest string, m channel.Text) error {
	t.d.Phone(dest).texts <- m
	return nil
}

func (t tech) NewLeg(_ context.Context, r channel.Request) (channel.Leg, error) {
	c, err := t.d.Phone(r.Dest).newCall()
	if err != nil {
		return nil, err
	}
	c.Caller = r.Caller
	return c, nil
}

func (p *Phone) newCall() (*Call, error) {
	c := &Call{phone: p, news: make(chan struct{}, 1), over: make(chan struct{})}
	p.desk.mu.Lock()
	c.name = fmt.Sprintf("PJSIP/%s-%08x", p.Name, p.desk.serial)
	p.desk.serial++
	p.desk.mu.Unlock()
	c.at = p.desk.plane.Phone(c.take)
	port, err := p.desk.plane.Open(plane.Options{Events: c.media})
	if err != nil {
		return nil, err
	}
	port.Apply(media.Flow{
		Remote: c.at, Formats: []media.Format{{PT: 0, Codec: media.PCMU}}, EventPT: events,
		Send: true, Recv: true, Digits: media.RFC4733,
	})
	c.port = port
	go c.speak()
	return c, nil
}

// events is the payload type of telephone-events.
const events = 101

// take hears a packet for the phone, on the plane's goroutine.
func (c *Call) take(packet []byte) {
	var h rtp.Header
	if !h.Parse(packet) {
		return
	}
	payload := packet[h.From:h.To]
	c.mu.Lock()
	hear := c.hear
	c.mu.Unlock()
	switch {
	case h.PT == events && len(payload) >= 4 && payload[1]&0x80 != 0 && h.Stamp != c.event:
		c.event = h.Stamp
		c.note("key " + string("0123456789*#ABCD"[payload[0]&15]))
	case h.PT == 0 && hear != nil:
		frame := make([]int16, len(payload))
		g711.ULaw().Decode(frame, payload)
		hear(frame)
	}
}

// speak sends a packet every 20 ms of the phone's clock until the call is over.
func (c *Call) speak() {
	const samples = 160
	period := float64(20*time.Millisecond) / (1 + c.phone.PPM/1e6)
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	h := rtp.Header{SSRC: 1}
	packet := make([]byte, rtp.HeaderLen+samples)
	var frame [samples]int16
	for n := 1; ; n++ {
		timer.Reset(time.Until(start.Add(time.Duration(float64(n) * period))))
		select {
		case <-timer.C:
		case <-c.over:
			return
		}
		c.mu.Lock()
		say := c.say
		c.mu.Unlock()
		clear(frame[:])
		if say != nil {
			say(frame[:])
		}
		h.Seq++
		h.Stamp += samples
		h.Put(packet)
		g711.ULaw().Encode(packet[rtp.HeaderLen:], frame[:])
		c.phone.desk.plane.Send(c.at, c.port.Local(), packet)
	}
}
