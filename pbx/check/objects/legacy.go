package objects

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/check/survey"
	"branchline/pbx/settings"
	"branchline/pbx/settings/spelling"
)

// legacy looks at the devices of sip.conf; package settings has read their
// options.
func legacy(x *survey.Survey) {
	if x.Snap.SIP == nil {
		return
	}
	contexts := slices.Sorted(maps.Keys(x.View))
	bySecret := map[string][]*settings.Device{}
	for _, d := range x.Snap.SIP.List {
		at := deviceAt(x, d, "secret")
		if why := weak(d.Secret, d.Name); why != "" {
			x.Warn(at, "weak-secret", fmt.Sprintf("[%s]: the secret %s", d.Name, why), "whoever guesses it can call as "+d.Name, "write a long random one, here and in the phone")
		}
		if d.Secret != "" {
			if bySecret[d.Secret] = append(bySecret[d.Secret], d); len(bySecret[d.Secret]) == 2 {
				x.Warn(at, "shared-secret", fmt.Sprintf("[%s] has the same secret as [%s]", d.Name, bySecret[d.Secret][0].Name), "one phone that gives it away opens the other", "give each its own")
			}
		}
		if d.Host != "" && !d.Dynamic && !strings.ContainsAny(d.Host, ".:") {
			dd := x.Warn(deviceAt(x, d, "host"), "host-word", fmt.Sprintf("[%s]: host=%s is taken as the name of a machine", d.Name, d.Host), "no phone can register as "+d.Name+", and calls go to that machine", "write host=dynamic for a phone, an address for a server")
			dd.Near = d.Host
			if spelling.Nearest(d.Host, []string{"dynamic"}) != "" {
				dd.Replace(d.Host, "dynamic", true)
			}
		}
		if d.InsecureInvite && d.Dynamic {
			x.Warn(deviceAt(x, d, "insecure"), "insecure-invite", fmt.Sprintf("[%s]: insecure=invite on a device that registers", d.Name), "anybody who gives the name "+d.Name+" can call without a password", "leave it out: it is for providers with host=address")
		}
		if name := d.SubscribeContext; name != "" && x.View[name] == nil && deviceAt(x, d, "subscribecontext") != d.Pos {
			nothingToWatch(contexts, x.Warn(deviceAt(x, d, "subscribecontext"), "dangling-context",
				fmt.Sprintf("[%s]: subscribecontext %q does not exist in extensions.conf", d.Name, name), "its lamps stay dark: every SUBSCRIBE is answered 404", ""), name)
		}
		if e := d.Endpoint; e != nil && x.View[e.Context] == nil && (e.Context != x.Snap.SIP.Context || deviceAt(x, d, "context") != d.Pos) {
			dd := x.Warn(deviceAt(x, d, "context"), "dangling-context", fmt.Sprintf("[%s]: context %q does not exist in extensions.conf", d.Name, e.Context), "every number that "+d.Name+" dials is answered 404", "add ["+e.Context+"] to extensions.conf")
			if near := spelling.Nearest(e.Context, contexts); near != "" {
				dd.Cure = "did you mean " + near + "?"
				if deviceAt(x, d, "context") != d.Pos {
					dd.Replace(e.Context, near, false)
				}
			}
		}
	}
	if name := x.Snap.SIP.Context; x.View[name] == nil {
		d := x.Warn(generalAt(x, "context"), "dangling-context", fmt.Sprintf("[general]: context %q does not exist in extensions.conf", name),
			"every number dialled by devices without a context of their own, and by guests, is answered 404", "add ["+name+"] to extensions.conf")
		if near := spelling.Nearest(name, contexts); near != "" {
			d.Cure = "did you mean " + near + "?"
		}
		return
	}
	guests(x)
}

// deviceAt is the place where a device's section sets an option, that of the
// section if it does not.
func deviceAt(x *survey.Survey, d *settings.Device, option string) astconf.Pos {
	for _, s := range x.Files["sip.conf"].Sections {
		if strings.EqualFold(s.Name, d.Name) {
			if e, ok := s.Last(option); ok {
				return e.Pos
			}
		}
	}
	return d.Pos
}

func generalAt(x *survey.Survey, option string) astconf.Pos {
	at := x.Snap.SIP.Pos
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
func guests(x *survey.Survey) {
	s := x.Snap.SIP
	if s.Guest == nil {
		return
	}
	var reachable []string
	for _, c := range x.Included(s.Context) {
		for _, ext := range x.View[c].Extensions {
			if len(ext.Steps) > 0 && !survey.Special(ext.Name) && !slices.Contains(reachable, ext.Name) {
				reachable = append(reachable, ext.Name)
			}
		}
	}
	x.Note(generalAt(x, "allowguest"), "guest-numbers", fmt.Sprintf("callers without an account can dial %s of [%s]", survey.Sentence(reachable, 5), s.Context),
		"every other number is answered 404", "")
}
