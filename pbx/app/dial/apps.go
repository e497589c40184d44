// Package dial is the application Dial: calling several parties, connecting the
// first that answers, and what follows when the call is over.
package dial

import (
	"branchline/pbx/app/form"
	"branchline/pbx/dialplan"
)

// calls gives Dial its methods.
type calls struct{ form.Deps }

// Apps is Dial.
func Apps(deps form.Deps) []dialplan.App {
	a := &calls{deps}
	return []dialplan.App{
		{Name: "Dial", Synopsis: "Call devices and connect the first that answers.", Syntax: "Dial(Technology/Resource[&...][,timeout[,options[,URL]]])", Run: a.dial},
	}
}
