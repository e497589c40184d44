// Package objects holds the rules about what stands in sections: settings that
// are written in vain, objects that name each other wrongly or not at all,
// secrets, addresses, devices of sip.conf.
package objects

import "branchline/pbx/check/survey"

// Rules are all of this package, in the order in which they are applied.
func Rules() []func(*survey.Survey) {
	return []func(*survey.Survey){
		files, unreadFiles, repeated, doubledEquals, allowOrder, cutURIs,
		secrets, usernames, permits,
		references, registering, unused, oddOneOut,
		wideMatches, contactsIdentified, shadowedRegistrations,
		binds, pinned, addressTranslation,
		legacy,
	}
}
