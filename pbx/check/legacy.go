package check

import (
	"fmt"
	"maps"
	"slices"

	"branchline/pbx/settings"
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
		at := d.At("secret")
		if why := weak(d.Secret, d.Name); why != "" {
			x.warn(at, "weak-secret", fmt.Sprintf("[%s]: the secret %s", d.Name, why), "whoever guesses it can call as "+d.Name, "write a long random one, here and in the phone")
		}
		if d.Secret != "" {
			if bySecret[d.Secret] = append(bySecret[d.Secret], d); len(bySecret[d.Secret]) == 2 {
				x.warn(at, "shared-secret", fmt.Sprintf("[%s] has the same secret as [%s]", d.Name, bySecret[d.Secret][0].Name), "one phone that gives it away opens the other", "give each its own")
			}
		}
		if d.InsecureInvite && d.Dynamic {
			x.warn(d.At("insecure"), "insecure-invite", fmt.Sprintf("[%s]: insecure=invite on a device that registers", d.Name), "anybody who gives the name "+d.Name+" can call without a password", "leave it out: it is for providers with host=address")
		}
		if e := d.Endpoint; e != nil && x.view[e.Context] == nil {
			dd := x.warn(d.At("context"), "dangling-context", fmt.Sprintf("[%s]: context %q does not exist in extensions.conf", d.Name, e.Context), "every number that "+d.Name+" dials is answered 404", "add ["+e.Context+"] to extensions.conf")
			if near := settings.Nearest(e.Context, contexts); near != "" {
				dd.Cure = "did you mean " + near + "?"
				if d.At("context") != d.Pos {
					replace(dd, e.Context, near, false)
				}
			}
		}
	}
	x.guests(contexts)
}

// guests says what callers without an account get.
func (x *examiner) guests(contexts []string) {
	s := x.snap.SIP
	if s.Guest == nil {
		return
	}
	if x.view[s.Context] == nil {
		d := x.note(s.At("context"), "dangling-context", fmt.Sprintf("[general]: context %q does not exist in extensions.conf", s.Context), "callers without an account are answered 404", "")
		if near := settings.Nearest(s.Context, contexts); near != "" {
			d.Cure = "did you mean " + near + "?"
		}
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
	x.note(s.At("allowguest"), "guest-numbers", fmt.Sprintf("callers without an account can dial %s of [%s]", sentence(reachable, 5), s.Context),
		"every other number is answered 404", "")
}
