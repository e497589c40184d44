// Package plantest is for tests of the dialplan: a few applications and
// functions, plans written as text, and a channel to evaluate them on.
package plantest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"branchline/media"
	"branchline/pbx/astconf"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
)

// Catalog is a small set of applications and functions.
type Catalog struct {
	Apps      map[string]*dialplan.App
	Functions map[string]*dialplan.Function
}

func (c Catalog) App(name string) (*dialplan.App, bool) {
	a, ok := c.Apps[strings.ToLower(name)]
	return a, ok
}
func (c Catalog) Function(name string) (*dialplan.Function, bool) {
	f, ok := c.Functions[strings.ToUpper(name)]
	return f, ok
}
func (c Catalog) Refused(name string) (string, bool) {
	if strings.EqualFold(name, "System") || strings.EqualFold(name, "SHELL") {
		return "programs are not started", true
	}
	return "", false
}

// NewCatalog has applications that cannot be run, LEN and PASSTHRU.
func NewCatalog() Catalog {
	c := Catalog{map[string]*dialplan.App{}, map[string]*dialplan.Function{}}
	for _, n := range []string{"NoOp", "Dial", "Hangup", "Answer", "Goto", "Set", "Playback", "SayDigits"} {
		c.Apps[strings.ToLower(n)] = &dialplan.App{Name: n}
	}
	for name, read := range map[string]func(string) string{
		"LEN":      func(s string) string { return fmt.Sprint(len(s)) },
		"PASSTHRU": func(s string) string { return s },
	} {
		c.Functions[name] = &dialplan.Function{Name: name, Read: func(_ context.Context, _ *channel.Channel, args string) (string, error) { return read(args), nil }}
	}
	return c
}

// Compile is the plan of an extensions.conf that can be read.
func Compile(t testing.TB, text string) (*dialplan.Plan, []astconf.Diag) {
	t.Helper()
	f, ds := astconf.Load(fstest.MapFS{"extensions.conf": {Data: []byte(text)}}, "extensions.conf")
	if !f.Valid {
		t.Fatalf("invalid: %v", ds)
	}
	return live.Compile(f, NewCatalog())
}

// silent is a leg that does nothing.
type silent struct{ name string }

func (l silent) Name() string        { return l.name }
func (silent) Bind(*channel.Mailbox) {}
func (silent) Dial()                 {}
func (silent) Ring()                 {}
func (silent) Progress()             {}
func (silent) Answer()               {}
func (silent) Hangup(channel.Cause)  {}
func (silent) Media() media.Stream   { return nil }

// NewChannel is at priority 7 of extension s in [ev].
func NewChannel() *channel.Channel {
	c := channel.New(silent{"Test/1-00000001"}, channel.NewMailbox())
	c.Context, c.Exten, c.Priority, c.UniqueID = "ev", "s", 7, "1795370599.112"
	return c
}
