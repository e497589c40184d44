package console

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// An editor is the line under the user's cursor. It takes keys and says what
// they ask for; it touches no terminal.
type editor struct {
	line    []rune
	pos     int // of the cursor, 0..len(line)
	killed  []rune
	history []string
	at      int    // which line of history is shown, len(history) is the new one
	draft   []rune // the new line while history is shown
}

// A want is what a key asks of the console.
type want uint8

const (
	wantRedraw want = iota
	wantNothing
	wantRun
	wantComplete // Tab
	wantList     // ?
	wantClear
	wantLeave
)

// press applies one key.
func (e *editor) press(k key) want {
	switch k {
	case enter, newline:
		return wantRun
	case ctrlC:
		return wantLeave
	case ctrlD:
		if len(e.line) == 0 {
			return wantLeave
		}
		e.remove(e.pos, e.pos+1)
	case tab:
		return wantComplete
	case '?':
		return wantList
	case ctrlL:
		return wantClear
	case ctrlA, keyHome:
		e.pos = 0
	case ctrlE, keyEnd:
		e.pos = len(e.line)
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
			return wantNothing
		}
		e.insert([]rune{rune(k)})
	}
	return wantRedraw
}

func (e *editor) insert(rs []rune) {
	e.line = slices.Insert(e.line, e.pos, rs...)
	e.pos += len(rs)
}

func (e *editor) remove(from, to int) {
	from, to = max(0, from), min(len(e.line), to)
	if from >= to {
		return
	}
	e.line = slices.Delete(e.line, from, to)
	e.pos = from
}

func (e *editor) kill(from, to int) {
	if from < to {
		e.killed = slices.Clone(e.line[from:to])
		e.remove(from, to)
	}
}

// swap exchanges the two characters before the cursor, as Ctrl-T does at the
// end of a line, or those around it.
func (e *editor) swap() {
	if e.pos == 0 || len(e.line) < 2 {
		return
	}
	if e.pos < len(e.line) {
		e.pos++
	}
	e.line[e.pos-2], e.line[e.pos-1] = e.line[e.pos-1], e.line[e.pos-2]
}

func (e *editor) wordStart() int {
	i := e.pos
	for i > 0 && e.line[i-1] == ' ' {
		i--
	}
	for i > 0 && e.line[i-1] != ' ' {
		i--
	}
	return i
}

func (e *editor) wordEnd() int {
	i := e.pos
	for i < len(e.line) && e.line[i] == ' ' {
		i++
	}
	for i < len(e.line) && e.line[i] != ' ' {
		i++
	}
	return i
}

func (e *editor) recall(at int) {
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

// take gives the finished line, remembers it and begins a new one. fresh is
// false if it is blank or a repetition of the last.
func (e *editor) take() (line string, fresh bool) {
	line = strings.TrimSpace(string(e.line))
	if line != "" && (len(e.history) == 0 || e.history[len(e.history)-1] != line) {
		e.history = append(e.history, line)
		fresh = true
	}
	e.line, e.pos, e.draft, e.at = nil, 0, nil, len(e.history)
	return line, fresh
}

// complete puts the candidates' common beginning in place of the word before the
// cursor, with a blank behind it if there is just one.
func (e *editor) complete(candidates []string) {
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
func (e *editor) partStart() int {
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

// draw gives what brings prompt and line onto the cursor's row of a terminal of
// that many columns. A line that is too long is shown in part, around the cursor.
func (e *editor) draw(prompt string, columns int) string {
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

// columnsOf lays words out in columns that read downwards.
func columnsOf(words []string, columns int) string {
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
