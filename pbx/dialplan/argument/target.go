package argument

import (
	"fmt"
	"strings"
)

// A Target is where a jump goes: [[context,]exten,]priority-or-label.
type Target struct {
	Context, Exten string // "" means the present one
	Priority       string // a number, or a label
}

// ParseTarget reads a jump target.
func ParseTarget(s string) (Target, error) {
	parts := Split(s, 3)
	for i := range parts {
		parts[i] = strings.Trim(parts[i], " \t\"")
	}
	var t Target
	switch len(parts) {
	case 1:
		t = Target{Priority: parts[0]}
	case 2:
		t = Target{Exten: parts[0], Priority: parts[1]}
	default:
		t = Target{Context: parts[0], Exten: parts[1], Priority: parts[2]}
	}
	if t.Priority == "" {
		return t, fmt.Errorf("jump target %q names no priority or label", Clip(s))
	}
	return t, nil
}

// Clip is s as a message quotes it: its beginning.
func Clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "..."
	}
	return s
}
