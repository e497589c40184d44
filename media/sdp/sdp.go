// Package sdp reads and writes session descriptions (RFC 4566) and settles
// offers and answers (RFC 3264) as pure functions: descriptions and what our
// side can do go in, an answer and the resulting media.Flow come out. Nothing
// here knows of sockets, calls or SIP.
package sdp

import (
	"net/netip"
	"strconv"
	"strings"
)

// A Description is one session description, reduced to what a telephone
// exchange acts on.
type Description struct {
	Origin Origin
	Name   string     // s=
	Conn   netip.Addr // session-level c=; invalid: none, or a name
	Media  []Media
}

// An Origin is the o= line: who describes, which session, which version of it.
type Origin struct {
	User        string
	ID, Version uint64
	Addr        netip.Addr
}

// A Media is one m= section. Session-level connection and direction are already
// applied to it.
type Media struct {
	Kind     string // "audio", "video", "image" ...
	Port     uint16 // 0: declined
	Proto    string // "RTP/AVP" ...
	Formats  []string
	Maps     []Map
	Conn     netip.Addr // invalid: none, or a name
	RTCP     netip.AddrPort
	Dir      Direction
	Ptime    int // ms, 0: not said
	MaxPtime int // ms, 0: not said
}

// A Map is what rtpmap and fmtp say about one payload type.
type Map struct {
	PT       uint8
	Encoding string
	Rate     int
	Channels int    // 0: not said, which means 1
	Fmtp     string // parameters without the payload type
}

// A Direction says who sends, as seen by the party that wrote it (RFC 3264 5.1).
type Direction uint8

const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

var directionWords = [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}

func (d Direction) String() string { return directionWords[d] }

// Sends and Receives take the direction apart.
func (d Direction) Sends() bool    { return d == SendRecv || d == SendOnly }
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// Reversed is the same stream seen from the other side.
func (d Direction) Reversed() Direction { return direction(d.Receives(), d.Sends()) }

// Within is what remains of d if the writer may not send, or not receive, more
// than limit lets it.
func (d Direction) Within(limit Direction) Direction {
	return direction(d.Sends() && limit.Sends(), d.Receives() && limit.Receives())
}

func direction(sends, receives bool) Direction {
	switch {
	case sends && receives:
		return SendRecv
	case sends:
		return SendOnly
	case receives:
		return RecvOnly
	default:
		return Inactive
	}
}

// Find is the index of the first section of a kind that is not declined, or -1.
func (d *Description) Find(kind string) int {
	for i := range d.Media {
		if d.Media[i].Kind == kind && d.Media[i].Port != 0 {
			return i
		}
	}
	return -1
}

// lookup finds the map of a payload type, filling in static ones (RFC 3551).
func (m *Media) lookup(pt uint8) (Map, bool) {
	for _, e := range m.Maps {
		if e.PT == pt && e.Encoding != "" {
			return e, true
		}
	}
	if s, ok := staticMap(pt); ok {
		for _, e := range m.Maps {
			if e.PT == pt {
				s.Fmtp = e.Fmtp
			}
		}
		return s, true
	}
	return Map{}, false
}

// Bytes writes the description. Attributes come in the order Asterisk's
// measured answers have them.
func (d *Description) Bytes() []byte {
	b := make([]byte, 0, 512)
	line := func(parts ...string) {
		for _, p := range parts {
			b = append(b, p...)
		}
		b = append(b, '\r', '\n')
	}
	line("v=0")
	line("o=", d.Origin.User, " ", utoa(d.Origin.ID), " ", utoa(d.Origin.Version), " ", netAddr(d.Origin.Addr))
	line("s=", d.Name)
	if d.Conn.IsValid() {
		line("c=", netAddr(d.Conn))
	}
	line("t=0 0")
	for i := range d.Media {
		m := &d.Media[i]
		line("m=", m.Kind, " ", utoa(uint64(m.Port)), " ", m.Proto, " ", strings.Join(m.Formats, " "))
		if m.Port == 0 {
			continue
		}
		if m.Conn.IsValid() && m.Conn != d.Conn {
			line("c=", netAddr(m.Conn))
		}
		for _, e := range m.Maps {
			pt := utoa(uint64(e.PT))
			if e.Channels > 1 {
				line("a=rtpmap:", pt, " ", e.Encoding, "/", strconv.Itoa(e.Rate), "/", strconv.Itoa(e.Channels))
			} else {
				line("a=rtpmap:", pt, " ", e.Encoding, "/", strconv.Itoa(e.Rate))
			}
			if e.Fmtp != "" {
				line("a=fmtp:", pt, " ", e.Fmtp)
			}
		}
		if m.RTCP.IsValid() {
			line("a=rtcp:", utoa(uint64(m.RTCP.Port())), " ", netAddr(m.RTCP.Addr()))
		}
		if m.Ptime > 0 {
			line("a=ptime:", strconv.Itoa(m.Ptime))
		}
		if m.MaxPtime > 0 {
			line("a=maxptime:", strconv.Itoa(m.MaxPtime))
		}
		line("a=", m.Dir.String())
	}
	return b
}

// SameAs reports whether two descriptions differ in nothing but their version,
// in which case the version must not change either (RFC 3264 8).
func (d *Description) SameAs(e *Description) bool {
	if d == nil || e == nil {
		return d == e
	}
	x, y := *d, *e
	x.Origin.Version, y.Origin.Version = 0, 0
	return string(x.Bytes()) == string(y.Bytes())
}

func netAddr(a netip.Addr) string {
	if a.Is6() && !a.Is4In6() {
		return "IN IP6 " + a.WithZone("").String()
	}
	if !a.IsValid() {
		return "IN IP4 0.0.0.0"
	}
	return "IN IP4 " + a.Unmap().String()
}

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }
