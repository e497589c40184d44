package live

import (
	"context"

	"branchline/pbx/astconf"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/substitution"
)

// Compile turns extensions.conf into a plan, evaluating its globals as a new
// System would. cat may be nil, then applications are not looked up.
func Compile(f *astconf.File, cat dialplan.Catalog) (*dialplan.Plan, []astconf.Diag) {
	return dialplan.Compile(f, cat, loading{New(cat)})
}

// loading is a System that only reads a file.
type loading struct{ system *System }

func (l loading) Eval(t *substitution.Text) string {
	return l.system.Eval(context.Background(), nil, t)
}

func (l loading) SetGlobal(name, value string) { l.system.Globals.Set(name, value) }
