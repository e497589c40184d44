//go:build e2e

package e2e

import "testing"

// ownPrompt is a prompt embedded in the product.
func ownPrompt(t *testing.T, name string) []float64 {
	t.Helper()
	t.Fatalf("prompt %s: not embedded yet", name)
	return nil
}
