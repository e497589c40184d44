package appliance

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"branchline/appliance/connection"
	"branchline/appliance/netconf"
	"branchline/appliance/systemd"
	"branchline/media/tone"
	"branchline/netcfg/steward"
	"branchline/pbx/astconf"
	"branchline/pbx/bridge"
	"branchline/pbx/check"
	"branchline/pbx/console/distant"
	"branchline/pbx/dialplan"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/prompt"
	"branchline/pbx/settings"
)

// configFiles are the files that make a configuration.
var configFiles = append([]string{"pjsip.conf", "sip.conf", "rtp.conf", "extensions.conf", prompt.IndicationsFile, bridge.FeaturesFile, netconf.FileName}, lineconf.Files()...)

// A configuration is everything the files in the configuration directory say,
// read and checked but not in force.
type configuration struct {
	files    map[string]*astconf.File // by name, as they were parsed
	settings *settings.Snapshot
	plan     *dialplan.Plan
	lines    lineconf.Config
	tones    *tone.Book
	features bridge.Features
	network  steward.Config
	distant  distant.Config // the console over the network
	// netFaults are the errors of network.conf.
	netFaults []astconf.Diag
}

// readConfiguration reads the files in the configuration directory. Every finding is among the
// diagnostics; with an Error among them (astconf.Failed) the configuration lacks
// what was broken and should be refused, unless the user asked for leniency. A
// file that is not there says nothing, which is no error.
func readConfiguration(j judge) (configuration, []astconf.Diag) {
	var diags, netFaults []astconf.Diag
	etc := j.process.Directories.Etc
	files := map[string]*astconf.File{}
	for _, name := range configFiles {
		files[name] = &astconf.File{Name: name, Valid: true}
		if _, err := os.Stat(etc + "/" + name); !errors.Is(err, fs.ErrNotExist) {
			file, found := astconf.Loader{Dir: os.DirFS(etc), Path: etc, Root: os.DirFS("/")}.Load(name)
			files[name] = file
			diags = append(diags, found...)
			if name == netconf.FileName {
				netFaults = errorsOf(found)
			}
		}
	}
	c, found := understand(files, j)
	c.netFaults = append(netFaults, c.netFaults...)
	return c, append(diags, found...)
}

// errorsOf leaves warnings out.
func errorsOf(diags []astconf.Diag) (out []astconf.Diag) {
	for _, f := range diags {
		if f.Severity == astconf.Error {
			out = append(out, f)
		}
	}
	return out
}

// understand makes a configuration of parsed files. The rules are the same at
// start, at reload and in `branchline check`.
func understand(files map[string]*astconf.File, j judge) (configuration, []astconf.Diag) {
	snapshot, plan, diags := check.Compile(j.input(files))
	lines, _ := lineconf.Read(files) // what it finds is among the diags
	tones, found := prompt.Indications(files[prompt.IndicationsFile])
	features, doubts := bridge.FeaturesOf(files[bridge.FeaturesFile])
	network, more := connection.Read(files[netconf.FileName], snapshot)
	diags = slices.Concat(diags, found, doubts, more)
	return configuration{
		files: files, settings: snapshot, plan: plan, lines: lines, tones: tones, features: features,
		network: network, netFaults: errorsOf(more), distant: netconf.Console(files[netconf.FileName]),
	}, diags
}

// with is c as if the sections of the same files in extra stood at the end of
// the user's. The network is not asked about: an appliance lives with errors there.
func (c configuration) with(extra fs.FS, j judge) (configuration, []astconf.Diag) {
	var diags []astconf.Diag
	files := map[string]*astconf.File{}
	for name, file := range c.files {
		joined := *file
		if _, err := fs.Stat(extra, name); err == nil {
			more, found := astconf.Load(extra, name)
			diags = append(diags, found...)
			joined.Sections = append(joined.Sections[:len(joined.Sections):len(joined.Sections)], more.Sections...)
		}
		files[name] = &joined
	}
	next, found := understand(files, j)
	found = slices.DeleteFunc(found, func(f astconf.Diag) bool { return f.Pos.File == netconf.FileName })
	next.network, next.netFaults, next.distant = c.network, c.netFaults, c.distant
	return next, append(diags, found...)
}

// bearable reports whether a start may go on: an appliance that is wrongly connected
// is still one that can be called.
func (c configuration) bearable(diags []astconf.Diag) bool {
	errs := len(errorsOf(diags))
	return errs == 0 || systemd.OnAppliance() && errs == len(c.netFaults)
}
