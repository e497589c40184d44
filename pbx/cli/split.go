package cli

import "strings"

// Split cuts a line into words at blanks. Double quotes keep blanks together
// and may stand anywhere in a word; a backslash takes the next character as it
// is, inside quotes too. An unfinished quote ends with the line.
func Split(line string) []string {
	words, _ := split(line)
	return words
}

// split also reports whether the line ends inside a word, so that completion
// knows whether to extend the last word or to begin another.
func split(line string) (words []string, open bool) {
	var (
		word           strings.Builder
		quoted, escape bool
	)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case escape:
			word.WriteByte(c)
			escape = false
		case c == '\\':
			escape, open = true, true
		case c == '"':
			quoted, open = !quoted, true
		case (c == ' ' || c == '\t') && !quoted:
			if open {
				words = append(words, word.String())
				word.Reset()
			}
			open = false
		default:
			word.WriteByte(c)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words, open
}
