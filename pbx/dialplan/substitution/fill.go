package substitution

import "strings"

// Values are what a text is filled in from.
type Values interface {
	// Reference gives what ${...} stands for.
	Reference(r Reference) string
	// Expression gives the value of a filled-in $[...]; source is how it was
	// written.
	Expression(text, source string) string
	// TooLong is told of a text whose value is longer than MaxValue and is cut.
	TooLong(source string)
}

// MaxValue bounds what one text may grow to, in bytes.
const MaxValue = 64 << 10

// Fill gives the text with everything filled in.
func (t *Text) Fill(from Values) string {
	if t.Fixed() {
		return t.source
	}
	if len(t.parts) == 1 {
		return t.parts[0].fill(from)
	}
	var b strings.Builder
	for i := range t.parts {
		v := t.parts[i].fill(from)
		if b.Len()+len(v) > MaxValue {
			from.TooLong(t.source)
			b.WriteString(v[:MaxValue-b.Len()])
			break
		}
		b.WriteString(v)
	}
	return b.String()
}

func (p *part) fill(from Values) string {
	switch p.kind {
	case fixed:
		return p.fixed
	case expression:
		return from.Expression(p.inner.Fill(from), p.inner.source)
	}
	if p.inner.Fixed() {
		return from.Reference(p.ref)
	}
	return from.Reference(ParseReference(p.inner.Fill(from)))
}
