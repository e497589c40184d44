package text

import "testing"

func TestUUID(t *testing.T) {
	if a, b := uuid(), uuid(); a == b || len(a) != 36 || a[14] != '4' {
		t.Errorf("%s %s", a, b)
	}
}
