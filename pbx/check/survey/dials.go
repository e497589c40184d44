package survey

import (
	"slices"
	"strings"

	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/dialplan/substitution"
	"branchline/pbx/settings"
)

// Two bytes that no configuration holds stand for what is known only in a call.
const (
	Unknown = "\x00"
	Dialled = "\x01" // the number that was dialled, of a pattern
)

// A Step is one line of the dialplan with the extension it belongs to.
type Step struct {
	*dialplan.Step
	Ext    dialplan.ExtensionView
	next   int    // index of its successor in Ext.Steps
	Filled string // its arguments, with what is known before any call
	// Whole is true if Filled holds neither Unknown nor Dialled.
	Whole bool
}

// Is reports whether the step runs one of these applications.
func (s Step) Is(apps ...string) bool {
	return slices.ContainsFunc(apps, func(a string) bool { return strings.EqualFold(a, s.App) })
}

// Successor is the step that follows in the same extension, without a gap; nil
// if there is none.
func (s Step) Successor() *dialplan.Step {
	if s.next < len(s.Ext.Steps) && s.Ext.Steps[s.next].Priority == s.Priority+1 {
		return s.Ext.Steps[s.next]
	}
	return nil
}

// A Dial is one Dial step.
type Dial struct {
	Step
	Targets []Target
	Timeout string
	Options argument.Options
	Given   int // arguments
}

// A Target is one device of a Dial.
type Target struct {
	Text     string // as written, with what is known filled in
	Tech     string
	User     string // number@..., "" if there is none
	Device   string // the endpoint; may be or hold Unknown and Dialled
	Explicit bool   // an address follows the endpoint
	// Endpoints are those the device can be.
	Endpoints []*settings.Endpoint
}

// evaluate fills in what of a step's arguments is known before any call.
func (x *Survey) evaluate(s *dialplan.Step, ext dialplan.ExtensionView, next int) Step {
	out := Step{Step: s, Ext: ext, next: next}
	known := func(name string) (string, bool) {
		switch name {
		case "EXTEN":
			if !ext.Pattern {
				return ext.Name, true
			}
			return "", false
		case "CONTEXT":
			return s.Context, true
		}
		v, ok := x.Globals[name]
		return v, ok
	}
	text := s.Args
	if ext.Pattern && strings.Contains(text.String(), "${EXTEN}") {
		text, _ = substitution.Parse(strings.ReplaceAll(text.String(), "${EXTEN}", Dialled))
	}
	out.Filled, out.Whole = text.Static(known, Unknown)
	out.Whole = out.Whole && !strings.Contains(out.Filled, Dialled)
	return out
}

func (x *Survey) dial(s Step) Dial {
	args := argument.Split(s.Filled, 5)
	d := Dial{Step: s, Given: len(args)}
	if len(args) > 1 {
		d.Timeout = strings.TrimSpace(args[1])
	}
	if len(args) > 2 {
		d.Options = argument.ParseOptions(args[2])
	}
	for _, t := range strings.Split(args[0], "&") {
		if t = strings.TrimSpace(t); t != "" {
			d.Targets = append(d.Targets, x.target(t, s.Ext))
		}
	}
	return d
}

// target takes Tech/[user@]device[/address] apart.
func (x *Survey) target(text string, ext dialplan.ExtensionView) Target {
	t := Target{Text: text}
	tech, rest, _ := strings.Cut(text, "/")
	t.Tech, t.Device = tech, rest
	switch strings.ToUpper(tech) {
	case "PJSIP":
		if x.Snap.Endpoints[rest] == nil {
			if user, ep, ok := strings.Cut(rest, "@"); ok && !strings.Contains(user, "/") {
				t.User, t.Device = user, ep
			}
		}
		if ep, _, ok := strings.Cut(t.Device, "/"); ok {
			t.Device, t.Explicit = ep, true
		}
	case "SIP":
		t.Device, _, _ = strings.Cut(t.Device, "!")
		if i := strings.LastIndexByte(t.Device, '@'); i >= 0 {
			t.User, t.Device = t.Device[:i], t.Device[i+1:]
		} else if peer, number, ok := strings.Cut(t.Device, "/"); ok {
			t.Device, t.User = peer, number
		}
	default:
		return t
	}
	switch {
	case strings.EqualFold(tech, "SIP"):
		t.Endpoints = x.deviceTargets(t.Device, ext)
	case t.Device == Dialled:
		for _, e := range x.Ordered {
			if ext.Matches(e.ID) {
				t.Endpoints = append(t.Endpoints, e)
			}
		}
	case Certain(t.Device):
		if e := x.Snap.Endpoints[t.Device]; e != nil {
			t.Endpoints = []*settings.Endpoint{e}
		}
	}
	return t
}

func (x *Survey) deviceTargets(name string, ext dialplan.ExtensionView) []*settings.Endpoint {
	if x.Snap.SIP == nil {
		return nil
	}
	if Certain(name) {
		if d := x.Snap.Device(name); d != nil && d.Endpoint != nil {
			return []*settings.Endpoint{d.Endpoint}
		}
		return nil
	}
	var out []*settings.Endpoint
	if name == Dialled {
		for _, d := range x.Snap.SIP.List {
			if d.Endpoint != nil && ext.Matches(d.Name) {
				out = append(out, d.Endpoint)
			}
		}
	}
	return out
}

// Certain reports whether s holds neither Unknown nor Dialled.
func Certain(s string) bool { return !strings.ContainsAny(s, Unknown+Dialled) }

// Shown puts words in place of what is not known.
func Shown(s string) string {
	return strings.NewReplacer(Unknown, "...", Dialled, "${EXTEN}").Replace(s)
}

// Name is a target in a message.
func (t Target) Name() string {
	if len(t.Endpoints) == 1 {
		return t.Endpoints[0].ID
	}
	if !Certain(t.Device) {
		return "an address that only the call knows"
	}
	return t.Device
}

// Written is what of the target stands in the line.
func (t Target) Written(d Dial) string {
	if Certain(t.Device) && strings.Contains(d.Args.String(), t.Device) {
		return t.Device
	}
	return d.App
}

// Special reports the names of extensions that are not dialled but entered by the
// exchange.
func Special(name string) bool {
	return slices.Contains([]string{"s", "i", "t", "h", "e", "T", "a", "o", "failed"}, name)
}
