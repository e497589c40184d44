package compose

import (
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/sip/party"
)

// A First is an INVITE that founds a dialog.
type First struct {
	Target      sip.Uri
	CallID, Tag string
	Seq         uint32
	Routes      []sip.Uri
	Redirecting channel.Party
	Timer       func(*sip.Request) // adds what is asked of the session timer
	Extra       []channel.Header   // of the dialplan
}

// Invite builds the INVITE up to its Max-Forwards, in Asterisk's order.
func (v *Voice) Invite(f First) *sip.Request {
	req := sip.NewRequest(sip.INVITE, f.Target)
	from := v.from()
	from.Params.Add("tag", f.Tag)
	to := &sip.ToHeader{Address: sip.Uri{Scheme: f.Target.Scheme, User: f.Target.User, Host: f.Target.Host}}
	if v.Endpoint.Legacy {
		to.Address = *f.Target.Clone()
	}
	callID := sip.CallIDHeader(f.CallID)
	contact := v.Contact(v.contactUser(from))
	req.AppendHeader(from)
	req.AppendHeader(to)
	req.AppendHeader(&sip.ContactHeader{Address: contact})
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: f.Seq, MethodName: sip.INVITE})
	for i := range f.Routes {
		req.AppendHeader(&sip.RouteHeader{Address: *f.Routes[i].Clone()})
	}
	req.AppendHeader(sip.NewHeader("Allow", Allow))
	req.AppendHeader(sip.NewHeader("Supported", v.Supported()))
	var require []string
	if v.Endpoint.Rel100 == "required" {
		require = append(require, "100rel")
	}
	if v.Endpoint.Timers == "required" {
		require = append(require, "timer")
	}
	if len(require) > 0 {
		req.AppendHeader(sip.NewHeader("Require", strings.Join(require, ", ")))
	}
	f.Timer(req)
	for _, h := range v.identity(f) {
		req.AppendHeader(h)
	}
	for _, h := range f.Extra {
		req.AppendHeader(sip.NewHeader(h.Name, h.Value))
	}
	return req
}

// User stands in From and Contact of a call without a number.
func (v *Voice) User() string {
	if v.FromUser != "" {
		return v.FromUser
	}
	return "asterisk"
}

// contactUser stands in the Contact of a call.
func (v *Voice) contactUser(from *sip.FromHeader) string {
	if v.CallerContact {
		return from.Address.User
	}
	return v.User()
}

// from is the From header of our call.
func (v *Voice) from() *sip.FromHeader {
	return party.From(v.Endpoint, v.Caller, v.Hidden, v.User(), v.Local.Host)
}

// identity are P-Asserted-Identity, Remote-Party-ID, Privacy, Diversion
// and History-Info of an INVITE, as far as the endpoint is to get them.
func (v *Voice) identity(f First) []sip.Header {
	e, host := v.Endpoint, v.Local.Host
	out := party.Identity(e, v.Caller, v.Hidden, "calling", host)
	if r := f.Redirecting; r.Number != "" {
		out = append(out, party.Diversion(e, r, host)...)
		out = append(out, party.History(e, r, channel.Party{Number: party.Number(&f.Target)}, host)...)
	}
	return out
}
