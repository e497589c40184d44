package dialling

import (
	"fmt"
	"slices"
	"strings"

	"branchline/media/tone"
	"branchline/pbx/astconf"
	"branchline/pbx/check/survey"
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
func dialLine(x *survey.Survey, d survey.Dial, t survey.Target, tech string) {
	who, number, numbered := strings.Cut(t.Device, "/")
	if !survey.Certain(who) {
		return
	}
	to, err := dest.Parse(t.Device, tech == "DAHDI")
	if err != nil {
		x.Warn(d.Pos, "dial-no-line", survey.Shown(t.Text)+": "+err.Error(), "the step fails at once", "write "+tech+"/line/number").Near = t.Tech
		return
	}
	var lines []*lineconf.Line
	for _, l := range x.Trunks.Lines {
		if l.Tech == tech && (to.Group && l.In(to.Number) || !to.Group && l.Name == to.Line) {
			lines = append(lines, l)
		}
	}
	switch {
	case len(lines) > 0:
		dialNumber(x, d, t, lines[0], number, numbered)
	case to.Group:
		x.Warn(d.Pos, "dial-no-line", fmt.Sprintf("no %s line has group=%d", tech, to.Number), "the call to "+survey.Shown(t.Text)+" fails at once",
			fmt.Sprintf("write group=%d above channel => in %s", to.Number, fileOf(tech))).Near = who
	default:
		dd := x.Warn(d.Pos, "dial-no-line", fmt.Sprintf("there is no line %s/%s in %s", tech, to.Line, fileOf(tech)), "the call to "+survey.Shown(t.Text)+" fails at once", "")
		dd.Near = t.Written(d)
		var names []string
		for _, l := range x.Trunks.Lines {
			if l.Tech == tech {
				names = append(names, l.Name)
			}
		}
		if near := spelling.Nearest(to.Line, names); near != "" && tech != "DAHDI" {
			dd.Cure = "did you mean " + near + "?"
			dd.Replace(to.Line, near, false)
		} else if len(names) > 0 {
			dd.Cure = "there are " + survey.Sentence(names, 6)
		}
	}
}

func fileOf(tech string) string {
	return map[string]string{"DAHDI": "chan_dahdi.conf", "Modem": "modem.conf", "Cell": "quectel.conf"}[tech]
}

// dialNumber: a line towards an exchange wants a number, a telephone does not.
func dialNumber(x *survey.Survey, d survey.Dial, t survey.Target, l *lineconf.Line, number string, given bool) {
	switch {
	case l.Signalling == lineconf.FXS && given && number != "":
		x.Note(d.Pos, "dial-number", fmt.Sprintf("%s is a telephone: the number behind it is not dialled", l.ID()), "", "write Dial("+l.ID()+")").Near = t.Tech
	case (l.Signalling == lineconf.FXO || l.Signalling == lineconf.Cell) && number == "":
		x.Note(d.Pos, "dial-number", fmt.Sprintf("%s is a line: without a number the caller gets its dial tone", survey.Shown(t.Text)), "", "write Dial("+l.ID()+"/${EXTEN})").Near = t.Tech
	}
}

// linesKnown reports what is wrong with the lines themselves.
func linesKnown(x *survey.Survey) {
	for _, l := range x.Trunks.Lines {
		lineContext(x, l, "context", l.Context)
		for i, p := range l.RingPatterns {
			if l.DistinctRings && p.Context != "" {
				lineContext(x, l, fmt.Sprintf("dring%dcontext", i+1), p.Context)
			}
		}
		lineTones(x, l)
		lineCallerID(x, l)
		linePort(x, l)
	}
}

// lineContext: where calls from the line go, as a setting says.
func lineContext(x *survey.Survey, l *lineconf.Line, setting, context string) {
	at := where(x, l, setting)
	switch {
	case x.View[context] == nil:
		d := x.Warn(at, "line-context", fmt.Sprintf("calls from %s go to context %q, which does not exist", l.ID(), context), "they are not answered", "add ["+context+"] to extensions.conf")
		d.Near = context
		var names []string
		for i := range x.Views {
			names = append(names, x.Views[i].Name)
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
		_, direct := x.Find(context, number)
		if _, s := x.Find(context, "s"); !direct && !s {
			x.Warn(at, "line-context", fmt.Sprintf("calls from %s begin at extension s of [%s], which does not have it", l.ID(), context), "they are not answered", "add exten => s,1,Dial(...) to ["+context+"]").Near = context
		}
	}
}

// where gives the line in which a setting of a telephone line was written last.
func where(x *survey.Survey, l *lineconf.Line, name string) astconf.Pos {
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
func lineTones(x *survey.Survey, l *lineconf.Line) {
	for name, zone := range map[string]string{"tonezone": l.ToneZone, "progzone": l.ProgressZone} {
		if zone == "" || tone.Known(zone) || x.Files["indications.conf"] != nil && x.Files["indications.conf"].Section(zone) != nil {
			continue
		}
		d := x.Warn(where(x, l, name), "unknown-zone", fmt.Sprintf("there are no tones for %s=%s", name, zone), "those of the United States are used, and a hang-up may not be noticed", "write a country's code, such as tw, us or de")
		d.Near = zone
		if near := spelling.Nearest(zone, tone.Zones()); near != "" {
			d.Cure = "did you mean " + near + "?"
		}
	}
}

// lineCallerID: forms and beginnings that do not go together.
func lineCallerID(x *survey.Survey, l *lineconf.Line) {
	form, start := l.CIDForm, l.CIDStart
	switch {
	case l.Driver != "dahdi" || !l.UseCallerID:
	case form == "dtmf" && start == "ring":
		x.Warn(where(x, l, "cidstart"), "caller-id-start", "caller ID in digits comes before the first ring, cidstart=ring listens after it", "callers are unknown", "write cidstart=polarity, or cidstart=auto").Near = "ring"
	case form == "bell" && (start == "polarity" || start == "dtmf"):
		x.Warn(where(x, l, "cidstart"), "caller-id-start", fmt.Sprintf("caller ID by Bell 202 comes after the first ring, cidstart=%s listens before it", start), "callers are unknown", "write cidstart=ring, or cidstart=auto").Near = start
	case start == "dtmf" && form != "dtmf" && form != "auto":
		x.Warn(where(x, l, "cidstart"), "caller-id-start", fmt.Sprintf("cidstart=dtmf is for cidsignalling=dtmf, not %s", form), "", "write cidstart=auto").Near = "dtmf"
	}
}

// linePort: what the machine and system.conf say of the line's hardware.
func linePort(x *survey.Survey, l *lineconf.Line) {
	if x.Port != nil && l.Driver == "dahdi" {
		is, ok := x.Port(l.Channel)
		switch {
		case !ok:
			x.Warn(l.Pos, "line-not-in-system", fmt.Sprintf("channel %d is not in DAHDI's system.conf", l.Channel), "the line cannot be opened", "write fxsks="+l.Name+" there for a port towards an exchange, fxoks="+l.Name+" for one towards a telephone")
		case l.Signalling != lineconf.Auto && is != l.Signalling:
			x.Warn(where(x, l, "signalling"), "line-signalling", fmt.Sprintf("channel %d is %s in chan_dahdi.conf and %s in system.conf", l.Channel, l.Signalling, is), "the line cannot be opened", "write the same kind in both: fxs_ks and fxsks, or fxo_ks and fxoks")
		}
	}
	if x.Exists == nil {
		return
	}
	for name, port := range map[string]string{"data": l.Data, "audio": l.Audio} {
		if port != "" && !x.Exists(port) {
			x.Note(where(x, l, name), "no-device", fmt.Sprintf("%s: there is no %s on this machine now", l.ID(), port), "the line is down until the device is plugged in", "see ls -l /dev/serial/by-id").Near = port
		}
	}
}

// outside reports whether there is a telephone line into the public network.
func outside(x *survey.Survey) bool {
	return slices.ContainsFunc(x.Trunks.Lines, func(l *lineconf.Line) bool { return l.Signalling == lineconf.FXO || l.Signalling == lineconf.Cell })
}

// lineZone is the country of the lines, "" if they do not say.
func lineZone(x *survey.Survey) string {
	for _, l := range x.Trunks.Lines {
		if l.ToneZone != "" {
			return l.ToneZone
		}
	}
	return ""
}
