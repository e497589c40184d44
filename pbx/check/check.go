// Package check is the compiler for configurations: the rules that look at all
// files together, or at what a call would meet, where packages astconf,
// settings and dialplan look at a file, an object, a line. Start, reload and
// `branchline check` run the same rules. It reads nothing and changes nothing
// by itself; Fix alone writes files.
//
// A finding is an Error only if the exchange would refuse the configuration or
// a call cannot work at all; where Asterisk loads the same file it is a Warning.
package check

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/dialplan"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/settings"
	"branchline/pbx/settings/sipconf"
)

// An Input is one configuration and its surroundings. Rules that need what is
// not given are left out.
type Input struct {
	Files    map[string]*astconf.File // by name: "pjsip.conf", ...
	Catalog  dialplan.Catalog
	Language string // of prompts, "" is English
	// HasSound tells whether a prompt can be played.
	HasSound func(language, name string) bool
	// Addresses are those of this machine.
	Addresses []netip.Addr
	// Interfaces are those of this machine, by name.
	Interfaces []string
	// Port tells what system.conf says of a DAHDI channel; false if it is not there.
	Port func(channel int) (kind lineconf.Signalling, ok bool)
	// Exists tells whether there is a file of that name on this machine.
	Exists func(path string) bool
	// Source gives the bytes of a file named as in positions.
	Source func(file string) ([]byte, error)
}

// Compile understands the files and applies all rules. The findings are in no
// particular order; those of reading the files are not among them.
func Compile(in Input) (*settings.Snapshot, *dialplan.Plan, []astconf.Diag) {
	snap, diags := settings.FromPJSIP(in.Files["pjsip.conf"])
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
	plan, found := dialplan.Compile(extensions, in.Catalog)
	add(found)
	enrich(diags, in)
	x := &examiner{Input: in, snap: snap, plan: plan, trunks: lines, diags: diags}
	x.survey()
	for _, rule := range rules() {
		rule(x)
	}
	return snap, plan, x.diags
}

func rules() []func(*examiner) {
	return []func(*examiner){
		(*examiner).files, (*examiner).unreadFiles, (*examiner).repeated, (*examiner).doubledEquals, (*examiner).allowOrder, (*examiner).cutURIs,
		(*examiner).secrets, (*examiner).usernames, (*examiner).permits,
		(*examiner).references, (*examiner).registering, (*examiner).unused, (*examiner).oddOneOut,
		(*examiner).wideMatches, (*examiner).contactsIdentified, (*examiner).shadowedRegistrations,
		(*examiner).binds, (*examiner).pinned, (*examiner).addressTranslation,
		(*examiner).priorities, (*examiner).names, (*examiner).runsOn, (*examiner).hidden, (*examiner).includeLoops,
		(*examiner).jumps, (*examiner).arguments, (*examiner).texts, (*examiner).variables, (*examiner).sounds,
		(*examiner).dialled, (*examiner).codecs, (*examiner).openTrunks, (*examiner).transfers, (*examiner).sentBack, (*examiner).trunkNotDialled,
		(*examiner).emergency, (*examiner).linesKnown, (*examiner).unusedContexts,
		(*examiner).legacy,
	}
}

// An examiner is the state of one Run.
type examiner struct {
	Input
	snap   *settings.Snapshot
	plan   *dialplan.Plan
	trunks lineconf.Config // telephone lines
	diags  []astconf.Diag

	views     []dialplan.ContextView
	view      map[string]*dialplan.ContextView
	globals   map[string]string
	steps     []step
	dials     []dial
	answering map[*settings.Endpoint]bool // those that some Dial calls
	leaps     []leap
	known     map[string]bool   // endpoints that an identify section names
	edges     map[string][]edge // context: where calls in it may get to
	reached   map[string]reached
	entrants  map[string][]entrant
	ordered   []*settings.Endpoint // of pjsip.conf, by place in the file
	everyone  []*settings.Endpoint // and the devices of sip.conf
	devices   map[*settings.Endpoint]*settings.Device
	guest     *settings.Endpoint  // of sip.conf, nil if it takes none
	users     map[string][]string // auth: endpoints and registrations that name it
	source    map[string][]string // lines of files already read
}

func (x *examiner) add(sev astconf.Severity, at astconf.Pos, rule, message, effect, cure string) *astconf.Diag {
	x.diags = append(x.diags, astconf.Diag{Pos: at, Severity: sev, Rule: rule, Message: message, Effect: effect, Cure: cure})
	return &x.diags[len(x.diags)-1]
}

func (x *examiner) warn(at astconf.Pos, rule, message, effect, cure string) *astconf.Diag {
	return x.add(astconf.Warning, at, rule, message, effect, cure)
}

func (x *examiner) note(at astconf.Pos, rule, message, effect, cure string) *astconf.Diag {
	return x.add(astconf.Note, at, rule, message, effect, cure)
}

// replace is a fix that changes words of d's line.
func replace(d *astconf.Diag, was, is string, safe bool) {
	if d.Near == "" {
		d.Near = was
	}
	d.Fix = &astconf.Fix{Safe: safe, Edits: []astconf.Edit{{File: d.File, Line: d.Line, Old: was, New: is}}}
}

// insert is a fix that adds lines after a line. It always needs the user's
// consent: what is added was not written.
func insert(d *astconf.Diag, after astconf.Pos, lines string) {
	d.Fix = &astconf.Fix{Edits: []astconf.Edit{{File: after.File, Line: after.Line, New: lines}}}
}

// line gives a line of a file as it stands there; false if it cannot be read.
func (x *examiner) line(file string, n int) (string, bool) {
	lines := x.lines(file)
	if n < 1 || n > len(lines) {
		return "", false
	}
	return lines[n-1], true
}

func (x *examiner) lines(file string) []string {
	if x.Source == nil {
		return nil
	}
	lines, ok := x.source[file]
	if !ok {
		if data, err := x.Source(file); err == nil {
			lines = strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
		}
		if x.source == nil {
			x.source = map[string][]string{}
		}
		x.source[file] = lines
	}
	return lines
}

// sentence joins names for a message: "a", "a and b", "a, b and 3 more".
func sentence(names []string, most int) string {
	switch {
	case len(names) == 0:
		return "nobody"
	case len(names) == 1:
		return names[0]
	case len(names) <= most:
		return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// Arrange sorts findings by file (in the order in which they are read), line
// and weight, drops repetitions, and finds the column where it can.
func Arrange(diags []astconf.Diag, source func(file string) ([]byte, error)) []astconf.Diag {
	x := examiner{Input: Input{Source: source}}
	diags = slices.Clone(diags)
	for i := range diags {
		d := &diags[i]
		if d.Near == "" {
			continue
		}
		if text, ok := x.line(d.File, d.Line); ok {
			from := min(max(d.Col-1, 0), len(text))
			if at := strings.Index(text[from:], d.Near); at >= 0 {
				d.Col = from + at + 1
			}
		}
	}
	rank := map[string]int{"asterisk.conf": 1, "pjsip.conf": 2, "sip.conf": 3, "rtp.conf": 4, "chan_dahdi.conf": 5, "modem.conf": 6, "quectel.conf": 7, "extensions.conf": 8}
	slices.SortStableFunc(diags, func(a, b astconf.Diag) int {
		ra, rb := rank[a.File], rank[b.File]
		if ra == 0 {
			ra = 9
		}
		if rb == 0 {
			rb = 9
		}
		return cmp.Or(ra-rb, strings.Compare(a.File, b.File), a.Line-b.Line, int(b.Severity)-int(a.Severity))
	})
	return slices.CompactFunc(diags, func(a, b astconf.Diag) bool {
		return a.Pos == b.Pos && a.Rule == b.Rule && a.Message == b.Message
	})
}
