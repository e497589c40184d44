package call

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/fn/form"
)

// messageFunctions read and change the text message a channel carries.
func messageFunctions() []dialplan.Function {
	return []dialplan.Function{
		{Name: "MESSAGE", Synopsis: "A part of the text message", Syntax: "MESSAGE(to|from|body|custom_data)",
			Read: form.OnChannel(readMessage), Write: form.SetChannel(writeMessage)},
		{Name: "MESSAGE_DATA", Synopsis: "A header of the text message", Syntax: "MESSAGE_DATA(name)",
			Read: form.OnChannel(readMessageData), Write: form.SetChannel(writeMessageData)},
	}
}

var errNoMessage = errors.New("the channel carries no text message")

func readMessage(c *channel.Channel, args string) (string, error) {
	if c.Text == nil {
		return "", errNoMessage
	}
	switch form.Item(args) {
	case "to":
		return c.Text.To, nil
	case "from":
		return c.Text.From, nil
	case "body":
		return c.Text.Body, nil
	}
	return "", fmt.Errorf("%q is not a part of a message", args)
}

func writeMessage(c *channel.Channel, args, value string) error {
	if c.Text == nil {
		c.Text = &channel.Text{}
	}
	switch form.Item(args) {
	case "to":
		c.Text.To = value
	case "from":
		c.Text.From = value
	case "body":
		c.Text.Body = value
	case "custom_data":
		switch strings.TrimSpace(value) {
		case "mark_all_outbound":
			c.Text.Extra = slices.Clone(c.Text.Headers)
		case "clear_all_outbound":
			c.Text.Extra = nil
		default:
			return fmt.Errorf("%q: custom_data takes mark_all_outbound or clear_all_outbound", value)
		}
	default:
		return fmt.Errorf("%q is not a part of a message", args)
	}
	return nil
}

func readMessageData(c *channel.Channel, args string) (string, error) {
	if c.Text == nil {
		return "", errNoMessage
	}
	name := strings.TrimSpace(args)
	for _, list := range [...][]channel.Header{c.Text.Extra, c.Text.Headers} {
		for _, h := range list {
			if strings.EqualFold(h.Name, name) {
				return h.Value, nil
			}
		}
	}
	return "", nil
}

func writeMessageData(c *channel.Channel, args, value string) error {
	name := strings.TrimSpace(args)
	if name == "" || strings.ContainsAny(name, " \t\r\n:") || strings.ContainsAny(value, "\r\n\x00") {
		return fmt.Errorf("%q=%q is no header", name, value)
	}
	if c.Text == nil {
		c.Text = &channel.Text{}
	}
	c.Text.Extra = slices.DeleteFunc(c.Text.Extra, func(h channel.Header) bool { return strings.EqualFold(h.Name, name) })
	if value != "" {
		c.Text.Extra = append(c.Text.Extra, channel.Header{Name: name, Value: value})
	}
	return nil
}
