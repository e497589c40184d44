package at

import (
	"bytes"
	"strings"
)

const (
	dle    = 0x10
	ctrlZ  = 0x1a
	escape = 0x1b
)

// feed takes what the port delivered apart.
func (e *Engine) feed(b []byte) {
	for len(b) > 0 {
		e.mu.Lock()
		stream := e.stream
		e.mu.Unlock()
		if stream != nil {
			if e.begun {
				e.begun = false
				if b[0] == '\n' {
					b = b[1:]
					continue
				}
			}
			n, over := stream(b)
			b = b[n:]
			if over {
				e.mu.Lock()
				e.stream = nil
				e.mu.Unlock()
				e.line, e.shield = e.line[:0], false
			}
			continue
		}
		e.char(b[0])
		b = b[1:]
	}
}

// char takes one byte of a line.
func (e *Engine) char(c byte) {
	switch {
	case e.shield:
		e.shield = false
		e.o.Shielded(c)
	case c == dle && e.o.Shielded != nil:
		e.shield = true
	case c == '\n' || c == '\r':
		if len(e.line) > 0 && !e.long {
			e.text(string(e.line))
		}
		e.line, e.long = e.line[:0], false
	case c < ' ' || c == 0x7f:
		// Neither commands nor answers have control characters.
		e.noise()
	case len(e.line) == maxLine:
		e.long = true
	default:
		if c >= 0x80 {
			e.noise()
		}
		e.line = append(e.line, c)
		if c == ' ' || c == '>' {
			e.prompt()
		}
	}
}

func (e *Engine) noise() {
	e.mu.Lock()
	e.garbage++
	e.mu.Unlock()
}

// prompt sends the body of a command that waits for a prompt, which comes without
// the end of a line.
func (e *Engine) prompt() {
	e.mu.Lock()
	a := e.waiting
	asked := a != nil && a.Body != "" && bytes.HasSuffix(bytes.TrimRight(e.line, " "), []byte(">")) && len(e.line) <= 4
	body := ""
	if asked {
		body, a.Body = a.Body, ""
	}
	e.mu.Unlock()
	if !asked {
		return
	}
	e.line = e.line[:0]
	e.o.Trace('>', body)
	// An error comes again as the reader's.
	_ = e.Send([]byte(body + string(rune(ctrlZ))))
}

// text sorts a whole line.
func (e *Engine) text(line string) {
	line = strings.TrimSpace(line)
	if line == "" {
		return
	}
	e.o.Trace('<', line)
	if e.pairing {
		e.pairing = false
		e.o.Unsolicited(e.pair, line)
		return
	}
	e.mu.Lock()
	taken := e.answers(line)
	e.mu.Unlock()
	if taken {
		return
	}
	if hasAny(line, e.o.Pairs) {
		e.pair, e.pairing = line, true
		return
	}
	e.o.Unsolicited(line, "")
}

// answers gives a line to the command that waits, if it is part of its answer. The
// caller holds mu.
func (e *Engine) answers(line string) bool {
	a := e.waiting
	final := finalOf(line, a != nil && a.Calls)
	if a == nil {
		return final != "" // a late one
	}
	if a.Text != "" && strings.HasSuffix(strings.ToUpper(line), strings.ToUpper(a.Text)) {
		return true // its echo, perhaps with garbage in front
	}
	if a.until != "" {
		// Everything before the known answer is late; what nobody asked for is still news.
		if strings.TrimLeft(line, "0") == a.until {
			a.until = ""
			return true
		}
		return final != "" || !e.news(line) && !strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "^")
	}
	if final != "" {
		a.reply.Final = final
		e.waiting = nil
		if strings.HasPrefix(final, "CONNECT") {
			e.stream, e.begun = a.Stream, true
		}
		close(a.done)
		return true
	}
	switch {
	case a.prefix != "" && strings.HasPrefix(line, a.prefix),
		a.Bare && !e.news(line):
		if len(a.reply.Lines) < maxLines {
			a.reply.Lines = append(a.reply.Lines, strings.TrimSpace(strings.TrimPrefix(line, a.prefix)))
		}
		return true
	}
	return false
}

// news reports whether a line is known to be unsolicited.
func (e *Engine) news(line string) bool { return hasAny(line, e.o.Words) || hasAny(line, e.o.Pairs) }

// finalOf is the final result code at the end of a line (V.250, 5.7; 3GPP TS 27.007,
// 9.2), "" if it is none. Garbage may stand in front of the short ones.
func finalOf(line string, calls bool) string {
	text := strings.TrimLeftFunc(line, func(r rune) bool { return r < '!' || r > '~' })
	switch text {
	case "OK", "ERROR", "CONNECT":
		return text
	case "NO CARRIER", "BUSY", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE", "VCON", "BLACKLISTED", "DELAYED":
		if calls {
			return text
		}
		return ""
	}
	if strings.HasPrefix(text, "+CME ERROR:") || strings.HasPrefix(text, "+CMS ERROR:") || strings.HasPrefix(text, "CONNECT ") {
		return text
	}
	return ""
}

func hasAny(line string, words []string) bool {
	for _, w := range words {
		if strings.HasPrefix(line, w) {
			return true
		}
	}
	return false
}

// Fields takes the values of a line of information apart: `1,"a,b",,3` has four,
// without their quotes.
func Fields(line string) []string {
	var (
		fields []string
		field  []byte
		quoted bool
	)
	for i := range len(line) {
		switch c := line[i]; {
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			fields = append(fields, strings.TrimSpace(string(field)))
			field = field[:0]
		default:
			field = append(field, c)
		}
	}
	return append(fields, strings.TrimSpace(string(field)))
}
