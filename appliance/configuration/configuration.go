// Package configuration reads the files that make a configuration and judges them
// whole; what it gives is not in force. Reading order: Config and Judge.Read here,
// judge.go for what the checks know of this machine, main.go for asterisk.conf.
package configuration

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
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

// Names are the files that make a configuration; the slice is everybody's.
func Names() []string { return names }

var names = append([]string{"pjsip.conf", "sip.conf", "rtp.conf", "extensions.conf", prompt.IndicationsFile, bridge.FeaturesFile, netconf.FileName}, lineconf.Files()...)

// A Config is everything the files in the configuration directory say,
// read and checked but not in force.
type Config struct {
	Files    map[string]*astconf.File // by name, as they were parsed
	Settings *settings.Snapshot
	Plan     *dialplan.Plan
	Lines    lineconf.Config
	Tones    *tone.Book
	Features bridge.Features
	Network  steward.Config
	Distant  distant.Config // the console over the network
	// NetworkFaults are the errors of network.conf.
	NetworkFaults []astconf.Diag
}

// Read reads the files in the configuration directory. Every finding is among the
// diagnostics; with an Error among them (astconf.Failed) the configuration lacks
// what was broken and should be refused, unless the user asked for leniency. A
// file that is not there says nothing, which is no error.
func (j Judge) Read() (Config, []astconf.Diag) {
	var diags, netFaults []astconf.Diag
	etc := j.Process.Directories.Etc
	files := map[string]*astconf.File{}
	for _, name := range names {
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
	c.NetworkFaults = append(netFaults, c.NetworkFaults...)
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
func understand(files map[string]*astconf.File, j Judge) (Config, []astconf.Diag) {
	snapshot, plan, diags := check.Compile(j.input(files))
	lines, _ := lineconf.Read(files) // what it finds is among the diags
	tones, found := prompt.Indications(files[prompt.IndicationsFile])
	features, doubts := bridge.FeaturesOf(files[bridge.FeaturesFile])
	network, more := connection.Read(files[netconf.FileName], snapshot)
	diags = slices.Concat(diags, found, doubts, more)
	return Config{
		Files: files, Settings: snapshot, Plan: plan, Lines: lines, Tones: tones, Features: features,
		Network: network, NetworkFaults: errorsOf(more), Distant: netconf.Console(files[netconf.FileName]),
	}, diags
}

// With is c as if the sections of the same files in extra stood at the end of
// the user's. The network is not asked about: an appliance lives with errors there.
func (c Config) With(extra fs.FS, j Judge) (Config, []astconf.Diag) {
	var diags []astconf.Diag
	files := map[string]*astconf.File{}
	for name, file := range c.Files {
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
	next.Network, next.NetworkFaults, next.Distant = c.Network, c.NetworkFaults, c.Distant
	return next, append(diags, found...)
}

// Bearable reports whether a start with these findings may go on: an appliance that is wrongly connected
// is still one that can be called.
func (c Config) Bearable(diags []astconf.Diag) bool {
	errs := len(errorsOf(diags))
	return errs == 0 || systemd.OnAppliance() && errs == len(c.NetworkFaults)
}

// Parts are all files a configuration was read from.
func (c Config) Parts() []string {
	var out []string
	for _, name := range names {
		out = append(out, name)
		if f := c.Files[name]; f != nil {
			out = append(out, f.Parts...)
		}
	}
	return out
}

// Report writes diagnostics to the log, each at its own level.
func Report(log *slog.Logger, diags []astconf.Diag) {
	for _, f := range diags {
		level := slog.LevelInfo
		switch f.Severity {
		case astconf.Warning:
			level = slog.LevelWarn
		case astconf.Error:
			level = slog.LevelError
		}
		text := f.Pos.String() + ": " + f.Message
		if f.Cure != "" {
			text += " (" + f.Cure + ")"
		}
		log.Log(context.Background(), level, text)
	}
}
