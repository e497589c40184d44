package check

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
	"branchline/pbx/settings/spelling"
)

// references reports names in pjsip.conf that lead nowhere, as far as package
// settings cannot see it.
func (x *examiner) references() {
	contexts := slices.Sorted(maps.Keys(x.view))
	for _, e := range x.ordered {
		if x.view[e.Context] == nil && !e.Legacy {
			d := x.warn(e.At("context"), "dangling-context", fmt.Sprintf("endpoint [%s]: context %q does not exist in extensions.conf", e.ID, e.Context),
				"every number that "+e.ID+" dials is answered 404", "")
			if near := spelling.Nearest(e.Context, contexts); near != "" {
				d.Cure = "did you mean " + near + "?"
				if at := e.At("context"); at != e.Pos {
					replace(d, e.Context, near, false)
				}
			} else {
				d.Cure = "add [" + e.Context + "] to extensions.conf"
			}
			if e.At("context") != e.Pos {
				d.Near = e.Context
			}
		}
		for _, name := range e.AORs {
			if x.snap.AORs[name] == nil {
				x.commentedOut(e, name)
			}
		}
	}
	for _, r := range x.snap.Registrations {
		if r.Endpoint != "" && x.snap.Endpoints[r.Endpoint] == nil {
			d := x.warn(r.At("endpoint"), "dangling-endpoint", fmt.Sprintf("registration [%s]: endpoint=%s does not exist", r.ID, r.Endpoint), "calls from the provider are treated as unknown", "")
			respellEndpoint(d, r.Endpoint, x.snap)
		}
		if r.Transport != "" && x.snap.Transport(r.Transport) == nil {
			x.warn(r.At("transport"), "dangling-transport", fmt.Sprintf("registration [%s]: transport=%s does not exist", r.ID, r.Transport), "it cannot register", "").Near = r.Transport
		}
		for _, name := range r.OutboundAuths {
			if x.snap.Auths[name] == nil {
				x.warn(r.At("outbound_auth"), "dangling-outbound-auth", fmt.Sprintf("registration [%s]: outbound_auth=%s does not exist", r.ID, name), "the provider refuses the registration", "").Near = name
			}
		}
	}
}

func respellEndpoint(d *astconf.Diag, name string, s *settings.Snapshot) {
	d.Near = name
	if near := spelling.Nearest(name, slices.Sorted(maps.Keys(s.Endpoints))); near != "" {
		d.Cure = "did you mean " + near + "?"
		replace(d, name, near, false)
	}
}

// commentedOut finds the section of an address of record behind semicolons.
func (x *examiner) commentedOut(e *settings.Endpoint, aor string) {
	lines := x.lines(e.Pos.File)
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
			d := x.warn(e.At("aors"), "commented-out", fmt.Sprintf("endpoint [%s]: the section of aors=%s stands behind semicolons in line %d", e.ID, aor, i+1),
				"no call can be sent to "+e.ID+": it has no address", "remove the semicolons if "+e.ID+" is to be called")
			d.Near, d.Fix = aor, &astconf.Fix{Edits: edits}
			return
		}
	}
}

// registering reports endpoints and addresses of record that no phone can use.
func (x *examiner) registering() {
	for _, e := range x.ordered {
		if e.Legacy || e.ID == "anonymous" || e.ID == "default_outbound_endpoint" || strings.HasPrefix(e.ID, "anonymous@") {
			continue
		}
		if len(e.AORs) == 0 && (!x.identified(e) || x.isDialled(e)) {
			d := x.warn(e.Pos, "no-aors", fmt.Sprintf("endpoint [%s] has no aors=", e.ID), e.ID+" can neither register nor be called", "add aors=, and a section with type=aor")
			if x.snap.AORs[e.ID] != nil {
				d.Cure = "add aors=" + e.ID
				insert(d, e.Pos, d.Cure[len("add "):])
			}
		}
		for _, name := range e.AORs {
			a := x.snap.AORs[name]
			if a == nil {
				continue
			}
			if a.MaxContacts > 0 && name != e.ID && len(e.AORs) == 1 && !strings.Contains(name, "@") {
				d := x.warn(e.At("aors"), "aor-name", fmt.Sprintf("endpoint [%s] has aors=%s, a name that phones do not ask for", e.ID, name),
					fmt.Sprintf("a phone that logs in as %s asks to register %s and is answered 404", e.ID, e.ID), "give the endpoint and its aor one name")
				d.Near = name
				if x.snap.AORs[e.ID] != nil {
					replace(d, name, e.ID, false)
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(x.snap.AORs)) {
		a := x.snap.AORs[name]
		if x.kind2(a.Section()) != "aor" {
			continue
		}
		switch {
		case a.MaxContacts == 0 && len(a.Contacts) == 0:
			d := x.warn(a.Pos, "aor-without-contact", fmt.Sprintf("aor [%s] has neither contact= nor max_contacts=", name),
				"a phone that wants to register is answered 403, and calls to it find nobody", "add max_contacts=1 for a phone, contact=sip:address for a server")
			insert(d, a.Pos, "max_contacts=1")
		case a.MaxContacts == 1 && !a.RemoveExisting:
			d := x.note(a.At("max_contacts"), "no-remove-existing", fmt.Sprintf("aor [%s] holds one contact and keeps the old one", name),
				"a phone that restarts at another port is answered 403 until its old registration runs out", "add remove_existing=yes")
			insert(d, a.At("max_contacts"), "remove_existing=yes")
		}
		if a.MinExpiry > a.MaxExpiry {
			x.warn(a.At("minimum_expiration"), "expiry-order", fmt.Sprintf("aor [%s]: minimum_expiration is above maximum_expiration", name), "every registration lasts "+a.MaxExpiry.String()+", whatever the phone asks for", "")
		}
	}
}

func (x *examiner) kind2(s *astconf.Section) string {
	if s == nil {
		return ""
	}
	for _, e := range s.Values("type") {
		if e.Value == "aor" {
			return e.Value
		}
	}
	return ""
}

func (x *examiner) isDialled(e *settings.Endpoint) bool { return x.answering[e] }

// unused reports objects that nobody names.
func (x *examiner) unused() {
	for _, a := range x.auths() {
		if len(x.users[a.ID]) > 0 {
			continue
		}
		if e := x.owner(a); e != nil {
			d := x.warn(e.Pos, "unused-auth", fmt.Sprintf("endpoint [%s] does not name its credentials [%s] of line %d", e.ID, a.ID, a.Pos.Line),
				"the password protects nothing", "add auth="+a.ID)
			insert(d, e.Pos, "auth="+a.ID)
			continue
		}
		x.warn(a.Pos, "unused-auth", fmt.Sprintf("auth [%s] is used by no endpoint and no registration", a.ID), "its password protects nothing", "name it in auth= of an endpoint, or remove it")
	}
	named := map[string]bool{}
	for _, e := range x.ordered {
		for _, n := range e.AORs {
			named[n] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(x.snap.AORs)) {
		if a := x.snap.AORs[name]; !named[name] && x.kind2(a.Section()) == "aor" {
			x.warn(a.Pos, "unused-aor", fmt.Sprintf("aor [%s] is named by no endpoint", name), "nobody can register there and no call goes there", "name it in aors= of an endpoint, or remove it")
		}
	}
}

// owner is the endpoint that credentials nobody names were plainly written for;
// nil if there is none, or if it has others.
func (x *examiner) owner(a *settings.Auth) *settings.Endpoint {
	for _, id := range []string{strings.TrimSuffix(a.ID, "_auth"), strings.TrimSuffix(a.ID, "-auth"), a.Username} {
		if e := x.snap.Endpoints[id]; e != nil && len(e.Auths) == 0 && len(e.OutboundAuths) == 0 {
			return e
		}
	}
	return nil
}

// peculiar are the options in which endpoints of one installation are alike.
var peculiar = []string{"transport", "auth", "outbound_auth", "dtmf_mode", "disallow", "direct_media"}

// oddOneOut notes the one endpoint that lacks what all others set: as a rule a
// line was forgotten there.
func (x *examiner) oddOneOut() {
	var phones []*settings.Endpoint
	for _, e := range x.ordered {
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
		if len(lacking) == 1 && !x.trunk(lacking[0]) {
			x.note(lacking[0].Pos, "odd-one-out", fmt.Sprintf("endpoint [%s] is the only one of %d without %s=", lacking[0].ID, len(phones), option), "", "add "+option+"=, or leave it out of all")
		}
	}
}

// wideMatches reports identify sections that take in more than a server.
func (x *examiner) wideMatches() {
	for _, id := range x.snap.Identifies {
		for _, m := range id.Matches {
			wide := 16
			if m.Prefix.Addr().Is6() {
				wide = 48
			}
			if m.Host != "" || m.Exclude || m.Prefix.Bits() > wide || m.Prefix.Bits() <= 0 {
				continue
			}
			x.warn(id.At("match"), "wide-match", fmt.Sprintf("identify [%s]: match=%s takes in %s", id.ID, m.Text, population(m.Prefix)),
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
func (x *examiner) contactsIdentified() {
	for _, e := range x.ordered {
		if !x.trunk(e) || !x.identified(e) {
			continue
		}
		for _, name := range e.AORs {
			a := x.snap.AORs[name]
			if a == nil {
				continue
			}
			for _, uri := range a.Contacts {
				addr, ok := literal(uri)
				if !ok || x.identifiedBy(e, addr) {
					continue
				}
				at := x.identify(e)
				d := x.warn(at.At("match"), "contact-not-identified", fmt.Sprintf("calls to %s go to %s, but no match= of identify [%s] covers that address", e.ID, addr, at.ID),
					"calls from there are refused as from a stranger", "add match="+addr.String()+", or correct one of the two")
				insert(d, at.At("match"), "match="+addr.String())
			}
		}
	}
}

func (x *examiner) identify(e *settings.Endpoint) *settings.Identify {
	i := slices.IndexFunc(x.snap.Identifies, func(i *settings.Identify) bool { return i.Endpoint == e.ID })
	return x.snap.Identifies[i]
}

// identifiedBy reports whether an address is e's; an identify by name or
// header might be.
func (x *examiner) identifiedBy(e *settings.Endpoint, addr netip.Addr) bool {
	for _, id := range x.snap.Identifies {
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
func (x *examiner) shadowedRegistrations() {
	order := x.snap.Global.EndpointIdentifierOrder
	ip, user := slices.Index(order, "ip"), slices.Index(order, "username")
	if ip < 0 || user >= 0 && user < ip {
		return
	}
	var phones []string
	for _, e := range x.ordered {
		if x.phone(e) {
			phones = append(phones, e.ID)
		}
	}
	if len(phones) == 0 {
		return
	}
	for _, id := range x.snap.Identifies {
		e := x.snap.Endpoints[id.Endpoint]
		if e == nil || x.phone(e) || len(id.Matches) == 0 {
			continue
		}
		text := fmt.Sprintf("what comes from %s is %s, whatever name it gives", id.Matches[0].Text, id.Endpoint)
		if len(id.Matches) > 1 {
			text = fmt.Sprintf("what comes from the addresses of identify [%s] is %s, whatever name it gives", id.ID, id.Endpoint)
		}
		x.note(id.At("match"), "address-before-name", text,
			fmt.Sprintf("a phone there that wants to register as %s is answered 404", phones[0]),
			"set endpoint_identifier_order=username,ip,anonymous in [global] if phones live at that address")
	}
}
