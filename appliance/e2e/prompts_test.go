//go:build e2e

package e2e

import (
	"testing"

	"branchline/appliance/e2e/ear"
	"branchline/media/sound/prompts"
)

// ownPrompt is a prompt embedded in the product.
func ownPrompt(t *testing.T, name string) []float64 {
	t.Helper()
	b, err := prompts.FS.ReadFile("en/" + name + ".ulaw")
	if err != nil {
		t.Fatal(err)
	}
	return ear.FromULaw(b)
}
