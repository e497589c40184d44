package lan

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Message is one SIP message as it passed the switch.
type Message struct {
	Time     time.Time
	Src, Dst netip.AddrPort
	DSCP     uint8  // RFC 2474
	Proto    string // UDP or TCP
	Raw      string
	Method   string // of a request; empty in a response
	Status   int    // of a response; 0 in a request
	URI      string // of a request
}

// Trace is a list of messages in the order they passed.
type Trace []Message

// parseMessage accepts what begins like SIP; the rest is not looked at before it is asked for.
func parseMessage(b []byte) (Message, bool) {
	line, _, found := bytes.Cut(b, []byte("\r\n"))
	if !found {
		return Message{}, false
	}
	words := strings.SplitN(string(line), " ", 3)
	if len(words) < 3 {
		return Message{}, false
	}
	m := Message{Raw: string(b)}
	if words[0] == "SIP/2.0" {
		status, err := strconv.Atoi(words[1])
		m.Status = status
		return m, err == nil
	}
	m.Method, m.URI = words[0], words[1]
	return m, words[2] == "SIP/2.0"
}

var compactNames = map[string]string{
	"via": "v", "from": "f", "to": "t", "call-id": "i", "contact": "m",
	"content-length": "l", "content-type": "c", "supported": "k",
}

// Header returns the value of the first header of that name, also in its compact form; empty when
// there is none.
func (m Message) Header(name string) string {
	name = strings.ToLower(name)
	head, _, _ := strings.Cut(m.Raw, "\r\n\r\n")
	for line := range strings.SplitSeq(head, "\r\n") {
		key, value, ok := strings.Cut(line, ":")
		key = strings.ToLower(strings.TrimSpace(key))
		if ok && (key == name || key == compactNames[name]) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Body is what follows the empty line.
func (m Message) Body() string {
	_, body, _ := strings.Cut(m.Raw, "\r\n\r\n")
	return body
}

// Of is the method of the transaction the message belongs to, from CSeq.
func (m Message) Of() string {
	_, method, _ := strings.Cut(m.Header("CSeq"), " ")
	return strings.TrimSpace(method)
}

// MediaAt is the address and port the session description wants its audio at; the zero value when
// there is no description.
func (m Message) MediaAt() netip.AddrPort {
	var addr netip.Addr
	var port uint16
	for line := range strings.SplitSeq(m.Body(), "\r\n") {
		if rest, ok := strings.CutPrefix(line, "c=IN IP4 "); ok {
			addr, _ = netip.ParseAddr(strings.TrimSpace(rest))
		}
		if rest, ok := strings.CutPrefix(line, "m=audio "); ok && port == 0 {
			word, _, _ := strings.Cut(rest, " ")
			n, _ := strconv.ParseUint(word, 10, 16)
			port = uint16(n)
		}
	}
	if !addr.IsValid() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr, port)
}

// Where keeps the messages that satisfy all conditions.
func (t Trace) Where(conds ...func(Message) bool) Trace {
	var out Trace
	for _, m := range t {
		if !slices.ContainsFunc(conds, func(c func(Message) bool) bool { return !c(m) }) {
			out = append(out, m)
		}
	}
	return out
}

// From selects what the host with this address sent.
func From(addr string) func(Message) bool {
	return func(m Message) bool { return m.Src.Addr().String() == addr }
}

// To selects what was sent to the host with this address.
func To(addr string) func(Message) bool {
	return func(m Message) bool { return m.Dst.Addr().String() == addr }
}

// Over selects a transport protocol, UDP or TCP.
func Over(proto string) func(Message) bool {
	return func(m Message) bool { return m.Proto == proto }
}

// Request selects requests of one method.
func Request(method string) func(Message) bool {
	return func(m Message) bool { return m.Method == method }
}

// Response selects responses with that status to requests of that method.
func Response(status int, method string) func(Message) bool {
	return func(m Message) bool { return m.Status == status && m.Of() == method }
}

// ResponseTo selects all responses to requests of that method.
func ResponseTo(method string) func(Message) bool {
	return func(m Message) bool { return m.Status != 0 && m.Of() == method }
}

// Reinvite selects INVITEs inside a dialog.
func Reinvite(m Message) bool {
	return m.Method == "INVITE" && strings.Contains(m.Header("To"), "tag=")
}

// Initial selects INVITEs that open a dialog.
func Initial(m Message) bool { return m.Method == "INVITE" && !Reinvite(m) }

// Statuses lists the status codes of the responses in the trace, repetitions of one response (a
// retransmission: same status, same transaction) left out.
func (t Trace) Statuses() []int {
	var out []int
	seen := map[string]bool{}
	for _, m := range t {
		if m.Status == 0 {
			continue
		}
		key := fmt.Sprint(m.Status, m.Header("Call-ID"), m.Header("CSeq"), m.Header("Via"))
		if !seen[key] {
			seen[key] = true
			out = append(out, m.Status)
		}
	}
	return out
}

// Ladder prints one line per message.
func (t Trace) Ladder() string {
	var b strings.Builder
	for _, m := range t {
		what := m.Method + " " + m.URI
		if m.Status != 0 {
			line, _, _ := strings.Cut(m.Raw, "\r\n")
			what = strings.TrimPrefix(line, "SIP/2.0 ")
		}
		media := ""
		if at := m.MediaAt(); at.IsValid() {
			media = " audio at " + at.String()
		}
		fmt.Fprintf(&b, "%8.3f %21s > %-21s %s %s [%s]%s\n", m.Time.Sub(t[0].Time).Seconds(),
			m.Src, m.Dst, m.Proto, what, m.Header("CSeq"), media)
	}
	return b.String()
}

// String prints the ladder and then every message in full.
func (t Trace) String() string {
	var b strings.Builder
	b.WriteString(t.Ladder())
	for i, m := range t {
		fmt.Fprintf(&b, "--- %d: %.3f %s > %s %s\n%s\n", i, m.Time.Sub(t[0].Time).Seconds(), m.Src, m.Dst, m.Proto,
			strings.ReplaceAll(strings.TrimRight(m.Raw, "\r\n"), "\r\n", "\n"))
	}
	return b.String()
}

// stream puts the segments of one direction of a TCP connection in order and cuts messages out.
type stream struct {
	next  uint32
	data  []byte
	early map[uint32][]byte
}

func (s *stream) take(seq uint32, b []byte) {
	if len(b) == 0 {
		return
	}
	switch ahead := int32(seq - s.next); {
	case ahead > 0:
		if s.early == nil {
			s.early = map[uint32][]byte{}
		}
		s.early[seq] = append([]byte(nil), b...)
		return
	case -ahead >= int32(len(b)):
		return // a retransmission of what we have
	default:
		b = b[-ahead:]
	}
	s.data = append(s.data, b...)
	s.next += uint32(len(b))
	if later, ok := s.early[s.next]; ok {
		delete(s.early, s.next)
		s.take(s.next, later)
	}
}

// message cuts the first whole message off, by its Content-Length.
func (s *stream) message() (Message, bool) {
	s.data = bytes.TrimLeft(s.data, "\r\n")
	head := bytes.Index(s.data, []byte("\r\n\r\n"))
	if head < 0 {
		return Message{}, false
	}
	m, ok := parseMessage(s.data[:head+4])
	if !ok {
		s.data = nil
		return Message{}, false
	}
	length, _ := strconv.Atoi(m.Header("Content-Length"))
	end := head + 4 + max(length, 0)
	if end > len(s.data) {
		return Message{}, false
	}
	m.Raw = string(s.data[:end])
	s.data = append([]byte(nil), s.data[end:]...)
	return m, true
}
