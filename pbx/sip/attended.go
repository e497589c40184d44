package sip

import (
	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/invite"
)

// Find is the session of a dialog, or nil; part of invite.Dialogs.
func (a *Agent) Find(id dialog.ID) *invite.Session { return a.session(id) }

// replaced is the name of the channel whose place an INVITE with Replaces wants
// (RFC 3891 3), "" if it wants none; false if there is no such call.
func (a *Agent) replaced(req *sip.Request) (name string, ok bool) {
	h := req.GetHeader("Replaces")
	if h == nil {
		return "", true
	}
	id, ok := dialog.Replaced(h.Value())
	if !ok {
		return "", false
	}
	s := a.session(id)
	if s == nil || !s.Replaceable() {
		return "", false
	}
	return s.Name(), true
}

// locate is where an endpoint can be called, for a party that is sent there.
func (a *Agent) locate(endpoint string) (uri string, ok bool) {
	ep := a.rack.Load().Endpoint(endpoint)
	if ep == nil {
		return "", false
	}
	for _, aor := range ep.AORs {
		if cs := a.o.Registrar.Usable(aor); len(cs) > 0 {
			return cs[0].URI, true
		}
	}
	return "", false
}
