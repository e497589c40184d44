package office

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/expr"
	"branchline/pbx/fn/form"
)

// Groups remembers which channels a dialplan counts together. A channel that has
// ended counts no more.
type Groups struct {
	mu      sync.Mutex
	members map[string][]membership // by channel name
	alive   func() []*channel.Snapshot
	sweepAt int // size at which dead channels are next removed
}

type membership struct{ category, group string }

// NewGroups makes an empty table. alive lists the channels there are; nil:
// nobody knows.
func NewGroups(alive func() []*channel.Snapshot) *Groups {
	return &Groups{members: map[string][]membership{}, alive: alive, sweepAt: 64}
}

// Commands are the console commands about groups.
func (g *Groups) Commands() []cli.Command {
	return []cli.Command{{
		Path: "group show channels", Summary: "Display active channels with group(s)",
		Usage: "Usage: group show channels [pattern]\n       Lists the channels that are in groups, or in groups that match a regular\n       expression.\n",
		Run: func(_ context.Context, w io.Writer, args []string) error {
			if len(args) > 1 {
				return cli.ErrUsage
			}
			matches := func(string) bool { return true }
			if len(args) == 1 {
				re, err := expr.CompileRegex(args[0])
				if err != nil {
					return err
				}
				matches = re.MatchString
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			g.sweep()
			t := cli.NewTable(w, "channels", "%-25s  %-20s  %-20s\n", "channel,group,category")
			t.Head("Channel", "Group", "Category")
			n := 0
			for _, name := range slices.Sorted(maps.Keys(g.members)) {
				for _, m := range g.members[name] {
					if !matches(m.group) {
						continue
					}
					category := m.category
					if category == "" {
						category = "(Default)"
					}
					t.Row(name, m.group, category)
					n++
				}
			}
			plural := "s"
			if n == 1 {
				plural = ""
			}
			_, err := fmt.Fprintf(w, "%d active channel%s\n", n, plural)
			return err
		},
	}}
}

func (d Deps) groupFunctions() []dialplan.Function {
	g := d.Groups
	if g == nil {
		g = NewGroups(d.Channels)
	}
	return []dialplan.Function{
		{Name: "GROUP", Synopsis: "The channel's group, for counting calls", Syntax: "GROUP([category])",
			Read: form.OnChannel(g.read), Write: form.SetChannel(g.write)},
		{Name: "GROUP_COUNT", Synopsis: "How many channels are in a group", Syntax: "GROUP_COUNT([group][@category])", Read: form.OnChannel(g.count)},
		{Name: "GROUP_MATCH_COUNT", Synopsis: "How many channels are in groups that match an expression", Syntax: "GROUP_MATCH_COUNT(expression[@category])", Read: form.OfText(g.countMatching)},
		{Name: "GROUP_LIST", Synopsis: "The groups the channel is in", Syntax: "GROUP_LIST()", Read: form.OnChannel(g.list)},
	}
}

func (g *Groups) read(c *channel.Channel, category string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.members[c.Name] {
		if m.category == category {
			return m.group, nil
		}
	}
	return "", nil
}

func (g *Groups) write(c *channel.Channel, category, value string) error {
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
func (g *Groups) sweep() {
	living := g.living()
	for name := range g.members {
		if living != nil && !living[name] {
			delete(g.members, name)
		}
	}
}

// living gives the names of the channels there are; nil if nobody knows.
func (g *Groups) living() map[string]bool {
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
func (g *Groups) tally(fits func(membership) bool) string {
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

func (g *Groups) count(c *channel.Channel, args string) (string, error) {
	group, category, _ := strings.Cut(args, "@")
	if group == "" {
		group, _ = g.read(c, category)
	}
	if group == "" {
		return "0", nil
	}
	return g.tally(func(m membership) bool { return m.group == group && m.category == category }), nil
}

func (g *Groups) countMatching(args string) (string, error) {
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

func (g *Groups) list(c *channel.Channel, _ string) (string, error) {
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
