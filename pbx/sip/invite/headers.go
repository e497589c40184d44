package invite

import (
	"slices"
	"strings"
	"sync"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
)

// headers are those of the inbound INVITE, to read, or those the dialplan adds
// to the outbound one. The dialplan uses them from its own goroutine, hence the
// lock.
type headers struct {
	mu      sync.Mutex
	entries []channel.Header
}

// own are headers of an INVITE that the dialplan may not add: the session makes
// them.
var own = []string{"Via", "From", "To", "Call-ID", "CSeq", "Contact", "Route", "Record-Route",
	"Content-Length", "Content-Type", "Max-Forwards"}

// read keeps the headers of an inbound INVITE.
func (h *headers) read(req *sip.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range req.Headers() {
		h.entries = append(h.entries, channel.Header{Name: e.Name(), Value: e.Value()})
	}
}

func (h *headers) set(name, value string, add bool) {
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

func (h *headers) all() []channel.Header {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.entries)
}

// Header is the n-th header of that name, counting from 1.
func (s *Session) Header(name string, n int) (string, bool) {
	for _, e := range s.extra.all() {
		if strings.EqualFold(e.Name, name) {
			if n--; n <= 0 {
				return e.Value, true
			}
		}
	}
	return "", false
}

// HeaderNames lists the names that begin with prefix, ignoring case, each once.
func (s *Session) HeaderNames(prefix string) []string {
	var out []string
	for _, e := range s.extra.all() {
		if len(e.Name) >= len(prefix) && strings.EqualFold(e.Name[:len(prefix)], prefix) &&
			!slices.ContainsFunc(out, func(o string) bool { return strings.EqualFold(o, e.Name) }) {
			out = append(out, e.Name)
		}
	}
	return out
}

// SetHeader adds to the outbound INVITE, replaces there, or removes (an empty
// value with add false). It has no effect on an inbound leg or after Dial.
func (s *Session) SetHeader(name, value string, add bool) {
	if !s.inbound {
		s.extra.set(name, value, add)
	}
}
