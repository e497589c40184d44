package line

import (
	"context"
	"fmt"
	"strings"

	"branchline/hal"
	"branchline/pbx/channel"
	"branchline/pbx/line/lineconf"
)

// text takes a short message into the dialplan: to the extension named like the line,
// else to "sms", else to s, of the line's context for messages.
func (b *Bank) text(l *lineconf.Line, m hal.Message) {
	exten := "s"
	for _, e := range [...]string{l.Name, "sms"} {
		if exists, _ := b.exchange.Lookup(l.TextContext, e, m.From); exists {
			exten = e
			break
		}
	}
	to := m.To
	if to == "" {
		to = l.SubscriberNumber
	}
	in := channel.IncomingText{
		Text:    channel.Text{From: "sms:" + m.From, To: "sms:" + to, Body: m.Body},
		Context: l.TextContext, Exten: exten, Caller: channel.Party{Number: m.From}, Endpoint: l.ID(),
	}
	if err := b.exchange.AcceptText(context.Background(), in); err != nil {
		b.log.Warn("message refused", "line", l.ID(), "from", m.From, "error", err)
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
		if p.Name() == name {
			return p.Send(ctx, number, text.Body)
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
		if up, _ := p.Available(); up && (!named || p.Name() == name) {
			return p.Send(ctx, number, text.Body)
		}
	}
	if named {
		return fmt.Errorf("the line Cell/%s is down, or not there", name)
	}
	return fmt.Errorf("no line that is up can send messages")
}
