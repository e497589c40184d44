package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"branchline/media"
	"branchline/pbx/astconf"
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
func (x *examiner) dialled() {
	for _, d := range x.dials {
		if d.given > 4 {
			continue // many-arguments says so
		}
		if len(d.targets) == 0 && d.whole {
			x.warn(d.Pos, "dial-nobody", "Dial names nobody to call", "the step fails at once", "write Dial(PJSIP/endpoint)").Near = d.App
		}
		for _, t := range d.targets {
			x.dialTarget(d, t)
		}
		x.dialLimits(d)
	}
}

func (x *examiner) dialTarget(d dial, t target) {
	if !certain(t.tech) {
		return
	}
	switch strings.ToUpper(t.tech) {
	case "PJSIP", "SIP":
	case "LOCAL":
		x.dialLocal(d, t)
		return
	default:
		if tech, ok := lineTech(t.tech); ok {
			x.dialLine(d, t, tech)
			return
		}
		if strings.Contains(t.text, "/") || certain(t.text) {
			tech := t.tech
			dd := x.warn(d.Pos, "unknown-technology", fmt.Sprintf("there is no channel technology %q", tech), "the call to "+shown(t.text)+" fails at once", "dial PJSIP/endpoint")
			dd.Near = tech
			if near := spelling.Nearest(tech, techniques); near != "" {
				dd.Cure = "did you mean " + near + "?"
				replace(dd, tech, near, near == "PJSIP" && len(tech) >= 4)
			}
		}
		return
	}
	if strings.TrimSpace(t.device) == "" {
		x.warn(d.Pos, "dial-empty", fmt.Sprintf("%s names no endpoint", shown(t.text)), "the step fails at once", "write who is to be called").Near = t.tech
		return
	}
	if strings.EqualFold(t.tech, "SIP") {
		x.dialDevice(d, t)
		return
	}
	switch {
	case t.device == dialled && len(t.endpoints) == 0:
		dd := x.warn(d.Pos, "dial-no-endpoint", fmt.Sprintf("%s dials the endpoint of the dialled number, and no endpoint's name matches %s", d.App, d.ext.Name), "every such call fails at once", "add the endpoints, or correct the pattern")
		dd.Near = d.ext.Name
		if l, ok := x.line(d.File, d.Line); ok && !strings.Contains(l, d.ext.Name) {
			dd.Near = "${EXTEN}"
		}
	case certain(t.device) && len(t.endpoints) == 0:
		dd := x.warn(d.Pos, "dial-no-endpoint", fmt.Sprintf("there is no endpoint %q", t.device), "the call to "+shown(t.text)+" fails at once", "")
		dd.Near = t.written(d)
		if near := spelling.Nearest(t.device, slices.Sorted(maps.Keys(x.snap.Endpoints))); near != "" {
			dd.Cure = "did you mean " + near + "?"
			replace(dd, t.device, near, strings.EqualFold(near, t.device))
		}
	}
}

// dialDevice looks at SIP/device and SIP/number@host.
func (x *examiner) dialDevice(d dial, t target) {
	switch {
	case x.snap.SIP == nil:
		x.warn(d.Pos, "no-sip-conf", shown(t.text)+" is dialled, but sip.conf is empty or missing", "the call fails at once", "dial PJSIP/endpoint, or write sip.conf").Near = t.tech
	case t.device == dialled && len(t.endpoints) == 0 && t.user == "":
		x.warn(d.Pos, "dial-no-endpoint", fmt.Sprintf("%s dials the device of the dialled number, and no device's name matches %s", d.App, d.ext.Name), "every such call fails at once", "add the devices, or correct the pattern").Near = d.ext.Name
	case certain(t.device) && len(t.endpoints) == 0 && !strings.Contains(t.device, "."):
		dd := x.warn(d.Pos, "dial-no-endpoint", fmt.Sprintf("there is no device %q in sip.conf", t.device), "the call to "+shown(t.text)+" fails, unless a host has that name", "")
		dd.Near = t.written(d)
		var names []string
		for _, dev := range x.snap.SIP.List {
			names = append(names, dev.Name)
		}
		if near := spelling.Nearest(t.device, names); near != "" {
			dd.Cure = "did you mean " + near + "?"
			replace(dd, t.device, near, false)
		}
	}
}

func (x *examiner) dialLocal(d dial, t target) {
	number, context, ok := strings.Cut(t.device, "@")
	context, _, _ = strings.Cut(context, "/")
	if !ok || !certain(context) {
		return
	}
	if x.view[context] == nil {
		x.warn(d.Pos, "jump-to-nowhere", fmt.Sprintf("Local/%s leads to context %q, which does not exist", shown(number), context), "the call fails at once", "").Near = context
	} else if certain(number) {
		if _, ok := x.find(context, number); !ok {
			x.warn(d.Pos, "jump-to-nowhere", fmt.Sprintf("Local/%s@%s leads to a number that [%s] does not have", number, context, context), "the call fails at once", "").Near = number
		}
	}
}

func (x *examiner) dialLimits(d dial) {
	if d.timeout != "" && certain(d.timeout) {
		if _, err := strconv.ParseFloat(d.timeout, 64); err != nil {
			cure := "write seconds, such as 20"
			if strings.Trim(d.timeout, dialOptions) == "" {
				cure = "write Dial(" + shown(d.targetText()) + ",," + d.timeout + "): the options come third"
			}
			x.warn(d.Pos, "dial-timeout", fmt.Sprintf("Dial: %q is no number of seconds", d.timeout), "it rings for ever", cure).Near = d.timeout
			return
		}
	}
	for letter := range d.options {
		switch {
		case letter == unknown[0] || letter == dialled[0]:
		case strings.IndexByte(dialOptions, letter) < 0:
			x.warn(d.Pos, "dial-option", fmt.Sprintf("Dial has no option %q", letter), "it is ignored", "see core show application Dial").Near = string(rune(letter)) + ")"
		case strings.IndexByte(dialOptionsUnused, letter) >= 0:
			x.note(d.Pos, "dial-option", fmt.Sprintf("Dial: option %q is understood but has no effect yet", letter), "", "")
		}
	}
	if d.timeout == "" || d.timeout == "0" {
		next := d.successor()
		if next != nil && next.Label == "" && !strings.EqualFold(next.App, "Hangup") && !strings.EqualFold(next.App, "NoOp") &&
			!strings.EqualFold(next.App, "Goto") && !strings.EqualFold(next.App, "GotoIf") && !strings.EqualFold(next.App, "Congestion") && !strings.EqualFold(next.App, "Busy") {
			x.note(d.Pos, "dial-no-timeout", "Dial has no time limit, so it rings until the caller gives up",
				next.App+" in the next step is only reached if the line is busy or cannot be called", "write the seconds after the first comma: Dial("+shown(d.targetText())+",20)").Near = d.App
		}
	}
}

func (d dial) targetText() string {
	out := make([]string, len(d.targets))
	for i, t := range d.targets {
		out[i] = t.text
	}
	return strings.Join(out, "&")
}

// codecs reports endpoints that call each other and share no codec. u-law and
// A-law are turned into each other, the others are only passed on.
func (x *examiner) codecs() {
	groups := map[string][]*settings.Endpoint{}
	for _, e := range x.everyone {
		if len(e.Codecs) > 0 {
			groups[signature(e)] = append(groups[signature(e)], e)
		}
	}
	if len(groups) < 2 {
		return
	}
	callers := map[string]map[string]*settings.Endpoint{} // context of a Dial: signature: who
	for context, who := range x.entrants {
		contexts, _ := x.reach(context)
		for _, c := range contexts {
			if callers[c] == nil {
				callers[c] = map[string]*settings.Endpoint{}
			}
			for _, w := range who {
				callers[c][signature(w.endpoint)] = w.endpoint
			}
		}
	}
	for _, d := range x.dials {
		reported := map[string]bool{}
		for _, t := range d.targets {
			for _, b := range t.endpoints {
				for _, sig := range slices.Sorted(maps.Keys(callers[d.Context])) {
					a := callers[d.Context][sig]
					key := sig + "/" + signature(b)
					if reported[key] || a == b || len(a.Codecs) == 0 || len(b.Codecs) == 0 || canTalk(a, b) {
						continue
					}
					reported[key] = true
					x.warn(d.Pos, "no-common-codec", fmt.Sprintf("%s (%s) and %s (%s) share no codec", a.ID, codecNames(a), b.ID, codecNames(b)),
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
func (x *examiner) sentBack() {
	for _, d := range x.dials {
		for _, t := range d.targets {
			if len(t.endpoints) != 1 || !x.trunk(t.endpoints[0]) || !x.reaches(t.endpoints[0].Context, d.Context) {
				continue
			}
			e := t.endpoints[0]
			message := fmt.Sprintf("a call from %s for %s is sent back to %s", e.ID, d.ext.Name, e.ID)
			if broad(d.ext.Name) {
				x.warn(d.Pos, "loop", message, "if the other side does the same with numbers it does not have, the two call each other in a circle until the call has passed 70 times", "give "+e.ID+" a context of its own that does not lead here").Near = t.written(d)
			} else {
				x.note(d.Pos, "sent-back", message, "the other side gets its own call again", "give "+e.ID+" a context of its own that does not lead here").Near = t.written(d)
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
func (x *examiner) trunkNotDialled() {
	for _, d := range x.dials {
		for _, t := range d.targets {
			if !certain(t.device) && t.device != dialled {
				return // who knows
			}
		}
	}
	for _, e := range x.everyone {
		if x.trunk(e) && !x.isDialled(e) {
			x.note(e.Pos, "trunk-not-dialled", fmt.Sprintf("no extension dials %s", e.ID),
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
func (x *examiner) emergency() {
	if !slices.ContainsFunc(x.everyone, x.publicTrunk) && !x.outside() {
		return
	}
	for _, context := range slices.Sorted(maps.Keys(x.entrants)) {
		var phone *settings.Endpoint
		for _, who := range x.entrants[context] {
			if x.phone(who.endpoint) {
				phone = who.endpoint
				break
			}
		}
		if phone == nil || x.view[context] == nil {
			continue
		}
		numbers := emergencyNumbers[strings.ToLower(cmp.Or(phone.ToneZone, x.lineZone()))]
		if numbers == nil {
			numbers = []string{"112"}
		}
		var lacking []string
		for _, n := range numbers {
			if _, ok := x.find(context, n); !ok {
				lacking = append(lacking, n)
			}
		}
		if len(lacking) > 0 {
			x.warn(x.contextPos(context), "no-emergency", fmt.Sprintf("%s cannot be dialled from [%s]", sentence(lacking, 4), context),
				"nobody can call for help from "+phone.ID, "add exten => "+lacking[0]+",1,Dial(...) to the trunk")
		}
	}
}

// publicTrunk reports whether e leads into the telephone network: a provider
// we register with, or a server outside of private networks.
func (x *examiner) publicTrunk(e *settings.Endpoint) bool {
	if slices.ContainsFunc(x.snap.Registrations, func(r *settings.Registration) bool {
		return r.Endpoint == e.ID || slices.ContainsFunc(r.OutboundAuths, func(a string) bool { return slices.Contains(e.OutboundAuths, a) })
	}) {
		return true
	}
	if !x.trunk(e) {
		return false
	}
	for _, name := range e.AORs {
		if a := x.snap.AORs[name]; a != nil {
			for _, uri := range a.Contacts {
				if addr, ok := literal(uri); ok && public(addr) {
					return true
				}
			}
		}
	}
	return false
}

func (x *examiner) contextPos(name string) astconf.Pos {
	if f := x.Files["extensions.conf"]; f != nil {
		if s := f.Section(name); s != nil {
			return s.Pos
		}
	}
	return astconf.Pos{File: "extensions.conf"}
}
