package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/settings/spelling"
)

// texts reports misprints inside of arguments: expressions that cannot be read,
// and dollar signs that begin nothing.
func (x *examiner) texts() {
	for _, s := range x.steps {
		raw := s.Args.String()
		if !strings.Contains(raw, "$") && !strings.ContainsAny(raw, "{}") {
			continue
		}
		for _, p := range s.Args.ExpressionProblems() {
			x.warn(s.Pos, "bad-expression", p, "the step gets nothing, or what was read so far", "").Near = "$["
		}
		if strings.Count(raw, "}") > strings.Count(raw, "{") {
			x.warn(s.Pos, "stray-brace", "a } closes nothing", "it becomes part of the text", "remove it, or write ${ before the name").Near = "}"
		}
		if m := loneDollar.FindString(raw); m != "" {
			x.warn(s.Pos, "lone-dollar", fmt.Sprintf("%q is plain text: variables are written ${NAME}", m), "the step gets these characters, not the variable", "write ${NAME}").Near = m
		}
	}
}

// A dollar sign before a name or another bracket, or a name in braces with
// nothing before them.
var loneDollar = regexp.MustCompile(`\$\([A-Za-z_]+|\$[A-Za-z_]{2,}|(?:^|[^$A-Za-z0-9{])\{[A-Z_]{3,}\}`)

// given are the variables that every call has, or that applications set.
var given = strings.Fields(`EXTEN CONTEXT PRIORITY CHANNEL UNIQUEID LINKEDID HINT HINTNAME HANGUPCAUSE CALLINGPRES CALLINGANI2 CALLINGTON CALLINGTNS
EPOCH SYSTEMNAME ENTITYID DATETIME TIMESTAMP ACCOUNTCODE LANGUAGE ANSWEREDTIME ANSWEREDTIME_MS DIALEDTIME DIALEDTIME_MS RINGTIME RINGTIME_MS PROGRESSTIME PROGRESSTIME_MS
DIALSTATUS DIALEDPEERNAME DIALEDPEERNUMBER BRIDGEPEER BRIDGEPVTCALLID BLINDTRANSFER ATTENDEDTRANSFER TRANSFERERNAME TRANSFER_CONTEXT FORWARDERNAME FORWARD_CONTEXT
INVALID_EXTEN REASON ARGC GOSUB_RETVAL GOSUB_RESULT MACRO_CONTEXT MACRO_EXTEN MACRO_PRIORITY MACRO_OFFSET MACRO_DEPTH PLAYBACKSTATUS CPLAYBACKSTATUS CPLAYBACKOFFSET CPLAYBACKSTOPKEY
BACKGROUNDSTATUS READSTATUS READEXTENSTATUS TRANSFERSTATUS TRANSFERSTATUSPROTOCOL TRYSTATUS WAITDIGITSTATUS WAITDIGITRESULT ORIGINATE_STATUS CHANNELREDIRECT_STATUS AUTHENTICATED
SIPCALLID SIPDOMAIN SIPURI SIPUSERAGENT SIPREFERREDBYHDR SIPREFERTOHDR SIPREFERRINGCONTEXT SIPTRANSFER SIPFROMDOMAIN SIPTRANSPORT VMSTATUS QUEUESTATUS AGISTATUS SYSTEMSTATUS
ENUM DB_RESULT RECORDED_FILE RECORD_STATUS MIXMONITOR_FILENAME MEETMESECS MEETME_RECORDINGFILE PARKINGSLOT PARKEDLOT PARKER SOFTHANGUP RTPAUDIOQOS DNID RDNIS CALLERID CALLERIDNUM CALLERIDNAME
DYNAMIC_FEATURES DYNAMIC_PEERNAME PEERNAME LIMIT_WARNING_FILE MAX_FORWARDS EXITCONTEXT OUTBOUND_GROUP LOCALSTATION CDR HASHRESULT FAXSTATUS LOOKUPCIDNAME VM_CATEGORY VM_NAME ODBCROWS ODBCSTATUS`)

func isGiven(name string) bool {
	if strings.HasPrefix(name, "AST") && strings.HasSuffix(name, "DIR") || strings.HasSuffix(name, "STATUS") || strings.HasSuffix(name, "_RESULT") || strings.HasPrefix(name, "MEMBER") || strings.HasPrefix(name, "QE") {
		return true
	}
	if n, ok := strings.CutPrefix(name, "ARG"); ok && strings.Trim(n, "0123456789") == "" {
		return true
	}
	return strings.Trim(name, "0123456789") == "" || slices.Contains(given, name)
}

// setters name the applications and functions whose argument n is the name of a
// variable they set.
var setters = map[string]int{"read": 0, "readexten": 0, "waitforsilence": 0, "chanisavail": 0, "system": -1}

// variables reports variables that nothing ever sets.
func (x *examiner) variables() {
	set, dynamic := x.assigned()
	if dynamic {
		return
	}
	var names []string
	for n := range set {
		names = append(names, n)
	}
	names = append(names, given...)
	slices.Sort(names)
	for _, s := range x.steps {
		reported := map[string]bool{}
		s.Args.Each(func(r dialplan.Reference, inExpression bool) {
			name := r.Name
			if r.Function && strings.EqualFold(name, "GLOBAL") && !strings.ContainsAny(r.Args, "${}") {
				name = r.Args
			} else if r.Function {
				return
			}
			if name == "" || set[name] || isGiven(name) || reported[name] {
				return
			}
			reported[name] = true
			x.neverSet(s, name, inExpression, names)
		})
		if s.is("Dial") {
			x.setForSome(s, set)
		}
	}
}

func (x *examiner) neverSet(s step, name string, inExpression bool, names []string) {
	near := spelling.Nearest(name, names)
	var d *astconf.Diag
	switch {
	case s.is("Dial"):
		d = x.warn(s.Pos, "never-set", fmt.Sprintf("variable %s is never set", name), "Dial is given "+shown(strings.ReplaceAll(s.args, unknown, ""))+" and finds nobody to call", "set it in [globals], with Set(), or with set_var= of the endpoint")
	case inExpression || s.is("GotoIf", "GosubIf", "ExecIf", "If", "While", "ElseIf"):
		if near == "" || !strings.EqualFold(near, name) {
			return // asking whether it is set is no mistake
		}
		d = x.note(s.Pos, "never-set", fmt.Sprintf("variable %s is never set", name), "it is always empty here", "")
	default:
		d = x.note(s.Pos, "never-set", fmt.Sprintf("variable %s is never set", name), "it is always empty here", "set it, or remove it")
	}
	d.Near = name
	if near != "" && near != name {
		d.Cure = "did you mean " + near + "?"
		replace(d, "{"+name, "{"+near, false)
		d.Near = name
	}
}

// assigned collects the names that any line sets; dynamic is true if a name is
// only known in a call, so that nothing can be said.
func (x *examiner) assigned() (set map[string]bool, dynamic bool) {
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
	for name := range x.globals {
		set[name] = true
	}
	for _, e := range x.everyone {
		for _, v := range e.SetVars {
			mark(v.Name)
		}
	}
	for _, s := range x.steps {
		raw := s.Args.String()
		switch {
		case s.is("Set"):
			name, _, _ := strings.Cut(raw, "=")
			mark(name)
		case s.is("MSet"):
			for _, one := range dialplan.SplitRaw(raw, 0) {
				name, _, _ := strings.Cut(one, "=")
				mark(name)
			}
		case s.is("ExecIf", "ExecIfTime", "Exec", "TryExec"):
			for _, m := range setInside.FindAllStringSubmatch(raw, -1) {
				mark(m[1])
			}
		default:
			if n, ok := setters[strings.ToLower(s.App)]; ok && n >= 0 {
				if args := dialplan.SplitRaw(raw, 0); n < len(args) {
					mark(args[n])
				}
			}
		}
	}
	return set, dynamic
}

var setInside = regexp.MustCompile(`(?i)\bSet\(([^=]+)=`)

// setForSome reports a variable in a Dial that only some endpoints' calls have.
func (x *examiner) setForSome(s step, set map[string]bool) {
	s.Args.Each(func(r dialplan.Reference, _ bool) {
		if r.Function || isGiven(r.Name) || !set[r.Name] || x.assignedInPlan(r.Name) {
			return
		}
		var with, without []string
		for context, who := range x.entrants {
			if !x.reaches(context, s.Step.Context) {
				continue
			}
			for _, w := range who {
				if slices.ContainsFunc(w.endpoint.SetVars, func(h channel.Header) bool { return strings.TrimLeft(h.Name, "_") == r.Name }) {
					with = append(with, w.endpoint.ID)
				} else {
					without = append(without, w.endpoint.ID)
				}
			}
		}
		slices.Sort(with)
		slices.Sort(without)
		if len(with) > 0 && len(without) > 0 {
			x.warn(s.Pos, "set-for-some", fmt.Sprintf("variable %s is set for calls from %s, not for those from %s", r.Name, sentence(with, 3), sentence(without, 3)),
				"for the latter Dial finds nobody to call", "set it in [globals] too").Near = r.Name
		}
	})
}

func (x *examiner) assignedInPlan(name string) bool {
	if _, ok := x.globals[name]; ok {
		return true
	}
	return slices.ContainsFunc(x.steps, func(s step) bool {
		raw := s.Args.String()
		return s.is("Set", "MSet", "ExecIf", "Read") && strings.Contains(raw, name)
	})
}

// sounds reports prompts that cannot be played.
func (x *examiner) sounds() {
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
	for _, s := range x.steps {
		n := 0
		switch {
		case s.is("Playback", "BackGround", "ControlPlayback"):
		case s.is("Read", "ReadExten"):
			n = 1
		default:
			continue
		}
		args := dialplan.SplitArgs(s.args, 0)
		if n >= len(args) {
			continue
		}
		for _, file := range strings.Split(args[n], "&") {
			if file = strings.TrimSpace(file); file != "" && certain(file) && !has(file) {
				x.warn(s.Pos, "no-sound", fmt.Sprintf("there is no prompt %q", file), "the caller hears nothing here", "put the file below the sounds directory, or correct the name").Near = file
			}
		}
	}
}
