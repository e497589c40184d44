package sip

import (
	"context"
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/transports"
)

// Tech is the channel technology PJSIP.
func (a *Agent) Tech() channel.Tech { return tech{a} }

type tech struct{ a *Agent }

func (tech) Name() string { return "PJSIP" }

// A target is what a Dial argument after "PJSIP/" means.
type target struct {
	ep      *settings.Endpoint
	uri     sip.Uri
	contact *registrar.Contact // nil for an explicit URI
}

// NewLeg makes an outbound leg; see target for the forms of r.Dest. It waits a
// moment for a name to be found, and lets the leg look on if that is too short.
func (t tech) NewLeg(ctx context.Context, r channel.Request) (channel.Leg, error) {
	a := t.a
	w := a.rack.Load()
	to, refusal := a.target(w, r.Dest)
	if refusal != nil {
		return nil, refusal
	}
	call := invite.Call{
		Target: to.uri, Caller: r.Caller, Redirecting: r.Redirecting, Codecs: r.Codecs,
		MaxForwards: r.MaxForwards, Privacy: r.Privacy,
	}
	call.Headers = append(call.Headers, r.Headers...)
	for _, name := range [...]string{"SIPREFERREDBYHDR", "__SIPREFERREDBYHDR"} {
		if by := r.Vars[name]; by != "" { // the caller was sent here by a REFER
			call.Headers = append(call.Headers, channel.Header{Name: "Referred-By", Value: by})
		}
	}
	call.Contact = to.uri.String()
	if to.contact != nil {
		call.AOR, call.Contact = to.contact.AOR, to.contact.URI
	}
	routes, err := routesOf(to)
	if err != nil {
		a.log.Error("outbound_proxy is no URI", "endpoint", to.ep.ID, "error", err)
		return nil, &channel.Refusal{Cause: channel.NoRoute, Why: err.Error()}
	}
	call.Routes = routes
	first := &call.Target
	if len(routes) > 0 {
		first = &routes[0]
	}
	prefer := ""
	if to.contact != nil {
		prefer = to.contact.Source.Transport
	}
	way := road{pin: to.ep.Transport, prefer: prefer}
	look := a.search(way, first)
	h, late := hop{}, false
	if !look.within(ctx, moment) {
		if h, late = guess(w, way, first); !late {
			look.within(ctx, transports.LookupTime)
		}
	}
	if !late {
		if err := look.result(ctx); err != nil {
			a.log.Error("call cannot be sent", "endpoint", to.ep.ID, "uri", first.String(), "error", err)
			return nil, &channel.Refusal{Cause: channel.NoRoute, Why: err.Error()}
		}
		h = look.hops[0]
	}
	l := &life{}
	c := a.config(w, to.ep, h.wire, h.to.Addr(), h.wire.Local(h.to.Addr()), l)
	network := a.carrier(w, to.ep, h.wire.Name())
	if late {
		c.Find = a.find(w, to.ep, network, look, first, channel.NoRoute)
	} else {
		network.found(first, look.hops)
	}
	c.Network = network
	s, err := invite.Outgoing(c, call)
	if err != nil {
		return nil, &channel.Refusal{Cause: channel.SwitchCongestion, Why: err.Error()}
	}
	a.begun(l, s)
	return s, nil
}

// target reads endpoint, user@endpoint, endpoint/uri and endpoint/aor. An
// endpoint whose name has an @ wins over user@endpoint.
func (a *Agent) target(w *transports.World, dest string) (target, *channel.Refusal) {
	name, rest, explicit := strings.Cut(dest, "/")
	user := ""
	ep := w.Endpoint(name)
	multi := w.Settings == nil || !w.Settings.Global.DisableMultiDomain
	if at := strings.LastIndexByte(name, '@'); at >= 0 && (ep == nil || !multi) {
		user, name = name[:at], name[at+1:]
		if name == "" {
			return target{}, &channel.Refusal{Cause: channel.Cause(6), Why: "no endpoint after @"}
		}
		ep = w.Endpoint(name)
	}
	if ep == nil {
		a.log.Error(fmt.Sprintf("Unable to create PJSIP channel - endpoint '%s' was not found", name))
		return target{}, &channel.Refusal{Cause: channel.NoRoute, Why: "endpoint " + name + " was not found"}
	}
	to := target{ep: ep}
	if scheme := strings.ToLower(rest); explicit && (strings.HasPrefix(scheme, "sip:") || strings.HasPrefix(scheme, "sips:")) {
		if err := parseURI(rest, &to.uri); err != nil {
			return target{}, a.invalid(ep, rest)
		}
	} else {
		aors := ep.AORs
		if explicit {
			aors = []string{rest}
		}
		for _, aor := range aors {
			if cs := a.o.Registrar.Usable(aor); len(cs) > 0 {
				to.contact = cs[0]
				to.uri = *cs[0].Uri.Clone()
				break
			}
		}
		if to.contact == nil {
			if explicit {
				return target{}, a.invalid(ep, rest)
			}
			return target{}, a.invalid(ep, dest)
		}
	}
	if user != "" {
		to.uri.User = user
	}
	if ep.UserEqPhone && isNumber(to.uri.User) && !to.uri.UriParams.Has("user") {
		to.uri.UriParams.Add("user", "phone")
	}
	return to, nil
}

// invalid is the refusal of a call to nowhere, in Asterisk's words.
func (a *Agent) invalid(ep *settings.Endpoint, uri string) *channel.Refusal {
	why := fmt.Sprintf("Endpoint '%s': Could not create dialog to invalid URI '%s'.  Is endpoint registered and reachable?", ep.ID, uri)
	a.log.Error(why)
	return &channel.Refusal{Cause: channel.NoRoute, Why: why}
}

func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "+")
	return s != "" && strings.Trim(s, "0123456789*#") == ""
}

// parseURI reads a SIP URI; sipgo's reader accepts some that have no host.
func parseURI(s string, u *sip.Uri) error {
	if err := sip.ParseUri(strings.Trim(s, "<>"), u); err != nil {
		return fmt.Errorf("uri %q: %w", s, err)
	}
	if u.Host == "" || strings.ContainsAny(s, " \t\r\n") {
		return fmt.Errorf("uri %q: no host", s)
	}
	return nil
}

// routesOf is the route set of a new call: the endpoint's proxy, then the Path
// the contact registered by.
func routesOf(to target) ([]sip.Uri, error) {
	var texts []string
	if to.ep.OutboundProxy != "" {
		texts = append(texts, to.ep.OutboundProxy)
	}
	if to.contact != nil {
		texts = append(texts, to.contact.Path...)
	}
	var out []sip.Uri
	for _, s := range texts {
		var u sip.Uri
		if i, j := strings.IndexByte(s, '<'), strings.IndexByte(s, '>'); i >= 0 && j > i {
			s = s[i+1 : j]
		}
		if err := parseURI(s, &u); err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}

// DialContacts is PJSIP_DIAL_CONTACTS(endpoint[,aor]): a Dial argument that
// calls every usable contact at once, "" if there is none.
func (a *Agent) DialContacts(endpoint, aor string) string {
	ep := a.rack.Load().Endpoint(endpoint)
	if ep == nil {
		return ""
	}
	aors := ep.AORs
	if aor != "" {
		aors = []string{aor}
	}
	var out []string
	for _, name := range aors {
		for _, c := range a.o.Registrar.Usable(name) {
			out = append(out, "PJSIP/"+endpoint+"/"+c.URI)
		}
	}
	return strings.Join(out, "&")
}

// State is the device state of an endpoint: what its channels do, or whether it
// can be reached at all.
func (t tech) State(dest string) channel.DeviceState {
	a := t.a
	w := a.rack.Load()
	name, _, _ := strings.Cut(dest, "/")
	ep := w.Endpoint(name)
	if ep == nil {
		return channel.DeviceInvalid
	}
	var ringing, busy int
	for _, c := range a.EndpointChannels(ep.ID) {
		switch c.State {
		case channel.RingingState:
			ringing++
		case channel.Up, channel.Ring, channel.Dialing:
			busy++
		}
	}
	switch {
	case ep.DeviceStateBusyAt > 0 && ringing+busy >= ep.DeviceStateBusyAt:
		return channel.DeviceBusy
	case ringing > 0 && busy > 0:
		return channel.DeviceRingInUse
	case ringing > 0:
		return channel.DeviceRinging
	case busy > 0:
		return channel.DeviceInUse
	}
	for _, aor := range ep.AORs {
		if len(a.o.Registrar.Usable(aor)) > 0 {
			return channel.DeviceNotInUse
		}
	}
	return channel.DeviceUnavailable
}

// State is the device state of an endpoint.
func (a *Agent) State(endpoint string) channel.DeviceState { return tech{a}.State(endpoint) }

// EndpointChannels are the channels of an endpoint.
func (a *Agent) EndpointChannels(endpoint string) (out []*channel.Snapshot) {
	for _, c := range a.o.Channels() {
		if c.Endpoint == endpoint && strings.HasPrefix(c.Name, "PJSIP/") {
			out = append(out, c)
		}
	}
	return out
}
