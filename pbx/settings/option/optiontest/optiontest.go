// Package optiontest looks through tables of options, for the tests of those who have
// one.
package optiontest

import (
	"testing"

	"branchline/pbx/settings/option"
)

// Defaults wants each option of a type once, with a way to read it, and every default
// to be one that a file might say.
func Defaults[T any](t *testing.T, typ string, options []option.Row[T]) {
	t.Helper()
	seen := map[string]bool{}
	for _, o := range options {
		if seen[o.Name] {
			t.Errorf("%s: %s stands twice in the table", typ, o.Name)
		}
		seen[o.Name] = true
		if o.Take == nil && o.Kind.Read == nil {
			t.Errorf("%s: %s has neither kind nor take", typ, o.Name)
			continue
		}
		if o.Take == nil && o.Default != "" {
			if _, _, err := o.Kind.Read(o.Default); err != nil {
				t.Errorf("%s: default %s=%s: %v", typ, o.Name, o.Default, err)
			}
		}
	}
}
