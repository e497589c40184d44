package settings

import (
	"errors"
	"io/fs"
	"strconv"

	"branchline/pbx/astconf"
)

// A Process is asterisk.conf: where files are and how the daemon runs.
type Process struct {
	Directories Directories
	Files       ControlSocket

	Verbose, Debug      int // levels at start
	Foreground          bool
	Console, Quiet      bool
	Timestamp           bool
	RunUser, RunGroup   string
	MaxCalls            int // 0: no limit
	SystemName          string
	DefaultLanguage     string
	LanguagePrefix      bool // sounds/<lang>/digits/1, not sounds/digits/<lang>/1
	MinDTMFMilliseconds int
	HideConnect         bool // no log line when a console connects
}

// Directories are the places of asterisk.conf's [directories].
type Directories struct {
	Cache, Etc, Modules, VarLib, DB, Key, Data, AGI, Spool, Run, Log, Sbin string
}

// A ControlSocket is asterisk.conf's [files]: the console's socket in
// Directories.Run.
type ControlSocket struct {
	Name         string
	Permissions  fs.FileMode // 0: as the daemon's umask makes it
	Owner, Group string
}

// DefaultProcess is what holds without an asterisk.conf. The sound directory
// is Debian's, so that its sound packages are found.
func DefaultProcess() Process {
	return Process{
		Directories: Directories{
			Cache: "/var/cache/asterisk", Etc: "/etc/asterisk", Modules: "/usr/lib/asterisk/modules",
			VarLib: "/var/lib/asterisk", DB: "/var/lib/asterisk", Key: "/var/lib/asterisk",
			Data: "/usr/share/asterisk", AGI: "/usr/share/asterisk/agi-bin", Spool: "/var/spool/asterisk",
			Run: "/var/run/asterisk", Log: "/var/log/asterisk", Sbin: "/usr/sbin",
		},
		Files:           ControlSocket{Name: "asterisk.ctl"},
		DefaultLanguage: "en", LanguagePrefix: true, MinDTMFMilliseconds: 80,
	}
}

func directoryOptions() []option[Directories] {
	type D = Directories
	return []option[D]{
		{name: "astcachedir", kind: text, at: func(d *D) any { return &d.Cache }},
		{name: "astetcdir", kind: text, at: func(d *D) any { return &d.Etc }},
		{name: "astmoddir", kind: text, at: func(d *D) any { return &d.Modules }},
		{name: "astvarlibdir", kind: text, at: func(d *D) any { return &d.VarLib }},
		{name: "astdbdir", kind: text, at: func(d *D) any { return &d.DB }},
		{name: "astkeydir", kind: text, at: func(d *D) any { return &d.Key }},
		{name: "astdatadir", kind: text, at: func(d *D) any { return &d.Data }},
		{name: "astagidir", kind: text, at: func(d *D) any { return &d.AGI }},
		{name: "astspooldir", kind: text, at: func(d *D) any { return &d.Spool }},
		{name: "astrundir", kind: text, at: func(d *D) any { return &d.Run }},
		{name: "astlogdir", kind: text, at: func(d *D) any { return &d.Log }},
		{name: "astsbindir", kind: text, at: func(d *D) any { return &d.Sbin }},
	}
}

func processOptions() []option[Process] {
	type P = Process
	return []option[P]{
		{name: "verbose", def: "0", kind: count(0, 100), at: func(p *P) any { return &p.Verbose }},
		{name: "debug", def: "0", kind: count(0, 100), at: func(p *P) any { return &p.Debug }},
		{name: "nofork", def: "no", kind: yesNo, at: func(p *P) any { return &p.Foreground }},
		{name: "console", def: "no", kind: yesNo, at: func(p *P) any { return &p.Console }},
		{name: "quiet", def: "no", kind: yesNo, at: func(p *P) any { return &p.Quiet }},
		{name: "timestamp", def: "no", kind: yesNo, at: func(p *P) any { return &p.Timestamp }},
		{name: "runuser", kind: text, at: func(p *P) any { return &p.RunUser }},
		{name: "rungroup", kind: text, at: func(p *P) any { return &p.RunGroup }},
		{name: "maxcalls", def: "0", kind: anyCount, at: func(p *P) any { return &p.MaxCalls }},
		{name: "systemname", kind: text, at: func(p *P) any { return &p.SystemName }},
		{name: "defaultlanguage", def: "en", kind: text, at: func(p *P) any { return &p.DefaultLanguage }},
		{name: "languageprefix", def: "yes", kind: yesNo, at: func(p *P) any { return &p.LanguagePrefix }, standing: later},
		{name: "mindtmfduration", def: "80", kind: count(0, 1000), at: func(p *P) any { return &p.MinDTMFMilliseconds }, standing: later},
		{name: "hideconnect", def: "no", kind: yesNo, at: func(p *P) any { return &p.HideConnect }},
		{name: "autosystemname", def: "no", kind: yesNo, standing: later},
		{name: "maxload", def: "0", kind: text, standing: later},
		{name: "maxfiles", def: "0", kind: anyCount, standing: later},
		{name: "minmemfree", def: "0", kind: anyCount, standing: later},
		{name: "entityid", kind: text, standing: later},
		{name: "transmit_silence", def: "no", kind: yesNo, standing: later},
		{name: "execincludes", def: "no", kind: yesNo, standing: ignored},
		{name: "live_dangerously", def: "no", kind: yesNo, standing: ignored},
		{name: "disable_remote_console_shell", def: "no", kind: yesNo, standing: ignored},
		{name: "alwaysfork", def: "no", kind: yesNo, standing: ignored},
		{name: "highpriority", def: "no", kind: yesNo, standing: later},
		{name: "initcrypto", def: "no", kind: yesNo, standing: ignored},
		{name: "nocolor", def: "no", kind: yesNo, standing: later},
		{name: "dontwarn", def: "no", kind: yesNo, standing: ignored},
		{name: "dumpcore", def: "no", kind: yesNo, standing: ignored},
		{name: "trace", def: "0", kind: anyCount, standing: ignored},
		{name: "refdebug", def: "no", kind: yesNo, standing: ignored},
		{name: "cache_media_frames", def: "yes", kind: yesNo, standing: ignored},
		{name: "cache_record_files", def: "no", kind: yesNo, standing: ignored},
		{name: "record_cache_dir", kind: text, standing: ignored},
		{name: "transcode_via_sln", def: "yes", kind: yesNo, standing: ignored},
		{name: "lightbackground", def: "no", kind: yesNo, standing: ignored},
		{name: "forceblackbackground", def: "no", kind: yesNo, standing: ignored},
		{name: "documentation_language", def: "en_US", kind: text, standing: ignored},
		{name: "lockconfdir", def: "no", kind: yesNo, standing: ignored},
		{name: "lockmode", def: "lockfile", kind: text, standing: ignored},
		{name: "stdexten", def: "gosub", kind: text, standing: ignored},
		{name: "rtp_use_dynamic", def: "yes", kind: yesNo, standing: ignored},
		{name: "rtp_pt_dynamic", def: "35", kind: anyCount, standing: ignored},
		{name: "hide_messaging_ami_events", def: "no", kind: yesNo, standing: ignored},
		{name: "sounds_search_custom_dir", def: "no", kind: yesNo, standing: later},
		{name: "channel_storage_backend", def: "ao2_legacy", kind: text, standing: ignored},
	}
}

func socketOptions() []option[ControlSocket] {
	type C = ControlSocket
	octal := kind{want: "an octal file mode", read: func(s string) (any, string, error) {
		n, err := strconv.ParseUint(s, 8, 32)
		if err != nil || n > 0o777 {
			return nil, "", errors.New("not a file mode")
		}
		return n, s, nil
	}}
	return []option[C]{
		{name: "astctl", def: "asterisk.ctl", kind: text, at: func(c *C) any { return &c.Name }},
		{name: "astctlpermissions", kind: octal},
		{name: "astctlowner", kind: text, at: func(c *C) any { return &c.Owner }},
		{name: "astctlgroup", kind: text, at: func(c *C) any { return &c.Group }},
	}
}

// FromAsterisk reads asterisk.conf; a nil file gives the defaults.
//
// Packages ship [directories](!): as a template the section is not seen, here
// as in Asterisk, and the defaults hold until the user removes the mark.
func FromAsterisk(f *astconf.File) (Process, []astconf.Diag) {
	p := DefaultProcess()
	quiet := func(string, string) {}
	ds := general(f, "directories", "asterisk.conf", directoryOptions(), &p.Directories, quiet)
	ds = append(ds, general(f, "options", "asterisk.conf", processOptions(), &p, quiet)...)
	ds = append(ds, general(f, "files", "asterisk.conf", socketOptions(), &p.Files, func(name, value string) {
		if name == "astctlpermissions" {
			n, _ := strconv.ParseUint(value, 8, 32) // its kind has read it once already
			p.Files.Permissions = fs.FileMode(n)
		}
	})...)
	return p, ds
}
