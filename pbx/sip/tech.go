package sip

import (
	"context"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/sip/calls"
	"branchline/pbx/sip/invite"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
)

// Tech is the channel technology PJSIP.
func (a *Agent) Tech() channel.Tech { return tech{a} }

type tech struct{ a *Agent }

func (tech) Name() string { return "PJSIP" }

// NewLeg makes an outbound leg; see target for the forms of r.Dest. It waits a
// moment for a name to be found, and lets the leg look on if that is too short.
func (t tech) NewLeg(ctx context.Context, r channel.Request) (channel.Leg, error) {
	a := t.a
	w := a.rack.Load()
	to, refusal := a.ways.Target(w, r.Dest)
	if refusal != nil {
		return nil, refusal
	}
	call := invite.Call{
		Target: to.URI, Caller: r.Caller, Redirecting: r.Redirecting, Codecs: r.Codecs,
		MaxForwards: r.MaxForwards, Privacy: r.Privacy,
	}
	call.Headers = append(call.Headers, r.Headers...)
	for _, name := range [...]string{"SIPREFERREDBYHDR", "__SIPREFERREDBYHDR"} {
		if by := r.Vars[name]; by != "" { // the caller was sent here by a REFER
			call.Headers = append(call.Headers, channel.Header{Name: "Referred-By", Value: by})
		}
	}
	call.Contact = to.URI.String()
	if to.Contact != nil {
		call.AOR, call.Contact = to.Contact.AOR, to.Contact.URI
	}
	routes, first, road, err := to.Start()
	if err != nil {
		a.log.Error("outbound_proxy is no URI", "endpoint", to.Endpoint.ID, "error", err)
		return nil, &channel.Refusal{Cause: channel.NoRoute, Why: err.Error()}
	}
	call.Routes = routes
	look := a.ways.Search(road, first)
	h, late := way.Hop{}, false
	if !look.Within(ctx, way.Moment) {
		if h, late = way.Guess(w, road, first); !late {
			look.Within(ctx, transports.LookupTime)
		}
	}
	if !late {
		if err := look.Result(ctx); err != nil {
			a.log.Error("call cannot be sent", "endpoint", to.Endpoint.ID, "uri", first.String(), "error", err)
			return nil, &channel.Refusal{Cause: channel.NoRoute, Why: err.Error()}
		}
		h = look.Hops[0]
	}
	out := calls.Outward{Endpoint: to.Endpoint, Hop: h, Call: call, First: first, Lost: channel.NoRoute}
	if late {
		out.Late = look
	} else {
		out.All = look.Hops
	}
	return a.calls.Place(w, out)
}

// SendMessage sends a MESSAGE outside of any call (channel.Messenger); see errands.
func (t tech) SendMessage(ctx context.Context, dest string, text channel.Text) error {
	return t.a.errands.SendMessage(ctx, dest, text)
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
	if used := channel.InUse(a.EndpointChannels(ep.ID), ep.DeviceStateBusyAt); used != channel.DeviceNotInUse {
		return used
	}
	for _, aor := range ep.AORs {
		if len(a.o.Registrar.Usable(aor)) > 0 {
			return a.said.Idle("PJSIP/" + ep.ID)
		}
	}
	return channel.DeviceUnavailable
}

// State is the device state of an endpoint.
func (a *Agent) State(endpoint string) channel.DeviceState { return tech{a}.State(endpoint) }
