package astconf

import (
	"fmt"
	"strconv"
	"strings"
)

// Own reports whether the section has an entry itself, not from a template.
func (s *Section) Own(e Entry) bool {
	return e.File != s.File || e.Line > s.Line
}

// Get gives the last value of a setting, since own lines stand after inherited
// ones. Setting names are compared without case.
func (s *Section) Get(name string) (value string, ok bool) {
	e, ok := s.Last(name)
	return e.Value, ok
}

// Last gives the last entry of that name, compared without case.
func (s *Section) Last(name string) (Entry, bool) {
	for i := len(s.Entries) - 1; i >= 0; i-- {
		if strings.EqualFold(s.Entries[i].Name, name) {
			return s.Entries[i], true
		}
	}
	return Entry{}, false
}

// First gives the first entry of that name, compared without case.
func (s *Section) First(name string) (Entry, bool) {
	for _, e := range s.Entries {
		if strings.EqualFold(e.Name, name) {
			return e, true
		}
	}
	return Entry{}, false
}

// Values gives all entries of that name, compared without case, in order.
func (s *Section) Values(name string) []Entry {
	var all []Entry
	for _, e := range s.Entries {
		if strings.EqualFold(e.Name, name) {
			all = append(all, e)
		}
	}
	return all
}

// Bool reads a yes-or-no word: yes, true, y, t, 1 and on are true, no, false,
// n, f, 0 and off are false, in any case. known is false for any other word;
// what to do then is the consumer's rule.
func Bool(word string) (value, known bool) {
	switch strings.ToLower(word) {
	case "yes", "true", "y", "t", "1", "on":
		return true, true
	case "no", "false", "n", "f", "0", "off":
		return false, true
	}
	return false, false
}

// Int reads the value as a whole number from lo to hi, both included.
func (e Entry) Int(lo, hi int) (int, error) {
	n, err := strconv.Atoi(e.Value)
	if err != nil {
		return 0, fmt.Errorf("%s=%s: not a whole number", e.Name, e.Value)
	}
	if n < lo || n > hi {
		return 0, fmt.Errorf("%s=%s: not in %d..%d", e.Name, e.Value, lo, hi)
	}
	return n, nil
}

// Float reads the value as a decimal number from lo to hi, both included.
func (e Entry) Float(lo, hi float64) (float64, error) {
	n, err := strconv.ParseFloat(e.Value, 64)
	if err != nil {
		return 0, fmt.Errorf("%s=%s: not a number", e.Name, e.Value)
	}
	if !(n >= lo && n <= hi) {
		return 0, fmt.Errorf("%s=%s: not in %g..%g", e.Name, e.Value, lo, hi)
	}
	return n, nil
}
