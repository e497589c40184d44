package demo

import (
	"bytes"
	"strings"
	"testing"
)

// TestSelfTest is the whole exchange in one process, over real sockets.
func TestSelfTest(t *testing.T) {
	var report bytes.Buffer
	if err := SelfTest(t.Context(), &report); err != nil {
		t.Fatalf("%v\n%s", err, report.String())
	}
	if n := strings.Count(report.String(), " ok "); n != 11 {
		t.Errorf("%d steps held, want 11:\n%s", n, report.String())
	}
}
