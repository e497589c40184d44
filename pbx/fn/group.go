package fn

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/expr"
)

// groups remembers which channels a dialplan counts together. A channel that
// has ended counts no more.
type groups struct {
	mu      sync.Mutex
	members map[string][]membership // by channel name
	alive   func() []*channel.Snapshot
	sweepAt int // size at which dead channels are next removed
}

type membership struct{ category, group string }

func (d Deps) groupFunctions() []dialplan.Function {
	g := &groups{members: map[string][]membership{}, alive: d.Channels, sweepAt: 64}
	return []dialplan.Function{
		{Name: "GROUP", Synopsis: "The channel's group, for counting calls", Syntax: "GROUP([category])",
			Read: onChannel(g.read), Write: setChannel(g.write)},
		{Name: "GROUP_COUNT", Synopsis: "How many channels are in a group", Syntax: "GROUP_COUNT([group][@category])", Read: onChannel(g.count)},
		{Name: "GROUP_MATCH_COUNT", Synopsis: "How many channels are in groups that match an expression", Syntax: "GROUP_MATCH_COUNT(expression[@category])", Read: ofText(g.countMatching)},
		{Name: "GROUP_LIST", Synopsis: "The groups the channel is in", Syntax: "GROUP_LIST()", Read: onChannel(g.list)},
	}
}

func (g *groups) read(c *channel.Channel, category string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.members[c.Name] {
		if m.category == category {
			return m.group, nil
		}
	}
	return "", nil
}

func (g *groups) write(c *channel.Channel, category, value string) error {
	group, other, found := strings.Cut(value, "@")
	if found {
		category = other
	}
	if len(group) > 80 || len(category) > 80 {
		return errors.New("names of groups and categories have at most 80 characters")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	rest := slices.DeleteFunc(g.members[c.Name], func(m membership) bool { return m.category == category })
	if group != "" {
		rest = append(rest, membership{category, group})
	}
	g.members[c.Name] = rest
	if len(rest) == 0 {
		delete(g.members, c.Name)
	}
	if len(g.members) >= g.sweepAt {
		g.sweep()
		g.sweepAt = max(64, 2*len(g.members))
	}
	return nil
}

// sweep forgets channels that have ended.
func (g *groups) sweep() {
	living := g.living()
	for name := range g.members {
		if living != nil && !living[name] {
			delete(g.members, name)
		}
	}
}

// living gives the names of the channels there are; nil if nobody knows.
func (g *groups) living() map[string]bool {
	if g.alive == nil {
		return nil
	}
	names := map[string]bool{}
	for _, s := range g.alive() {
		names[s.Name] = true
	}
	return names
}

// tally counts the members that fit.
func (g *groups) tally(fits func(membership) bool) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep()
	n := 0
	for _, ms := range g.members {
		for _, m := range ms {
			if fits(m) {
				n++
			}
		}
	}
	return strconv.Itoa(n)
}

func (g *groups) count(c *channel.Channel, args string) (string, error) {
	group, category, _ := strings.Cut(args, "@")
	if group == "" {
		group, _ = g.read(c, category)
	}
	if group == "" {
		return "0", nil
	}
	return g.tally(func(m membership) bool { return m.group == group && m.category == category }), nil
}

func (g *groups) countMatching(args string) (string, error) {
	expression, category, byCategory := strings.Cut(args, "@")
	re, err := expr.CompileRegex(expression)
	if err != nil {
		return "", err
	}
	var inCategory *regexp.Regexp
	if byCategory {
		if inCategory, err = expr.CompileRegex(category); err != nil {
			return "", err
		}
	}
	return g.tally(func(m membership) bool {
		return re.MatchString(m.group) && (inCategory == nil || inCategory.MatchString(m.category))
	}), nil
}

func (g *groups) list(c *channel.Channel, _ string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var out []string
	for _, m := range g.members[c.Name] {
		text := m.group
		if m.category != "" {
			text += "@" + m.category
		}
		out = append(out, text)
	}
	return strings.Join(out, " "), nil
}
