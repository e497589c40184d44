package client

import (
	"os"
	"strings"
)

// keep is how many lines of history survive.
const keep = 500

// loadHistory reads the lines of a history file; without one there are none.
func loadHistory(path string) []string {
	if path == "" {
		return nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	lines := strings.FieldsFunc(string(b), func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) > keep {
		lines = lines[len(lines)-keep:]
		// A file cut short by a full disk loses history, nothing else.
		_ = os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
	}
	return lines
}

// appendHistory adds one line. History is a convenience: what cannot be written
// is forgotten.
func appendHistory(path, line string) {
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return
	}
	_, _ = f.WriteString(line + "\n")
	f.Close()
}
