// Package pjsipconf reads pjsip.conf into a settings.Snapshot. It knows every documented
// option by name, type and range (package option); what is understood but not honoured
// is said so, and what does not fit together is found when the file is read.
package pjsipconf

import (
	"errors"
	"fmt"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
	"branchline/pbx/settings/option"
	"branchline/pbx/settings/spelling"
)

// Section types that exist in Asterisk and carry nothing an office exchange
// of this kind does.
var foreignTypes = map[string]string{
	"contact":                  "contacts come from registration or from contact= of an aor",
	"phoneprov":                "phone provisioning is not part of this product",
	"outbound-publish":         "publishing to other servers is not part of this product",
	"inbound-publication":      "publishing between servers is not part of this product",
	"asterisk-publication":     "publishing between servers is not part of this product",
	"resource_list":            "resource lists are not supported",
	"subscription_persistence": "subscriptions are not read from this file",
	"stir_shaken":              "STIR/SHAKEN is not supported",
	"attestation":              "STIR/SHAKEN is not supported",
	"verification":             "STIR/SHAKEN is not supported",
	"certificate":              "STIR/SHAKEN is not supported",
	"profile":                  "STIR/SHAKEN and geolocation are not supported",
	"location":                 "geolocation is not supported",
	"wizard":                   "wizards belong into pjsip_wizard.conf, which is not read",
}

var knownTypes = strings.Fields("transport endpoint auth aor identify registration global system acl domain_alias")

// Read turns pjsip.conf into a Snapshot. Every object with an Error among
// the diagnostics is left out of it, so that a lenient caller can go on with
// the rest. A nil file is an empty one.
func Read(f *astconf.File) (*settings.Snapshot, []astconf.Diag) {
	r := reader{
		snap: &settings.Snapshot{Endpoints: map[string]*settings.Endpoint{}, AORs: map[string]*settings.AOR{}, Auths: map[string]*settings.Auth{},
			Aliases: map[string]string{}, RTP: settings.DefaultRTP()},
		seen: map[object]astconf.Pos{},
	}
	r.tables()
	if f != nil {
		for _, sec := range f.Sections {
			r.section(sec)
		}
		if !f.Valid {
			r.add(astconf.Pos{File: f.Name}, astconf.Error, "invalid-file", "the file cannot be used as it is")
		}
	}
	if !r.hasGlobal {
		r.snap.Global = r.global.Proto
		r.snap.Global.Object = settings.NewObject(nil, nil, r.global.Defaults)
	}
	if !r.hasSystem {
		r.snap.System = r.system.Proto
		r.snap.System.Object = settings.NewObject(nil, nil, r.system.Defaults)
	}
	r.diags = append(r.diags, check(r.snap, f)...)
	return r.snap, r.diags
}

// object names what must be unique in the file.
type object struct{ typ, id string }

type reader struct {
	snap  *settings.Snapshot
	diags []astconf.Diag
	seen  map[object]astconf.Pos

	endpoint     *option.Table[settings.Endpoint]
	aor          *option.Table[settings.AOR]
	auth         *option.Table[settings.Auth]
	transport    *option.Table[settings.Transport]
	identify     *option.Table[settings.Identify]
	registration *option.Table[settings.Registration]
	acl          *option.Table[settings.ACL]
	alias        *option.Table[alias]
	global       *option.Table[settings.Global]
	system       *option.Table[settings.System]

	hasGlobal, hasSystem bool
}

func (r *reader) tables() {
	r.endpoint = option.NewTable("endpoint", endpointOptions())
	r.aor = option.NewTable("aor", aorOptions())
	r.auth = option.NewTable("auth", authOptions())
	r.transport = option.NewTable("transport", transportOptions())
	r.identify = option.NewTable("identify", identifyOptions())
	r.registration = option.NewTable("registration", registrationOptions())
	r.acl = option.NewTable("acl", aclOptions())
	r.alias = option.NewTable("domain_alias", aliasOptions())
	r.global = option.NewTable("global", globalOptions())
	r.system = option.NewTable("system", systemOptions())
	// Defaults of fields that are not simply read from a word.
	r.endpoint.Proto.DTMF = settings.DTMFRFC4733
}

// owner names the object type that has an option; "" if none has.
func (r *reader) owner(name string) string {
	name = strings.ToLower(name)
	switch {
	case r.endpoint.Rows[name] != nil:
		return "endpoint"
	case r.aor.Rows[name] != nil:
		return "aor"
	case r.auth.Rows[name] != nil:
		return "auth"
	case r.transport.Rows[name] != nil:
		return "transport"
	case r.identify.Rows[name] != nil:
		return "identify"
	case r.registration.Rows[name] != nil:
		return "registration"
	case r.global.Rows[name] != nil:
		return "global"
	case r.system.Rows[name] != nil:
		return "system"
	}
	return ""
}

func (r *reader) add(pos astconf.Pos, sev astconf.Severity, rule, format string, args ...any) *astconf.Diag {
	r.diags = append(r.diags, astconf.Diag{Pos: pos, Severity: sev, Rule: rule, Message: fmt.Sprintf(format, args...)})
	return &r.diags[len(r.diags)-1]
}

// section reads one section, once for each type= it has: Asterisk takes
// either, so a section may be an endpoint and an aor at once.
func (r *reader) section(sec *astconf.Section) {
	typed := false
	for _, e := range sec.Entries {
		if !strings.EqualFold(e.Name, "type") {
			continue
		}
		typed = true
		key := object{e.Value, sec.Name}
		if first, dup := r.seen[key]; dup && foreignTypes[e.Value] == "" {
			r.add(sec.Pos, astconf.Error, "duplicate-object",
				"%s [%s] is already defined at %s; Asterisk would then load no %s at all", e.Value, sec.Name, first, e.Value).
				Cure = "give one of them another name, or remove it"
			continue
		}
		r.seen[key] = sec.Pos
		r.object(sec, e)
	}
	if !typed {
		r.add(sec.Pos, astconf.Warning, "missing-type", "section [%s] has no type=, so nothing in it is used", sec.Name).
			Cure = "add type=endpoint, type=aor, ..."
	}
}

func (r *reader) object(sec *astconf.Section, e astconf.Entry) {
	s := r.snap
	switch e.Value {
	case "endpoint":
		if o := take(r, r.endpoint, sec, finishEndpoint, func(o *settings.Endpoint) *settings.Object { return &o.Object }); o != nil {
			s.Endpoints[o.ID] = o
		}
	case "aor":
		if o := take(r, r.aor, sec, nil, func(o *settings.AOR) *settings.Object { return &o.Object }); o != nil {
			s.AORs[o.ID] = o
		}
	case "auth":
		if o := take(r, r.auth, sec, finishAuth, func(o *settings.Auth) *settings.Object { return &o.Object }); o != nil {
			s.Auths[o.ID] = o
		}
	case "transport":
		if o := take(r, r.transport, sec, finishTransport, func(o *settings.Transport) *settings.Object { return &o.Object }); o != nil {
			s.Transports = append(s.Transports, o)
		}
	case "identify":
		if o := take(r, r.identify, sec, finishIdentify, func(o *settings.Identify) *settings.Object { return &o.Object }); o != nil {
			s.Identifies = append(s.Identifies, o)
		}
	case "registration":
		if o := take(r, r.registration, sec, finishRegistration, func(o *settings.Registration) *settings.Object { return &o.Object }); o != nil {
			s.Registrations = append(s.Registrations, o)
		}
	case "acl":
		if o := take(r, r.acl, sec, nil, func(o *settings.ACL) *settings.Object { return &o.Object }); o != nil {
			s.ACLs = append(s.ACLs, o)
		}
	case "domain_alias":
		if o := take(r, r.alias, sec, nil, func(o *alias) *settings.Object { return &o.Object }); o != nil {
			s.Aliases[strings.ToLower(o.ID)] = o.Domain
		}
	case "global":
		r.once(sec, e.Value)
		if o := take(r, r.global, sec, nil, func(o *settings.Global) *settings.Object { return &o.Object }); o != nil && !r.hasGlobal {
			s.Global, r.hasGlobal = *o, true
		}
	case "system":
		r.once(sec, e.Value)
		if o := take(r, r.system, sec, nil, func(o *settings.System) *settings.Object { return &o.Object }); o != nil && !r.hasSystem {
			s.System, r.hasSystem = *o, true
		}
	default:
		r.foreign(sec, e)
	}
}

// once reports a second section of a type there can be only one of.
func (r *reader) once(sec *astconf.Section, typ string) {
	key := object{typ, "\x00only one"}
	if first, dup := r.seen[key]; dup {
		r.add(sec.Pos, astconf.Warning, "second-section", "there is already a type=%s section at %s; this one is not used", typ, first)
		return
	}
	r.seen[key] = sec.Pos
}

func (r *reader) foreign(sec *astconf.Section, e astconf.Entry) {
	if why, ok := foreignTypes[e.Value]; ok {
		r.add(e.Pos, astconf.Note, "ignored-type", "section [%s] of type=%s is ignored: %s", sec.Name, e.Value, why)
		return
	}
	d := r.add(e.Pos, astconf.Warning, "unknown-type", "section [%s]: there is no type=%s, so nothing in it is used", sec.Name, e.Value)
	d.Near = e.Value
	if near := spelling.Nearest(e.Value, knownTypes); near != "" {
		d.Cure = "did you mean type=" + near + "?"
		d.Fix = spelling.Respell(e, e.Value, near)
	}
}

// take reads one object; nil if it cannot be used.
func take[T any](r *reader, t *option.Table[T], sec *astconf.Section, finish func(*T) error, head func(*T) *settings.Object) *T {
	obj := new(T)
	said, ds, ok := t.Read(obj, sec, r.owner)
	r.diags = append(r.diags, ds...)
	if !ok {
		return nil
	}
	if finish != nil {
		var l settings.Lack
		switch err := finish(obj); {
		case err == nil:
		case errors.As(err, &l):
			r.add(sec.Pos, astconf.Warning, "not-supported", "%s [%s]: %v; the %s is left out", t.Type, sec.Name, err, t.Type)
			return nil
		default:
			r.add(sec.Pos, astconf.Error, "bad-object", "%s [%s]: %v; the %s is not loaded", t.Type, sec.Name, err, t.Type)
			return nil
		}
	}
	*head(obj) = settings.NewObject(sec, said.Options(obj), t.Defaults)
	return obj
}
