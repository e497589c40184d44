package dialplan

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/cli"
)

// rank orders device states by what a hint with several devices shows: the
// highest there is. The order was taken from Asterisk 22.
var rank = [...]int{
	channel.DeviceUnknown:     0,
	channel.DeviceInvalid:     1,
	channel.DeviceUnavailable: 1,
	channel.DeviceNotInUse:    2,
	channel.DeviceOnHold:      3,
	channel.DeviceInUse:       4,
	channel.DeviceBusy:        5,
	channel.DeviceRinging:     6,
	channel.DeviceRingInUse:   7,
}

// CombineStates gives the state of an extension from those of its devices:
// what rings beside something in use is RINGINUSE, what does not exist is
// UNAVAILABLE, what is not known counts as idle.
func CombineStates(states ...channel.DeviceState) channel.DeviceState {
	best, used := channel.DeviceUnknown, false
	for _, s := range states {
		switch s {
		case channel.DeviceInUse, channel.DeviceBusy, channel.DeviceOnHold:
			used = true
		}
		if int(s) < len(rank) && rank[s] > rank[best] {
			best = s
		}
	}
	switch {
	case best == channel.DeviceRinging && used:
		return channel.DeviceRingInUse
	case best == channel.DeviceInvalid:
		return channel.DeviceUnavailable
	case best == channel.DeviceUnknown:
		return channel.DeviceNotInUse
	}
	return best
}

// A StateOf tells the state of a device such as "PJSIP/101".
type StateOf func(device string) channel.DeviceState

// State gives the combined state of the devices of a hint; ${EXTEN} and other
// variables in them must be filled in.
func (h Hint) State(of StateOf) channel.DeviceState {
	var states []channel.DeviceState
	for _, d := range strings.Split(h.Devices, "&") {
		if d = strings.TrimSpace(d); d != "" {
			states = append(states, of(d))
		}
	}
	return CombineStates(states...)
}

// consoleState is a state in the words of `core show hints`.
func consoleState(s channel.DeviceState) string {
	switch s {
	case channel.DeviceInUse:
		return "InUse"
	case channel.DeviceBusy:
		return "Busy"
	case channel.DeviceUnavailable, channel.DeviceInvalid:
		return "Unavailable"
	case channel.DeviceRinging:
		return "Ringing"
	case channel.DeviceRingInUse:
		return "InUse&Ringing"
	case channel.DeviceOnHold:
		return "Hold"
	case channel.DeviceNotInUse, channel.DeviceUnknown:
		return "Idle"
	}
	return "Idle"
}

// Watched tells how many subscriptions watch an extension.
type Watched func(context, exten string) int

func (s *System) showHints(w io.Writer, of StateOf, watched Watched) {
	hints := s.sortedHints()
	cli.Add(w, "hints")
	if len(hints) == 0 {
		fmt.Fprintln(w, "There are no registered dialplan hints")
		return
	}
	fmt.Fprintf(w, "\n    -= Registered Asterisk Dial Plan Hints =-\n")
	for _, h := range hints {
		s.showHint(w, h, of, watched)
	}
	fmt.Fprintf(w, "----------------\n- %d hints registered\n", len(hints))
}

func (s *System) sortedHints() []Hint {
	hints := slices.Clone(s.Plan().Hints())
	slices.SortStableFunc(hints, func(a, b Hint) int {
		if n := strings.Compare(a.Exten, b.Exten); n != 0 {
			return n
		}
		return strings.Compare(a.Context, b.Context)
	})
	return hints
}

func (s *System) showHint(w io.Writer, h Hint, of StateOf, watched Watched) {
	state, presence, watchers := "Unavailable", "", 0
	if !strings.HasPrefix(h.Exten, "_") {
		shown := h
		shown.Devices = s.Expand(context.Background(), nil, h.Devices)
		state = consoleState(shown.State(of))
		if h.Presence == "" {
			presence = "not_set"
		}
	}
	if watched != nil {
		watchers = watched(h.Context, h.Exten)
	}
	devices := h.Devices
	if h.Presence != "" {
		devices += "," + h.Presence
	}
	cli.Add(w, "hints", cli.Fields("exten", h.Exten, "context", h.Context, "devices", devices, "state", state, "presence", presence, "watchers", watchers))
	fmt.Fprintf(w, "%-30.30s: %-60.60s  State:%-15.15s Presence:%-15.15s Watchers %2d\n",
		h.Exten+"@"+h.Context, devices, state, presence, watchers)
}
