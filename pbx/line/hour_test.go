//go:build long

package line_test

import (
	"fmt"
	"testing"
	"time"
)

// TestHour is an hour of a call over a line whose clock is wrong: no click, and a
// delay that does not grow.
func TestHour(t *testing.T) {
	for _, ppm := range []float64{100, -100} {
		t.Run(fmt.Sprintf("%+.0f ppm", ppm), func(t *testing.T) { skewed(t, ppm, time.Hour) })
	}
}
