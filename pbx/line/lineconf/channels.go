package lineconf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"branchline/pbx/astconf"
)

// channels reads chan_dahdi.conf. Settings are taken up line by line, and each
// `channel =>` makes lines of what has been said so far.
func (r *reading) channels(f *astconf.File) {
	for _, s := range f.Sections {
		switch strings.ToLower(s.Name) {
		case "channels":
			r.downward(s)
		case "trunkgroups":
			if len(s.Entries) > 0 {
				r.say(astconf.Note, s.Entries[0].Pos, "ignored-option", f.Name+": [trunkgroups] belongs to digital lines, which are not supported", "", "", "")
			}
		case "general":
			r.warn(s.Pos, "unread-section", f.Name+": settings in [general] are not read", "none of them has an effect", "write them below [channels], before channel =>", "[general]")
		default:
			r.named(s)
		}
	}
}

// downward reads [channels].
func (r *reading) downward(s *astconf.Section) {
	o := Default()
	analog := true // the last signalling= was one that we know
	changed := false
	var last astconf.Entry
	for _, e := range s.Entries {
		if !strings.EqualFold(e.Name, "channel") && !strings.EqualFold(e.Name, "channels") {
			before := len(r.diags)
			r.set(&o, e, s.File)
			if strings.HasPrefix(strings.ToLower(e.Name), "signal") {
				analog = !slices.ContainsFunc(r.diags[before:], func(d astconf.Diag) bool { return d.Rule == "digital-line" })
			}
			changed, last = true, e
			continue
		}
		changed = false
		if analog {
			r.make(e, o)
		}
	}
	if changed {
		r.warn(last.Pos, "setting-after-channel", fmt.Sprintf("%s: %s stands below the last channel =>", s.File, last.Name),
			"it holds for no line", "move it above the channel => that it is meant for", last.Name)
	}
}

// make adds the lines of one `channel =>`.
func (r *reading) make(e astconf.Entry, o Options) {
	numbers, err := channels(e.Value)
	if err != nil {
		r.say(astconf.Error, e.Pos, "bad-channel", fmt.Sprintf("%s: channel => %s: %v", e.File, clip(e.Value), err),
			"no line is made of it", "write numbers and ranges, such as 1-4,6", e.Value)
		return
	}
	for _, n := range numbers {
		r.put(&Line{Pos: e.Pos, Tech: "DAHDI", Name: strconv.Itoa(n), Driver: "dahdi", Channel: n, Options: o})
	}
}

// named reads a section that says by dahdichan= which channels it is about.
func (r *reading) named(s *astconf.Section) {
	o := Default()
	o.Description = s.Name
	var chans []astconf.Entry
	before := len(r.diags)
	for _, e := range s.Entries {
		if strings.EqualFold(e.Name, "dahdichan") {
			chans = append(chans, e)
			continue
		}
		r.set(&o, e, s.File)
	}
	if len(chans) == 0 {
		r.warn(s.Pos, "unread-section", fmt.Sprintf("%s: [%s] names no channel", s.File, clip(s.Name)), "nothing in it has an effect",
			"write dahdichan=1, or put its lines below [channels]", s.Name)
		return
	}
	if slices.ContainsFunc(r.diags[before:], func(d astconf.Diag) bool { return d.Rule == "digital-line" }) {
		return
	}
	for _, e := range chans {
		r.make(e, o)
	}
}
