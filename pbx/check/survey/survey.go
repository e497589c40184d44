// Package survey is what the rules of a check ask about a configuration: its
// steps with what of their arguments is known before any call, whom they dial,
// who begins calls where and how far those get. It judges nothing; it keeps what
// the rules find.
package survey

import (
	"maps"
	"slices"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/dialplan"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/settings"
)

// A Survey is a configuration with all that its rules ask about it, and the
// place for what they find.
type Survey struct {
	Input
	astconf.Text
	Snap   *settings.Snapshot
	Plan   *dialplan.Plan
	Trunks lineconf.Config // telephone lines
	Diags  []astconf.Diag  // what has been found

	Views    []dialplan.ContextView           // of the plan, in its order
	View     map[string]*dialplan.ContextView // the same by name
	Globals  map[string]string
	Steps    []Step // all there are
	Dials    []Dial // those of them that dial
	Leaps    []Leap
	Edges    map[string][]Edge    // context: where calls in it may get to
	Entrants map[string][]Entrant // context: who may begin a call in it
	Ordered  []*settings.Endpoint // of pjsip.conf, by place in the file
	Everyone []*settings.Endpoint // and the devices of sip.conf
	Users    map[string][]string  // auth: endpoints and registrations that name it

	answering map[*settings.Endpoint]bool // those that some Dial calls
	known     map[string]bool             // endpoints that an identify section names
	reached   map[string]reached
	devices   map[*settings.Endpoint]*settings.Device
	guest     *settings.Endpoint // of sip.conf, nil if it takes none
}

// New walks the plan and finds who calls whom. diags are the findings there are
// already; the rules add theirs to them.
func New(in Input, snap *settings.Snapshot, plan *dialplan.Plan, trunks lineconf.Config, diags []astconf.Diag) *Survey {
	x := &Survey{Input: in, Text: astconf.NewText(in.Source), Snap: snap, Plan: plan, Trunks: trunks, Diags: diags}
	x.Ordered = slices.SortedFunc(maps.Values(x.Snap.Endpoints), func(a, b *settings.Endpoint) int {
		if n := strings.Compare(a.Pos.File, b.Pos.File); n != 0 {
			return n
		}
		if n := a.Pos.Line - b.Pos.Line; n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	x.Everyone = slices.Clone(x.Ordered)
	x.devices = map[*settings.Endpoint]*settings.Device{}
	if x.Snap.SIP != nil {
		for _, d := range x.Snap.SIP.List {
			if d.Endpoint != nil {
				x.Everyone = append(x.Everyone, d.Endpoint)
				x.devices[d.Endpoint] = d
			}
		}
	}
	x.known = map[string]bool{}
	x.reached = map[string]reached{}
	for _, i := range x.Snap.Identifies {
		x.known[i.Endpoint] = true
	}
	x.Users = map[string][]string{}
	for _, e := range x.Ordered {
		for _, name := range slices.Concat(e.Auths, e.OutboundAuths) {
			if !slices.Contains(x.Users[name], e.ID) {
				x.Users[name] = append(x.Users[name], e.ID)
			}
		}
	}
	for _, r := range x.Snap.Registrations {
		for _, name := range r.OutboundAuths {
			x.Users[name] = append(x.Users[name], r.ID)
		}
	}
	x.enter()
	x.Globals = map[string]string{}
	for _, g := range x.Plan.Globals() {
		x.Globals[g.Name] = g.Value
	}
	x.Views = x.Plan.Views()
	x.View = map[string]*dialplan.ContextView{}
	x.Edges = map[string][]Edge{}
	for i := range x.Views {
		v := &x.Views[i]
		x.View[v.Name] = v
		for _, inc := range v.Includes {
			x.Edges[v.Name] = append(x.Edges[v.Name], Edge{inc.Pos, inc.Context, "includes"})
		}
		for _, ext := range v.Extensions {
			for n, s := range ext.Steps {
				x.Steps = append(x.Steps, x.evaluate(s, ext, n+1))
			}
		}
	}
	for _, s := range x.Steps {
		if s.Is("Dial") {
			x.Dials = append(x.Dials, x.dial(s))
		}
	}
	x.answering = map[*settings.Endpoint]bool{}
	for _, d := range x.Dials {
		for _, t := range d.Targets {
			for _, e := range t.Endpoints {
				x.answering[e] = true
			}
		}
	}
	x.follow()
	return x
}
