package astconf

import "bytes"

const (
	maxLine         = 8190 // bytes; a longer line is skipped whole
	maxCommentDepth = 128
)

// comments removes comments from line after line. Block comments may span
// lines, and nest.
type comments struct {
	opened []int // lines on which the block comments now open began
}

func (c *comments) inside() bool { return len(c.opened) > 0 }

// strip gives what is left of a line without its comments. The three bytes of
// `\;` become one. ok is false if blocks nest too deeply.
func (c *comments) strip(line []byte, number int) (rest []byte, ok bool) {
	if !c.inside() && bytes.IndexByte(line, ';') < 0 {
		return line, true
	}
	out := make([]byte, 0, len(line))
	for i := 0; i < len(line); {
		if c.inside() {
			switch {
			case bytes.HasPrefix(line[i:], []byte("--;")):
				c.opened = c.opened[:len(c.opened)-1]
				i += 3
			case opensBlock(line[i:]):
				if len(c.opened) >= maxCommentDepth {
					return out, false
				}
				c.opened = append(c.opened, number)
				i += 3
			default:
				i++
			}
			continue
		}
		switch {
		case line[i] != ';':
			out = append(out, line[i])
			i++
		case len(out) > 0 && line[i-1] == '\\':
			out[len(out)-1] = ';'
			i++
		case opensBlock(line[i:]):
			c.opened = append(c.opened, number)
			i += 3
		default:
			return out, true
		}
	}
	return out, true
}

// opensBlock reports whether s begins with `;--` that is not `;---`.
func opensBlock(s []byte) bool {
	return bytes.HasPrefix(s, []byte(";--")) && (len(s) == 3 || s[3] != '-')
}

// trim cuts white space and control bytes from both ends, and tells how many
// bytes were cut from the front.
func trim(s []byte) (rest []byte, cut int) {
	for cut < len(s) && s[cut] <= ' ' {
		cut++
	}
	s = s[cut:]
	for len(s) > 0 && s[len(s)-1] <= ' ' {
		s = s[:len(s)-1]
	}
	return s, cut
}
