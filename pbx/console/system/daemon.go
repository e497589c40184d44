package system

import (
	"context"
	"io"
	"time"
)

// A Daemon is what the console commands of this package know about the running
// program, and the levers they pull. The composition root fills it.
type Daemon struct {
	Name    string          // "Branchline"
	Version string          // "1.2.3"
	Speaks  string          // "speaks Asterisk 22 configuration"
	Started time.Time       // when the process began
	Booted  <-chan struct{} // closed once everything is bound
	// LastReload is when a configuration was last accepted.
	LastReload func() time.Time
	// Reload reads a part of the configuration anew, "" is all of it. What there
	// is to say goes to w; an error means that nothing was changed.
	Reload func(ctx context.Context, w io.Writer, part string) error
	// Shutdown asks for the end and returns at once.
	Shutdown func(Shutdown)
	// Abort takes a graceful shutdown back; false if none was asked for.
	Abort func() bool
	// Settings are the lines of `core show settings`.
	Settings func() Settings
	// Modules are the features, under the names of Asterisk's modules.
	Modules []Module
}

// Patience says how a shutdown treats calls.
type Patience uint8

const (
	Now            Patience = iota // ends them
	Gracefully                     // takes no new ones and waits for the last
	WhenConvenient                 // waits for a moment without calls
)

// A Shutdown is a wish to end, and perhaps to begin again.
type Shutdown struct {
	Patience Patience
	Restart  bool
}

// A Module is one feature under the name Asterisk's module has, so that scripts
// which look for it find it.
type Module struct {
	Name        string // "chan_pjsip.so"
	Description string
	Support     string // "core" or "extended"
	// Part is what `module reload` of it reads anew, "" if it has no
	// configuration.
	Part string
	// Uses counts what depends on it now; nil is always 0.
	Uses func() int
}

// Settings are the facts of `core show settings`. Zero values are shown as
// "Not set".
type Settings struct {
	MaxCalls          int // 0: no limit
	MaxFiles          uint64
	SystemName        string
	EntityID          string
	DefaultLanguage   string
	User, Group       string
	ConfigFile        string
	RunningDirectory  string
	ConfigDirectory   string
	ModuleDirectory   string
	SpoolDirectory    string
	LogDirectory      string
	RunDirectory      string
	PIDFile           string
	VarLibDirectory   string
	DataDirectory     string
	Database          string
	CallDetailRecords bool
	Manager           bool
}
