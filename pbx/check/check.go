// Package check is the compiler for configurations: the rules that look at all
// files together, or at what a call would meet, where packages astconf,
// settings and dialplan look at a file, an object, a line. Start, reload and
// `branchline check` run the same rules, which stand in objects, steps and
// dialling; what they ask of a configuration is in survey. It reads and changes
// nothing; verdict alone writes files.
//
// A finding is an Error only if the exchange would refuse the configuration or
// a call cannot work at all; where Asterisk loads the same file it is a Warning.
package check

import (
	"slices"

	"branchline/pbx/astconf"
	"branchline/pbx/check/dialling"
	"branchline/pbx/check/objects"
	"branchline/pbx/check/steps"
	"branchline/pbx/check/survey"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/settings"
	"branchline/pbx/settings/pjsipconf"
	"branchline/pbx/settings/sipconf"
)

// Compile understands the files and applies all rules. The findings are in no
// particular order; those of reading the files are not among them.
func Compile(in survey.Input) (*settings.Snapshot, *dialplan.Plan, []astconf.Diag) {
	snap, diags := pjsipconf.Read(in.Files["pjsip.conf"])
	add := func(found []astconf.Diag) { diags = append(diags, found...) }
	rtp, found := settings.FromRTP(in.Files["rtp.conf"])
	snap.RTP = rtp
	add(found)
	legacy, found := sipconf.Read(in.Files["sip.conf"])
	add(found)
	add(legacy.Join(snap))
	lines, found := lineconf.Read(in.Files)
	add(found)
	extensions := in.Files["extensions.conf"]
	if extensions == nil {
		extensions = &astconf.File{Name: "extensions.conf", Valid: true}
	}
	plan, found := live.Compile(extensions, in.Catalog)
	add(found)
	enrich(diags, in)
	x := survey.New(in, snap, plan, lines, diags)
	for _, rule := range slices.Concat(objects.Rules(), steps.Rules(), dialling.Rules()) {
		rule(x)
	}
	return snap, plan, x.Diags
}
