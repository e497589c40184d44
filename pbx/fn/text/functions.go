// Package text holds the dialplan functions that make texts of texts: fields of
// lists, numbers, times, codes, choices. They know no call; some are given the
// name of a variable.
package text

import (
	"slices"

	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
)

// variables are where functions find what they are given the name of.
type variables struct{ *live.System }

// Functions are those of this package.
func Functions(system *live.System) []dialplan.Function {
	v := variables{system}
	return slices.Concat(textFunctions(), codingFunctions(), v.listFunctions(), v.logicFunctions(), v.numberFunctions(), clockFunctions(), v.addressFunctions())
}
