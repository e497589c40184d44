package objects

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/check/survey"
	"branchline/pbx/settings"
	"branchline/pbx/settings/spelling"
)

// references reports names in pjsip.conf that lead nowhere, as far as package
// settings cannot see it.
func references(x *survey.Survey) {
	contexts := slices.Sorted(maps.Keys(x.View))
	for _, e := range x.Ordered {
		if x.View[e.Context] == nil && !e.Legacy {
			d := x.Warn(e.At("context"), "dangling-context", fmt.Sprintf("endpoint [%s]: context %q does not exist in extensions.conf", e.ID, e.Context),
				"every number that "+e.ID+" dials is answered 404", "")
			if near := spelling.Nearest(e.Context, contexts); near != "" {
				d.Cure = "did you mean " + near + "?"
				if at := e.At("context"); at != e.Pos {
					d.Replace(e.Context, near, false)
				}
			} else {
				d.Cure = "add [" + e.Context + "] to extensions.conf"
			}
			if e.At("context") != e.Pos {
				d.Near = e.Context
			}
		}
		if name := e.SubscribeContext; name != "" && x.View[name] == nil && !e.Legacy {
			nothingToWatch(contexts, x.Warn(e.At("subscribe_context"), "dangling-context",
				fmt.Sprintf("endpoint [%s]: subscribe_context %q does not exist in extensions.conf", e.ID, name), "its lamps stay dark: every SUBSCRIBE is answered 404", ""), name)
		}
		for _, name := range e.AORs {
			if x.Snap.AORs[name] == nil {
				commentedOut(x, e, name)
			}
		}
	}
	for _, r := range x.Snap.Registrations {
		if r.Endpoint != "" && x.Snap.Endpoints[r.Endpoint] == nil {
			d := x.Warn(r.At("endpoint"), "dangling-endpoint", fmt.Sprintf("registration [%s]: endpoint=%s does not exist", r.ID, r.Endpoint), "calls from the provider are treated as unknown", "")
			respellEndpoint(d, r.Endpoint, x.Snap)
		}
		if r.Transport != "" && x.Snap.Transport(r.Transport) == nil {
			x.Warn(r.At("transport"), "dangling-transport", fmt.Sprintf("registration [%s]: transport=%s does not exist", r.ID, r.Transport), "it cannot register", "").Near = r.Transport
		}
		for _, name := range r.OutboundAuths {
			if x.Snap.Auths[name] == nil {
				x.Warn(r.At("outbound_auth"), "dangling-outbound-auth", fmt.Sprintf("registration [%s]: outbound_auth=%s does not exist", r.ID, name), "the provider refuses the registration", "").Near = name
			}
		}
	}
}

func respellEndpoint(d *astconf.Diag, name string, s *settings.Snapshot) {
	d.Near = name
	if near := spelling.Nearest(name, slices.Sorted(maps.Keys(s.Endpoints))); near != "" {
		d.Cure = "did you mean " + near + "?"
		d.Replace(name, near, false)
	}
}

// commentedOut finds the section of an address of record behind semicolons.
func commentedOut(x *survey.Survey, e *settings.Endpoint, aor string) {
	lines := x.Lines(e.Pos.File)
	for i, l := range lines {
		bare, isComment := strings.CutPrefix(strings.TrimSpace(l), ";")
		if !isComment || strings.TrimSpace(bare) != "["+aor+"]" {
			continue
		}
		var edits []astconf.Edit
		isAOR := false
		for n := i; n < len(lines); n++ {
			rest, ok := strings.CutPrefix(lines[n], ";")
			if !ok || n > i && (strings.HasPrefix(strings.TrimSpace(rest), "[") || !strings.Contains(rest, "=")) {
				break
			}
			name, value, _ := strings.Cut(rest, "=")
			isAOR = isAOR || strings.TrimSpace(name) == "type" && strings.TrimSpace(value) == "aor"
			edits = append(edits, astconf.Edit{File: e.Pos.File, Line: n + 1, Old: ";", New: ""})
		}
		if isAOR {
			d := x.Warn(e.At("aors"), "commented-out", fmt.Sprintf("endpoint [%s]: the section of aors=%s stands behind semicolons in line %d", e.ID, aor, i+1),
				"no call can be sent to "+e.ID+": it has no address", "remove the semicolons if "+e.ID+" is to be called")
			d.Near, d.Fix = aor, &astconf.Fix{Edits: edits}
			return
		}
	}
}

// registering reports endpoints and addresses of record that no phone can use.
func registering(x *survey.Survey) {
	for _, e := range x.Ordered {
		if e.Legacy || e.ID == "anonymous" || e.ID == "default_outbound_endpoint" || strings.HasPrefix(e.ID, "anonymous@") {
			continue
		}
		if len(e.AORs) == 0 && (!x.Identified(e) || x.IsDialled(e)) {
			d := x.Warn(e.Pos, "no-aors", fmt.Sprintf("endpoint [%s] has no aors=", e.ID), e.ID+" can neither register nor be called", "add aors=, and a section with type=aor")
			if x.Snap.AORs[e.ID] != nil {
				d.Cure = "add aors=" + e.ID
				d.Insert(e.Pos, d.Cure[len("add "):])
			}
		}
		for _, name := range e.AORs {
			a := x.Snap.AORs[name]
			if a == nil {
				continue
			}
			if a.MaxContacts > 0 && name != e.ID && len(e.AORs) == 1 && !strings.Contains(name, "@") {
				d := x.Warn(e.At("aors"), "aor-name", fmt.Sprintf("endpoint [%s] has aors=%s, a name that phones do not ask for", e.ID, name),
					fmt.Sprintf("a phone that logs in as %s asks to register %s and is answered 404", e.ID, e.ID), "give the endpoint and its aor one name")
				d.Near = name
				if x.Snap.AORs[e.ID] != nil {
					d.Replace(name, e.ID, false)
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(x.Snap.AORs)) {
		a := x.Snap.AORs[name]
		if !isAOR(a.Section()) {
			continue
		}
		switch {
		case a.MaxContacts == 0 && len(a.Contacts) == 0:
			d := x.Warn(a.Pos, "aor-without-contact", fmt.Sprintf("aor [%s] has neither contact= nor max_contacts=", name),
				"a phone that wants to register is answered 403, and calls to it find nobody", "add max_contacts=1 for a phone, contact=sip:address for a server")
			d.Insert(a.Pos, "max_contacts=1")
		case a.MaxContacts == 1 && !a.RemoveExisting:
			d := x.Note(a.At("max_contacts"), "no-remove-existing", fmt.Sprintf("aor [%s] holds one contact and keeps the old one", name),
				"a phone that restarts at another port is answered 403 until its old registration runs out", "add remove_existing=yes")
			d.Insert(a.At("max_contacts"), "remove_existing=yes")
		}
		if a.MinExpiry > a.MaxExpiry {
			x.Warn(a.At("minimum_expiration"), "expiry-order", fmt.Sprintf("aor [%s]: minimum_expiration is above maximum_expiration", name), "every registration lasts "+a.MaxExpiry.String()+", whatever the phone asks for", "")
		}
	}
}

// isAOR reports whether a section says type=aor, whatever else it says.
func isAOR(s *astconf.Section) bool {
	return s != nil && slices.ContainsFunc(s.Values("type"), func(e astconf.Entry) bool { return e.Value == "aor" })
}

// unused reports objects that nobody names.
func unused(x *survey.Survey) {
	for _, a := range auths(x) {
		if len(x.Users[a.ID]) > 0 {
			continue
		}
		if e := owner(x, a); e != nil {
			d := x.Warn(e.Pos, "unused-auth", fmt.Sprintf("endpoint [%s] does not name its credentials [%s] of line %d", e.ID, a.ID, a.Pos.Line),
				"the password protects nothing", "add auth="+a.ID)
			d.Insert(e.Pos, "auth="+a.ID)
			continue
		}
		x.Warn(a.Pos, "unused-auth", fmt.Sprintf("auth [%s] is used by no endpoint and no registration", a.ID), "its password protects nothing", "name it in auth= of an endpoint, or remove it")
	}
	named := map[string]bool{}
	for _, e := range x.Ordered {
		for _, n := range e.AORs {
			named[n] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(x.Snap.AORs)) {
		if a := x.Snap.AORs[name]; !named[name] && isAOR(a.Section()) {
			x.Warn(a.Pos, "unused-aor", fmt.Sprintf("aor [%s] is named by no endpoint", name), "nobody can register there and no call goes there", "name it in aors= of an endpoint, or remove it")
		}
	}
}

// owner is the endpoint that credentials nobody names were plainly written for;
// nil if there is none, or if it has others.
func owner(x *survey.Survey, a *settings.Auth) *settings.Endpoint {
	for _, id := range []string{strings.TrimSuffix(a.ID, "_auth"), strings.TrimSuffix(a.ID, "-auth"), a.Username} {
		if e := x.Snap.Endpoints[id]; e != nil && len(e.Auths) == 0 && len(e.OutboundAuths) == 0 {
			return e
		}
	}
	return nil
}

// peculiar are the options in which endpoints of one installation are alike.
var peculiar = []string{"transport", "auth", "outbound_auth", "dtmf_mode", "disallow", "direct_media"}

// oddOneOut notes the one endpoint that lacks what all others set: as a rule a
// line was forgotten there.
func oddOneOut(x *survey.Survey) {
	var phones []*settings.Endpoint
	for _, e := range x.Ordered {
		if !e.Legacy && e.Section() != nil {
			phones = append(phones, e)
		}
	}
	if len(phones) < 4 {
		return
	}
	for _, option := range peculiar {
		var lacking []*settings.Endpoint
		for _, e := range phones {
			if _, ok := e.Section().Last(option); !ok {
				if lacking = append(lacking, e); len(lacking) > 1 {
					break
				}
			}
		}
		if len(lacking) == 1 && !x.Trunk(lacking[0]) {
			x.Note(lacking[0].Pos, "odd-one-out", fmt.Sprintf("endpoint [%s] is the only one of %d without %s=", lacking[0].ID, len(phones), option), "", "add "+option+"=, or leave it out of all")
		}
	}
}

// wideMatches reports identify sections that take in more than a server.
func wideMatches(x *survey.Survey) {
	for _, id := range x.Snap.Identifies {
		for _, m := range id.Matches {
			wide := 16
			if m.Prefix.Addr().Is6() {
				wide = 48
			}
			if m.Host != "" || m.Exclude || m.Prefix.Bits() > wide || m.Prefix.Bits() <= 0 {
				continue
			}
			x.Warn(id.At("match"), "wide-match", fmt.Sprintf("identify [%s]: match=%s takes in %s", id.ID, m.Text, population(m.Prefix)),
				"every device there calls as "+id.Endpoint+", without a password", "name the addresses of "+id.Endpoint)
		}
	}
}

func population(p netip.Prefix) string {
	if n := p.Addr().BitLen() - p.Bits(); n < 31 {
		return fmt.Sprintf("%d addresses", 1<<n)
	}
	return "half the world"
}

// contactsIdentified reports trunks that are called at one address and known
// by another.
func contactsIdentified(x *survey.Survey) {
	for _, e := range x.Ordered {
		if !x.Trunk(e) || !x.Identified(e) {
			continue
		}
		for _, name := range e.AORs {
			a := x.Snap.AORs[name]
			if a == nil {
				continue
			}
			for _, uri := range a.Contacts {
				addr, ok := survey.Literal(uri)
				if !ok || identifiedBy(x, e, addr) {
					continue
				}
				at := identify(x, e)
				d := x.Warn(at.At("match"), "contact-not-identified", fmt.Sprintf("calls to %s go to %s, but no match= of identify [%s] covers that address", e.ID, addr, at.ID),
					"calls from there are refused as from a stranger", "add match="+addr.String()+", or correct one of the two")
				d.Insert(at.At("match"), "match="+addr.String())
			}
		}
	}
}

func identify(x *survey.Survey, e *settings.Endpoint) *settings.Identify {
	i := slices.IndexFunc(x.Snap.Identifies, func(i *settings.Identify) bool { return i.Endpoint == e.ID })
	return x.Snap.Identifies[i]
}

// identifiedBy reports whether an address is e's; an identify by name or
// header might be.
func identifiedBy(x *survey.Survey, e *settings.Endpoint, addr netip.Addr) bool {
	for _, id := range x.Snap.Identifies {
		if id.Endpoint != e.ID {
			continue
		}
		if len(id.Matches) == 0 {
			return true
		}
		for _, m := range id.Matches {
			if m.Host != "" || m.Prefix.Contains(addr) {
				return true
			}
		}
	}
	return false
}

// shadowedRegistrations notes that a REGISTER from an identified address is
// taken for the trunk's, since addresses are looked at before names.
func shadowedRegistrations(x *survey.Survey) {
	order := x.Snap.Global.EndpointIdentifierOrder
	ip, user := slices.Index(order, "ip"), slices.Index(order, "username")
	if ip < 0 || user >= 0 && user < ip {
		return
	}
	var phones []string
	for _, e := range x.Ordered {
		if x.Phone(e) {
			phones = append(phones, e.ID)
		}
	}
	if len(phones) == 0 {
		return
	}
	for _, id := range x.Snap.Identifies {
		e := x.Snap.Endpoints[id.Endpoint]
		if e == nil || x.Phone(e) || len(id.Matches) == 0 {
			continue
		}
		text := fmt.Sprintf("what comes from %s is %s, whatever name it gives", id.Matches[0].Text, id.Endpoint)
		if len(id.Matches) > 1 {
			text = fmt.Sprintf("what comes from the addresses of identify [%s] is %s, whatever name it gives", id.ID, id.Endpoint)
		}
		x.Note(id.At("match"), "address-before-name", text,
			fmt.Sprintf("a phone there that wants to register as %s is answered 404", phones[0]),
			"set endpoint_identifier_order=username,ip,anonymous in [global] if phones live at that address")
	}
}

// nothingToWatch completes the finding that hints are looked for in a context that there
// is not.
func nothingToWatch(contexts []string, d *astconf.Diag, name string) {
	d.Near, d.Cure = name, "add ["+name+"] to extensions.conf"
	if near := spelling.Nearest(name, contexts); near != "" {
		d.Cure = "did you mean " + near + "?"
		d.Replace(name, near, false)
	}
}
