package dialog

import "strings"

// Replaced reads the value of a Replaces header (RFC 3891 6.1): the dialog it
// names, as the party that receives the header keeps it: the to-tag is ours. It
// reports false if the value is malformed.
func Replaced(value string) (ID, bool) {
	parts := strings.Split(value, ";")
	id := ID{CallID: strings.TrimSpace(parts[0])}
	for _, p := range parts[1:] {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		v = strings.TrimSpace(v)
		switch strings.ToLower(strings.TrimSpace(k)) {
		case "to-tag":
			if id.Local != "" {
				return ID{}, false
			}
			id.Local = v
		case "from-tag":
			if id.Remote != "" {
				return ID{}, false
			}
			id.Remote = v
		}
	}
	return id, id.CallID != "" && id.Local != "" && id.Remote != ""
}
