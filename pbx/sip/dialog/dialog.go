package dialog

import (
	"errors"
	"net"
	"strconv"

	"github.com/emiago/sipgo/sip"
)

// A Dialog is one dialog as its owner sees it (RFC 3261 12).
type Dialog struct {
	CallID    string
	Local     Identity
	Remote    Identity
	LocalSeq  uint32    // last CSeq we sent
	RemoteSeq uint32    // highest CSeq they sent, if HeardSeq
	HeardSeq  bool      // RemoteSeq is set
	Routes    []sip.Uri // in the order our requests visit them
	Target    sip.Uri   // their Contact: where requests end
	Contact   sip.Uri   // ours
	Caller    bool      // we sent the INVITE, so the Call-ID is ours (14.1)
}

// An Identity is the content of a From or To header. Tag is kept apart.
type Identity struct {
	Name string
	URI  sip.Uri
	Tag  string
}

// ErrIncomplete says that a message lacks what a dialog is made of.
var ErrIncomplete = errors.New("no Call-ID, From tag, To, CSeq or Contact")

// Accepted makes the dialog of a request we answer (RFC 3261 12.1.1). tag is
// our To tag, contact the URI we put into Contact.
func Accepted(req *sip.Request, tag string, contact sip.Uri) (*Dialog, error) {
	callID, from, to, cseq, target := req.CallID(), req.From(), req.To(), req.CSeq(), req.Contact()
	if callID == nil || from == nil || to == nil || cseq == nil || target == nil || target.Address.Wildcard {
		return nil, ErrIncomplete
	}
	d := &Dialog{
		CallID:    callID.Value(),
		Local:     Identity{Name: to.DisplayName, URI: *to.Address.Clone(), Tag: tag},
		Remote:    identity(from.DisplayName, from.Address, from.Params),
		RemoteSeq: cseq.SeqNo, HeardSeq: true,
		Target: bare(target.Address), Contact: contact,
	}
	for _, h := range req.GetHeaders("Record-Route") {
		if rr, ok := h.(*sip.RecordRouteHeader); ok {
			d.Routes = append(d.Routes, *rr.Address.Clone())
		}
	}
	return d, nil
}

// Made makes the dialog that a response to our request founds (RFC 3261
// 12.1.2), early or confirmed. Before a 2xx the response may lack a Contact;
// the target then stays the request's.
func Made(req *sip.Request, res *sip.Response, contact sip.Uri) (*Dialog, error) {
	callID, from, to, cseq := req.CallID(), req.From(), res.To(), req.CSeq()
	if callID == nil || from == nil || to == nil || cseq == nil {
		return nil, ErrIncomplete
	}
	d := &Dialog{
		CallID:   callID.Value(),
		Local:    identity(from.DisplayName, from.Address, from.Params),
		Remote:   identity(to.DisplayName, to.Address, to.Params),
		LocalSeq: cseq.SeqNo,
		Target:   *req.Recipient.Clone(), Contact: contact, Caller: true,
	}
	d.Refresh(res.Contact())
	routes := res.GetHeaders("Record-Route")
	for i := len(routes) - 1; i >= 0; i-- {
		if rr, ok := routes[i].(*sip.RecordRouteHeader); ok {
			d.Routes = append(d.Routes, *rr.Address.Clone())
		}
	}
	return d, nil
}

func identity(name string, uri sip.Uri, params sip.HeaderParams) Identity {
	tag, _ := params.Get("tag")
	return Identity{Name: name, URI: *uri.Clone(), Tag: tag}
}

// bare is a Contact's URI as a Request-URI may carry it (RFC 3261 19.1.1): the
// headers part goes.
func bare(u sip.Uri) sip.Uri {
	u = *u.Clone()
	u.Headers = nil
	return u
}

// ID is the key in-dialog requests are matched by.
func (d *Dialog) ID() ID { return ID{CallID: d.CallID, Local: d.Local.Tag, Remote: d.Remote.Tag} }

// Refresh takes the remote target from a target refresh request or its response
// (RFC 3261 12.2); nil changes nothing. It reports whether the target moved.
func (d *Dialog) Refresh(contact *sip.ContactHeader) bool {
	if contact == nil || contact.Address.Wildcard || contact.Address.Host == "" {
		return false
	}
	next := bare(contact.Address)
	moved := next.String() != d.Target.String()
	d.Target = next
	return moved
}

// Request begins a new request within the dialog (RFC 3261 12.2.1.1), with the
// next CSeq and the headers up to it in Asterisk's order. The caller adds the
// rest, and the network the Via.
func (d *Dialog) Request(method sip.RequestMethod) *sip.Request {
	d.LocalSeq++
	return d.request(method, d.LocalSeq)
}

// Ack is the ACK for a 2xx to the INVITE numbered seq (RFC 3261 13.2.2.4).
func (d *Dialog) Ack(seq uint32) *sip.Request { return d.request(sip.ACK, seq) }

func (d *Dialog) request(method sip.RequestMethod, seq uint32) *sip.Request {
	target, routes := d.Target, d.Routes
	strict := len(routes) > 0 && !routes[0].UriParams.Has("lr")
	if strict {
		// RFC 3261 12.2.1.1: a strict router wants itself in the Request-URI and
		// the true target at the end of the route.
		rest := append([]sip.Uri{}, routes[1:]...)
		routes = append(rest, target)
		target = *d.Routes[0].Clone()
		target.UriParams.Remove("method")
		target.Headers = nil
	}
	req := sip.NewRequest(method, target)
	from := &sip.FromHeader{DisplayName: d.Local.Name, Address: *d.Local.URI.Clone()}
	to := &sip.ToHeader{DisplayName: d.Remote.Name, Address: *d.Remote.URI.Clone()}
	if d.Local.Tag != "" {
		from.Params.Add("tag", d.Local.Tag)
	}
	if d.Remote.Tag != "" {
		to.Params.Add("tag", d.Remote.Tag)
	}
	callID := sip.CallIDHeader(d.CallID)
	req.AppendHeader(from)
	req.AppendHeader(to)
	switch method {
	case sip.INVITE, sip.UPDATE, sip.SUBSCRIBE, sip.NOTIFY, sip.REFER:
		req.AppendHeader(&sip.ContactHeader{Address: *d.Contact.Clone()})
	}
	req.AppendHeader(&callID)
	req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: method})
	for i := range routes {
		req.AppendHeader(&sip.RouteHeader{Address: *routes[i].Clone()})
	}
	if strict {
		req.SetDestination(hostPort(&target))
	}
	return req
}

func hostPort(u *sip.Uri) string {
	port := u.Port
	if port == 0 {
		port = 5060
		if u.IsEncrypted() {
			port = 5061
		}
	}
	return net.JoinHostPort(u.Host, strconv.Itoa(port))
}

// An Order says where a request's CSeq stands (RFC 3261 12.2.2).
type Order uint8

const (
	Next  Order = iota // the one after the last, or the first at all
	Gap                // later ones came first, or some were never sent to us
	Stale              // lower than what was already seen: answer 500
)

func (o Order) String() string { return [...]string{"next", "gap", "stale"}[o] }

// OrderOf compares a request with what was seen so far. ACK and CANCEL carry the
// number of their INVITE and are always Next.
func (d *Dialog) OrderOf(req *sip.Request) Order {
	cseq := req.CSeq()
	if cseq == nil || req.Method == sip.ACK || req.Method == sip.CANCEL || !d.HeardSeq {
		return Next
	}
	switch {
	case cseq.SeqNo <= d.RemoteSeq:
		return Stale
	case cseq.SeqNo == d.RemoteSeq+1:
		return Next
	default:
		return Gap
	}
}

// Heard notes a request's CSeq.
func (d *Dialog) Heard(req *sip.Request) {
	cseq := req.CSeq()
	if cseq == nil || req.Method == sip.ACK || req.Method == sip.CANCEL {
		return
	}
	if !d.HeardSeq || cseq.SeqNo > d.RemoteSeq {
		d.RemoteSeq, d.HeardSeq = cseq.SeqNo, true
	}
}
