package way

import (
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/transports"
)

// A Target is what a Dial argument after "PJSIP/" means.
type Target struct {
	Endpoint *settings.Endpoint
	URI      sip.Uri
	Contact  *registrar.Contact // nil for an explicit URI
}

// Target reads endpoint, user@endpoint, endpoint/uri and endpoint/aor. An
// endpoint whose name has an @ wins over user@endpoint.
func (f *Finder) Target(w *transports.World, dest string) (Target, *channel.Refusal) {
	name, rest, explicit := strings.Cut(dest, "/")
	user := ""
	ep := w.Endpoint(name)
	multi := w.Settings == nil || !w.Settings.Global.DisableMultiDomain
	if at := strings.LastIndexByte(name, '@'); at >= 0 && (ep == nil || !multi) {
		user, name = name[:at], name[at+1:]
		if name == "" {
			return Target{}, &channel.Refusal{Cause: channel.Cause(6), Why: "no endpoint after @"}
		}
		ep = w.Endpoint(name)
	}
	if ep == nil {
		f.Log.Error(fmt.Sprintf("Unable to create PJSIP channel - endpoint '%s' was not found", name))
		return Target{}, &channel.Refusal{Cause: channel.NoRoute, Why: "endpoint " + name + " was not found"}
	}
	to := Target{Endpoint: ep}
	if scheme := strings.ToLower(rest); explicit && (strings.HasPrefix(scheme, "sip:") || strings.HasPrefix(scheme, "sips:")) {
		if err := ParseURI(rest, &to.URI); err != nil {
			return Target{}, f.invalid(ep, rest)
		}
	} else {
		aors := ep.AORs
		if explicit {
			aors = []string{rest}
		}
		for _, aor := range aors {
			if cs := f.Registrar.Usable(aor); len(cs) > 0 {
				to.Contact = cs[0]
				to.URI = *cs[0].Uri.Clone()
				break
			}
		}
		if to.Contact == nil {
			if explicit {
				return Target{}, f.invalid(ep, rest)
			}
			return Target{}, f.invalid(ep, dest)
		}
	}
	if user != "" {
		to.URI.User = user
	}
	if ep.UserEqPhone && isNumber(to.URI.User) && !to.URI.UriParams.Has("user") {
		to.URI.UriParams.Add("user", "phone")
	}
	return to, nil
}

// invalid is the refusal of a call to nowhere, in Asterisk's words.
func (f *Finder) invalid(ep *settings.Endpoint, uri string) *channel.Refusal {
	why := fmt.Sprintf("Endpoint '%s': Could not create dialog to invalid URI '%s'.  Is endpoint registered and reachable?", ep.ID, uri)
	f.Log.Error(why)
	return &channel.Refusal{Cause: channel.NoRoute, Why: why}
}

func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "+")
	return s != "" && strings.Trim(s, "0123456789*#") == ""
}

// ParseURI reads a SIP URI; sipgo's reader accepts some that have no host.
func ParseURI(s string, u *sip.Uri) error {
	if err := sip.ParseUri(strings.Trim(s, "<>"), u); err != nil {
		return fmt.Errorf("uri %q: %w", s, err)
	}
	if u.Host == "" || strings.ContainsAny(s, " \t\r\n") {
		return fmt.Errorf("uri %q: no host", s)
	}
	return nil
}

// Start is where the way to a target begins: its route set, the first of it or the
// target itself, and the road there.
func (t *Target) Start() (routes []sip.Uri, first *sip.Uri, road Road, err error) {
	if routes, err = RoutesOf(*t); err != nil {
		return nil, nil, Road{}, err
	}
	first, road.Pin = &t.URI, t.Endpoint.Transport
	if len(routes) > 0 {
		first = &routes[0]
	}
	if t.Contact != nil {
		road.Prefer = t.Contact.Source.Transport
	}
	return routes, first, road, nil
}

// RoutesOf is the route set of a new call: the endpoint's proxy, then the Path
// the contact registered by.
func RoutesOf(to Target) ([]sip.Uri, error) {
	var texts []string
	if to.Endpoint.OutboundProxy != "" {
		texts = append(texts, to.Endpoint.OutboundProxy)
	}
	if to.Contact != nil {
		texts = append(texts, to.Contact.Path...)
	}
	var out []sip.Uri
	for _, s := range texts {
		var u sip.Uri
		if i, j := strings.IndexByte(s, '<'), strings.IndexByte(s, '>'); i >= 0 && j > i {
			s = s[i+1 : j]
		}
		if err := ParseURI(s, &u); err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}
