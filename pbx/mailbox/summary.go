package mailbox

import (
	"strconv"
	"strings"
)

// SummaryType is the media type of what Summary writes and ParseSummary reads
// (RFC 3842 5).
const SummaryType = "application/simple-message-summary"

// maxSummary bounds how much of a body is read, in octets.
const maxSummary = 8 << 10

// Summary is c as telephones are told it: RFC 3842's simple message summary, with the
// address where messages are heard, if there is one ("sip:*97@192.0.2.1").
func (c Count) Summary(account string) string {
	waiting := "no"
	if c.New > 0 {
		waiting = "yes"
	}
	if account != "" {
		account = "Message-Account: " + account + "\r\n"
	}
	return "Messages-Waiting: " + waiting + "\r\n" + account + "Voice-Message: " + strconv.Itoa(c.New) + "/" + strconv.Itoa(c.Old) + " (0/0)\r\n"
}

// ParseSummary reads a simple message summary; false if it does not tell of voice
// messages. Where it tells only whether any wait, that is one new message or none. Of
// what belongs to single messages, after an empty line, nothing is read.
func ParseSummary(body []byte) (c Count, ok bool) {
	if len(body) > maxSummary {
		return Count{}, false
	}
	for line := range strings.SplitSeq(string(body), "\n") {
		line = strings.TrimRight(line, " \t\r")
		if line == "" {
			return c, ok
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch name = strings.TrimRight(name, " \t"); {
		case strings.EqualFold(name, "Voice-Message"):
			fresh, rest, _ := strings.Cut(value, "/")
			old, _, _ := strings.Cut(strings.TrimSpace(rest), "(")
			c.New, ok = number(fresh)
			if ok {
				c.Old, ok = number(old)
			}
			return c, ok
		case strings.EqualFold(name, "Messages-Waiting") && strings.EqualFold(value, "yes"):
			c, ok = Count{New: 1}, true
		case strings.EqualFold(name, "Messages-Waiting") && strings.EqualFold(value, "no"):
			c, ok = Count{}, true
		}
	}
	return c, ok
}

// number reads digits; more messages than MaxCount are that many.
func number(s string) (int, bool) {
	s = strings.TrimSpace(s)
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > MaxCount {
		return MaxCount, true
	}
	return int(n), true
}
