// Package lineedit is a line of text under a user's cursor: keys go in, what to
// show on the terminal comes out, with history, kill and completion as a shell
// has them. It reads and writes no terminal itself, which is what makes it
// testable key by key.
package lineedit

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// An Editor is the line under the user's cursor. It takes keys and says what
// they ask for; it touches no terminal.
type Editor struct {
	line    []rune
	pos     int // of the cursor, 0..len(line)
	killed  []rune
	history []string
	at      int    // which line of history is shown, len(history) is the new one
	draft   []rune // the new line while history is shown
}

// New gives an empty line with the history before it, oldest first.
func New(history []string) *Editor { return &Editor{history: history, at: len(history)} }

// Before is what stands before the cursor.
func (e *Editor) Before() string { return string(e.line[:e.pos]) }

// End puts the cursor behind the line.
func (e *Editor) End() { e.pos = len(e.line) }

// A Want is what a key asks of the console.
type Want uint8

const (
	Redraw   Want = iota // show the line again
	Nothing              // the key means nothing
	Run                  // Enter
	Complete             // Tab
	List                 // ?
	Clear                // Ctrl-L: an empty screen
	Leave                // Ctrl-C, or Ctrl-D on an empty line
)

// Press applies one key.
func (e *Editor) Press(k Key) Want {
	switch k {
	case enter, newline:
		return Run
	case CtrlC:
		return Leave
	case ctrlD:
		if len(e.line) == 0 {
			return Leave
		}
		e.remove(e.pos, e.pos+1)
	case tab:
		return Complete
	case '?':
		return List
	case ctrlL:
		return Clear
	case ctrlA, keyHome:
		e.pos = 0
	case ctrlE, keyEnd:
		e.End()
	case ctrlB, keyLeft:
		e.pos = max(0, e.pos-1)
	case ctrlF, keyRight:
		e.pos = min(len(e.line), e.pos+1)
	case keyWordLeft:
		e.pos = e.wordStart()
	case keyWordRight:
		e.pos = e.wordEnd()
	case ctrlH, backspace:
		e.remove(e.pos-1, e.pos)
	case keyDelete:
		e.remove(e.pos, e.pos+1)
	case ctrlU:
		e.kill(0, e.pos)
	case ctrlK:
		e.kill(e.pos, len(e.line))
	case ctrlW:
		e.kill(e.wordStart(), e.pos)
	case keyKillWord:
		e.kill(e.pos, e.wordEnd())
	case ctrlY:
		e.insert(e.killed)
	case ctrlT:
		e.swap()
	case ctrlP, keyUp:
		e.recall(e.at - 1)
	case ctrlN, keyDown:
		e.recall(e.at + 1)
	default:
		if !unicode.IsPrint(rune(k)) {
			return Nothing
		}
		e.insert([]rune{rune(k)})
	}
	return Redraw
}

func (e *Editor) insert(rs []rune) {
	e.line = slices.Insert(e.line, e.pos, rs...)
	e.pos += len(rs)
}

func (e *Editor) remove(from, to int) {
	from, to = max(0, from), min(len(e.line), to)
	if from >= to {
		return
	}
	e.line = slices.Delete(e.line, from, to)
	e.pos = from
}

func (e *Editor) kill(from, to int) {
	if from < to {
		e.killed = slices.Clone(e.line[from:to])
		e.remove(from, to)
	}
}

// swap exchanges the two characters before the cursor, as Ctrl-T does at the
// end of a line, or those around it.
func (e *Editor) swap() {
	if e.pos == 0 || len(e.line) < 2 {
		return
	}
	if e.pos < len(e.line) {
		e.pos++
	}
	e.line[e.pos-2], e.line[e.pos-1] = e.line[e.pos-1], e.line[e.pos-2]
}

func (e *Editor) wordStart() int {
	i := e.pos
	for i > 0 && e.line[i-1] == ' ' {
		i--
	}
	for i > 0 && e.line[i-1] != ' ' {
		i--
	}
	return i
}

func (e *Editor) wordEnd() int {
	i := e.pos
	for i < len(e.line) && e.line[i] == ' ' {
		i++
	}
	for i < len(e.line) && e.line[i] != ' ' {
		i++
	}
	return i
}

func (e *Editor) recall(at int) {
	if at < 0 || at > len(e.history) {
		return
	}
	if e.at == len(e.history) {
		e.draft = e.line
	}
	e.at = at
	if at == len(e.history) {
		e.line = e.draft
	} else {
		e.line = []rune(e.history[at])
	}
	e.pos = len(e.line)
}

// Take gives the finished line, remembers it and begins a new one. fresh is
// false if it is blank or a repetition of the last.
func (e *Editor) Take() (line string, fresh bool) {
	line = strings.TrimSpace(string(e.line))
	if line != "" && (len(e.history) == 0 || e.history[len(e.history)-1] != line) {
		e.history = append(e.history, line)
		fresh = true
	}
	e.line, e.pos, e.draft, e.at = nil, 0, nil, len(e.history)
	return line, fresh
}

// Complete puts the candidates' common beginning in place of the word before the
// cursor, with a blank behind it if there is just one.
func (e *Editor) Complete(candidates []string) {
	if len(candidates) == 0 {
		return
	}
	common := []rune(candidates[0])
	for _, c := range candidates[1:] {
		rs := []rune(c)
		n := 0
		for n < len(common) && n < len(rs) && unicode.ToLower(common[n]) == unicode.ToLower(rs[n]) {
			n++
		}
		common = common[:n]
	}
	if len(candidates) == 1 {
		common = append(common, ' ')
	}
	start := e.partStart()
	if len(common) < e.pos-start {
		return
	}
	e.remove(start, e.pos)
	e.insert(common)
}

// partStart is where the unfinished word before the cursor begins, quotes minded.
func (e *Editor) partStart() int {
	start, quoted := 0, false
	for i := 0; i < e.pos; i++ {
		switch e.line[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case ' ':
			if !quoted {
				start = i + 1
			}
		}
	}
	return min(start, e.pos)
}

// Draw gives what brings prompt and line onto the cursor's row of a terminal of
// that many columns. A line that is too long is shown in part, around the cursor.
func (e *Editor) Draw(prompt string, columns int) string {
	room := max(10, columns-width([]rune(prompt))-1)
	from := 0
	for width(e.line[from:e.pos]) > room {
		from++
	}
	to := from
	for used := 0; to < len(e.line); to++ {
		if used += cells(e.line[to]); used > room {
			break
		}
	}
	out := "\r" + prompt + string(e.line[from:to]) + "\x1b[K"
	if back := width(e.line[e.pos:max(e.pos, to)]); back > 0 {
		out += fmt.Sprintf("\x1b[%dD", back)
	}
	return out
}

// Columns lays words out in columns that read downwards, on a terminal of that
// width.
func Columns(words []string, columns int) string {
	longest := 0
	for _, w := range words {
		longest = max(longest, width([]rune(w)))
	}
	across := max(1, columns/(longest+2))
	rows := (len(words) + across - 1) / across
	var b strings.Builder
	for r := range rows {
		for i := r; i < len(words); i += rows {
			b.WriteString(words[i])
			if i+rows < len(words) {
				b.WriteString(strings.Repeat(" ", longest+2-width([]rune(words[i]))))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
