// Package compose writes the messages of a leg, header by header and in Asterisk's
// order: what a leg says of itself, whatever the state of its call.
package compose

import (
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/header"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/party"
)

// Allow lists the methods we serve, in Asterisk's order.
const Allow = "OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, INFO, MESSAGE, REFER"

// A Voice is how one leg speaks: its endpoint's settings, our address there, and who
// it is for.
type Voice struct {
	Endpoint      *settings.Endpoint
	Local         link.Local
	UserAgent     string // Server and User-Agent header
	FromUser      string // of a call without a number, "" is "asterisk"
	CallerContact bool   // the caller's number stands in the Contact of outbound calls
	Inbound       bool
	Called        string        // inbound: the user part of the Request-URI it came with
	Caller        channel.Party // outbound: who calls
	Hidden        bool          // outbound: his identity is kept from the endpoint
}

// Supported is our Supported header: what the endpoint's settings leave of it.
func (v *Voice) Supported() string {
	var tags []string
	if v.Endpoint.Rel100 != "no" {
		tags = append(tags, "100rel")
	}
	if v.Endpoint.Timers != "no" {
		tags = append(tags, "timer")
	}
	return strings.Join(append(tags, "replaces", "norefersub"), ", ")
}

// Contact is our Contact URI; user stands in it for requests.
func (v *Voice) Contact(user string) sip.Uri {
	if v.Endpoint.Legacy { // chan_sip names the number called, or the caller's
		switch {
		case v.Inbound:
			user = v.Called
		case v.Caller.Number != "" && !v.Hidden:
			user = party.EscapeUser(v.Caller.Number)
		}
	}
	if v.Endpoint.ContactUser != "" {
		user = v.Endpoint.ContactUser
	}
	u := sip.Uri{Scheme: "sip", User: user, Host: v.Local.Host, Port: v.Local.Port}
	if t := strings.ToUpper(v.Local.Transport); t != "" && t != "UDP" {
		if v.Endpoint.Legacy {
			t = strings.ToLower(t)
		}
		u.UriParams.Add("transport", t)
	}
	return u
}

// TargetURI is where a party is sent: a URI as it is, a number at our address.
func (v *Voice) TargetURI(target string) string {
	if strings.HasPrefix(target, "sip:") || strings.HasPrefix(target, "sips:") || strings.HasPrefix(target, "tel:") {
		return target
	}
	if strings.Contains(target, "@") {
		return "sip:" + target
	}
	u := v.Contact("")
	u.User = target
	return u.String()
}

// Respond begins a response to a request of this leg; tag is ours.
func (v *Voice) Respond(req *sip.Request, status int, tag string) *sip.Response {
	res := dialog.Respond(req, status, "", tag)
	if !v.Endpoint.ForceRport && !sip.IsReliable(req.Transport()) {
		if via := req.Via(); via != nil && !via.Params.Has("rport") {
			res.SetDestination(sentBy(req, via))
		}
	}
	if status == 100 {
		res.SetBody(nil)
		return res
	}
	res.AppendHeader(sip.NewHeader("Server", v.UserAgent))
	return res
}

// Describe adds what an answer to INVITE or UPDATE says about us: such responses make
// or refresh the dialog.
func (v *Voice) Describe(res *sip.Response, contact sip.Uri) {
	res.AppendHeader(sip.NewHeader("Allow", Allow))
	res.AppendHeader(&sip.ContactHeader{Address: *contact.Clone()})
	res.AppendHeader(sip.NewHeader("Supported", v.Supported()))
}

// Finish adds the headers every request ends with, and the body.
func (v *Voice) Finish(req *sip.Request, hops int, contentType string, body []byte) {
	max := sip.MaxForwardsHeader(hops)
	req.AppendHeader(&max)
	req.AppendHeader(sip.NewHeader("User-Agent", v.UserAgent))
	header.Carry(req, contentType, body)
}

// Unsupported are the option tags of Require that we do not have.
func (v *Voice) Unsupported(req *sip.Request) []string {
	ours := strings.Split(v.Supported(), ", ")
	var out []string
	for _, h := range req.GetHeaders("Require") {
		for _, t := range strings.Split(h.Value(), ",") {
			t = strings.ToLower(strings.TrimSpace(t))
			if t != "" && !slices.Contains(ours, t) {
				out = append(out, t)
			}
		}
	}
	return out
}

// Reasons are the Reason headers for a cause (RFC 3326); cancelling says that they
// are for a CANCEL.
func (v *Voice) Reasons(c channel.Cause, cancelling bool) []sip.Header {
	var out []sip.Header
	if c == channel.AnsweredElsewhere {
		out = append(out, sip.NewHeader("Reason", `SIP;cause=200;text="Call completed elsewhere"`))
	}
	if v.Endpoint.Legacy && c != channel.NoCause && !cancelling {
		out = append(out, sip.NewHeader("X-Asterisk-HangupCause", c.String()),
			sip.NewHeader("X-Asterisk-HangupCauseCode", strconv.Itoa(int(c))))
	}
	if !v.Endpoint.SuppressQ850 {
		out = append(out, sip.NewHeader("Reason", "Q.850;cause="+strconv.Itoa(int(c))))
	}
	return out
}

// sentBy is where a response goes that may not go to the request's source port
// (RFC 3261 18.2.2; force_rport=no).
func sentBy(req *sip.Request, via *sip.ViaHeader) string {
	host, _, err := net.SplitHostPort(req.Source())
	if err != nil {
		return req.Source()
	}
	port := via.Port
	if port == 0 {
		port = sip.DefaultPort(via.Transport)
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}
