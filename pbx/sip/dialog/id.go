// Package dialog keeps the state RFC 3261 section 12 asks two user agents to
// share: identifiers, sequence numbers, route set and remote target. It is
// plain data without input or output; whoever owns a Dialog calls it from one
// goroutine.
package dialog

import "github.com/emiago/sipgo/sip"

// An ID names a dialog (RFC 3261 12): Call-ID, our tag, their tag. Remote may
// be empty for a dialog with an RFC 2543 peer.
type ID struct{ CallID, Local, Remote string }

// IDOf is the dialog an incoming request belongs to: our tag stands in To.
func IDOf(req *sip.Request) ID {
	var id ID
	if h := req.CallID(); h != nil {
		id.CallID = h.Value()
	}
	if h := req.To(); h != nil {
		id.Local, _ = h.Params.Get("tag")
	}
	if h := req.From(); h != nil {
		id.Remote, _ = h.Params.Get("tag")
	}
	return id
}
