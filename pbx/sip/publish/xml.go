package publish

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep elements may nest.
const maxDepth = 32

var errXML = errors.New("not well-formed XML")

// walk reads a document whose elements are all we want: text is called for the text of
// every element, with the local names from the root to it; start when one begins. There
// are no entities but XML's own five and numbers, and no document type: nothing in a
// document can make it larger than it is.
func walk(doc []byte, start func(path []string), text func(path []string, s string)) error {
	var path, names []string // local names, and as written
	done := false
	doc = bytes.TrimPrefix(doc, []byte("\ufeff"))
	for len(doc) > 0 {
		i := bytes.IndexByte(doc, '<')
		if i < 0 {
			i = len(doc)
		}
		if i > 0 {
			if len(path) > 0 {
				text(path, unescape(string(doc[:i])))
			} else if len(bytes.TrimSpace(doc[:i])) > 0 {
				return errXML
			}
			doc = doc[i:]
			continue
		}
		var ok bool
		switch {
		case bytes.HasPrefix(doc, []byte("<?")):
			_, doc, ok = bytes.Cut(doc, []byte("?>"))
		case bytes.HasPrefix(doc, []byte("<!--")):
			_, doc, ok = bytes.Cut(doc[4:], []byte("-->"))
		case bytes.HasPrefix(doc, []byte("<![CDATA[")) && len(path) > 0:
			var plain []byte
			plain, doc, ok = bytes.Cut(doc[9:], []byte("]]>"))
			text(path, string(plain))
		case bytes.HasPrefix(doc, []byte("<!")):
			return errXML
		default:
			var tag string
			if tag, doc, ok = cutTag(doc); !ok {
				return errXML
			}
			name, closes := strings.CutPrefix(tag, "/")
			name, empty := strings.CutSuffix(name, "/")
			if j := strings.IndexAny(name, " \t\r\n"); j >= 0 {
				name = name[:j]
			}
			switch {
			case name == "" || done || closes && (empty || len(names) == 0 || names[len(names)-1] != name) || len(names) >= maxDepth:
				return errXML
			case closes:
				path, names = path[:len(path)-1], names[:len(names)-1]
				done = len(names) == 0
				continue
			}
			path, names = append(path, local(name)), append(names, name)
			start(path)
			if empty {
				path, names = path[:len(path)-1], names[:len(names)-1]
				done = len(names) == 0
			}
		}
		if !ok {
			return errXML
		}
	}
	if !done {
		return errXML
	}
	return nil
}

// cutTag is what stands between < and >, which may stand in quotes, too.
func cutTag(doc []byte) (tag string, rest []byte, ok bool) {
	quote := byte(0)
	for i := 1; i < len(doc); i++ {
		switch c := doc[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '<':
			return "", nil, false
		case c == '>':
			return string(doc[1:i]), doc[i+1:], true
		}
	}
	return "", nil, false
}

// local is a name without its namespace's prefix. Prefixes are not resolved: no two
// namespaces of presence documents share a name that means something here.
func local(name string) string {
	if _, after, ok := strings.Cut(name, ":"); ok {
		return after
	}
	return name
}

var entities = map[string]string{"lt": "<", "gt": ">", "amp": "&", "quot": `"`, "apos": "'"}

// unescape replaces XML's own entities and characters by number; others stay.
func unescape(s string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, "&")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, rest, ok := strings.Cut(after, ";")
		char := ""
		if ok && len(name) <= 8 {
			if char = entities[name]; char == "" {
				char = numbered(name)
			}
		}
		if char == "" {
			b.WriteByte('&')
			s = after
			continue
		}
		b.WriteString(char)
		s = rest
	}
}

// numbered is the character of "#65" or "#x41"; "" if it is none.
func numbered(name string) string {
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		return ""
	}
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n == 0 || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return ""
	}
	return string(rune(n))
}
