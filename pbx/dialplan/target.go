package dialplan

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/channel"
)

// A Target is where a jump goes: [[context,]exten,]priority-or-label.
type Target struct {
	Context, Exten string // "" means the present one
	Priority       string // a number, or a label
}

// ParseTarget reads a jump target.
func ParseTarget(s string) (Target, error) {
	parts := SplitArgs(s, 3)
	for i := range parts {
		parts[i] = strings.Trim(parts[i], " \t\"")
	}
	var t Target
	switch len(parts) {
	case 1:
		t = Target{Priority: parts[0]}
	case 2:
		t = Target{Exten: parts[0], Priority: parts[1]}
	default:
		t = Target{Context: parts[0], Exten: parts[1], Priority: parts[2]}
	}
	if t.Priority == "" {
		return t, fmt.Errorf("jump target %q names no priority or label", clip(s))
	}
	return t, nil
}

// Resolve finds where a jump target leads from where the channel is: its
// context, extension and priority number. `+n` and `-n` are counted from the
// present priority. The extension itself need not exist (the walk then goes to
// `i`), a label must.
func (s *System) Resolve(c *channel.Channel, target string) (context, exten string, priority int, err error) {
	t, err := ParseTarget(target)
	if err != nil {
		return "", "", 0, err
	}
	context, exten = t.Context, t.Exten
	if context == "" {
		context = c.Context
	}
	if exten == "" {
		exten = c.Exten
	}
	if n, err := strconv.Atoi(t.Priority); err == nil {
		if t.Priority[0] == '+' || t.Priority[0] == '-' {
			n += c.Priority
		}
		if n < 1 {
			return "", "", 0, fmt.Errorf("jump target %q: priority must be 1 or more", clip(target))
		}
		return context, exten, n, nil
	}
	step, miss := s.Plan().Find(Query{Context: context, Exten: exten, Label: t.Priority, Caller: c.Caller.Number, Now: time.Now()})
	if miss == NoPriority {
		return "", "", 0, fmt.Errorf("jump target %q: no label %q in extension %s of context %s", clip(target), t.Priority, exten, context)
	}
	if step == nil {
		return "", "", 0, fmt.Errorf("jump target %q: %s", clip(target), miss)
	}
	return context, exten, step.Priority, nil
}
