package octets

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// Refusal answers octets that Read or Next has found wrong; nil if there is nothing to
// answer.
func Refusal(raw []byte, wrong error, from netip.AddrPort) []byte {
	switch {
	case errors.Is(wrong, errVersion):
		return answer(raw, sip.StatusVersionNotSupported, "Version Not Supported", from)
	case errors.Is(wrong, errTooLarge):
		return answer(raw, sip.StatusMessageTooLarge, "Message Too Large", from)
	}
	return answer(raw, sip.StatusBadRequest, "Bad Request", from)
}

// answer answers a request that could not be parsed by copying the lines RFC
// 3261 8.2.6.2 asks for as they stand. It returns nil if there is nothing to
// answer: a response, an ACK, or no Via to send it by.
func answer(raw []byte, status int, reason string, from netip.AddrPort) []byte {
	head := raw
	if i := bytes.Index(raw, []byte("\r\n\r\n")); i >= 0 {
		head = raw[:i]
	}
	lines := strings.Split(string(head), "\r\n")
	method, _, ok := strings.Cut(lines[0], " ")
	if !ok || method == "ACK" || strings.HasPrefix(strings.ToUpper(method), "SIP/") {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %d %s\r\n", status, reason)
	vias := 0
	seen := map[string]bool{}
	for i := 1; i < len(lines); i++ {
		name, value, ok := strings.Cut(lines[i], ":")
		if !ok || lines[i] == "" || lines[i][0] == ' ' || lines[i][0] == '\t' {
			continue
		}
		for i+1 < len(lines) && lines[i+1] != "" && (lines[i+1][0] == ' ' || lines[i+1][0] == '\t') {
			i++
			value += " " + strings.TrimSpace(lines[i])
		}
		full := fullName(strings.ToLower(strings.TrimSpace(name)))
		if full == "" || full != "Via" && seen[full] {
			continue
		}
		seen[full] = true
		value = strings.TrimSpace(value)
		switch full {
		case "Via":
			if vias++; vias == 1 {
				value += fmt.Sprintf(";received=%s", from.Addr().WithZone(""))
			}
		case "To":
			if !strings.Contains(strings.ToLower(value), "tag=") {
				value += ";tag=malformed"
			}
		}
		b.WriteString(full + ": " + value + "\r\n")
	}
	if vias == 0 || b.Len() > 8192 {
		return nil
	}
	b.WriteString("Content-Length: 0\r\n\r\n")
	return []byte(b.String())
}

// fullName is the name of a header an answer must repeat, "" for any other.
func fullName(lower string) string {
	switch lower {
	case "via", "v":
		return "Via"
	case "from", "f":
		return "From"
	case "to", "t":
		return "To"
	case "call-id", "i":
		return "Call-ID"
	case "cseq":
		return "CSeq"
	}
	return ""
}
