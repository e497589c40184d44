package invite

// Header is the n-th header of that name, counting from 1.
func (s *Session) Header(name string, n int) (string, bool) { return s.extra.Header(name, n) }

// HeaderNames lists the names that begin with prefix, ignoring case, each once.
func (s *Session) HeaderNames(prefix string) []string { return s.extra.HeaderNames(prefix) }

// SetHeader adds to the outbound INVITE, replaces there, or removes (an empty
// value with add false). It has no effect on an inbound leg or after Dial.
func (s *Session) SetHeader(name, value string, add bool) {
	if !s.inbound {
		s.extra.Set(name, value, add)
	}
}
