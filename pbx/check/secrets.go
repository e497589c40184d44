package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/dialplan"
	"branchline/pbx/settings"
)

// common are passwords that guessing programs try first.
var common = strings.Fields("password passwd secret changeme default asterisk admin administrator root test guest phone sip voip " +
	"letmein welcome qwerty abc123 password1 passw0rd iloveyou p@ssw0rd")

// weak tells why a password is soon guessed, "" if it is not.
func weak(password, username string) string {
	low := strings.ToLower(password)
	switch {
	case password == "":
		return ""
	case low == strings.ToLower(username):
		return "is the user name"
	case slices.Contains(common, low):
		return "is one of the first that are tried"
	case strings.Count(password, password[:1]) == len(password):
		return "is one character repeated"
	case strings.Contains("012345678901234567890", password), strings.Contains("98765432109876543210", password),
		strings.Contains("abcdefghijklmnopqrstuvwxyz", low):
		return "is a plain sequence"
	case len(password) < 8:
		return "is shorter than 8 characters"
	case len(password) < 12 && strings.Trim(password, "0123456789") == "":
		return "is a short number"
	}
	return ""
}

// secrets reports passwords that protect little.
func (x *examiner) secrets() {
	byPassword := map[string][]*settings.Auth{}
	for _, a := range x.auths() {
		if a.Password == "" {
			continue
		}
		byPassword[a.Password] = append(byPassword[a.Password], a)
		if why := weak(a.Password, a.Username); why != "" {
			x.warn(a.At("password"), "weak-secret", fmt.Sprintf("auth [%s]: the password %s", a.ID, why),
				"whoever guesses it can call as "+sentence(x.usersOf(a), 3), "write a long random one, here and in the phone")
		}
	}
	for _, a := range x.auths() {
		same := byPassword[a.Password]
		if len(same) > 1 && same[1] == a {
			names := make([]string, len(same))
			for i, s := range same {
				names[i] = s.ID
			}
			x.warn(a.At("password"), "shared-secret", fmt.Sprintf("auth [%s] has the same password as [%s]", a.ID, same[0].ID),
				"one phone that gives it away opens "+sentence(names, 4), "give each its own")
		}
	}
}

// auths are the credentials in the order of the file; those of sip.conf, whose
// lines hold a secret in place of a section, have rules of their own.
func (x *examiner) auths() []*settings.Auth {
	var out []*settings.Auth
	for _, a := range x.snap.Auths {
		if a.Section() != nil && x.kind(a.Section()) == "auth" {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b *settings.Auth) int {
		if n := strings.Compare(a.Pos.File, b.Pos.File); n != 0 {
			return n
		}
		return a.Pos.Line - b.Pos.Line
	})
	return out
}

// kind is a section's type=, of several the last.
func (x *examiner) kind(s *astconf.Section) string {
	t, _ := s.Get("type")
	return t
}

func (x *examiner) usersOf(a *settings.Auth) []string {
	if u := x.users[a.ID]; len(u) > 0 {
		return u
	}
	return []string{a.Username}
}

// usernames reports credentials that carry another phone's name.
func (x *examiner) usernames() {
	for _, a := range x.auths() {
		users := x.users[a.ID]
		if len(users) != 1 || users[0] == a.Username {
			continue
		}
		e := x.snap.Endpoints[users[0]]
		if e == nil || !x.phone(e) {
			continue // a provider gives the name it likes
		}
		effect := fmt.Sprintf("a phone that logs in as %s is refused, one that logs in as %s calls as %s", e.ID, a.Username, e.ID)
		if len(e.Auths) == 0 {
			effect = fmt.Sprintf("if the phone asks us who we are, we say %s; once %s has auth=%s, a phone that logs in as %s is refused", a.Username, e.ID, a.ID, e.ID)
		}
		d := x.warn(a.At("username"), "auth-username", fmt.Sprintf("auth [%s] has username=%s, but belongs to endpoint [%s]", a.ID, a.Username, e.ID), effect, "write username="+e.ID)
		replace(d, a.Username, e.ID, false)
	}
}

// permits reports access lists that permit and deny nothing, and so let
// everybody in.
func (x *examiner) permits() {
	look := func(o *settings.Object, what string, rules []settings.Rule, option string) {
		if len(rules) > 0 && !slices.ContainsFunc(rules, func(r settings.Rule) bool { return !r.Permit }) {
			d := x.warn(o.At(option), "permit-without-deny", fmt.Sprintf("%s [%s] has %s= but no %s=", what, o.ID, option, strings.Replace(option, "permit", "deny", 1)),
				"everybody is let in, as without the list", "add "+strings.Replace(option, "permit", "deny", 1)+"=0.0.0.0/0 above it")
			deny := strings.Replace(option, "permit", "deny", 1)
			insert(d, o.Pos, deny+"=0.0.0.0/0")
		}
	}
	for _, e := range x.ordered {
		look(&e.Object, "endpoint", e.ACL, "permit")
		look(&e.Object, "endpoint", e.ContactACL, "contact_permit")
	}
	for _, a := range x.snap.ACLs {
		look(&a.Object, "acl", a.Rules, "permit")
		look(&a.Object, "acl", a.ContactRules, "contact_permit")
	}
}

// openTrunks reports contexts that anybody can call into and that lead out.
func (x *examiner) openTrunks() {
	for _, context := range slices.Sorted(maps.Keys(x.entrants)) {
		var open []string
		var first *settings.Endpoint
		for _, who := range x.entrants[context] {
			if who.open && !who.trunk {
				open = append(open, who.endpoint.ID)
				if first == nil {
					first = who.endpoint
				}
			}
		}
		if len(open) == 0 {
			continue
		}
		d, t, way, ok := x.leadsOut(context, nil)
		if !ok {
			continue
		}
		x.warn(d.Pos, "open-trunk", fmt.Sprintf("anybody can call out over %s", t.name()),
			fmt.Sprintf("without a password %s may call in %s, where %s dials it", sentence(open, 4), way, d.ext.Name),
			"give the endpoints auth=, or a context that does not lead here").Near = t.written(d)
	}
}

// leadsOut finds the first Dial of a trunk, other than one excepted, that a
// call in a context can get to, and the way there.
func (x *examiner) leadsOut(context string, except *settings.Endpoint) (d dial, t target, way string, ok bool) {
	contexts, ways := x.reach(context)
	for _, c := range contexts {
		for _, d := range x.dialsIn(c) {
			for _, t := range d.targets {
				if x.outward(t, except) && (certain(t.device) || t.device == dialled || x.setInPlan(d)) {
					return d, t, ways[c], true
				}
			}
		}
	}
	return d, t, "", false
}

func (x *examiner) dialsIn(context string) []dial {
	var out []dial
	for _, d := range x.dials {
		if d.Context == context {
			out = append(out, d)
		}
	}
	return out
}

// setInPlan reports whether all variables of a Dial are set by the dialplan, so
// that every caller has them.
func (x *examiner) setInPlan(d dial) bool {
	all := true
	d.Args.Each(func(r dialplan.Reference, _ bool) {
		if !r.Function && !isGiven(r.Name) && !x.assignedInPlan(r.Name) {
			all = false
		}
	})
	return all
}

// outward reports whether a target leaves this exchange.
func (x *examiner) outward(t target, except *settings.Endpoint) bool {
	for _, e := range t.endpoints {
		if e != except && x.trunk(e) {
			return true
		}
	}
	return t.explicit && len(t.endpoints) > 0 ||
		strings.EqualFold(t.tech, "SIP") && t.user != "" && len(t.endpoints) == 0 && t.device != ""
}

// name is a target in a message.
func (t target) name() string {
	if len(t.endpoints) == 1 {
		return t.endpoints[0].ID
	}
	if !certain(t.device) {
		return "an address that only the call knows"
	}
	return t.device
}

// written is what of the target stands in the line.
func (t target) written(d dial) string {
	if certain(t.device) && strings.Contains(d.Args.String(), t.device) {
		return t.device
	}
	return d.App
}

// shown puts words in place of what is not known.
func shown(s string) string {
	return strings.NewReplacer(unknown, "...", dialled, "${EXTEN}").Replace(s)
}

// transfers reports Dial options that let the far end of a trunk transfer.
func (x *examiner) transfers() {
	for _, d := range x.dials {
		if d.options.Has('t') {
			for _, t := range d.targets {
				if len(t.endpoints) == 1 && x.trunk(t.endpoints[0]) {
					x.warn(d.Pos, "transfer-by-trunk", fmt.Sprintf("option t lets whoever answers at %s press # and dial on", t.name()),
						"a stranger who is called can call any number of ["+d.Context+"]", "leave t out where a trunk is dialled")
				}
			}
		}
	}
	var trunks []*settings.Endpoint
	for _, e := range x.everyone {
		if x.trunk(e) {
			trunks = append(trunks, e)
		}
	}
	callers := map[string][]string{} // by the context of the Dial
	for _, d := range x.dials {
		if !d.options.Has('T') {
			continue
		}
		from, known := callers[d.Context]
		if !known {
			for _, e := range trunks {
				if x.reaches(e.Context, d.Context) {
					from = append(from, e.ID)
				}
			}
			callers[d.Context] = from
		}
		if len(from) > 0 {
			x.warn(d.Pos, "transfer-by-trunk", fmt.Sprintf("option T lets callers from %s press # and dial on", sentence(from, 3)),
				"a stranger who calls in can call any number of ["+d.Context+"]", "give the trunk a context of its own whose Dial has no T")
		}
	}
}
