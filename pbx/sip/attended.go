package sip

import (
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/invite"
)

// Find is the session of a dialog, or nil; part of invite.Dialogs.
func (a *Agent) Find(id dialog.ID) *invite.Session { return a.session(id) }

// locate is where an endpoint can be called, for a party that is sent there.
func (a *Agent) locate(endpoint string) (uri string, ok bool) {
	ep := a.world.Load().endpoint(endpoint)
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
