package header

import (
	"slices"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
)

// Shared are the headers of an INVITE that the dialplan reads, or those it adds to one.
// It does so from its own goroutine, hence the lock. The zero value has none.
type Shared struct {
	mu      sync.Mutex
	entries []channel.Header
}

// own are headers of an INVITE that the dialplan may not add: whoever sends
// it makes them.
var own = []string{"Via", "From", "To", "Call-ID", "CSeq", "Contact", "Route", "Record-Route",
	"Content-Length", "Content-Type", "Max-Forwards"}

// Read keeps the headers of an inbound INVITE.
func (h *Shared) Read(req *sip.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range req.Headers() {
		h.entries = append(h.entries, channel.Header{Name: e.Name(), Value: e.Value()})
	}
}

// Set adds a header, replaces those of the name, or removes them (an empty value with
// add false).
func (h *Shared) Set(name, value string, add bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if strings.ContainsAny(name+value, "\r\n") || name == "" {
		return // a value with line breaks would be headers of its own
	}
	if slices.ContainsFunc(own, func(o string) bool { return strings.EqualFold(o, name) }) {
		return
	}
	if !add {
		h.entries = slices.DeleteFunc(h.entries, func(e channel.Header) bool { return strings.EqualFold(e.Name, name) })
		if value == "" {
			return
		}
	}
	h.entries = append(h.entries, channel.Header{Name: name, Value: value})
}

// All are the headers in their order.
func (h *Shared) All() []channel.Header {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.entries)
}

// Header is the n-th header of that name, counting from 1.
func (h *Shared) Header(name string, n int) (string, bool) {
	for _, e := range h.All() {
		if strings.EqualFold(e.Name, name) {
			if n--; n <= 0 {
				return e.Value, true
			}
		}
	}
	return "", false
}

// HeaderNames lists the names that begin with prefix, ignoring case, each once.
func (h *Shared) HeaderNames(prefix string) []string {
	var out []string
	for _, e := range h.All() {
		if len(e.Name) >= len(prefix) && strings.EqualFold(e.Name[:len(prefix)], prefix) &&
			!slices.ContainsFunc(out, func(o string) bool { return strings.EqualFold(o, e.Name) }) {
			out = append(out, e.Name)
		}
	}
	return out
}
