package appliance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"branchline/appliance/selftest"
	"branchline/hal"
	"branchline/pbx/astconf"
	"branchline/pbx/settings"
)

// The names the product answers to.
const (
	Name    = "Branchline"
	Version = "0.1.0"
	Speaks  = "speaks Asterisk 22 configuration"
)

// Options are what the command line said. Zero values leave the decision to
// asterisk.conf, where it has one.
type Options struct {
	// Config is -C: an asterisk.conf, or a directory that may hold one; absolute.
	// "" is /etc/asterisk/asterisk.conf, which may be missing.
	Config string

	Console    bool // -c: a console on this terminal; leaving it ends the daemon
	Foreground bool // -f, and implied by Console
	AlwaysFork bool // -F: go to the background even so

	Verbose int // -v, counted
	Debug   int // -d, counted

	User, Group string // -U, -G
	RealTime    bool   // -p
	MaxCalls    int    // -M, 0: asterisk.conf decides

	Quiet      bool // -q
	Mute       bool // -m
	NoColour   bool // -n
	Timestamps bool // -T

	// Lenient drops a broken object at start instead of refusing to start.
	Lenient bool

	// Booted is called once everything is bound. May be nil.
	Booted func()

	// Drivers open the telephone lines, by the name in lineconf.Line.Driver. Nil is
	// this machine's hardware; nothing that is written in a file can change that.
	Drivers map[string]hal.Driver
	// rehearsal are simulated lines for the self-test to play with; nil: none.
	rehearsal *selftest.Lines
	// aside is an exchange beside the one of this machine: the network is not its business.
	aside bool
}

// ReadMain reads the asterisk.conf that o names and lays what the command line
// said over it. The path of the file read is returned, "" if there was none. An
// error means that a file was named and cannot be used.
func ReadMain(o Options) (p settings.Process, file string, diags []astconf.Diag, err error) {
	file = o.Config
	dir := ""
	if file == "" {
		file = filepath.Join(settings.DefaultProcess().Directories.Etc, "asterisk.conf")
	} else if info, err := os.Stat(file); err != nil {
		return p, "", nil, err
	} else if info.IsDir() {
		dir, file = file, filepath.Join(file, "asterisk.conf")
	}
	var conf *astconf.File
	switch _, err := os.Stat(file); {
	case err == nil:
		at := filepath.Dir(file)
		conf, diags = astconf.Loader{Dir: os.DirFS(at), Path: at, Root: os.DirFS("/")}.Load(filepath.Base(file))
		if !conf.Valid {
			return p, file, diags, fmt.Errorf("%s cannot be used", file)
		}
	case errors.Is(err, fs.ErrNotExist) && (dir != "" || o.Config == ""):
		file = ""
	default:
		return p, "", nil, err
	}
	p, more := settings.FromAsterisk(conf)
	diags = append(diags, more...)
	if dir != "" && !named(conf, "directories", "astetcdir") {
		p.Directories.Etc = dir
	}
	o.overlay(&p)
	return p, file, diags, nil
}

func named(f *astconf.File, section, name string) bool {
	if f == nil {
		return false
	}
	for _, s := range f.All(section) {
		if _, ok := s.Get(name); ok {
			return true
		}
	}
	return false
}

func (o Options) overlay(p *settings.Process) {
	if o.Verbose > 0 {
		p.Verbose = o.Verbose
	}
	if o.Debug > 0 {
		p.Debug = o.Debug
	}
	if o.User != "" {
		p.RunUser = o.User
	}
	if o.Group != "" {
		p.RunGroup = o.Group
	}
	if o.MaxCalls > 0 {
		p.MaxCalls = o.MaxCalls
	}
	p.Quiet = p.Quiet || o.Quiet
	p.Timestamp = p.Timestamp || o.Timestamps
	p.Console = p.Console || o.Console
	p.Foreground = (p.Foreground || o.Foreground || p.Console) && !o.AlwaysFork
}

// ControlSocket is where consoles find a daemon that runs with p.
func ControlSocket(p settings.Process) string {
	if filepath.IsAbs(p.Files.Name) {
		return p.Files.Name
	}
	return filepath.Join(p.Directories.Run, p.Files.Name)
}
