package showcalls

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/mailbox"
	"branchline/pbx/sip/document"
	"branchline/pbx/sip/subscribe"
)

// The layout is that of Asterisk 16's chan_sip.
func TestSubscriptions(t *testing.T) {
	d := Deps{Subscriptions: func() []subscribe.Entry {
		here := netip.MustParseAddr("127.0.0.1")
		return []subscribe.Entry{
			{Endpoint: "SIP/2002", Legacy: true, Exten: "600", Context: "default", Event: "presence", Body: document.PIDF, CallID: "p1",
				Left: 600 * time.Second, State: channel.DeviceNotInUse, Peer: here},
			{Endpoint: "SIP/2004", Legacy: true, Event: "message-summary", Body: mailbox.SummaryType, CallID: "q10",
				Left: 120 * time.Second, Mailboxes: []string{"2004@default"}, Peer: here},
			{Endpoint: "1001", Event: "presence", Body: document.PIDF, CallID: "modern"},
		}
	}}
	var b bytes.Buffer
	d.showSubscriptions(&b)
	const want = "Peer             User             Call ID          Extension        Last state     Type            Mailbox    Expiry\n" +
		"127.0.0.1        2002             p1               600@default      Idle           pidf+xml        <none>     000600\n" +
		"127.0.0.1        2004             q10              --               <none>         mwi             2004@defau 000120\n" +
		"2 active SIP subscriptions\n"
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}
