package sdp

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Limits on what Parse reads; a description beyond them is refused before it
// costs anything. Real phones stay under 4 KiB and 150 lines.
const (
	MaxSize    = 32 << 10 // bytes
	MaxLines   = 1000
	MaxMedia   = 16 // m= sections
	MaxFormats = 64 // payload types of one section
	maxText    = 512
)

// Errors of Parse, wrapped with the line they are about.
var (
	ErrTooLarge = errors.New("session description too large")
	ErrSyntax   = errors.New("not a session description")
)

// Parse reads a description. Lines it does not know (bandwidth, times, keys,
// most attributes) are skipped; what it does know must be well formed.
func Parse(body []byte) (*Description, error) {
	if len(body) > MaxSize {
		return nil, fmt.Errorf("%d bytes: %w", len(body), ErrTooLarge)
	}
	p := parser{d: &Description{}}
	text := string(body)
	for n := 1; text != ""; n++ {
		if n > MaxLines {
			return nil, fmt.Errorf("over %d lines: %w", MaxLines, ErrTooLarge)
		}
		var l string
		l, text, _ = strings.Cut(text, "\n")
		l = strings.TrimRight(l, "\r \t")
		if l == "" {
			continue
		}
		if err := p.line(l); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if !p.version || !p.origin {
		return nil, fmt.Errorf("no v= or o= line: %w", ErrSyntax)
	}
	p.finish()
	for i := range p.d.Media {
		if err := p.d.Media[i].mapped(); err != nil {
			return nil, err
		}
	}
	return p.d, nil
}

// mapped checks that every dynamic payload type is explained (RFC 4566 6): with
// one that is not, nobody can tell what would be sent. Asterisk too refuses it.
func (m *Media) mapped() error {
	if m.Port == 0 || !strings.HasPrefix(strings.ToUpper(m.Proto), "RTP/") {
		return nil
	}
	for _, f := range m.Formats {
		pt, err := strconv.ParseUint(f, 10, 7)
		if err != nil || pt < 96 {
			continue
		}
		if _, ok := m.lookup(uint8(pt)); !ok {
			return fmt.Errorf("payload type %d has no rtpmap: %w", pt, ErrSyntax)
		}
	}
	return nil
}

type parser struct {
	d               *Description
	version, origin bool
	dir             Direction
	own             []bool // section has a c= line of its own
	directed        []bool // section has a direction of its own
}

func (p *parser) line(l string) error {
	if len(l) < 2 || l[1] != '=' || strings.ContainsAny(l, "\r\x00") {
		return fmt.Errorf("%q: %w", clip(l), ErrSyntax)
	}
	value := l[2:]
	if !p.version && l[0] != 'v' {
		return fmt.Errorf("%q before v=: %w", clip(l), ErrSyntax)
	}
	switch l[0] {
	case 'v':
		p.version = true
		if strings.TrimSpace(value) != "0" {
			return fmt.Errorf("version %q: %w", clip(value), ErrSyntax)
		}
	case 'o':
		return p.originLine(value)
	case 's':
		p.d.Name = clip(value)
	case 'c':
		return p.connLine(value)
	case 'm':
		return p.mediaLine(value)
	case 'a':
		return p.attribute(value)
	}
	return nil
}

func (p *parser) originLine(value string) error {
	f := strings.Fields(value)
	if len(f) < 6 {
		return fmt.Errorf("o=%s: %w", clip(value), ErrSyntax)
	}
	p.origin = true
	o := &p.d.Origin
	o.User = clip(f[0])
	// RFC 4566 5.2 lets both be any length; only their change matters to us.
	o.ID, _ = strconv.ParseUint(f[1], 10, 64)
	o.Version, _ = strconv.ParseUint(f[2], 10, 64)
	o.Addr, _ = netip.ParseAddr(f[5])
	return nil
}

func (p *parser) connLine(value string) error {
	f := strings.Fields(value)
	if len(f) < 3 || f[0] != "IN" || f[1] != "IP4" && f[1] != "IP6" {
		return fmt.Errorf("c=%s: %w", clip(value), ErrSyntax)
	}
	text, _, _ := strings.Cut(f[2], "/") // multicast TTL
	addr, _ := netip.ParseAddr(text)     // a name leaves the address unknown
	addr = addr.Unmap().WithZone("")
	if n := len(p.d.Media); n > 0 {
		p.d.Media[n-1].Conn, p.own[n-1] = addr, true
	} else {
		p.d.Conn = addr
	}
	return nil
}

func (p *parser) mediaLine(value string) error {
	f := strings.Fields(value)
	if len(f) < 3 {
		return fmt.Errorf("m=%s: %w", clip(value), ErrSyntax)
	}
	if len(p.d.Media) == MaxMedia {
		return fmt.Errorf("over %d media sections: %w", MaxMedia, ErrTooLarge)
	}
	if len(f)-3 > MaxFormats {
		return fmt.Errorf("over %d formats: %w", MaxFormats, ErrTooLarge)
	}
	portText, _, _ := strings.Cut(f[1], "/") // number of ports: layered coding, which nobody does
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return fmt.Errorf("m=%s: port: %w", clip(value), ErrSyntax)
	}
	m := Media{Kind: strings.ToLower(clip(f[0])), Port: uint16(port), Proto: clip(f[2])}
	for _, t := range f[3:] {
		m.Formats = append(m.Formats, clip(t))
	}
	p.d.Media = append(p.d.Media, m)
	p.own, p.directed = append(p.own, false), append(p.directed, false)
	return nil
}

func (p *parser) attribute(value string) error {
	name, rest, _ := strings.Cut(value, ":")
	for d, word := range directionWords {
		if name == word {
			if n := len(p.d.Media); n > 0 {
				p.d.Media[n-1].Dir, p.directed[n-1] = Direction(d), true
			} else {
				p.dir = Direction(d)
			}
			return nil
		}
	}
	if len(p.d.Media) == 0 {
		return nil
	}
	m := &p.d.Media[len(p.d.Media)-1]
	switch name {
	case "rtpmap":
		return m.rtpmap(rest)
	case "fmtp":
		return m.fmtp(rest)
	case "ptime":
		m.Ptime = millis(rest)
	case "maxptime":
		m.MaxPtime = millis(rest)
	case "rtcp":
		m.rtcp(rest)
	}
	return nil
}

// rtpmap reads "<pt> <encoding>/<rate>[/<channels>]" (RFC 4566 6).
func (m *Media) rtpmap(value string) error {
	ptText, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	pt, err := strconv.ParseUint(ptText, 10, 7)
	if err != nil {
		return nil // about a format that cannot be RTP's
	}
	parts := strings.Split(strings.TrimSpace(rest), "/")
	if len(parts) < 2 || parts[0] == "" {
		return fmt.Errorf("a=rtpmap:%s: %w", clip(value), ErrSyntax)
	}
	rate, err := strconv.ParseUint(parts[1], 10, 31)
	if err != nil {
		return fmt.Errorf("a=rtpmap:%s: rate: %w", clip(value), ErrSyntax)
	}
	e := m.entry(uint8(pt))
	if e == nil {
		return nil
	}
	e.Encoding, e.Rate = clip(parts[0]), int(rate)
	if len(parts) > 2 {
		n, _ := strconv.ParseUint(parts[2], 10, 8)
		e.Channels = int(n)
	}
	return nil
}

func (m *Media) fmtp(value string) error {
	ptText, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
	pt, err := strconv.ParseUint(ptText, 10, 7)
	if err != nil {
		return nil // T.38 and others name formats, which we do not take up
	}
	if e := m.entry(uint8(pt)); e != nil {
		e.Fmtp = clip(strings.TrimSpace(rest))
	}
	return nil
}

// entry is the map of a payload type, made if missing; nil once there are too
// many of them.
func (m *Media) entry(pt uint8) *Map {
	for i := range m.Maps {
		if m.Maps[i].PT == pt {
			return &m.Maps[i]
		}
	}
	if len(m.Maps) >= 2*MaxFormats {
		return nil
	}
	m.Maps = append(m.Maps, Map{PT: pt})
	return &m.Maps[len(m.Maps)-1]
}

// rtcp reads "<port> [IN IP4 <address>]" (RFC 3605).
func (m *Media) rtcp(value string) {
	f := strings.Fields(value)
	if len(f) == 0 {
		return
	}
	port, err := strconv.ParseUint(f[0], 10, 16)
	if err != nil {
		return
	}
	var addr netip.Addr
	if len(f) >= 4 {
		addr, _ = netip.ParseAddr(f[3])
		addr = addr.Unmap().WithZone("")
	}
	m.RTCP = netip.AddrPortFrom(addr, uint16(port))
}

// finish applies what the session level says to the sections.
func (p *parser) finish() {
	for i := range p.d.Media {
		m := &p.d.Media[i]
		if !p.own[i] {
			m.Conn = p.d.Conn
		}
		if !p.directed[i] {
			m.Dir = p.dir
		}
		if m.RTCP.Port() != 0 && !m.RTCP.Addr().IsValid() {
			m.RTCP = netip.AddrPortFrom(m.Conn, m.RTCP.Port())
		}
	}
}

// millis reads a packet time, 0 if it is none (some phones write "20.0").
func millis(s string) int {
	s, _, _ = strings.Cut(strings.TrimSpace(s), ".")
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

// clip keeps hostile lengths out of errors and answers.
func clip(s string) string {
	if len(s) > maxText {
		return s[:maxText]
	}
	return s
}
