package pjsipconf

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
	"branchline/pbx/settings/spelling"
)

// check finds what is wrong between objects. Asterisk finds these at the first
// use, hours later; none of them keeps a configuration from loading.
func check(s *settings.Snapshot, f *astconf.File) []astconf.Diag {
	c := checker{snap: s}
	c.transports(f)
	names := make([]string, 0, len(s.Endpoints))
	for name := range s.Endpoints {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		p, q := s.Endpoints[a].Pos, s.Endpoints[b].Pos
		return p.Line - q.Line
	})
	for _, name := range names {
		c.endpoint(s.Endpoints[name])
	}
	for _, id := range s.Identifies {
		c.identify(id)
	}
	return c.diags
}

type checker struct {
	snap  *settings.Snapshot
	diags []astconf.Diag
}

func (c *checker) warn(pos astconf.Pos, rule, cure, format string, args ...any) *astconf.Diag {
	c.diags = append(c.diags, astconf.Diag{Pos: pos, Severity: astconf.Warning, Rule: rule, Message: fmt.Sprintf(format, args...), Cure: cure})
	return &c.diags[len(c.diags)-1]
}

// dangling completes a finding about a name that nothing has.
func dangling[T any](c *checker, d *astconf.Diag, name string, have map[string]T) {
	d.Near = name
	if right := closest(name, have); right != "" {
		d.Cure = "did you mean " + right + "?"
		d.Fix = spelling.Respell(astconf.Entry{Pos: d.Pos}, name, right)
	}
}

func (c *checker) transports(f *astconf.File) {
	s := c.snap
	if len(s.Transports) == 0 {
		if f == nil || len(f.Sections) == 0 {
			return // no SIP wanted at all
		}
		c.warn(astconf.Pos{File: f.Name}, "no-transport", "add [transport-udp] with type=transport, protocol=udp, bind=<address>",
			"there is no transport, so no SIP message can come in or go out")
		return
	}
	used := map[string]*settings.Transport{}
	for _, t := range s.Transports {
		key := t.Protocol + " " + t.Binding()
		if other := used[key]; other != nil {
			c.diags = append(c.diags, astconf.Diag{Pos: t.Pos, Severity: astconf.Error, Rule: "bind-conflict",
				Message: fmt.Sprintf("transport [%s] binds %s %s, which [%s] at %s binds already", t.ID, t.Protocol, t.Binding(), other.ID, other.Pos)})
		}
		used[key] = t
	}
}

func (c *checker) endpoint(e *settings.Endpoint) {
	s := c.snap
	for _, name := range e.Auths {
		if s.Auths[name] == nil {
			dangling(c, c.warn(e.At("auth"), "dangling-auth", "", "endpoint [%s]: auth=%s does not exist, so every request of %s is answered 500", e.ID, name, e.ID), name, s.Auths)
		}
	}
	for _, name := range e.OutboundAuths {
		if s.Auths[name] == nil {
			dangling(c, c.warn(e.At("outbound_auth"), "dangling-outbound-auth", "", "endpoint [%s]: outbound_auth=%s does not exist, so calls to %s fail if it asks for credentials", e.ID, name, e.ID), name, s.Auths)
		}
	}
	for _, name := range e.AORs {
		if s.AORs[name] == nil {
			dangling(c, c.warn(e.At("aors"), "dangling-aors", "", "endpoint [%s]: aors=%s does not exist, so it can neither register nor be called there", e.ID, name), name, s.AORs)
		}
	}
	if e.Transport != "" && s.Transport(e.Transport) == nil && len(s.Transports) > 0 {
		byName := map[string]*settings.Transport{}
		for _, t := range s.Transports {
			byName[t.ID] = t
		}
		dangling(c, c.warn(e.At("transport"), "dangling-transport", "", "endpoint [%s]: transport=%s does not exist, so calls to %s fail", e.ID, e.Transport, e.ID), e.Transport, byName)
	}
	if len(e.Codecs) == 0 {
		c.warn(e.Pos, "no-codecs", "add allow=ulaw,alaw", "endpoint [%s] allows no codec, so every call from and to it ends with 488", e.ID)
	}
	if len(e.Auths) == 0 {
		c.unprotected(e)
	}
}

// unprotected reports an endpoint that anybody can speak as (decision D5).
// An endpoint that only an address or header identifies is not one: its name
// in From is of no use if identify_by leaves username out, and a trunk has
// nothing to register.
func (c *checker) unprotected(e *settings.Endpoint) {
	if !slices.Contains(e.IdentifyBy, "username") {
		return
	}
	cure, add := "add auth="+e.ID+"_auth", ""
	if c.snap.Auths[e.ID+"_auth"] == nil {
		cure += " and the section [" + e.ID + "_auth] with type=auth, username, password"
		for _, name := range e.OutboundAuths {
			if c.snap.Auths[name] != nil {
				add = "auth=" + name
				cure = "add " + add
				break
			}
		}
	} else {
		add = "auth=" + e.ID + "_auth"
	}
	what := "call"
	if identified(c.snap, e) && !registers(c.snap, e) {
		add = "identify_by=ip"
		cure = "add " + add + ", so that only the addresses of its identify section are " + e.ID
	}
	for _, name := range e.AORs {
		if a := c.snap.AORs[name]; a != nil && a.MaxContacts > 0 {
			what = "register and call"
		}
	}
	d := c.warn(e.Pos, "no-inbound-auth", cure, "endpoint [%s] has no auth=: anyone who can reach %s can %s as %s", e.ID, c.reach(e), what, e.ID)
	if add != "" {
		d.Fix = &astconf.Fix{Edits: []astconf.Edit{{File: e.Pos.File, Line: e.Pos.Line, New: add}}}
	}
}

// identified reports whether an identify section names e.
func identified(s *settings.Snapshot, e *settings.Endpoint) bool {
	return slices.ContainsFunc(s.Identifies, func(i *settings.Identify) bool { return i.Endpoint == e.ID })
}

// registers reports whether e can register somewhere.
func registers(s *settings.Snapshot, e *settings.Endpoint) bool {
	return slices.ContainsFunc(e.AORs, func(name string) bool { return s.AORs[name] != nil && s.AORs[name].MaxContacts > 0 })
}

// reach lists the addresses an endpoint's requests may arrive at.
func (c *checker) reach(e *settings.Endpoint) string {
	var out []string
	seen := map[string]bool{}
	for _, t := range c.snap.Transports {
		if a := host(t); !seen[a] {
			seen[a] = true
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return "this exchange"
	}
	return strings.Join(out, " or ")
}

// host is the address or the interface that a transport is bound to.
func host(t *settings.Transport) string {
	if t.Device != "" {
		return t.Device
	}
	return t.Bind.Addr().String()
}

func (c *checker) identify(id *settings.Identify) {
	if c.snap.Endpoints[id.Endpoint] == nil {
		dangling(c, c.warn(id.At("endpoint"), "dangling-endpoint", "", "identify [%s]: endpoint=%s does not exist, so what it matches is treated as unknown", id.ID, id.Endpoint), id.Endpoint, c.snap.Endpoints)
	}
	for _, m := range id.Matches {
		if m.Host == "" && !m.Exclude && m.Prefix.Bits() == 0 {
			c.warn(id.At("match"), "identify-everyone", "name the addresses of "+id.Endpoint, "identify [%s]: match=%s takes every address for %s", id.ID, m.Text, id.Endpoint)
		}
	}
}

func closest[T any](name string, have map[string]T) string {
	return spelling.Nearest(name, slices.Sorted(maps.Keys(have)))
}
