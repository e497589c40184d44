// Package octets is SIP messages as they are on the network: where one ends in a stream,
// what is none at all, how it is parsed and printed, and what is said to octets that
// cannot be parsed.
package octets

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// A Kind of octets.
type Kind uint8

const (
	Message Kind = iota
	KeepAlive
	Noise
)

// Look tells SIP from keep-alives (RFC 5626 3.5: CRLF CRLF; some phones send
// NULs or spaces) and from everything else that strays to port 5060 (STUN,
// scanners, RTP), before anything is parsed or remembered.
func Look(raw []byte) Kind {
	if len(bytes.Trim(raw[:min(len(raw), 16)], "\r\n\x00 ")) == 0 && len(raw) <= 16 {
		return KeepAlive
	}
	line := raw
	if i := bytes.IndexByte(raw, '\n'); i >= 0 {
		line = raw[:i]
	}
	if !bytes.Contains(line, []byte("SIP/")) && !bytes.Contains(line, []byte("sip/")) {
		return Noise
	}
	for _, c := range line[:min(len(line), 3)] {
		if c <= ' ' || c >= 0x7f {
			return Noise
		}
	}
	return Message
}

var errVersion = errors.New("not SIP/2.0")

// A Parser reads messages; it may be used from anywhere.
type Parser struct{ sip *sip.Parser }

// NewParser makes a parser.
func NewParser() *Parser { return &Parser{sip.NewParser()} }

// Read parses one whole message; a parser that panics has found a bad message.
func (p *Parser) Read(raw []byte) (msg sip.Message, err error) {
	defer func() {
		if r := recover(); r != nil {
			msg, err = nil, fmt.Errorf("parser: %v", r)
		}
	}()
	msg, err = p.sip.ParseSIP(raw)
	if err != nil {
		return nil, err
	}
	if r, ok := msg.(*sip.Request); ok {
		if !strings.EqualFold(r.SipVersion, "SIP/2.0") { // RFC 3261 7.1: in any case
			return nil, errVersion
		}
		r.SipVersion = "SIP/2.0"
	}
	return msg, nil
}

// Render is a message as it goes over the wire.
func Render(m sip.Message) []byte {
	var b text
	b.grow(len(m.Body()) + 512)
	if m.ContentLength() == nil {
		m.SetBody(m.Body())
	}
	m.StringWrite(&b)
	return b
}

// text collects a message without the second copy strings.Builder would need.
type text []byte

func (b *text) grow(n int) { *b = make([]byte, 0, n) }

func (b *text) WriteString(s string) (int, error) {
	*b = append(*b, s...)
	return len(s), nil
}

var _ io.StringWriter = (*text)(nil)
