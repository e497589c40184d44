package show

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"branchline/pbx/cli"
	"branchline/pbx/sip/subscribe"
)

// subscriptionCommands show what phones watch. Nothing is ever watched elsewhere: the
// lists of outbound subscriptions are empty.
func (d *Deps) subscriptionCommands() []cli.Command {
	return []cli.Command{
		{Path: "pjsip show subscriptions {inbound|outbound} [like]", Summary: "Show active inbound/outbound subscriptions",
			Usage: "Usage: pjsip show subscriptions {inbound|outbound} [like <pattern>]\n       Shows the subscriptions that are active.\n",
			Run: d.subscriptionList("Endpoint: <Endpoint/Caller-ID.............................................>\n"+
				"Resource: <Resource/Event.................................................>\n"+
				"  Expiry: <Expiry>  <Call-id..............................................>\n"+
				"===========================================================================\n\n",
				"Endpoint: %s\nResource: %s\n  Expiry: %8d  %s\n\n", "")},
		{Path: "pjsip list subscriptions {inbound|outbound} [like]", Summary: "List active inbound/outbound subscriptions",
			Usage: "Usage: pjsip list subscriptions {inbound|outbound} [like <pattern>]\n       Lists the subscriptions that are active, one line each.\n",
			Run: d.subscriptionList(fmt.Sprintf("%-30s %-30s %6s %s\n", "Endpoint/CLI", "Resource/Event", "Expiry", "Call-id"),
				"%-30.30s %-30.30s %6d %s\n", "\n")},
		{Path: "pjsip show subscription {inbound|outbound}", Summary: "Show active subscription details",
			Usage: "Usage: pjsip show subscription {inbound|outbound} <call-id>\n       Shows one subscription.\n",
			Run:   d.subscription, Complete: func([]string) (out []string) {
				for _, s := range d.subscriptions() {
					out = append(out, s.CallID)
				}
				return out
			}},
	}
}

// subscriptions are those of pjsip.conf that are active.
func (d *Deps) subscriptions() (out []subscribe.Entry) {
	for _, s := range d.Subscriptions() {
		if !s.Legacy && !s.Over {
			out = append(out, s)
		}
	}
	return out
}

// outbound reports whether the command asks for subscriptions of ours elsewhere.
func outbound(ctx context.Context) bool {
	for _, word := range cli.Words(ctx) {
		if strings.EqualFold(word, "outbound") {
			return true
		}
	}
	return false
}

func callerWords(s subscribe.Entry) string {
	if s.Caller.Number == "" {
		return "<none>"
	}
	return s.Caller.Number
}

// subscriptionList prints a list; foot is what stands before the number of them.
func (d *Deps) subscriptionList(head, row, foot string) func(context.Context, io.Writer, []string) error {
	return func(ctx context.Context, w io.Writer, args []string) error {
		like, matched := "", ""
		switch {
		case len(args) == 2 && strings.EqualFold(args[0], "like"):
			like, matched = args[1], fmt.Sprintf(" matched \"%s\"", args[1])
		case len(args) > 0:
			return cli.ErrUsage
		}
		cli.Add(w, "subscriptions")
		fmt.Fprint(w, head)
		n := 0
		if !outbound(ctx) {
			for _, s := range d.subscriptions() {
				endpoint, resource, left := s.Endpoint+"/"+callerWords(s), s.Exten+"/"+s.Event, int(s.Left/time.Second)
				if !strings.Contains(endpoint+" "+resource+" "+s.CallID, like) {
					continue
				}
				n++
				cli.Add(w, "subscriptions", cli.Fields("endpoint", s.Endpoint, "caller", s.Caller.Number, "resource", s.Exten,
					"event", s.Event, "expiry", left, "call_id", s.CallID))
				fmt.Fprintf(w, row, endpoint, resource, left, s.CallID)
			}
		}
		_, err := fmt.Fprintf(w, "%s%d active subscriptions%s\n", foot, n, matched)
		return err
	}
}

// subscription is `pjsip show subscription`.
func (d *Deps) subscription(ctx context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	for _, s := range d.subscriptions() {
		if s.CallID != args[0] || outbound(ctx) {
			continue
		}
		caller := "Unknown"
		if s.Caller.Number != "" {
			caller = fmt.Sprintf("\"%s\" <%s>", s.Caller.Name, s.Caller.Number)
		}
		fmt.Fprintf(w, "%-20s: %s\n%s\n", "ParameterName", "ParameterValue", strings.Repeat("=", 75))
		rows := [][2]string{
			{"Resource", s.Exten}, {"Event", s.Event}, {"Expiry", fmt.Sprint(int(s.Left / time.Second))}, {"Role", "Notifier"},
			{"Endpoint", s.Endpoint}, {"Callid", s.CallID}, {"State", "ACTIVE"}, {"Callerid", caller},
		}
		if s.Event == "message-summary" {
			rows = append(rows, [2]string{"SubscriptionType", "mwi"}, [2]string{"Mailboxes", strings.Join(s.Mailboxes, ",")})
		} else {
			rows = append(rows, [2]string{"SubscriptionType", "extension_state"}, [2]string{"Extension", s.Exten},
				[2]string{"ExtensionStates", s.State.ExtensionState()})
		}
		for _, r := range rows {
			fmt.Fprintf(w, "%-20s: %s\n", r[0], r[1])
		}
		_, err := fmt.Fprint(w, "\n")
		return err
	}
	_, err := fmt.Fprintf(w, "Unable to find object %s.\n\n", args[0])
	return err
}
