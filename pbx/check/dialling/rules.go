// Package dialling holds the rules about who is called: targets of Dial that do
// not exist or cannot talk to the caller, telephone lines, ways out that are open
// to strangers, and the one for emergencies.
package dialling

import "branchline/pbx/check/survey"

// Rules are all of this package, in the order in which they are applied.
func Rules() []func(*survey.Survey) {
	return []func(*survey.Survey){
		dialled, codecs, openTrunks, transfers, sentBack, trunkNotDialled,
		emergency, linesKnown,
	}
}
