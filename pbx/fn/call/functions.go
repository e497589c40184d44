// Package call holds the dialplan functions about the call they are used in: who
// calls, the channel and its variables, SIP headers, the record.
package call

import (
	"slices"

	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
)

// A plan is the dialplan that runs on a channel, and its variables.
type plan struct{ *live.System }

// Functions are those of this package.
func Functions(system *live.System) []dialplan.Function {
	p := plan{system}
	return slices.Concat(callerFunctions(), channelFunctions(), headerFunctions(), cdrFunctions(), messageFunctions(), p.variableFunctions())
}
