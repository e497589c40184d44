package showcalls

import (
	"fmt"
	"io"
	"strings"
	"time"

	"branchline/pbx/cli"
	"branchline/pbx/mailbox"
	"branchline/pbx/sip/document"
)

// bodyWords are the types of bodies as chan_sip calls them.
var bodyWords = map[string]string{
	document.PIDF: "pidf+xml", document.XPIDF: "xpidf+xml", document.CPIM: "cpim-pidf+xml", document.Dialogs: "dialog-info+xml",
	mailbox.SummaryType: "mwi",
}

// showSubscriptions is `sip show subscriptions`.
func (d *Deps) showSubscriptions(w io.Writer) {
	t := cli.NewTable(w, "subscriptions", "%-15.15s  %-15.15s  %-15.15s  %-15.15s  %-13.13s  %-15.15s %-10.10s %-6.6s\n",
		"peer,user,call_id,extension,last_state,type,mailbox,expiry")
	t.Head("Peer", "User", "Call ID", "Extension", "Last state", "Type", "Mailbox", "Expiry")
	n := 0
	for _, s := range d.Subscriptions() {
		if !s.Legacy || s.Over {
			continue
		}
		n++
		exten, state, mailboxes := s.Exten+"@"+s.Context, s.State.ExtensionState(), "<none>"
		if s.Event == "message-summary" {
			exten, state, mailboxes = "--", "<none>", strings.Join(s.Mailboxes, ",")
		}
		t.Row(s.Peer.String(), strings.TrimPrefix(s.Endpoint, "SIP/"), s.CallID, exten, state, bodyWords[s.Body], mailboxes,
			fmt.Sprintf("%06d", s.Left/time.Second))
	}
	cli.Show(w, "active_subscriptions,", "%d active SIP subscription%s\n", n, plural(n))
}
