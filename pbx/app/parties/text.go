package parties

import (
	"context"
	"strings"
	"time"

	"branchline/pbx/app/form"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan/argument"
)

// messagePatience is how long a message may take to be accepted: RFC 3261's
// timer F.
const messagePatience = 32 * time.Second

// messageSend is MessageSend(destination[,from[,to]]): the message of the channel
// goes to tech:destination.
func (a *calls) messageSend(ctx context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 3)
	status := func(word string) { c.SetVar("MESSAGE_SEND_STATUS", word) }
	techName, dest, ok := strings.Cut(form.Arg(p, 0), ":")
	if !ok || dest == "" {
		status("INVALID_URI")
		a.System.Warn(c, "MessageSend: wants a destination as tech:address", "argument", args)
		return nil
	}
	if strings.EqualFold(techName, "sip") || strings.EqualFold(techName, "sips") { // an address, which PJSIP takes whole
		if _, ok := a.Exchange.Tech(techName); !ok {
			techName, dest = "PJSIP", form.Arg(p, 0)
		}
	}
	tech, known := a.Exchange.Tech(techName)
	m, able := tech.(channel.Messenger)
	if !known || !able {
		status("INVALID_PROTOCOL")
		a.System.Warn(c, "MessageSend: nothing of that name sends messages", "technology", techName)
		return nil
	}
	var t channel.Text
	if c.Text != nil {
		t = *c.Text
	}
	t.To = form.Arg(p, 2)
	if from := form.Arg(p, 1); from != "" {
		t.From = from
	}
	done := make(chan error, 1)
	sending, cancel := context.WithTimeout(ctx, messagePatience)
	defer cancel()
	go func() {
		done <- m.SendMessage(sending, dest, t)
		c.Post(channel.Event{Kind: channel.Nudge})
	}()
	if err := c.Wait(ctx, 0, func(e channel.Event) bool { return e.Kind == channel.Nudge && len(done) > 0 }); err != nil {
		return err
	}
	if err := <-done; err != nil {
		status("FAILURE")
		a.System.Warn(c, "MessageSend", "destination", form.Arg(p, 0), "error", err)
		return nil
	}
	status("SUCCESS")
	return nil
}

// sendText is SendText([text]): a message to the party of the call. Variables
// give what the argument cannot.
func (a *calls) sendText(ctx context.Context, c *channel.Channel, args string) error {
	value := func(name string) string {
		v, _ := c.Var(name)
		return v
	}
	t := channel.Text{
		Body: args, ContentType: value("SENDTEXT_CONTENT_TYPE"),
		FromName: value("SENDTEXT_FROM_DISPLAYNAME"), ToName: value("SENDTEXT_TO_DISPLAYNAME"),
	}
	if body := value("SENDTEXT_BODY"); body != "" {
		t.Body = body
	}
	switch leg, ok := c.Leg.(channel.Texter); {
	case t.Body == "":
		c.SetVar("SENDTEXTSTATUS", "FAILURE")
		a.System.Warn(c, "SendText: nothing to send")
	case !ok:
		c.SetVar("SENDTEXTSTATUS", "UNSUPPORTED")
	case leg.SendText(t):
		c.SetVar("SENDTEXTSTATUS", "SUCCESS")
	default:
		c.SetVar("SENDTEXTSTATUS", "FAILURE")
	}
	return c.Poll(ctx, nil)
}
