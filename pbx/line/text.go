package line

import (
	"context"
	"fmt"
	"strings"

	"branchline/hal"
	"branchline/pbx/channel"
)

// text takes a short message into the dialplan: to the extension named like the line,
// else to "sms", else to s, of the line's context for messages.
func (p *port) text(m hal.Message) {
	conf := p.conf()
	p.mu.Lock()
	p.counts.Messages++
	p.mu.Unlock()
	exten := "s"
	for _, e := range [...]string{p.name, "sms"} {
		if exists, _ := p.bank.Exchange.Lookup(conf.TextContext, e, m.From); exists {
			exten = e
			break
		}
	}
	to := m.To
	if to == "" {
		to = conf.SubscriberNumber
	}
	in := channel.IncomingText{
		Text:    channel.Text{From: "sms:" + m.From, To: "sms:" + to, Body: m.Body},
		Context: conf.TextContext, Exten: exten, Caller: channel.Party{Number: m.From}, Endpoint: p.id,
	}
	if err := p.bank.Exchange.AcceptText(context.Background(), in); err != nil {
		p.log.Warn("message refused", "from", m.From, "error", err)
	}
}

// SendMessage sends a short message: dest is name/number or name:number.
func (t *tech) SendMessage(ctx context.Context, dest string, text channel.Text) error {
	name, number, ok := strings.Cut(dest, "/")
	if !ok {
		name, number, ok = strings.Cut(dest, ":")
	}
	if !ok || number == "" {
		return fmt.Errorf("%q is not name/number", dest)
	}
	for _, p := range t.bank.all(t.lines) {
		if p.name == name {
			return p.send(ctx, number, text.Body)
		}
	}
	return fmt.Errorf("there is no line %s/%s", t.lines, name)
}

// texts is the technology of MessageSend(sms:number): whichever line can.
type texts struct{ bank *Bank }

var (
	_ channel.Messenger = texts{}
	_ channel.Messenger = (*tech)(nil)
)

// Name is "SMS".
func (texts) Name() string { return "SMS" }

// NewLeg refuses: there is nothing to talk to.
func (texts) NewLeg(context.Context, channel.Request) (channel.Leg, error) {
	return nil, &channel.Refusal{Cause: channel.ChanNotImplemented, Why: "SMS carries messages, not calls: use MessageSend"}
}

// State knows nothing of numbers.
func (texts) State(string) channel.DeviceState { return channel.DeviceUnknown }

// SendMessage sends over the first line that can; dest is a number, perhaps with
// @name behind it.
func (t texts) SendMessage(ctx context.Context, dest string, text channel.Text) error {
	number, name, named := strings.Cut(dest, "@")
	for _, p := range t.bank.all("Cell") {
		if up, _ := p.available(); up && (!named || p.name == name) {
			return p.send(ctx, number, text.Body)
		}
	}
	if named {
		return fmt.Errorf("the line Cell/%s is down, or not there", name)
	}
	return fmt.Errorf("no line that is up can send messages")
}

// send gives a message to the device. Lines may be told so from any goroutine.
func (p *port) send(ctx context.Context, number, body string) error {
	p.mu.Lock()
	d, why := p.device, p.why
	p.mu.Unlock()
	if d == nil {
		return fmt.Errorf("%s: %s", p.id, why)
	}
	if err := d.Do(ctx, hal.Op{Kind: hal.SendText, Message: hal.Message{To: number, Body: body}}); err != nil {
		return fmt.Errorf("%s: %w", p.id, err)
	}
	return nil
}
