package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"branchline/pbx/dialplan"
	"branchline/pbx/settings/spelling"
)

// targetsOf lists where a step may jump to. Parts that are not known hold
// unknown or dialled; empty ones mean the present context or extension.
func targetsOf(s step) []dialplan.Target {
	var texts []string
	switch {
	case s.is("Goto", "Gosub"):
		texts = []string{s.args}
	case s.is("GotoIf", "GosubIf", "GotoIfTime"):
		_, yes, no := dialplan.ParseBranch(s.args)
		texts = []string{yes, no}
	case s.is("Macro"):
		name, _, _ := strings.Cut(s.args, ",")
		texts = []string{"macro-" + strings.TrimSpace(name) + ",s,1"}
	case s.is("Dial"):
		args := dialplan.SplitArgs(s.args, 5)
		if len(args) > 2 {
			if to, ok := dialplan.ParseOptions(args[2]).Arg('G'); ok {
				texts = []string{strings.ReplaceAll(to, "^", ",")}
			}
		}
	default:
		return nil
	}
	var out []dialplan.Target
	for _, t := range texts {
		t = strings.TrimSpace(t)
		if s.is("Gosub", "GosubIf") {
			t = withoutArguments(t)
		}
		if t == "" {
			continue
		}
		if target, err := dialplan.ParseTarget(t); err == nil {
			out = append(out, target)
		}
	}
	return out
}

// withoutArguments cuts (arguments) off the end of a subroutine's place.
func withoutArguments(s string) string {
	parts := dialplan.SplitRaw(s, 3)
	last := parts[len(parts)-1]
	if open := strings.IndexByte(last, '('); open >= 0 {
		parts[len(parts)-1] = last[:open]
	}
	return strings.Join(parts, ",")
}

// jumps reports jumps to places that do not exist.
func (x *examiner) jumps() {
	for _, s := range x.steps {
		for _, t := range targetsOf(s) {
			x.jump(s, t)
		}
	}
}

func (x *examiner) jump(s step, t dialplan.Target) {
	context := t.Context
	if context == "" {
		context = s.Step.Context
	}
	if !certain(context) {
		return
	}
	if x.view[context] == nil {
		d := x.warn(s.Pos, "jump-to-nowhere", fmt.Sprintf("%s goes to context %q, which does not exist", s.App, context), "the call ends here", "")
		d.Near = context
		if near := spelling.Nearest(context, x.plan.Contexts()); near != "" {
			d.Cure = "did you mean " + near + "?"
			replace(d, context, near, false)
		}
		return
	}
	if !certain(t.Exten) || !certain(t.Priority) {
		return
	}
	number := t.Exten
	if number == "" {
		if number = s.ext.Number(); number == "" {
			return
		}
	}
	found, anywhere := x.has(context, number, t.Priority, s.Priority)
	switch {
	case found:
	case !anywhere:
		for _, c := range x.included(context) {
			if x.view[c].Elsewhere || len(x.plan.Matching(c, "i")) > 0 {
				return
			}
		}
		x.warn(s.Pos, "jump-to-nowhere", fmt.Sprintf("%s goes to extension %q, which [%s] does not have", s.App, number, context), "the call ends here", "").Near = t.Exten
	default:
		what := "label"
		if _, err := strconv.Atoi(t.Priority); err == nil {
			what = "priority"
		}
		d := x.warn(s.Pos, "jump-to-nowhere", fmt.Sprintf("%s goes to %s %q, which extension %s of [%s] does not have", s.App, what, t.Priority, number, context), "the call ends here", "")
		d.Near = t.Priority
		if near := spelling.Nearest(t.Priority, x.labels(context, number)); near != "" && what == "label" {
			d.Cure = "did you mean " + near + "?"
			replace(d, t.Priority, near, false)
		}
	}
}

func (x *examiner) labels(context, number string) []string {
	var out []string
	for _, c := range x.included(context) {
		for _, ext := range x.plan.Matching(c, number) {
			for _, s := range ext.Steps {
				if s.Label != "" {
					out = append(out, s.Label)
				}
			}
		}
	}
	return out
}

// has looks for a priority or label of a number. anywhere tells whether the
// number exists at all.
func (x *examiner) has(context, number, priority string, present int) (found, anywhere bool) {
	wanted, err := strconv.Atoi(priority)
	if err == nil && (priority[0] == '+' || priority[0] == '-') {
		wanted += present
	}
	for _, c := range x.included(context) {
		for _, ext := range x.plan.Matching(c, number) {
			anywhere = true
			if slices.ContainsFunc(ext.Steps, func(s *dialplan.Step) bool {
				return err == nil && s.Priority == wanted || err != nil && s.Label == priority
			}) {
				return true, true
			}
		}
	}
	return false, anywhere
}

// freeText are the applications that take their arguments as they stand.
var freeText = strings.Fields("NoOp Log Verbose Set MSet UserEvent Exec TryExec ExecIf ExecIfTime SIPAddHeader While If ElseIf Return DumpChan System")

// arguments reports applications that lack arguments or have too many.
func (x *examiner) arguments() {
	for _, s := range x.steps {
		if s.Program == nil {
			continue
		}
		least, most := arity(s.Program.Syntax)
		raw := s.Args.String()
		given := 0
		if strings.TrimSpace(raw) != "" {
			given = len(dialplan.SplitRaw(raw, 0))
			if strings.Contains(s.Program.Syntax, "?") {
				condition, _, _ := strings.Cut(raw, "?")
				given = len(dialplan.SplitRaw(condition, 0))
			}
		}
		switch {
		case given < least && !strings.Contains(raw, "${"):
			x.warn(s.Pos, "few-arguments", fmt.Sprintf("%s is given %d of the %d arguments it needs", s.App, given, least), "it does nothing", "write "+s.Program.Syntax).Near = s.App
		case most > 0 && given > most && !slices.Contains(freeText, s.Program.Name):
			x.warn(s.Pos, "many-arguments", fmt.Sprintf("%s is given %d arguments and takes at most %d", s.App, given, most), "the last one swallows the rest", "write "+s.Program.Syntax).Near = s.App
		}
		if strings.Contains(s.Program.Syntax, "?") && !strings.Contains(raw, "?") && !strings.Contains(raw, "${") {
			x.warn(s.Pos, "no-question-mark", s.App+" has no ? after its condition", "it never does anything", "write "+s.Program.Syntax).Near = s.App
		}
	}
}

// arity reads least and most arguments from a syntax such as
// "Dial(Technology/Resource[&...][,timeout[,options]])"; most is 0 for no limit.
func arity(syntax string) (least, most int) {
	_, args, ok := strings.Cut(syntax, "(")
	if !ok {
		return 0, 0
	}
	args = strings.TrimSuffix(args, ")")
	if args == "" {
		return 0, 0 // what is given is ignored
	}
	condition, _, branches := strings.Cut(args, "?")
	if branches {
		args = condition
	}
	depth, needed, all, limited := 0, false, 1, true
	least = 1
	for i := 0; i < len(args); i++ {
		switch c := args[i]; {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c == ',':
			if all++; depth == 0 {
				least++
			}
		case strings.HasPrefix(args[i:], "..."):
			// [&...] repeats within one argument, [,...] adds more of them.
			if i > 0 && args[i-1] != '&' {
				limited = false
			}
		case depth == 0:
			needed = true
		}
	}
	if !needed {
		least = 0
	}
	if branches || !limited {
		all = 0
	}
	return least, all
}
