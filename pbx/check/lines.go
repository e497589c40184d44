package check

import (
	"fmt"
	"slices"
	"strings"

	"branchline/media/tone"
	"branchline/pbx/astconf"
	"branchline/pbx/line/dest"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/settings/spelling"
)

// techniques are what Dial can begin with.
var techniques = []string{"PJSIP", "SIP", "Local", "DAHDI", "Modem", "Cell", "Quectel"}

// lineTech gives the technology of telephone lines that a word means.
func lineTech(word string) (tech string, ok bool) {
	switch strings.ToUpper(word) {
	case "DAHDI":
		return "DAHDI", true
	case "MODEM":
		return "Modem", true
	case "CELL", "QUECTEL":
		return "Cell", true
	}
	return "", false
}

// dialLine looks at a telephone line in a Dial.
func (x *examiner) dialLine(d dial, t target, tech string) {
	who, number, numbered := strings.Cut(t.device, "/")
	if !certain(who) {
		return
	}
	to, err := dest.Parse(t.device, tech == "DAHDI")
	if err != nil {
		x.warn(d.Pos, "dial-no-line", shown(t.text)+": "+err.Error(), "the step fails at once", "write "+tech+"/line/number").Near = t.tech
		return
	}
	var lines []*lineconf.Line
	for _, l := range x.trunks.Lines {
		if l.Tech == tech && (to.Group && l.In(to.Number) || !to.Group && l.Name == to.Line) {
			lines = append(lines, l)
		}
	}
	switch {
	case len(lines) > 0:
		x.dialNumber(d, t, lines[0], number, numbered)
	case to.Group:
		x.warn(d.Pos, "dial-no-line", fmt.Sprintf("no %s line has group=%d", tech, to.Number), "the call to "+shown(t.text)+" fails at once",
			fmt.Sprintf("write group=%d above channel => in %s", to.Number, fileOf(tech))).Near = who
	default:
		dd := x.warn(d.Pos, "dial-no-line", fmt.Sprintf("there is no line %s/%s in %s", tech, to.Line, fileOf(tech)), "the call to "+shown(t.text)+" fails at once", "")
		dd.Near = t.written(d)
		var names []string
		for _, l := range x.trunks.Lines {
			if l.Tech == tech {
				names = append(names, l.Name)
			}
		}
		if near := spelling.Nearest(to.Line, names); near != "" && tech != "DAHDI" {
			dd.Cure = "did you mean " + near + "?"
			replace(dd, to.Line, near, false)
		} else if len(names) > 0 {
			dd.Cure = "there are " + sentence(names, 6)
		}
	}
}

func fileOf(tech string) string {
	return map[string]string{"DAHDI": "chan_dahdi.conf", "Modem": "modem.conf", "Cell": "quectel.conf"}[tech]
}

// dialNumber: a line towards an exchange wants a number, a telephone does not.
func (x *examiner) dialNumber(d dial, t target, l *lineconf.Line, number string, given bool) {
	switch {
	case l.Signalling == lineconf.FXS && given && number != "":
		x.note(d.Pos, "dial-number", fmt.Sprintf("%s is a telephone: the number behind it is not dialled", l.ID()), "", "write Dial("+l.ID()+")").Near = t.tech
	case (l.Signalling == lineconf.FXO || l.Signalling == lineconf.Cell) && number == "":
		x.note(d.Pos, "dial-number", fmt.Sprintf("%s is a line: without a number the caller gets its dial tone", shown(t.text)), "", "write Dial("+l.ID()+"/${EXTEN})").Near = t.tech
	}
}

// linesKnown reports what is wrong with the lines themselves.
func (x *examiner) linesKnown() {
	for _, l := range x.trunks.Lines {
		x.lineContext(l, "context", l.Context)
		for i, p := range l.RingPatterns {
			if l.DistinctRings && p.Context != "" {
				x.lineContext(l, fmt.Sprintf("dring%dcontext", i+1), p.Context)
			}
		}
		x.lineTones(l)
		x.lineCallerID(l)
		x.linePort(l)
	}
}

// lineContext: where calls from the line go, as a setting says.
func (x *examiner) lineContext(l *lineconf.Line, setting, context string) {
	at := x.where(l, setting)
	switch {
	case x.view[context] == nil:
		d := x.warn(at, "line-context", fmt.Sprintf("calls from %s go to context %q, which does not exist", l.ID(), context), "they are not answered", "add ["+context+"] to extensions.conf")
		d.Near = context
		var names []string
		for i := range x.views {
			names = append(names, x.views[i].Name)
		}
		if near := spelling.Nearest(context, names); near != "" {
			d.Cure = "did you mean " + near + "?"
		}
	case l.Signalling == lineconf.FXS || l.Signalling == lineconf.Auto:
	default:
		number := "s"
		if l.SubscriberNumber != "" {
			number = l.SubscriberNumber
		}
		_, direct := x.find(context, number)
		if _, s := x.find(context, "s"); !direct && !s {
			x.warn(at, "line-context", fmt.Sprintf("calls from %s begin at extension s of [%s], which does not have it", l.ID(), context), "they are not answered", "add exten => s,1,Dial(...) to ["+context+"]").Near = context
		}
	}
}

// where gives the line in which a setting of a telephone line was written last.
func (x *examiner) where(l *lineconf.Line, name string) astconf.Pos {
	at := l.Pos
	f := x.Files[l.File]
	if f == nil {
		return at
	}
	for _, s := range f.Sections {
		if l.Driver != "dahdi" && s.Name != l.Name {
			continue
		}
		for _, e := range s.Entries {
			if strings.EqualFold(e.Name, name) && (l.Driver != "dahdi" || e.Line < l.Line) {
				at = e.Pos
			}
		}
	}
	return at
}

// lineTones: the zone whose tones a line speaks.
func (x *examiner) lineTones(l *lineconf.Line) {
	for name, zone := range map[string]string{"tonezone": l.ToneZone, "progzone": l.ProgressZone} {
		if zone == "" || tone.Known(zone) || x.Files["indications.conf"] != nil && x.Files["indications.conf"].Section(zone) != nil {
			continue
		}
		d := x.warn(x.where(l, name), "unknown-zone", fmt.Sprintf("there are no tones for %s=%s", name, zone), "those of the United States are used, and a hang-up may not be noticed", "write a country's code, such as tw, us or de")
		d.Near = zone
		if near := spelling.Nearest(zone, tone.Zones()); near != "" {
			d.Cure = "did you mean " + near + "?"
		}
	}
}

// lineCallerID: forms and beginnings that do not go together.
func (x *examiner) lineCallerID(l *lineconf.Line) {
	form, start := l.CIDForm, l.CIDStart
	switch {
	case l.Driver != "dahdi" || !l.UseCallerID:
	case form == "dtmf" && start == "ring":
		x.warn(x.where(l, "cidstart"), "caller-id-start", "caller ID in digits comes before the first ring, cidstart=ring listens after it", "callers are unknown", "write cidstart=polarity, or cidstart=auto").Near = "ring"
	case form == "bell" && (start == "polarity" || start == "dtmf"):
		x.warn(x.where(l, "cidstart"), "caller-id-start", fmt.Sprintf("caller ID by Bell 202 comes after the first ring, cidstart=%s listens before it", start), "callers are unknown", "write cidstart=ring, or cidstart=auto").Near = start
	case start == "dtmf" && form != "dtmf" && form != "auto":
		x.warn(x.where(l, "cidstart"), "caller-id-start", fmt.Sprintf("cidstart=dtmf is for cidsignalling=dtmf, not %s", form), "", "write cidstart=auto").Near = "dtmf"
	}
}

// linePort: what the machine and system.conf say of the line's hardware.
func (x *examiner) linePort(l *lineconf.Line) {
	if x.Port != nil && l.Driver == "dahdi" {
		is, ok := x.Port(l.Channel)
		switch {
		case !ok:
			x.warn(l.Pos, "line-not-in-system", fmt.Sprintf("channel %d is not in DAHDI's system.conf", l.Channel), "the line cannot be opened", "write fxsks="+l.Name+" there for a port towards an exchange, fxoks="+l.Name+" for one towards a telephone")
		case l.Signalling != lineconf.Auto && is != l.Signalling:
			x.warn(x.where(l, "signalling"), "line-signalling", fmt.Sprintf("channel %d is %s in chan_dahdi.conf and %s in system.conf", l.Channel, l.Signalling, is), "the line cannot be opened", "write the same kind in both: fxs_ks and fxsks, or fxo_ks and fxoks")
		}
	}
	if x.Exists == nil {
		return
	}
	for name, port := range map[string]string{"data": l.Data, "audio": l.Audio} {
		if port != "" && !x.Exists(port) {
			x.note(x.where(l, name), "no-device", fmt.Sprintf("%s: there is no %s on this machine now", l.ID(), port), "the line is down until the device is plugged in", "see ls -l /dev/serial/by-id").Near = port
		}
	}
}

// fromLines are the contexts that calls and messages from lines begin in.
func (x *examiner) fromLines() []string {
	var out []string
	for _, l := range x.trunks.Lines {
		out = append(out, l.Context)
		for _, p := range l.RingPatterns {
			if l.DistinctRings && p.Context != "" {
				out = append(out, p.Context)
			}
		}
		if l.Driver == "cell" {
			out = append(out, l.TextContext)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// outside reports whether there is a telephone line into the public network.
func (x *examiner) outside() bool {
	return slices.ContainsFunc(x.trunks.Lines, func(l *lineconf.Line) bool { return l.Signalling == lineconf.FXO || l.Signalling == lineconf.Cell })
}

// lineZone is the country of the lines, "" if they do not say.
func (x *examiner) lineZone() string {
	for _, l := range x.trunks.Lines {
		if l.ToneZone != "" {
			return l.ToneZone
		}
	}
	return ""
}
