package live

import (
	"maps"
	"slices"
	"sync"

	"branchline/pbx/dialplan"
)

// Globals holds the variables all calls share. Names are case-sensitive.
// It is safe for concurrent use.
type Globals struct {
	mu   sync.RWMutex
	vars map[string]string
}

// Get looks a global up.
func (g *Globals) Get(name string) (string, bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	v, ok := g.vars[name]
	return v, ok
}

// Set assigns a global.
func (g *Globals) Set(name, value string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.vars == nil {
		g.vars = map[string]string{}
	}
	g.vars[name] = value
}

// Delete removes a global.
func (g *Globals) Delete(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.vars, name)
}

// Names lists the globals, sorted.
func (g *Globals) Names() []string {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return slices.Sorted(maps.Keys(g.vars))
}

// install applies the [globals] of a plan: over what is there, or instead of it.
func (g *Globals) install(lines []dialplan.Global, clear bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if clear || g.vars == nil {
		g.vars = make(map[string]string, len(lines))
	}
	for _, l := range lines {
		g.vars[l.Name] = l.Value
	}
}
