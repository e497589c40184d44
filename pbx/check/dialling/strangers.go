package dialling

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"branchline/pbx/check/survey"
	"branchline/pbx/dialplan/substitution"
	"branchline/pbx/settings"
)

// openTrunks reports contexts that anybody can call into and that lead out.
func openTrunks(x *survey.Survey) {
	for _, context := range slices.Sorted(maps.Keys(x.Entrants)) {
		var open []string
		var first *settings.Endpoint
		for _, who := range x.Entrants[context] {
			if who.Open && !who.Trunk {
				open = append(open, who.Endpoint.ID)
				if first == nil {
					first = who.Endpoint
				}
			}
		}
		if len(open) == 0 {
			continue
		}
		d, t, way, ok := leadsOut(x, context, nil)
		if !ok {
			continue
		}
		x.Warn(d.Pos, "open-trunk", fmt.Sprintf("anybody can call out over %s", t.Name()),
			fmt.Sprintf("without a password %s may call in %s, where %s dials it", survey.Sentence(open, 4), way, d.Ext.Name),
			"give the endpoints auth=, or a context that does not lead here").Near = t.Written(d)
	}
}

// leadsOut finds the first Dial of a trunk, other than one excepted, that a
// call in a context can get to, and the way there.
func leadsOut(x *survey.Survey, context string, except *settings.Endpoint) (d survey.Dial, t survey.Target, way string, ok bool) {
	contexts, ways := x.Reach(context)
	for _, c := range contexts {
		for _, d := range dialsIn(x, c) {
			for _, t := range d.Targets {
				if outward(x, t, except) && (survey.Certain(t.Device) || t.Device == survey.Dialled || setInPlan(x, d)) {
					return d, t, ways[c], true
				}
			}
		}
	}
	return d, t, "", false
}

func dialsIn(x *survey.Survey, context string) []survey.Dial {
	var out []survey.Dial
	for _, d := range x.Dials {
		if d.Context == context {
			out = append(out, d)
		}
	}
	return out
}

// setInPlan reports whether all variables of a Dial are set by the dialplan, so
// that every caller has them.
func setInPlan(x *survey.Survey, d survey.Dial) bool {
	all := true
	d.Args.Each(func(r substitution.Reference, _ bool) {
		if !r.Function && !survey.SetByCall(r.Name) && !x.AssignedInPlan(r.Name) {
			all = false
		}
	})
	return all
}

// outward reports whether a target leaves this exchange.
func outward(x *survey.Survey, t survey.Target, except *settings.Endpoint) bool {
	for _, e := range t.Endpoints {
		if e != except && x.Trunk(e) {
			return true
		}
	}
	return t.Explicit && len(t.Endpoints) > 0 ||
		strings.EqualFold(t.Tech, "SIP") && t.User != "" && len(t.Endpoints) == 0 && t.Device != ""
}

// transfers reports Dial options that let the far end of a trunk transfer.
func transfers(x *survey.Survey) {
	for _, d := range x.Dials {
		if d.Options.Has('t') {
			for _, t := range d.Targets {
				if len(t.Endpoints) == 1 && x.Trunk(t.Endpoints[0]) {
					x.Warn(d.Pos, "transfer-by-trunk", fmt.Sprintf("option t lets whoever answers at %s press # and dial on", t.Name()),
						"a stranger who is called can call any number of ["+d.Context+"]", "leave t out where a trunk is dialled")
				}
			}
		}
	}
	var trunks []*settings.Endpoint
	for _, e := range x.Everyone {
		if x.Trunk(e) {
			trunks = append(trunks, e)
		}
	}
	callers := map[string][]string{} // by the context of the Dial
	for _, d := range x.Dials {
		if !d.Options.Has('T') {
			continue
		}
		from, known := callers[d.Context]
		if !known {
			for _, e := range trunks {
				if x.Reaches(e.Context, d.Context) {
					from = append(from, e.ID)
				}
			}
			callers[d.Context] = from
		}
		if len(from) > 0 {
			x.Warn(d.Pos, "transfer-by-trunk", fmt.Sprintf("option T lets callers from %s press # and dial on", survey.Sentence(from, 3)),
				"a stranger who calls in can call any number of ["+d.Context+"]", "give the trunk a context of its own whose Dial has no T")
		}
	}
}
