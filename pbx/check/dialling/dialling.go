package dialling

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"branchline/media"
	"branchline/pbx/astconf"
	"branchline/pbx/check/survey"
	"branchline/pbx/settings"
	"branchline/pbx/settings/spelling"
)

// The letters of Dial's options: all that are documented, and those that have
// no effect in this product.
const (
	dialOptions       = "aAbBcCdDeEfFgGhHIijkKLmMnNoOpPQrRsStTuUwWxXz"
	dialOptionsUnused = "aEjkKMnNOpPsuwWxXz"
)

// dialled reports Dial steps that call nobody, or not as meant.
func dialled(x *survey.Survey) {
	for _, d := range x.Dials {
		if d.Given > 4 {
			continue // many-arguments says so
		}
		if len(d.Targets) == 0 && d.Whole {
			x.Warn(d.Pos, "dial-nobody", "Dial names nobody to call", "the step fails at once", "write Dial(PJSIP/endpoint)").Near = d.App
		}
		for _, t := range d.Targets {
			dialTarget(x, d, t)
		}
		dialLimits(x, d)
	}
}

func dialTarget(x *survey.Survey, d survey.Dial, t survey.Target) {
	if !survey.Certain(t.Tech) {
		return
	}
	switch strings.ToUpper(t.Tech) {
	case "PJSIP", "SIP":
	case "LOCAL":
		dialLocal(x, d, t)
		return
	default:
		if tech, ok := lineTech(t.Tech); ok {
			dialLine(x, d, t, tech)
			return
		}
		if strings.Contains(t.Text, "/") || survey.Certain(t.Text) {
			tech := t.Tech
			dd := x.Warn(d.Pos, "unknown-technology", fmt.Sprintf("there is no channel technology %q", tech), "the call to "+survey.Shown(t.Text)+" fails at once", "dial PJSIP/endpoint")
			dd.Near = tech
			if near := spelling.Nearest(tech, techniques); near != "" {
				dd.Cure = "did you mean " + near + "?"
				dd.Replace(tech, near, near == "PJSIP" && len(tech) >= 4)
			}
		}
		return
	}
	if strings.TrimSpace(t.Device) == "" {
		x.Warn(d.Pos, "dial-empty", fmt.Sprintf("%s names no endpoint", survey.Shown(t.Text)), "the step fails at once", "write who is to be called").Near = t.Tech
		return
	}
	if strings.EqualFold(t.Tech, "SIP") {
		dialDevice(x, d, t)
		return
	}
	switch {
	case t.Device == survey.Dialled && len(t.Endpoints) == 0:
		dd := x.Warn(d.Pos, "dial-no-endpoint", fmt.Sprintf("%s dials the endpoint of the dialled number, and no endpoint's name matches %s", d.App, d.Ext.Name), "every such call fails at once", "add the endpoints, or correct the pattern")
		dd.Near = d.Ext.Name
		if l, ok := x.Line(d.File, d.Line); ok && !strings.Contains(l, d.Ext.Name) {
			dd.Near = "${EXTEN}"
		}
	case survey.Certain(t.Device) && len(t.Endpoints) == 0:
		dd := x.Warn(d.Pos, "dial-no-endpoint", fmt.Sprintf("there is no endpoint %q", t.Device), "the call to "+survey.Shown(t.Text)+" fails at once", "")
		dd.Near = t.Written(d)
		if near := spelling.Nearest(t.Device, slices.Sorted(maps.Keys(x.Snap.Endpoints))); near != "" {
			dd.Cure = "did you mean " + near + "?"
			dd.Replace(t.Device, near, strings.EqualFold(near, t.Device))
		}
	}
}

// dialDevice looks at SIP/device and SIP/number@host.
func dialDevice(x *survey.Survey, d survey.Dial, t survey.Target) {
	switch {
	case x.Snap.SIP == nil:
		x.Warn(d.Pos, "no-sip-conf", survey.Shown(t.Text)+" is dialled, but sip.conf is empty or missing", "the call fails at once", "dial PJSIP/endpoint, or write sip.conf").Near = t.Tech
	case t.Device == survey.Dialled && len(t.Endpoints) == 0 && t.User == "":
		x.Warn(d.Pos, "dial-no-endpoint", fmt.Sprintf("%s dials the device of the dialled number, and no device's name matches %s", d.App, d.Ext.Name), "every such call fails at once", "add the devices, or correct the pattern").Near = d.Ext.Name
	case survey.Certain(t.Device) && len(t.Endpoints) == 0 && !strings.Contains(t.Device, "."):
		dd := x.Warn(d.Pos, "dial-no-endpoint", fmt.Sprintf("there is no device %q in sip.conf", t.Device), "the call to "+survey.Shown(t.Text)+" fails, unless a host has that name", "")
		dd.Near = t.Written(d)
		var names []string
		for _, dev := range x.Snap.SIP.List {
			names = append(names, dev.Name)
		}
		if near := spelling.Nearest(t.Device, names); near != "" {
			dd.Cure = "did you mean " + near + "?"
			dd.Replace(t.Device, near, false)
		}
	}
}

func dialLocal(x *survey.Survey, d survey.Dial, t survey.Target) {
	number, context, ok := strings.Cut(t.Device, "@")
	context, _, _ = strings.Cut(context, "/")
	if !ok || !survey.Certain(context) {
		return
	}
	if x.View[context] == nil {
		x.Warn(d.Pos, "jump-to-nowhere", fmt.Sprintf("Local/%s leads to context %q, which does not exist", survey.Shown(number), context), "the call fails at once", "").Near = context
	} else if survey.Certain(number) {
		if _, ok := x.Find(context, number); !ok {
			x.Warn(d.Pos, "jump-to-nowhere", fmt.Sprintf("Local/%s@%s leads to a number that [%s] does not have", number, context, context), "the call fails at once", "").Near = number
		}
	}
}

func dialLimits(x *survey.Survey, d survey.Dial) {
	if d.Timeout != "" && survey.Certain(d.Timeout) {
		if _, err := strconv.ParseFloat(d.Timeout, 64); err != nil {
			cure := "write seconds, such as 20"
			if strings.Trim(d.Timeout, dialOptions) == "" {
				cure = "write Dial(" + survey.Shown(targetText(d)) + ",," + d.Timeout + "): the options come third"
			}
			x.Warn(d.Pos, "dial-timeout", fmt.Sprintf("Dial: %q is no number of seconds", d.Timeout), "it rings for ever", cure).Near = d.Timeout
			return
		}
	}
	for letter := range d.Options {
		switch {
		case letter == survey.Unknown[0] || letter == survey.Dialled[0]:
		case strings.IndexByte(dialOptions, letter) < 0:
			x.Warn(d.Pos, "dial-option", fmt.Sprintf("Dial has no option %q", letter), "it is ignored", "see core show application Dial").Near = string(rune(letter)) + ")"
		case strings.IndexByte(dialOptionsUnused, letter) >= 0:
			x.Note(d.Pos, "dial-option", fmt.Sprintf("Dial: option %q is understood but has no effect yet", letter), "", "")
		}
	}
	if d.Timeout == "" || d.Timeout == "0" {
		next := d.Successor()
		if next != nil && next.Label == "" && !strings.EqualFold(next.App, "Hangup") && !strings.EqualFold(next.App, "NoOp") &&
			!strings.EqualFold(next.App, "Goto") && !strings.EqualFold(next.App, "GotoIf") && !strings.EqualFold(next.App, "Congestion") && !strings.EqualFold(next.App, "Busy") {
			x.Note(d.Pos, "dial-no-timeout", "Dial has no time limit, so it rings until the caller gives up",
				next.App+" in the next step is only reached if the line is busy or cannot be called", "write the seconds after the first comma: Dial("+survey.Shown(targetText(d))+",20)").Near = d.App
		}
	}
}

func targetText(d survey.Dial) string {
	out := make([]string, len(d.Targets))
	for i, t := range d.Targets {
		out[i] = t.Text
	}
	return strings.Join(out, "&")
}

// codecs reports endpoints that call each other and share no codec. u-law and
// A-law are turned into each other, the others are only passed on.
func codecs(x *survey.Survey) {
	groups := map[string][]*settings.Endpoint{}
	for _, e := range x.Everyone {
		if len(e.Codecs) > 0 {
			groups[signature(e)] = append(groups[signature(e)], e)
		}
	}
	if len(groups) < 2 {
		return
	}
	callers := map[string]map[string]*settings.Endpoint{} // context of a Dial: signature: who
	for context, who := range x.Entrants {
		contexts, _ := x.Reach(context)
		for _, c := range contexts {
			if callers[c] == nil {
				callers[c] = map[string]*settings.Endpoint{}
			}
			for _, w := range who {
				callers[c][signature(w.Endpoint)] = w.Endpoint
			}
		}
	}
	for _, d := range x.Dials {
		reported := map[string]bool{}
		for _, t := range d.Targets {
			for _, b := range t.Endpoints {
				for _, sig := range slices.Sorted(maps.Keys(callers[d.Context])) {
					a := callers[d.Context][sig]
					key := sig + "/" + signature(b)
					if reported[key] || a == b || len(a.Codecs) == 0 || len(b.Codecs) == 0 || canTalk(a, b) {
						continue
					}
					reported[key] = true
					x.Warn(d.Pos, "no-common-codec", fmt.Sprintf("%s (%s) and %s (%s) share no codec", a.ID, codecNames(a), b.ID, codecNames(b)),
						"a call between them fails or stays silent: only ulaw and alaw are converted", "allow ulaw or alaw for both").Near = d.App
				}
			}
		}
	}
}

func signature(e *settings.Endpoint) string { return codecNames(e) }

func codecNames(e *settings.Endpoint) string {
	names := make([]string, len(e.Codecs))
	for i, c := range e.Codecs {
		names[i] = c.Name
	}
	return strings.Join(names, ",")
}

func canTalk(a, b *settings.Endpoint) bool {
	g711 := func(e *settings.Endpoint) bool { return slices.ContainsFunc(e.Codecs, (*media.Codec).G711) }
	if g711(a) && g711(b) {
		return true
	}
	return slices.ContainsFunc(a.Codecs, func(c *media.Codec) bool { return !c.Video && slices.Contains(b.Codecs, c) })
}

// sentBack reports calls from a trunk that the dialplan sends to the same
// trunk. Two exchanges that do so for unknown numbers call each other until
// Max-Forwards is used up.
func sentBack(x *survey.Survey) {
	for _, d := range x.Dials {
		for _, t := range d.Targets {
			if len(t.Endpoints) != 1 || !x.Trunk(t.Endpoints[0]) || !x.Reaches(t.Endpoints[0].Context, d.Context) {
				continue
			}
			e := t.Endpoints[0]
			message := fmt.Sprintf("a call from %s for %s is sent back to %s", e.ID, d.Ext.Name, e.ID)
			if broad(d.Ext.Name) {
				x.Warn(d.Pos, "loop", message, "if the other side does the same with numbers it does not have, the two call each other in a circle until the call has passed 70 times", "give "+e.ID+" a context of its own that does not lead here").Near = t.Written(d)
			} else {
				x.Note(d.Pos, "sent-back", message, "the other side gets its own call again", "give "+e.ID+" a context of its own that does not lead here").Near = t.Written(d)
			}
		}
	}
}

// broad reports patterns that take nearly any number.
func broad(name string) bool {
	rest := strings.TrimLeft(strings.TrimPrefix(name, "_"), "XZN")
	return strings.HasPrefix(name, "_") && (rest == "." || rest == "!")
}

// trunkNotDialled notes trunks that only call in.
func trunkNotDialled(x *survey.Survey) {
	for _, d := range x.Dials {
		for _, t := range d.Targets {
			if !survey.Certain(t.Device) && t.Device != survey.Dialled {
				return // who knows
			}
		}
	}
	for _, e := range x.Everyone {
		if x.Trunk(e) && !x.IsDialled(e) {
			x.Note(e.Pos, "trunk-not-dialled", fmt.Sprintf("no extension dials %s", e.ID),
				"it can call in, but the numbers behind it cannot be reached from here: they are answered 404", "add exten => _NUMBERS,1,Dial(PJSIP/${EXTEN}@"+e.ID+") to the context of the callers")
		}
	}
}

// emergencyNumbers of some countries, by ISO 3166 code.
var emergencyNumbers = map[string][]string{
	"tw": {"110", "119"}, "de": {"110", "112"}, "at": {"112", "133"}, "ch": {"112", "117"}, "us": {"911"}, "ca": {"911"}, "uk": {"999", "112"}, "gb": {"999", "112"},
	"fr": {"112", "15"}, "it": {"112"}, "es": {"112"}, "nl": {"112"}, "jp": {"110", "119"}, "cn": {"110", "120"}, "kr": {"112", "119"}, "au": {"000"}, "nz": {"111"}, "in": {"112"}, "br": {"190"},
}

// emergency reports phones of an exchange with a way out that cannot call for
// help.
func emergency(x *survey.Survey) {
	if !slices.ContainsFunc(x.Everyone, func(e *settings.Endpoint) bool { return publicTrunk(x, e) }) && !outside(x) {
		return
	}
	for _, context := range slices.Sorted(maps.Keys(x.Entrants)) {
		var phone *settings.Endpoint
		for _, who := range x.Entrants[context] {
			if x.Phone(who.Endpoint) {
				phone = who.Endpoint
				break
			}
		}
		if phone == nil || x.View[context] == nil {
			continue
		}
		numbers := emergencyNumbers[strings.ToLower(cmp.Or(phone.ToneZone, lineZone(x)))]
		if numbers == nil {
			numbers = []string{"112"}
		}
		var lacking []string
		for _, n := range numbers {
			if _, ok := x.Find(context, n); !ok {
				lacking = append(lacking, n)
			}
		}
		if len(lacking) > 0 {
			x.Warn(contextPos(x, context), "no-emergency", fmt.Sprintf("%s cannot be dialled from [%s]", survey.Sentence(lacking, 4), context),
				"nobody can call for help from "+phone.ID, "add exten => "+lacking[0]+",1,Dial(...) to the trunk")
		}
	}
}

// publicTrunk reports whether e leads into the telephone network: a provider
// we register with, or a server outside of private networks.
func publicTrunk(x *survey.Survey, e *settings.Endpoint) bool {
	if slices.ContainsFunc(x.Snap.Registrations, func(r *settings.Registration) bool {
		return r.Endpoint == e.ID || slices.ContainsFunc(r.OutboundAuths, func(a string) bool { return slices.Contains(e.OutboundAuths, a) })
	}) {
		return true
	}
	if !x.Trunk(e) {
		return false
	}
	for _, name := range e.AORs {
		if a := x.Snap.AORs[name]; a != nil {
			for _, uri := range a.Contacts {
				if addr, ok := survey.Literal(uri); ok && survey.Public(addr) {
					return true
				}
			}
		}
	}
	return false
}

func contextPos(x *survey.Survey, name string) astconf.Pos {
	if f := x.Files["extensions.conf"]; f != nil {
		if s := f.Section(name); s != nil {
			return s.Pos
		}
	}
	return astconf.Pos{File: "extensions.conf"}
}
