// Package fn holds the dialplan functions: what ${NAME(args)} reads and
// Set(NAME(args)=value) writes. Each is a plain Go function in one of the packages
// below: text, call or office; form is what they are made with.
package fn

import (
	"slices"
	"sort"

	"branchline/pbx/dialplan"
	"branchline/pbx/fn/call"
	"branchline/pbx/fn/office"
	"branchline/pbx/fn/text"
)

// Functions gives all dialplan functions, sorted by name. Only System is required.
func Functions(d office.Deps) []dialplan.Function {
	all := slices.Concat(text.Functions(d.System), call.Functions(d.System), office.Functions(d))
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}
