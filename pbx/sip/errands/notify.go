package errands

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
)

// ErrNoEndpoint reports that there is nobody of that name in pjsip.conf.
var ErrNoEndpoint = errors.New("no such endpoint")

// Notify sends a NOTIFY outside any dialog to every contact of an endpoint of
// pjsip.conf, or to an address ("sip:..."), as `pjsip send notify` does: to make a
// phone reboot, read its configuration again, and so on. what is the section of
// pjsip_notify.conf with its headers; Content lines make the body, an empty one
// at the end the last line's end. The error tells who did not take it.
func (e *Runner) Notify(ctx context.Context, dest string, what *astconf.Section) error {
	w := e.o.Rack.Load()
	n, err := written(what)
	if err != nil {
		return err
	}
	to, err := e.notified(w, dest)
	if err != nil {
		return fmt.Errorf("notify %s: %w", dest, err)
	}
	ctx, cancel := context.WithTimeout(ctx, notifyWait)
	defer cancel()
	var errs []error
	for _, t := range to {
		if err := e.notify(ctx, w, t, n); err != nil {
			errs = append(errs, fmt.Errorf("notify %s: %w", dest, err))
		}
	}
	return errors.Join(errs...)
}

// notified are the places that dest means.
func (e *Runner) notified(w *transports.World, dest string) ([]way.Target, error) {
	if strings.HasPrefix(dest, "sip:") || strings.HasPrefix(dest, "sips:") {
		t := way.Target{Endpoint: &settings.Endpoint{FromUser: w.Settings.Global.DefaultFromUser}}
		if err := way.ParseURI(dest, &t.URI); err != nil {
			return nil, err
		}
		return []way.Target{t}, nil
	}
	ep := w.Endpoint(dest)
	if ep == nil {
		return nil, ErrNoEndpoint
	}
	to := e.contacts(ep)
	if len(to) == 0 {
		return nil, errors.New("it has no contact")
	}
	return to, nil
}

// contacts are the places where an endpoint can be reached.
func (e *Runner) contacts(ep *settings.Endpoint) (to []way.Target) {
	for _, aor := range ep.AORs {
		for _, c := range e.o.Registrar.Usable(aor) {
			to = append(to, way.Target{Endpoint: ep, Contact: c, URI: *c.Uri.Clone()})
		}
	}
	return to
}

// A notice is what a NOTIFY says.
type notice struct {
	name, user string // who says it, instead of the usual sender
	headers    []sip.Header
	body       func(req *sip.Request) string // which is finished but for the body
}

// notify sends one NOTIFY and waits for the answer.
func (e *Runner) notify(ctx context.Context, w *transports.World, to way.Target, n notice) error {
	routes, first, road, err := to.Start()
	if err != nil {
		return err
	}
	hs, err := e.o.Ways.Hops(ctx, road, first)
	if err != nil {
		return err
	}
	user := to.Endpoint.FromUser
	if user == "" {
		user = to.Endpoint.ID
	}
	auths, _ := w.Settings.UACAuths(to.Endpoint)
	callID, tag := sip.CallIDHeader(e.o.Token()), e.o.Token()
	res, h, err := e.o.Ways.Deliver(ctx, hs, auths, func(h way.Hop, seq uint32) *sip.Request {
		req := e.begin(w, to.URI, routes, h, user)
		from := req.From()
		if to.Endpoint.FromDomain != "" {
			from.Address.Host = to.Endpoint.FromDomain
		}
		from.Params.Add("tag", tag)
		req.AppendHeader(&callID)
		req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: sip.NOTIFY})
		n.sayOn(req)
		return req
	})
	switch {
	case err != nil && res != nil:
		return fmt.Errorf("%s asks for a password: %w", h.To, err)
	case errors.Is(err, link.ErrTimeout):
		return fmt.Errorf("no answer from %s in %v", h.To, notifyWait)
	case err != nil:
		return err
	case res.StatusCode/100 != 2:
		return fmt.Errorf("%s answered %d %s", h.To, res.StatusCode, res.Reason)
	}
	return nil
}

// sayOn puts what the notice says into its request.
func (n *notice) sayOn(req *sip.Request) {
	from := req.From()
	from.DisplayName = n.name
	if n.user != "" {
		from.Address.User = n.user
	}
	for _, h := range n.headers {
		req.AppendHeader(sip.HeaderClone(h))
	}
	req.SetBody([]byte(n.body(req)))
}

// begin begins the request: who speaks, to whom, by which way.
func (e *Runner) begin(w *transports.World, uri sip.Uri, routes []sip.Uri, h way.Hop, user string) *sip.Request {
	host, port := h.Wire.Speaks(h.To.Addr())
	contact := sip.Uri{Scheme: "sip", User: user, Host: host, Port: port}
	if h.Wire.Reliable() {
		contact.UriParams.Add("transport", strings.ToUpper(h.Wire.Network()))
	}
	limit := sip.MaxForwardsHeader(max(w.Settings.Global.MaxForwards, 1))
	req := sip.NewRequest(sip.NOTIFY, uri)
	for i := range routes {
		req.AppendHeader(&sip.RouteHeader{Address: routes[i]})
	}
	req.AppendHeader(&sip.FromHeader{Address: sip.Uri{Scheme: "sip", User: user, Host: host}})
	req.AppendHeader(&sip.ToHeader{Address: sip.Uri{Scheme: uri.Scheme, User: uri.User, Host: uri.Host}})
	req.AppendHeader(&sip.ContactHeader{Address: contact})
	req.AppendHeader(&limit)
	req.AppendHeader(sip.NewHeader("User-Agent", e.o.Rack.UserAgent()))
	return req
}

// written is what a section of pjsip_notify.conf or sip_notify.conf says: headers,
// Subscription-State among them (RFC 6665 8.2.1), and the lines of a body.
func written(what *astconf.Section) (n notice, err error) {
	var lines []string
	ended := true
	for _, e := range what.Entries {
		switch strings.ToLower(e.Name) {
		case "content":
			lines = append(lines, e.Value)
			continue
		case "content-length", "via", "from", "to", "call-id", "cseq", "contact", "max-forwards", "route", "record-route":
			return n, fmt.Errorf("notify: %s: header %s is not for the file to set", e.Pos, e.Name)
		case "subscription-state":
			ended = false
		}
		if strings.ContainsAny(e.Name+e.Value, "\r\n") {
			return n, fmt.Errorf("notify: %s: line break in a header", e.Pos)
		}
		n.headers = append(n.headers, sip.NewHeader(e.Name, e.Value))
	}
	if ended {
		n.headers = append(n.headers, sip.NewHeader("Subscription-State", "terminated"))
	}
	n.body = func(*sip.Request) string { return strings.Join(lines, "\r\n") }
	return n, nil
}
