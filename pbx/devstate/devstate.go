// Package devstate knows the states of devices that hints and DEVICE_STATE() name, and
// keeps those that the dialplan and the console set themselves: Custom: devices.
package devstate

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"branchline/pbx/astdb"
	"branchline/pbx/channel"
	"branchline/pbx/cli"
)

// family is where states set with Set(DEVICE_STATE(Custom:x)=...) are
// kept, under Asterisk's name, so that they outlive a restart.
const family = "CustomDevstate"

// States knows the states of devices.
type States struct {
	Store  *astdb.DB
	Others func(device string) channel.DeviceState // of devices that are not Custom:
	// Changed is called after a Custom: device was set. It must not block; nil: nobody
	// cares.
	Changed func(device string)
}

// Of is the state of any device a hint or DEVICE_STATE may name.
func (s *States) Of(device string) channel.DeviceState {
	kind, name, ok := strings.Cut(device, ":")
	if !ok || !strings.EqualFold(kind, "Custom") {
		return s.Others(device)
	}
	word, _ := s.Store.Get(family, name)
	state, _ := channel.ParseDeviceState(word)
	return state
}

// Set sets a Custom: device; false if there is no such state.
func (s *States) Set(device, word string) bool {
	_, name, ok := strings.Cut(device, ":")
	state, known := channel.ParseDeviceState(strings.ToUpper(word))
	if !ok || !known {
		return false
	}
	if s.Store.Put(family, name, state.String()) != nil {
		return false
	}
	if s.Changed != nil {
		s.Changed(device)
	}
	return true
}

// Commands are the console's.
func (s *States) Commands() []cli.Command {
	return []cli.Command{
		{Path: "devstate list", Summary: "List currently known custom device states",
			Usage: "Usage: devstate list\n       Lists the Custom: devices and their states.\n", Run: s.list},
		{Path: "devstate change", Summary: "Change a custom device state",
			Usage: "Usage: devstate change <device> <state>\n       Changes the state of a Custom: device. States are " + strings.Join(words(), ", ") + ".\n",
			Run:   s.change,
			Complete: func(args []string) []string {
				if len(args) > 1 {
					return words()
				}
				var out []string
				for _, e := range s.Store.List("/" + family) {
					out = append(out, "Custom:"+filepath.Base(e.Name))
				}
				return out
			}},
	}
}

// words are the words a state may be given in.
func words() []string {
	return []string{"UNKNOWN", "NOT_INUSE", "INUSE", "BUSY", "INVALID", "UNAVAILABLE", "RINGING", "RINGINUSE", "ONHOLD"}
}

func (s *States) list(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	rule := strings.Repeat("-", 69) + "\n"
	fmt.Fprint(w, "\n", rule, "--- Custom Device States --------------------------------------------\n", rule, "---\n")
	t := cli.NewTable(w, "devices", "--- Name: '%s'  State: '%s'\n---\n", "name,state")
	for _, e := range s.Store.List("/" + family) {
		t.Row("Custom:"+strings.TrimPrefix(e.Name, "/"+family+"/"), e.Value)
	}
	fmt.Fprint(w, rule, rule, "\n")
	return nil
}

func (s *States) change(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 2 {
		return cli.ErrUsage
	}
	kind, name, ok := strings.Cut(args[0], ":")
	if !ok || !strings.EqualFold(kind, "Custom") {
		fmt.Fprintln(w, "The devstate command can only be used to set 'Custom:' device state!")
		return cli.ErrFailed
	}
	state, known := channel.ParseDeviceState(strings.ToUpper(args[1]))
	if !known {
		return cli.ErrUsage
	}
	fmt.Fprintf(w, "Changing %s to %s\n", name, state)
	if !s.Set(args[0], args[1]) {
		return fmt.Errorf("device %s: not stored", args[0])
	}
	return nil
}
