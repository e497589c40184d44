package explain

import (
	"strings"
)

const (
	maxRuns  = 300 // walks for one explanation
	maxDepth = 8   // possibilities within possibilities
)

// A fork is a place where the way depends on what is not known.
type fork struct {
	ways []string // what may be, one label each
}

// tree walks the dialplan, deciding the forks on the way as told, and tells the
// rest; at the next fork it does so for each possibility. Possibilities that go
// on in the same way stand together.
func (e *explanation) tree(decisions []int, depth int) block {
	if e.runs++; e.runs > maxRuns {
		return block{"and so on: there are too many possibilities to tell"}
	}
	r := e.walk(decisions)
	if r.fork == nil {
		return r.told
	}
	out := r.told
	if depth >= maxDepth {
		out.line("and so on, for each of: %s", strings.Join(r.fork.ways, "; "))
		return out
	}
	type outcome struct {
		labels []string
		told   block
	}
	var outcomes []outcome
next:
	for i, label := range r.fork.ways {
		told := e.tree(append(decisions[:len(decisions):len(decisions)], i), depth+1)
		text := strings.Join(told, "\n")
		for k := range outcomes {
			if strings.Join(outcomes[k].told, "\n") == text {
				outcomes[k].labels = append(outcomes[k].labels, label)
				continue next
			}
		}
		outcomes = append(outcomes, outcome{[]string{label}, told})
	}
	for _, o := range outcomes {
		out.line("- %s:", strings.Join(o.labels, "; or "))
		out.indent("    ", o.told)
	}
	return out
}
