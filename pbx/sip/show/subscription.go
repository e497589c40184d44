package show

import (
	"context"
	"fmt"
	"io"
	"strings"

	"branchline/pbx/cli"
)

// The subscription commands tell the truth: SUBSCRIBE is refused, so that there
// never is one.
func (d *Deps) subscriptionCommands() []cli.Command {
	table := func(head string) func(context.Context, io.Writer, []string) error {
		return func(_ context.Context, w io.Writer, args []string) error {
			matched := ""
			switch {
			case len(args) == 2 && strings.EqualFold(args[0], "like"):
				matched = fmt.Sprintf(" matched \"%s\"", args[1])
			case len(args) > 0:
				return cli.ErrUsage
			}
			cli.Add(w, "subscriptions")
			_, err := fmt.Fprintf(w, "%s\n0 active subscriptions%s\n", head, matched)
			return err
		}
	}
	return []cli.Command{
		{Path: "pjsip show subscriptions {inbound|outbound} [like]", Summary: "Show active inbound/outbound subscriptions",
			Usage: "Usage: pjsip show subscriptions {inbound|outbound} [like <pattern>]\n       Shows the subscriptions that are active.\n",
			Run: table("Endpoint: <Endpoint/Caller-ID.............................................>\n" +
				"Resource: <Resource/Event.................................................>\n" +
				"  Expiry: <Expiry>  <Call-id..............................................>\n" +
				"===========================================================================\n")},
		{Path: "pjsip list subscriptions {inbound|outbound} [like]", Summary: "List active inbound/outbound subscriptions",
			Usage: "Usage: pjsip list subscriptions {inbound|outbound} [like <pattern>]\n       Lists the subscriptions that are active, one line each.\n",
			Run:   table(fmt.Sprintf("%-30s %-30s %6s %s\n", "Endpoint/CLI", "Resource/Event", "Expiry", "Call-id"))},
		{Path: "pjsip show subscription {inbound|outbound}", Summary: "Show active subscription details",
			Usage: "Usage: pjsip show subscription {inbound|outbound} <call-id>\n       Shows one subscription.\n",
			Run: func(_ context.Context, w io.Writer, args []string) error {
				if len(args) != 1 {
					return cli.ErrUsage
				}
				_, err := fmt.Fprintf(w, "Unable to find object %s.\n\n", args[0])
				return err
			}},
	}
}
