// Package header reads and writes the headers of SIP messages that everybody around
// a call has to do with: the first of a name, lists of tokens, a body with its type
// and length, and those that the dialplan reads and adds.
package header

import (
	"strings"

	"github.com/emiago/sipgo/sip"
)

// First is the value of the first header of a name, or "".
func First(m sip.Message, name string) string {
	if hs := m.GetHeaders(name); len(hs) > 0 {
		return hs[0].Value()
	}
	return ""
}

// Tokens reads every header of a name as one list of tokens, folded by fold.
func Tokens(m sip.Message, name string, fold func(string) string) map[string]bool {
	hs := m.GetHeaders(name)
	if name == "Supported" {
		hs = append(hs, m.GetHeaders("k")...)
	}
	if len(hs) == 0 {
		return nil
	}
	out := map[string]bool{}
	for _, h := range hs {
		for _, t := range strings.Split(h.Value(), ",") {
			if t = strings.TrimSpace(t); t != "" {
				out[fold(t)] = true
			}
		}
	}
	return out
}

// Requires reports whether a request has an option tag in Require.
func Requires(req *sip.Request, tag string) bool {
	return Tokens(req, "Require", strings.ToLower)[tag]
}

// A Message is one being written.
type Message interface {
	AppendHeader(sip.Header)
	SetBody([]byte)
}

// Carry sets the body with its type and length.
func Carry(m Message, contentType string, body []byte) {
	if len(body) > 0 {
		t := sip.ContentTypeHeader(contentType)
		m.AppendHeader(&t)
		m.SetBody(body)
		return
	}
	m.SetBody(nil)
}
