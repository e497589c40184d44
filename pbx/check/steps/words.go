package steps

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/channel"
	"branchline/pbx/check/survey"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/dialplan/substitution"
	"branchline/pbx/settings/spelling"
)

// texts reports misprints inside of arguments: expressions that cannot be read,
// and dollar signs that begin nothing.
func texts(x *survey.Survey) {
	for _, s := range x.Steps {
		raw := s.Args.String()
		if !strings.Contains(raw, "$") && !strings.ContainsAny(raw, "{}") {
			continue
		}
		for _, p := range s.Args.ExpressionProblems() {
			x.Warn(s.Pos, "bad-expression", p, "the step gets nothing, or what was read so far", "").Near = "$["
		}
		if strings.Count(raw, "}") > strings.Count(raw, "{") {
			x.Warn(s.Pos, "stray-brace", "a } closes nothing", "it becomes part of the text", "remove it, or write ${ before the name").Near = "}"
		}
		if m := loneDollar.FindString(raw); m != "" {
			x.Warn(s.Pos, "lone-dollar", fmt.Sprintf("%q is plain text: variables are written ${NAME}", m), "the step gets these characters, not the variable", "write ${NAME}").Near = m
		}
	}
}

// A dollar sign before a name or another bracket, or a name in braces with
// nothing before them.
var loneDollar = regexp.MustCompile(`\$\([A-Za-z_]+|\$[A-Za-z_]{2,}|(?:^|[^$A-Za-z0-9{])\{[A-Z_]{3,}\}`)

// setters name the applications and functions whose argument n is the name of a
// variable they set.
var setters = map[string]int{"read": 0, "readexten": 0, "waitforsilence": 0, "chanisavail": 0, "system": -1}

// variables reports variables that nothing ever sets.
func variables(x *survey.Survey) {
	set, dynamic := assigned(x)
	if dynamic {
		return
	}
	var names []string
	for n := range set {
		names = append(names, n)
	}
	names = append(names, survey.CallVariables...)
	slices.Sort(names)
	for _, s := range x.Steps {
		reported := map[string]bool{}
		s.Args.Each(func(r substitution.Reference, inExpression bool) {
			name := r.Name
			if r.Function && strings.EqualFold(name, "GLOBAL") && !strings.ContainsAny(r.Args, "${}") {
				name = r.Args
			} else if r.Function {
				return
			}
			if name == "" || set[name] || survey.SetByCall(name) || reported[name] {
				return
			}
			reported[name] = true
			neverSet(x, s, name, inExpression, names)
		})
		if s.Is("Dial") {
			setForSome(x, s, set)
		}
	}
}

func neverSet(x *survey.Survey, s survey.Step, name string, inExpression bool, names []string) {
	near := spelling.Nearest(name, names)
	var d *astconf.Diag
	switch {
	case s.Is("Dial"):
		d = x.Warn(s.Pos, "never-set", fmt.Sprintf("variable %s is never set", name), "Dial is given "+survey.Shown(strings.ReplaceAll(s.Filled, survey.Unknown, ""))+" and finds nobody to call", "set it in [globals], with Set(), or with set_var= of the endpoint")
	case inExpression || s.Is("GotoIf", "GosubIf", "ExecIf", "If", "While", "ElseIf"):
		if near == "" || !strings.EqualFold(near, name) {
			return // asking whether it is set is no mistake
		}
		d = x.Note(s.Pos, "never-set", fmt.Sprintf("variable %s is never set", name), "it is always empty here", "")
	default:
		d = x.Note(s.Pos, "never-set", fmt.Sprintf("variable %s is never set", name), "it is always empty here", "set it, or remove it")
	}
	d.Near = name
	if near != "" && near != name {
		d.Cure = "did you mean " + near + "?"
		d.Replace("{"+name, "{"+near, false)
		d.Near = name
	}
}

// assigned collects the names that any line sets; dynamic is true if a name is
// only known in a call, so that nothing can be said.
func assigned(x *survey.Survey) (set map[string]bool, dynamic bool) {
	set = map[string]bool{}
	mark := func(name string) {
		name = strings.TrimLeft(strings.TrimSpace(name), "_")
		if strings.ContainsAny(name, "${") {
			dynamic = true
		}
		if function, args, ok := strings.Cut(name, "("); ok {
			args = strings.TrimSuffix(args, ")")
			switch strings.ToUpper(strings.TrimSpace(function)) {
			case "GLOBAL", "LOCAL", "SET", "PUSH", "UNSHIFT", "INC", "DEC", "HASH", "SHARED", "MASTER_CHANNEL":
				first, _, _ := strings.Cut(args, ",")
				set[strings.TrimSpace(first)] = true
			case "ARRAY":
				for _, n := range strings.Split(args, ",") {
					set[strings.TrimSpace(n)] = true
				}
			}
			return
		}
		set[name] = true
	}
	for name := range x.Globals {
		set[name] = true
	}
	for _, e := range x.Everyone {
		for _, v := range e.SetVars {
			mark(v.Name)
		}
	}
	for _, s := range x.Steps {
		raw := s.Args.String()
		switch {
		case s.Is("Set"):
			name, _, _ := strings.Cut(raw, "=")
			mark(name)
		case s.Is("MSet"):
			for _, one := range argument.Raw(raw, 0) {
				name, _, _ := strings.Cut(one, "=")
				mark(name)
			}
		case s.Is("ExecIf", "ExecIfTime", "Exec", "TryExec"):
			for _, m := range setInside.FindAllStringSubmatch(raw, -1) {
				mark(m[1])
			}
		default:
			if n, ok := setters[strings.ToLower(s.App)]; ok && n >= 0 {
				if args := argument.Raw(raw, 0); n < len(args) {
					mark(args[n])
				}
			}
		}
	}
	return set, dynamic
}

var setInside = regexp.MustCompile(`(?i)\bSet\(([^=]+)=`)

// setForSome reports a variable in a Dial that only some endpoints' calls have.
func setForSome(x *survey.Survey, s survey.Step, set map[string]bool) {
	s.Args.Each(func(r substitution.Reference, _ bool) {
		if r.Function || survey.SetByCall(r.Name) || !set[r.Name] || x.AssignedInPlan(r.Name) {
			return
		}
		var with, without []string
		for context, who := range x.Entrants {
			if !x.Reaches(context, s.Step.Context) {
				continue
			}
			for _, w := range who {
				if slices.ContainsFunc(w.Endpoint.SetVars, func(h channel.Header) bool { return strings.TrimLeft(h.Name, "_") == r.Name }) {
					with = append(with, w.Endpoint.ID)
				} else {
					without = append(without, w.Endpoint.ID)
				}
			}
		}
		slices.Sort(with)
		slices.Sort(without)
		if len(with) > 0 && len(without) > 0 {
			x.Warn(s.Pos, "set-for-some", fmt.Sprintf("variable %s is set for calls from %s, not for those from %s", r.Name, survey.Sentence(with, 3), survey.Sentence(without, 3)),
				"for the latter Dial finds nobody to call", "set it in [globals] too").Near = r.Name
		}
	})
}

// sounds reports prompts that cannot be played.
func sounds(x *survey.Survey) {
	if x.HasSound == nil {
		return
	}
	language := x.Language
	if language == "" {
		language = "en"
	}
	there := map[string]bool{}
	has := func(name string) bool {
		is, known := there[name]
		if !known {
			is = x.HasSound(language, name)
			there[name] = is
		}
		return is
	}
	for _, s := range x.Steps {
		n := 0
		switch {
		case s.Is("Playback", "BackGround", "ControlPlayback"):
		case s.Is("Read", "ReadExten"):
			n = 1
		default:
			continue
		}
		args := argument.Split(s.Filled, 0)
		if n >= len(args) {
			continue
		}
		for _, file := range strings.Split(args[n], "&") {
			if file = strings.TrimSpace(file); file != "" && survey.Certain(file) && !has(file) {
				x.Warn(s.Pos, "no-sound", fmt.Sprintf("there is no prompt %q", file), "the caller hears nothing here", "put the file below the sounds directory, or correct the name").Near = file
			}
		}
	}
}
