package appliance

import (
	"path/filepath"

	"branchline/appliance/configuration"
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
	// Rehearsal are simulated lines for the self-test to play with; nil: none.
	Rehearsal *selftest.Lines

	// aside is an exchange beside the one of this machine: the network is not its business.
	aside bool
}

// ReadMain reads the asterisk.conf that o names and lays what the command line
// said over it. The path of the file read is returned, "" if there was none. An
// error means that a file was named and cannot be used.
func ReadMain(o Options) (p settings.Process, file string, diags []astconf.Diag, err error) {
	p, file, diags, err = configuration.Main(o.Config)
	if err != nil {
		return p, file, diags, err
	}
	o.overlay(&p)
	return p, file, diags, nil
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
