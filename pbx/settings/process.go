package settings

import (
	"errors"
	"io/fs"
	"strconv"

	"branchline/pbx/astconf"
	"branchline/pbx/settings/option"
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

func directoryOptions() []option.Row[Directories] {
	type D = Directories
	return []option.Row[D]{
		{Name: "astcachedir", Kind: option.Text, At: func(d *D) any { return &d.Cache }},
		{Name: "astetcdir", Kind: option.Text, At: func(d *D) any { return &d.Etc }},
		{Name: "astmoddir", Kind: option.Text, At: func(d *D) any { return &d.Modules }},
		{Name: "astvarlibdir", Kind: option.Text, At: func(d *D) any { return &d.VarLib }},
		{Name: "astdbdir", Kind: option.Text, At: func(d *D) any { return &d.DB }},
		{Name: "astkeydir", Kind: option.Text, At: func(d *D) any { return &d.Key }},
		{Name: "astdatadir", Kind: option.Text, At: func(d *D) any { return &d.Data }},
		{Name: "astagidir", Kind: option.Text, At: func(d *D) any { return &d.AGI }},
		{Name: "astspooldir", Kind: option.Text, At: func(d *D) any { return &d.Spool }},
		{Name: "astrundir", Kind: option.Text, At: func(d *D) any { return &d.Run }},
		{Name: "astlogdir", Kind: option.Text, At: func(d *D) any { return &d.Log }},
		{Name: "astsbindir", Kind: option.Text, At: func(d *D) any { return &d.Sbin }},
	}
}

func processOptions() []option.Row[Process] {
	type P = Process
	return []option.Row[P]{
		{Name: "verbose", Default: "0", Kind: option.Count(0, 100), At: func(p *P) any { return &p.Verbose }},
		{Name: "debug", Default: "0", Kind: option.Count(0, 100), At: func(p *P) any { return &p.Debug }},
		{Name: "nofork", Default: "no", Kind: option.YesNo, At: func(p *P) any { return &p.Foreground }},
		{Name: "console", Default: "no", Kind: option.YesNo, At: func(p *P) any { return &p.Console }},
		{Name: "quiet", Default: "no", Kind: option.YesNo, At: func(p *P) any { return &p.Quiet }},
		{Name: "timestamp", Default: "no", Kind: option.YesNo, At: func(p *P) any { return &p.Timestamp }},
		{Name: "runuser", Kind: option.Text, At: func(p *P) any { return &p.RunUser }},
		{Name: "rungroup", Kind: option.Text, At: func(p *P) any { return &p.RunGroup }},
		{Name: "maxcalls", Default: "0", Kind: option.AnyCount, At: func(p *P) any { return &p.MaxCalls }},
		{Name: "systemname", Kind: option.Text, At: func(p *P) any { return &p.SystemName }},
		{Name: "defaultlanguage", Default: "en", Kind: option.Text, At: func(p *P) any { return &p.DefaultLanguage }},
		{Name: "languageprefix", Default: "yes", Kind: option.YesNo, At: func(p *P) any { return &p.LanguagePrefix }, Standing: option.Later},
		{Name: "mindtmfduration", Default: "80", Kind: option.Count(0, 1000), At: func(p *P) any { return &p.MinDTMFMilliseconds }, Standing: option.Later},
		{Name: "hideconnect", Default: "no", Kind: option.YesNo, At: func(p *P) any { return &p.HideConnect }},
		{Name: "autosystemname", Default: "no", Kind: option.YesNo, Standing: option.Later},
		{Name: "maxload", Default: "0", Kind: option.Text, Standing: option.Later},
		{Name: "maxfiles", Default: "0", Kind: option.AnyCount, Standing: option.Later},
		{Name: "minmemfree", Default: "0", Kind: option.AnyCount, Standing: option.Later},
		{Name: "entityid", Kind: option.Text, Standing: option.Later},
		{Name: "transmit_silence", Default: "no", Kind: option.YesNo, Standing: option.Later},
		{Name: "execincludes", Default: "no", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "live_dangerously", Default: "no", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "disable_remote_console_shell", Default: "no", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "alwaysfork", Default: "no", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "highpriority", Default: "no", Kind: option.YesNo, Standing: option.Later},
		{Name: "initcrypto", Default: "no", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "nocolor", Default: "no", Kind: option.YesNo, Standing: option.Later},
		{Name: "dontwarn", Default: "no", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "dumpcore", Default: "no", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "trace", Default: "0", Kind: option.AnyCount, Standing: option.Ignored},
		{Name: "refdebug", Default: "no", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "cache_media_frames", Default: "yes", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "cache_record_files", Default: "no", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "record_cache_dir", Kind: option.Text, Standing: option.Ignored},
		{Name: "transcode_via_sln", Default: "yes", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "lightbackground", Default: "no", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "forceblackbackground", Default: "no", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "documentation_language", Default: "en_US", Kind: option.Text, Standing: option.Ignored},
		{Name: "lockconfdir", Default: "no", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "lockmode", Default: "lockfile", Kind: option.Text, Standing: option.Ignored},
		{Name: "stdexten", Default: "gosub", Kind: option.Text, Standing: option.Ignored},
		{Name: "rtp_use_dynamic", Default: "yes", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "rtp_pt_dynamic", Default: "35", Kind: option.AnyCount, Standing: option.Ignored},
		{Name: "hide_messaging_ami_events", Default: "no", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "sounds_search_custom_dir", Default: "no", Kind: option.YesNo, Standing: option.Later},
		{Name: "channel_storage_backend", Default: "ao2_legacy", Kind: option.Text, Standing: option.Ignored},
	}
}

func socketOptions() []option.Row[ControlSocket] {
	type C = ControlSocket
	octal := option.Kind{Want: "an octal file mode", Read: func(s string) (any, string, error) {
		n, err := strconv.ParseUint(s, 8, 32)
		if err != nil || n > 0o777 {
			return nil, "", errors.New("not a file mode")
		}
		return n, s, nil
	}}
	return []option.Row[C]{
		{Name: "astctl", Default: "asterisk.ctl", Kind: option.Text, At: func(c *C) any { return &c.Name }},
		{Name: "astctlpermissions", Kind: octal},
		{Name: "astctlowner", Kind: option.Text, At: func(c *C) any { return &c.Owner }},
		{Name: "astctlgroup", Kind: option.Text, At: func(c *C) any { return &c.Group }},
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
