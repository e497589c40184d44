package live

import (
	"cmp"
	gocontext "context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"branchline/pbx/cli"
	"branchline/pbx/dialplan"
)

// HintOf finds the hint of an extension that somebody outside asks for, with its
// variables filled in. What was asked for becomes part of the text that is evaluated
// where the hint is a pattern's, and so must not be able to mean more than itself.
func (s *System) HintOf(context, exten string) (dialplan.Hint, bool) {
	h, ok := s.Plan().Hint(context, exten, "", time.Now())
	if !ok || !strings.Contains(h.Devices, "${") {
		return h, ok
	}
	if strings.ContainsAny(exten, "${}[]()&|,;\"'`\\ ") {
		return dialplan.Hint{}, false
	}
	h.Devices = s.Expand(gocontext.Background(), nil, strings.ReplaceAll(h.Devices, "${EXTEN}", exten))
	return h, true
}

// Watched tells how many subscriptions watch an extension.
type Watched func(context, exten string) int

func (s *System) showHints(w io.Writer, of dialplan.StateOf, watched Watched) {
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

func (s *System) sortedHints() []dialplan.Hint {
	hints := slices.Clone(s.Plan().Hints())
	slices.SortStableFunc(hints, func(a, b dialplan.Hint) int {
		if n := strings.Compare(a.Exten, b.Exten); n != 0 {
			return n
		}
		return strings.Compare(a.Context, b.Context)
	})
	return hints
}

func (s *System) showHint(w io.Writer, h dialplan.Hint, of dialplan.StateOf, watched Watched) {
	state, presence, watchers := "Unavailable", "", 0
	if !strings.HasPrefix(h.Exten, "_") {
		shown := h
		shown.Devices = s.Expand(gocontext.Background(), nil, h.Devices)
		state = shown.State(of).ExtensionState()
		presence = "not_set"
		if entity := cmp.Or(h.Presence, shown.Devices); s.Presence != nil {
			presence = s.Presence(entity)
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
