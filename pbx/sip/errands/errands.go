// Package errands is requests that stand alone, outside of any call: OPTIONS to see
// whether a phone is there, REGISTER at other servers, NOTIFY that makes a phone
// reboot or read its configuration, NOTIFY about waiting messages and MESSAGE, both sent
// and received. Each is sent,
// tried elsewhere, answered with credentials, and over.
package errands

import (
	"log/slog"

	"branchline/pbx/channel"
	"branchline/pbx/mailbox"
	"branchline/pbx/sip/calls"
	"branchline/pbx/sip/devices"
	"branchline/pbx/sip/door"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
)

// Options are what a Runner needs. All must be set.
type Options struct {
	Rack      *transports.Rack
	Ways      *way.Finder
	Devices   *devices.Directory
	Door      *door.Door
	Registrar *registrar.Registrar
	Router    calls.Router
	Mailboxes *mailbox.Store
	Acceptor  channel.Acceptor // takes messages if it is a channel.TextAcceptor
	Token     func() string
	Log       *slog.Logger
}

// A Runner goes on errands.
type Runner struct{ o Options }

// New makes a Runner.
func New(o Options) *Runner { return &Runner{o: o} }
