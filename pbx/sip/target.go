package sip

import (
	"fmt"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/transports"
)

// A target is what a Dial argument after "PJSIP/" means.
type target struct {
	ep      *settings.Endpoint
	uri     sip.Uri
	contact *registrar.Contact // nil for an explicit URI
}

// target reads endpoint, user@endpoint, endpoint/uri and endpoint/aor. An
// endpoint whose name has an @ wins over user@endpoint.
func (f *finder) target(w *transports.World, dest string) (target, *channel.Refusal) {
	name, rest, explicit := strings.Cut(dest, "/")
	user := ""
	ep := w.Endpoint(name)
	multi := w.Settings == nil || !w.Settings.Global.DisableMultiDomain
	if at := strings.LastIndexByte(name, '@'); at >= 0 && (ep == nil || !multi) {
		user, name = name[:at], name[at+1:]
		if name == "" {
			return target{}, &channel.Refusal{Cause: channel.Cause(6), Why: "no endpoint after @"}
		}
		ep = w.Endpoint(name)
	}
	if ep == nil {
		f.log.Error(fmt.Sprintf("Unable to create PJSIP channel - endpoint '%s' was not found", name))
		return target{}, &channel.Refusal{Cause: channel.NoRoute, Why: "endpoint " + name + " was not found"}
	}
	to := target{ep: ep}
	if scheme := strings.ToLower(rest); explicit && (strings.HasPrefix(scheme, "sip:") || strings.HasPrefix(scheme, "sips:")) {
		if err := parseURI(rest, &to.uri); err != nil {
			return target{}, f.invalid(ep, rest)
		}
	} else {
		aors := ep.AORs
		if explicit {
			aors = []string{rest}
		}
		for _, aor := range aors {
			if cs := f.registrar.Usable(aor); len(cs) > 0 {
				to.contact = cs[0]
				to.uri = *cs[0].Uri.Clone()
				break
			}
		}
		if to.contact == nil {
			if explicit {
				return target{}, f.invalid(ep, rest)
			}
			return target{}, f.invalid(ep, dest)
		}
	}
	if user != "" {
		to.uri.User = user
	}
	if ep.UserEqPhone && isNumber(to.uri.User) && !to.uri.UriParams.Has("user") {
		to.uri.UriParams.Add("user", "phone")
	}
	return to, nil
}

// invalid is the refusal of a call to nowhere, in Asterisk's words.
func (f *finder) invalid(ep *settings.Endpoint, uri string) *channel.Refusal {
	why := fmt.Sprintf("Endpoint '%s': Could not create dialog to invalid URI '%s'.  Is endpoint registered and reachable?", ep.ID, uri)
	f.log.Error(why)
	return &channel.Refusal{Cause: channel.NoRoute, Why: why}
}

func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "+")
	return s != "" && strings.Trim(s, "0123456789*#") == ""
}

// parseURI reads a SIP URI; sipgo's reader accepts some that have no host.
func parseURI(s string, u *sip.Uri) error {
	if err := sip.ParseUri(strings.Trim(s, "<>"), u); err != nil {
		return fmt.Errorf("uri %q: %w", s, err)
	}
	if u.Host == "" || strings.ContainsAny(s, " \t\r\n") {
		return fmt.Errorf("uri %q: no host", s)
	}
	return nil
}

// routesOf is the route set of a new call: the endpoint's proxy, then the Path
// the contact registered by.
func routesOf(to target) ([]sip.Uri, error) {
	var texts []string
	if to.ep.OutboundProxy != "" {
		texts = append(texts, to.ep.OutboundProxy)
	}
	if to.contact != nil {
		texts = append(texts, to.contact.Path...)
	}
	var out []sip.Uri
	for _, s := range texts {
		var u sip.Uri
		if i, j := strings.IndexByte(s, '<'), strings.IndexByte(s, '>'); i >= 0 && j > i {
			s = s[i+1 : j]
		}
		if err := parseURI(s, &u); err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	return out, nil
}
