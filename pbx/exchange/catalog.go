package exchange

import (
	"cmp"
	"slices"
	"strings"

	"branchline/pbx/dialplan"
)

// A Catalog holds the applications and functions of an exchange. It is not
// changed after it was made.
type Catalog struct {
	apps      map[string]*dialplan.App
	functions map[string]*dialplan.Function
	refused   map[string]string
}

// NewCatalog makes a catalog. refused explains names that are known but not
// supported; more than one such table may be given.
func NewCatalog(apps []dialplan.App, functions []dialplan.Function, refused ...map[string]string) *Catalog {
	c := &Catalog{apps: map[string]*dialplan.App{}, functions: map[string]*dialplan.Function{}, refused: map[string]string{}}
	for i := range apps {
		c.apps[strings.ToLower(apps[i].Name)] = &apps[i]
	}
	for i := range functions {
		c.functions[strings.ToLower(functions[i].Name)] = &functions[i]
	}
	for _, table := range refused {
		for name, why := range table {
			c.refused[strings.ToLower(name)] = why
		}
	}
	return c
}

// App finds an application by name, without case.
func (c *Catalog) App(name string) (*dialplan.App, bool) {
	a, ok := c.apps[strings.ToLower(name)]
	return a, ok
}

// Function finds a function by name, without case.
func (c *Catalog) Function(name string) (*dialplan.Function, bool) {
	f, ok := c.functions[strings.ToLower(name)]
	return f, ok
}

// Refused says why a known name is not supported.
func (c *Catalog) Refused(name string) (string, bool) {
	why, ok := c.refused[strings.ToLower(name)]
	return why, ok
}

// Apps lists the applications by name.
func (c *Catalog) Apps() []*dialplan.App {
	out := make([]*dialplan.App, 0, len(c.apps))
	for _, a := range c.apps {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *dialplan.App) int {
		return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return out
}

// Functions lists the functions by name.
func (c *Catalog) Functions() []*dialplan.Function {
	out := make([]*dialplan.Function, 0, len(c.functions))
	for _, f := range c.functions {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b *dialplan.Function) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
