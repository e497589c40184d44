package steps

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"branchline/pbx/check/survey"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/settings/spelling"
)

// jumps reports jumps to places that do not exist.
func jumps(x *survey.Survey) {
	for _, s := range x.Steps {
		for _, t := range survey.Jumps(s) {
			jump(x, s, t)
		}
	}
}

func jump(x *survey.Survey, s survey.Step, t argument.Target) {
	context := t.Context
	if context == "" {
		context = s.Step.Context
	}
	if !survey.Certain(context) {
		return
	}
	if x.View[context] == nil {
		d := x.Warn(s.Pos, "jump-to-nowhere", fmt.Sprintf("%s goes to context %q, which does not exist", s.App, context), "the call ends here", "")
		d.Near = context
		if near := spelling.Nearest(context, x.Plan.Contexts()); near != "" {
			d.Cure = "did you mean " + near + "?"
			d.Replace(context, near, false)
		}
		return
	}
	if !survey.Certain(t.Exten) || !survey.Certain(t.Priority) {
		return
	}
	number := t.Exten
	if number == "" {
		if number = s.Ext.Number(); number == "" {
			return
		}
	}
	found, anywhere := has(x, context, number, t.Priority, s.Priority)
	switch {
	case found:
	case !anywhere:
		for _, c := range x.Included(context) {
			if x.View[c].Elsewhere || len(x.Plan.Matching(c, "i")) > 0 {
				return
			}
		}
		x.Warn(s.Pos, "jump-to-nowhere", fmt.Sprintf("%s goes to extension %q, which [%s] does not have", s.App, number, context), "the call ends here", "").Near = t.Exten
	default:
		what := "label"
		if _, err := strconv.Atoi(t.Priority); err == nil {
			what = "priority"
		}
		d := x.Warn(s.Pos, "jump-to-nowhere", fmt.Sprintf("%s goes to %s %q, which extension %s of [%s] does not have", s.App, what, t.Priority, number, context), "the call ends here", "")
		d.Near = t.Priority
		if near := spelling.Nearest(t.Priority, labels(x, context, number)); near != "" && what == "label" {
			d.Cure = "did you mean " + near + "?"
			d.Replace(t.Priority, near, false)
		}
	}
}

func labels(x *survey.Survey, context, number string) []string {
	var out []string
	for _, c := range x.Included(context) {
		for _, ext := range x.Plan.Matching(c, number) {
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
func has(x *survey.Survey, context, number, priority string, present int) (found, anywhere bool) {
	wanted, err := strconv.Atoi(priority)
	if err == nil && (priority[0] == '+' || priority[0] == '-') {
		wanted += present
	}
	for _, c := range x.Included(context) {
		for _, ext := range x.Plan.Matching(c, number) {
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
func arguments(x *survey.Survey) {
	for _, s := range x.Steps {
		if s.Program == nil {
			continue
		}
		least, most := arity(s.Program.Syntax)
		raw := s.Args.String()
		given := 0
		if strings.TrimSpace(raw) != "" {
			given = len(argument.Raw(raw, 0))
			if strings.Contains(s.Program.Syntax, "?") {
				condition, _, _ := strings.Cut(raw, "?")
				given = len(argument.Raw(condition, 0))
			}
		}
		switch {
		case given < least && !strings.Contains(raw, "${"):
			x.Warn(s.Pos, "few-arguments", fmt.Sprintf("%s is given %d of the %d arguments it needs", s.App, given, least), "it does nothing", "write "+s.Program.Syntax).Near = s.App
		case most > 0 && given > most && !slices.Contains(freeText, s.Program.Name):
			x.Warn(s.Pos, "many-arguments", fmt.Sprintf("%s is given %d arguments and takes at most %d", s.App, given, most), "the last one swallows the rest", "write "+s.Program.Syntax).Near = s.App
		}
		if strings.Contains(s.Program.Syntax, "?") && !strings.Contains(raw, "?") && !strings.Contains(raw, "${") {
			x.Warn(s.Pos, "no-question-mark", s.App+" has no ? after its condition", "it never does anything", "write "+s.Program.Syntax).Near = s.App
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
