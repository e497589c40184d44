package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
	"branchline/pbx/settings/spelling"
)

// legacy looks at the devices of sip.conf; package settings has read their
// options.
func (x *examiner) legacy() {
	if x.snap.SIP == nil {
		return
	}
	contexts := slices.Sorted(maps.Keys(x.view))
	bySecret := map[string][]*settings.Device{}
	for _, d := range x.snap.SIP.List {
		at := x.deviceAt(d, "secret")
		if why := weak(d.Secret, d.Name); why != "" {
			x.warn(at, "weak-secret", fmt.Sprintf("[%s]: the secret %s", d.Name, why), "whoever guesses it can call as "+d.Name, "write a long random one, here and in the phone")
		}
		if d.Secret != "" {
			if bySecret[d.Secret] = append(bySecret[d.Secret], d); len(bySecret[d.Secret]) == 2 {
				x.warn(at, "shared-secret", fmt.Sprintf("[%s] has the same secret as [%s]", d.Name, bySecret[d.Secret][0].Name), "one phone that gives it away opens the other", "give each its own")
			}
		}
		if d.Host != "" && !d.Dynamic && !strings.ContainsAny(d.Host, ".:") {
			dd := x.warn(x.deviceAt(d, "host"), "host-word", fmt.Sprintf("[%s]: host=%s is taken as the name of a machine", d.Name, d.Host), "no phone can register as "+d.Name+", and calls go to that machine", "write host=dynamic for a phone, an address for a server")
			dd.Near = d.Host
			if spelling.Nearest(d.Host, []string{"dynamic"}) != "" {
				replace(dd, d.Host, "dynamic", true)
			}
		}
		if d.InsecureInvite && d.Dynamic {
			x.warn(x.deviceAt(d, "insecure"), "insecure-invite", fmt.Sprintf("[%s]: insecure=invite on a device that registers", d.Name), "anybody who gives the name "+d.Name+" can call without a password", "leave it out: it is for providers with host=address")
		}
		if e := d.Endpoint; e != nil && x.view[e.Context] == nil && (e.Context != x.snap.SIP.Context || x.deviceAt(d, "context") != d.Pos) {
			dd := x.warn(x.deviceAt(d, "context"), "dangling-context", fmt.Sprintf("[%s]: context %q does not exist in extensions.conf", d.Name, e.Context), "every number that "+d.Name+" dials is answered 404", "add ["+e.Context+"] to extensions.conf")
			if near := spelling.Nearest(e.Context, contexts); near != "" {
				dd.Cure = "did you mean " + near + "?"
				if x.deviceAt(d, "context") != d.Pos {
					replace(dd, e.Context, near, false)
				}
			}
		}
	}
	if name := x.snap.SIP.Context; x.view[name] == nil {
		d := x.warn(x.generalAt("context"), "dangling-context", fmt.Sprintf("[general]: context %q does not exist in extensions.conf", name),
			"every number dialled by devices without a context of their own, and by guests, is answered 404", "add ["+name+"] to extensions.conf")
		if near := spelling.Nearest(name, contexts); near != "" {
			d.Cure = "did you mean " + near + "?"
		}
		return
	}
	x.guests()
}

// deviceAt is the place where a device's section sets an option, that of the
// section if it does not.
func (x *examiner) deviceAt(d *settings.Device, option string) astconf.Pos {
	for _, s := range x.Files["sip.conf"].Sections {
		if strings.EqualFold(s.Name, d.Name) {
			if e, ok := s.Last(option); ok {
				return e.Pos
			}
		}
	}
	return d.Pos
}

func (x *examiner) generalAt(option string) astconf.Pos {
	at := x.snap.SIP.Pos
	for _, s := range x.Files["sip.conf"].Sections {
		if strings.EqualFold(s.Name, "general") {
			if e, ok := s.Last(option); ok {
				at = e.Pos
			}
		}
	}
	return at
}

// guests says what callers without an account get.
func (x *examiner) guests() {
	s := x.snap.SIP
	if s.Guest == nil {
		return
	}
	var reachable []string
	for _, c := range x.included(s.Context) {
		for _, ext := range x.view[c].Extensions {
			if len(ext.Steps) > 0 && !special(ext.Name) && !slices.Contains(reachable, ext.Name) {
				reachable = append(reachable, ext.Name)
			}
		}
	}
	x.note(x.generalAt("allowguest"), "guest-numbers", fmt.Sprintf("callers without an account can dial %s of [%s]", sentence(reachable, 5), s.Context),
		"every other number is answered 404", "")
}
