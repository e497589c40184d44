package live

import (
	"fmt"
	"strconv"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
)

// Resolve finds where a jump target leads from where the channel is: its
// context, extension and priority number. `+n` and `-n` are counted from the
// present priority. The extension itself need not exist (the walk then goes to
// `i`), a label must.
func (s *System) Resolve(c *channel.Channel, target string) (context, exten string, priority int, err error) {
	t, err := argument.ParseTarget(target)
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
			return "", "", 0, fmt.Errorf("jump target %q: priority must be 1 or more", argument.Clip(target))
		}
		return context, exten, n, nil
	}
	step, miss := s.Plan().Find(dialplan.Query{Context: context, Exten: exten, Label: t.Priority, Caller: c.Caller.Number, Now: time.Now()})
	if miss == dialplan.NoPriority {
		return "", "", 0, fmt.Errorf("jump target %q: no label %q in extension %s of context %s", argument.Clip(target), t.Priority, exten, context)
	}
	if step == nil {
		return "", "", 0, fmt.Errorf("jump target %q: %s", argument.Clip(target), miss)
	}
	return context, exten, step.Priority, nil
}
