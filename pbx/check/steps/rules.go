// Package steps holds the rules about what a call meets as it walks the dialplan:
// steps no call reaches, jumps to nowhere, arguments, variables, prompts.
package steps

import "branchline/pbx/check/survey"

// Rules are all of this package, in the order in which they are applied.
func Rules() []func(*survey.Survey) {
	return []func(*survey.Survey){
		priorities, names, runsOn, hidden, includeLoops,
		jumps, arguments, texts, variables, sounds,
		unusedContexts,
	}
}
