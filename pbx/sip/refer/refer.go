// Package refer is a transfer as SIP says it: the REFER that asks for it and the
// NOTIFYs that tell how it fares (RFC 3515, RFC 4488), read and written. What becomes
// of the calls is for package invite and for the bridge.
package refer

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/party"
)

// lasts is how long the subscription a REFER makes lasts (RFC 3515 2.4.4), as
// Asterisk announces it.
const lasts = 600 * time.Second

// A Request is what a REFER asks for.
type Request struct {
	Target   string    // the URI, for the log
	Number   string    // to call
	Replaces bool      // an attended transfer: the call of Dialog is to be taken over
	Dialog   dialog.ID // zero if Replaces cannot be read
	By       string    // Referred-By, perhaps empty
	Quiet    bool      // no NOTIFYs (RFC 4488)
}

// Read reads a REFER; false if it is none that can be followed.
func Read(req *sip.Request) (r Request, ok bool) {
	to := req.GetHeaders("Refer-To")
	if len(to) == 0 {
		to = req.GetHeaders("r")
	}
	if len(to) != 1 {
		return r, false
	}
	var u sip.Uri
	params := sip.NewParams()
	if _, err := sip.ParseAddressValue(to[0].Value(), &u, &params); err != nil {
		return r, false
	}
	r = Request{
		Target: u.String(), Number: party.Number(&u), Replaces: u.Headers.Has("Replaces"), By: header.First(req, "Referred-By"),
		Quiet: strings.EqualFold(strings.TrimSpace(header.First(req, "Refer-Sub")), "false"),
	}
	if r.Replaces {
		text, _ := u.Headers.Get("Replaces")
		if plain, err := url.PathUnescape(text); err == nil {
			text = plain
		}
		if id, ok := dialog.Replaced(text); ok {
			r.Dialog = id
		}
	}
	return r, true
}

// Accepted are the headers of the 202.
func (r Request) Accepted() []sip.Header {
	if r.Quiet {
		return []sip.Header{sip.NewHeader("Refer-Sub", "false")}
	}
	return []sip.Header{sip.NewHeader("Expires", seconds())}
}

// Progress is the NOTIFY about a transfer (RFC 3515 2.4.5): id is the CSeq of the
// REFER, status how the new call stands.
func Progress(id uint32, status int) (headers []sip.Header, kind string, body []byte) {
	state := "active;expires=" + seconds()
	if status >= 200 {
		state = "terminated;reason=noresource"
	}
	return []sip.Header{
		sip.NewHeader("Event", "refer;id="+strconv.FormatUint(uint64(id), 10)),
		sip.NewHeader("Subscription-State", state),
	}, "message/sipfrag;version=2.0", []byte("SIP/2.0 " + strconv.Itoa(status) + " " + dialog.Phrase(status) + "\r\n")
}

func seconds() string { return strconv.Itoa(int(lasts / time.Second)) }

// Ask are the headers of a REFER of ours to target.
func Ask(target, by string) []sip.Header {
	if strings.ContainsAny(target, ",;?") { // RFC 3261 20.10: brackets where the URI could be misread
		target = "<" + target + ">"
	}
	return []sip.Header{sip.NewHeader("Refer-To", target), sip.NewHeader("Referred-By", "<"+by+">")}
}

// Outcome is how a transfer that we asked for stands, by a NOTIFY: below 200 if it
// is not over. It is false for a NOTIFY about something else.
func Outcome(req *sip.Request) (status int, ok bool) {
	event, _, _ := strings.Cut(header.First(req, "Event"), ";")
	if !strings.EqualFold(strings.TrimSpace(event), "refer") {
		return 0, false
	}
	state, _, _ := strings.Cut(header.First(req, "Subscription-State"), ";")
	status = fragment(req.Body())
	if status < 200 && strings.EqualFold(strings.TrimSpace(state), "terminated") { // without a word
		status = 200
	}
	return status, true
}

// fragment is the status that a message/sipfrag begins with (RFC 3420), or 0.
func fragment(body []byte) int {
	f := strings.Fields(string(body[:min(len(body), 64)]))
	if len(f) < 2 || !strings.HasPrefix(f[0], "SIP/") {
		return 0
	}
	n, err := strconv.Atoi(f[1])
	if err != nil || n < 100 || n > 699 {
		return 0
	}
	return n
}
