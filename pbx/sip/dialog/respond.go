package dialog

import (
	"net"

	"github.com/emiago/sipgo/sip"
)

// Respond begins a response to req (RFC 3261 8.2.6): Via with received and rport
// filled in (RFC 3581 4, always, as Asterisk does), Record-Route where a dialog
// begins, Call-ID, From, To with our tag, CSeq. An empty reason takes the usual
// phrase; an empty tag, or status 100, leaves To as it came. The response goes
// where the request came from.
func Respond(req *sip.Request, status int, reason, tag string) *sip.Response {
	if reason == "" {
		reason = Phrase(status)
	}
	res := sip.NewResponse(status, reason)
	res.SipVersion = req.SipVersion
	for i, h := range req.GetHeaders("Via") {
		h = sip.HeaderClone(h)
		if via, ok := h.(*sip.ViaHeader); ok && i == 0 {
			if host, port, err := net.SplitHostPort(req.Source()); err == nil {
				// branch last, as Asterisk prints it: scripts that test exchanges
				// make new branches by writing something after our Via.
				params := sip.HeaderParams{{K: "rport", V: port}, {K: "received", V: host}}
				for _, p := range via.Params {
					if p.K != "branch" && p.K != "rport" && p.K != "received" {
						params = append(params, p)
					}
				}
				if branch, ok := via.Params.Get("branch"); ok {
					params = append(params, sip.HeaderKV{K: "branch", V: branch})
				}
				via.Params = params
			}
		}
		res.AppendHeader(h)
	}
	if status > 100 && status < 300 && foundsDialog(req.Method) {
		sip.CopyHeaders("Record-Route", req, res)
	}
	if h := req.CallID(); h != nil {
		res.AppendHeader(sip.HeaderClone(h))
	}
	if h := req.From(); h != nil {
		res.AppendHeader(sip.HeaderClone(h))
	}
	if h := req.To(); h != nil {
		to := sip.HeaderClone(h).(*sip.ToHeader)
		if status == 100 {
			// The agent puts our tag on the request early, so that the transaction
			// layer's own answers agree with ours; a 100 does not show it.
			if got, _ := to.Params.Get("tag"); tag != "" && got == tag {
				to.Params.Remove("tag")
			}
		} else if tag != "" && !to.Params.Has("tag") {
			to.Params.Add("tag", tag)
		}
		res.AppendHeader(to)
	}
	if h := req.CSeq(); h != nil {
		res.AppendHeader(sip.HeaderClone(h))
	}
	if status == 100 {
		sip.CopyHeaders("Timestamp", req, res)
	}
	res.SetTransport(req.Transport())
	res.SetDestination(req.Source())
	return res
}

func foundsDialog(m sip.RequestMethod) bool {
	switch m {
	case sip.INVITE, sip.SUBSCRIBE, sip.REFER, sip.NOTIFY:
		return true
	}
	return false
}

// Phrase is the reason phrase of a status, as Asterisk words it; "" for a
// status without one.
func Phrase(status int) string { return phrases[status] }

var phrases = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress",
	200: "OK", 202: "Accepted", 204: "No Notification",
	300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily", 305: "Use Proxy", 380: "Alternative Service",
	400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
	405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
	410: "Gone", 412: "Conditional Request Failed", 413: "Request Entity Too Large", 414: "Request-URI Too Long", 415: "Unsupported Media Type",
	416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required", 422: "Session Timer Too Small",
	423: "Interval Too Brief", 424: "Bad Location Information", 428: "Use Identity Header", 429: "Provide Referrer Identity",
	430: "Flow Failed", 433: "Anonymity Disallowed", 436: "Bad Identity-Info", 437: "Unsupported Certificate",
	438: "Invalid Identity Header", 439: "First Hop Lacks Outbound Support", 440: "Max-Breadth Exceeded",
	469: "Bad Info Package", 470: "Consent Needed", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected",
	483: "Too Many Hops", 484: "Address Incomplete", 485: "Ambiguous", 486: "Busy Here", 487: "Request Terminated",
	488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending", 493: "Undecipherable", 494: "Security Agreement Required",
	500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
	504: "Server Time-out", 505: "Version Not Supported", 513: "Message Too Large", 580: "Precondition Failure",
	600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable",
}
