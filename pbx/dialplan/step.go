package dialplan

import (
	"fmt"
	"strconv"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/dialplan/pattern"
	"branchline/pbx/dialplan/substitution"
)

const maxPriority = 1<<31 - 1

// extenLine reads `exten => pattern[/caller],priority,application`.
func (c *compiler) extenLine(e astconf.Entry) {
	pattern, rest := cutPattern(e.Value)
	c.pattern = c.expand(e.Pos, strings.TrimSpace(pattern))
	if strings.HasPrefix(c.pattern, ">") && e.Arrow {
		d := c.warn(e.Pos, "arrow-misprint", fmt.Sprintf("'=>>' makes %q the name of the extension: nobody will dial it", c.pattern), "write exten => "+strings.TrimSpace(c.pattern[1:])+","+rest)
		respell(d, "=>>", "=>", true)
	}
	c.step(e, rest)
}

// cutPattern cuts at the first comma outside of brackets.
func cutPattern(s string) (pattern, rest string) {
	inside := false
	for i := range len(s) {
		switch s[i] {
		case '[':
			inside = true
		case ']':
			inside = false
		case ',':
			if !inside {
				return s[:i], s[i+1:]
			}
		}
	}
	return s, ""
}

// sameLine reads `same => priority,application`.
func (c *compiler) sameLine(e astconf.Entry) {
	if c.pattern == "" {
		c.warn(e.Pos, "same-without-exten", fmt.Sprintf("%s stands before any exten of this section; the line is dropped", e.Name), "begin with exten => name,1,...")
		return
	}
	c.step(e, e.Value)
}

func (c *compiler) step(e astconf.Entry, rest string) {
	pri, app, _ := strings.Cut(rest, ",")
	pri = strings.TrimSpace(pri)
	name, caller, hasCaller := strings.Cut(c.pattern, "/")
	name = strings.TrimSpace(name)
	if pattern.Undash(name) == "" {
		c.warn(e.Pos, "empty-exten", "the extension has no name; the line is dropped", "write exten => name,priority,application")
		return
	}
	if strings.HasPrefix(pri, ">") && e.Arrow {
		fixed := strings.TrimSpace(pri[1:])
		d := c.warn(e.Pos, "arrow-misprint", fmt.Sprintf("'=>>' makes %q the priority, which is neither a number nor a label; the line is dropped and extension %s ends before it", pri, name),
			fmt.Sprintf("write %s => %s,%s", e.Name, fixed, app))
		respell(d, "=>>", "=>", true)
		return
	}
	word, label := pri, ""
	if open := strings.IndexByte(pri, '('); open >= 0 {
		word = strings.TrimSpace(pri[:open])
		label = pri[open+1:]
		if end := strings.IndexByte(label, ')'); end >= 0 {
			label = label[:end]
		} else {
			c.warn(e.Pos, "bad-label", fmt.Sprintf("label %q is not closed", label), "write "+word+"("+label+")")
		}
	}
	number, ok := c.priority(e, name, caller, hasCaller, word)
	if !ok {
		return
	}
	c.add(e, name, caller, hasCaller, number, label, app)
}

// priority finds the number a priority means.
func (c *compiler) priority(e astconf.Entry, name, caller string, hasCaller bool, word string) (int, bool) {
	base, plus, hasPlus := strings.Cut(word, "+")
	base = strings.TrimSpace(base)
	number := 0
	switch {
	case base == "hint":
		return HintPriority, true
	case c.afterHint && (base == "n" || base == "next" || base == "s" || base == "same"):
		c.warn(e.Pos, "n-after-hint", fmt.Sprintf("priority %s follows a hint, which has no number to count from; the line is dropped", base), "put the hint line last, or write the number")
		return 0, false
	case base == "n", base == "next":
		if !c.started {
			c.warn(e.Pos, "n-first", fmt.Sprintf("priority %s is the first of its section, so there is nothing to count from; the line is dropped", base), "write 1 instead of "+base)
			return 0, false
		}
		number = c.last + 1
	case base == "s", base == "same":
		if !c.started {
			c.warn(e.Pos, "n-first", fmt.Sprintf("priority %s is the first of its section, so there is nothing to repeat; the line is dropped", base), "write 1 instead of "+base)
			return 0, false
		}
		number = c.last
	case base != "" && base[0] >= '0' && base[0] <= '9':
		digits := base[:len(base)-len(strings.TrimLeft(base, "0123456789"))]
		n, err := strconv.ParseInt(digits, 10, 32)
		if err != nil {
			c.warn(e.Pos, "bad-priority", fmt.Sprintf("priority %s is too large; the line is dropped", base), "count from 1")
			return 0, false
		}
		if digits != base {
			c.warn(e.Pos, "bad-priority", fmt.Sprintf("priority %q is read as %s", base, digits), "write "+digits)
		}
		number = int(n)
	default:
		if ext := c.lookup(name, caller, hasCaller); ext != nil && base != "" {
			if s := ext.at(0, base); s != nil {
				number = s.Priority
				break
			}
		}
		c.warn(e.Pos, "bad-priority", fmt.Sprintf("priority %q is neither a number, n, s, hint, nor a label of extension %s; the line is dropped", word, name), cureForPriority(base))
		return 0, false
	}
	if hasPlus {
		k, err := strconv.ParseInt(strings.TrimSpace(plus), 10, 32)
		if err != nil {
			c.warn(e.Pos, "bad-priority", fmt.Sprintf("%q is not a number to count on by; it counts as 0", plus), "")
			k = 0
		}
		if int64(number)+k > maxPriority {
			number = 0
		} else {
			number += int(k)
		}
	}
	if number < 1 {
		c.warn(e.Pos, "bad-priority", fmt.Sprintf("priority %q is not 1 or more; the line is dropped", word), "count from 1")
		return 0, false
	}
	return number, true
}

func cureForPriority(base string) string {
	switch low := strings.ToLower(base); low {
	case "n", "next", "s", "same", "hint":
		return "write " + low + " in small letters"
	}
	return "write n"
}

// lookup finds the extension of that name and caller match in the present context.
func (c *compiler) lookup(name, caller string, hasCaller bool) *extension {
	var variants []*extension
	if rest, ok := strings.CutPrefix(name, "_"); ok {
		if elements, valid := pattern.Parse(rest); valid {
			variants = c.context.patterns.Find(elements)
		} else {
			variants = c.context.patternBy[strings.ToLower(pattern.Undash(name))]
		}
	} else {
		variants = c.context.exact[pattern.Undash(name)]
	}
	for _, v := range variants {
		if v.caller == nil && !hasCaller || v.caller != nil && hasCaller && v.caller.text == caller {
			return v
		}
	}
	return nil
}

func (c *compiler) extension(at astconf.Pos, name, caller string, hasCaller bool) *extension {
	if e := c.lookup(name, caller, hasCaller); e != nil {
		return e
	}
	d := c.context
	e := &extension{name: strings.ReplaceAll(name, " ", ""), key: pattern.Undash(name)}
	if hasCaller {
		e.caller = &callerMatch{text: caller}
		if rest, ok := strings.CutPrefix(caller, "_"); ok {
			e.caller.pattern = true
			e.caller.elements, _ = pattern.Parse(rest)
		}
	}
	rest, isPattern := strings.CutPrefix(name, "_")
	if !isPattern {
		d.exact[e.key] = append(d.exact[e.key], e)
		d.extensions = append(d.extensions, e)
		return e
	}
	e.pattern = true
	key := strings.ToLower(e.key)
	d.patternBy[key] = append(d.patternBy[key], e)
	elements, valid := pattern.Parse(rest)
	switch {
	case !valid:
		c.warn(at, "open-set", fmt.Sprintf("pattern %s has a [ without ] and never matches", name), "close the bracket")
	case len(elements) == 0:
		c.warn(at, "empty-pattern", fmt.Sprintf("pattern %s matches nothing that can be dialled", name), "write digits, X, Z or N after the underscore")
	default:
		e.elements = elements
		d.patterns.Insert(elements, e, byCaller)
	}
	if rest == "." || rest == "!" {
		c.warn(at, "broad-pattern", fmt.Sprintf("pattern %s also catches s, i, t, h and every other special extension", name), "write _X"+rest)
	}
	d.extensions = append(d.extensions, e)
	return e
}

func (c *compiler) add(e astconf.Entry, name, caller string, hasCaller bool, number int, label, app string) {
	ext := c.extension(e.Pos, name, caller, hasCaller)
	if c.afterHint = number == HintPriority; !c.afterHint {
		c.last, c.started = number, true
	}
	if old := ext.at(number, ""); old != nil {
		what := "priority " + strconv.Itoa(number)
		if number == HintPriority {
			what = "hint"
		}
		message := fmt.Sprintf("%s of extension %s is already defined at %s; this line is dropped", what, name, old.Pos)
		if old.Exten != strings.ReplaceAll(name, " ", "") {
			message = fmt.Sprintf("%s of extension %s is already defined at %s, where it is spelled %s; this line is dropped", what, name, old.Pos, old.Exten)
		}
		c.warn(e.Pos, "duplicate-priority", message, "write n, or remove one of the lines")
		return
	}
	if label != "" && ext.at(0, label) != nil {
		c.warn(e.Pos, "duplicate-label", fmt.Sprintf("label %q of extension %s is already used at %s; here it is left out", label, name, ext.at(0, label).Pos), "choose another label")
		label = ""
	}
	s := &Step{Pos: e.Pos, Context: c.context.name, Exten: ext.name, Priority: number, Label: label}
	s.Pos.Col = 0
	c.application(s, strings.TrimSpace(app))
	if number == HintPriority {
		ext.hint = s
		return
	}
	ext.insert(s)
}

// insert keeps steps sorted; they nearly always arrive in order.
func (e *extension) insert(s *Step) {
	i := len(e.steps)
	for i > 0 && e.steps[i-1].Priority > s.Priority {
		i--
	}
	e.steps = append(e.steps, nil)
	copy(e.steps[i+1:], e.steps[i:])
	e.steps[i] = s
}

// application takes `Name(arguments)` apart.
func (c *compiler) application(s *Step, text string) {
	open := strings.IndexByte(text, '(')
	head := text
	if open >= 0 {
		head = text[:open]
	}
	args := ""
	if open >= 0 && !strings.Contains(head, "${") && !strings.Contains(head, "$[") {
		args = text[open+1:]
		if last := strings.LastIndexByte(args, ')'); last >= 0 {
			if tail := strings.TrimSpace(args[last+1:]); tail != "" {
				c.warn(s.Pos, "after-parenthesis", fmt.Sprintf("text after the last parenthesis is dropped: %q", argument.Clip(tail)), "remove it, or put ; before it")
			}
			args = args[:last]
		} else {
			d := c.warn(s.Pos, "no-parenthesis", fmt.Sprintf("no closing parenthesis in %q; everything is taken as argument", argument.Clip(text)), "add )")
			respell(d, text, text+")", true)
		}
		text = strings.TrimSpace(head)
	}
	s.App = text
	parsed, problem := substitution.Parse(args)
	if problem != "" {
		c.warn(s.Pos, "unclosed-bracket", problem+"; the rest of the line is taken as part of it", "close it")
	}
	s.Args = parsed
	if s.Priority == HintPriority || c.cat == nil {
		return
	}
	c.functions(s, parsed)
	if app, ok := c.cat.App(text); ok {
		s.Program = app
		return
	}
	if why, ok := c.cat.Refused(text); ok {
		c.warn(s.Pos, "refused-application", fmt.Sprintf("application %s is not supported: %s; a call that comes here ends", argument.Clip(text), why), "")
		return
	}
	c.warn(s.Pos, "unknown-application", fmt.Sprintf("application %q does not exist; a call that comes here ends", argument.Clip(text)), "check the spelling with core show applications").Near = text
}

// functions reports functions in a text that do not exist.
func (c *compiler) functions(s *Step, t *substitution.Text) {
	for _, name := range t.Calls() {
		f, known := c.cat.Function(strings.TrimSpace(name))
		if known && f.Read == nil {
			c.warn(s.Pos, "write-only-function", fmt.Sprintf("function %s can only be set; reading it gives nothing", name), "")
		}
		if known {
			continue
		}
		if why, ok := c.cat.Refused(name); ok {
			c.warn(s.Pos, "refused-function", fmt.Sprintf("function %s is not supported: %s; it gives nothing", argument.Clip(name), why), "")
			continue
		}
		c.warn(s.Pos, "unknown-function", fmt.Sprintf("function %s does not exist; it gives nothing", argument.Clip(name)), "check the spelling with core show functions").Near = name
	}
}
