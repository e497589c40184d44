package objects

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/check/survey"
	"branchline/pbx/line/lineconf"
)

// files reports what settings of any file can have wrong, whatever they mean.
func files(x *survey.Survey) {
	for _, name := range append([]string{"asterisk.conf", "pjsip.conf", "sip.conf", "rtp.conf", "extensions.conf"}, lineconf.Files()...) {
		f := x.Files[name]
		if f == nil {
			continue
		}
		if name != "asterisk.conf" { // which packages ship with [directories](!)
			for _, s := range f.Unused {
				x.Note(s.Pos, "unused-template", fmt.Sprintf("template [%s] is used by no section", s.Name), "", "remove it, or write ("+s.Name+") after the section that needs it")
			}
		}
		for _, s := range f.Sections {
			if t := strings.TrimSpace(s.Name); t != s.Name {
				d := x.Warn(s.Pos, "spaced-name", fmt.Sprintf("the spaces in [%s] are part of the name", s.Name), "nothing that names "+t+" finds it", "write ["+t+"]")
				d.Replace("["+s.Name+"]", "["+t+"]", true)
			}
			if strings.Contains(s.Name, "[") {
				x.Warn(s.Pos, "bracket-in-name", fmt.Sprintf("the bracket in %q is part of the name", s.Name), "nothing that names "+strings.Trim(s.Name, "[]")+" finds it", "write ["+strings.Trim(s.Name, "[]")+"]").Near = s.Name
			}
		}
	}
}

// unread are files of Asterisk that also make endpoints or dialplans, and that
// this exchange does not read; none of them may be passed over in silence.
var unread = map[string]string{
	"users.conf":        "write its users into pjsip.conf",
	"pjsip_wizard.conf": "write out the sections in pjsip.conf",
	"extconfig.conf":    "configuration comes from files alone",
	"sorcery.conf":      "configuration comes from files alone",
	"extensions.ael":    "write its contexts into extensions.conf",
	"extensions.lua":    "write its contexts into extensions.conf",
}

// unreadFiles notes files that say something and are not read.
func unreadFiles(x *survey.Survey) {
	for _, name := range slices.Sorted(maps.Keys(unread)) {
		for n, l := range x.Lines(name) {
			if l = strings.TrimSpace(l); l == "" || strings.IndexByte(";[", l[0]) >= 0 || strings.HasPrefix(l, "--") || strings.HasPrefix(l, "//") {
				continue
			}
			x.Note(astconf.Pos{File: name, Line: n + 1}, "unread-file", name+" is not read", "nothing in it has an effect", unread[name])
			break
		}
	}
}

// doubledEquals reports `name==value`: the second sign belongs to the value.
func doubledEquals(x *survey.Survey) {
	for _, name := range []string{"asterisk.conf", "pjsip.conf", "sip.conf", "rtp.conf"} {
		f := x.Files[name]
		if f == nil {
			continue
		}
		for _, s := range f.Sections {
			for _, e := range s.Entries {
				if !s.Own(e) || !strings.HasPrefix(e.Value, "=") && !(e.Arrow && strings.HasPrefix(e.Value, ">")) {
					continue
				}
				d := x.Warn(e.Pos, "doubled-equals", fmt.Sprintf("the value of %s begins with %q", e.Name, e.Value[:1]), "it is taken as part of the value", "write "+e.Name+"=")
				d.Replace("="+map[bool]string{true: ">", false: ""}[e.Arrow]+e.Value[:1], "=", true)
			}
		}
	}
}

// adding are the options of which every line counts.
var adding = strings.Fields("type match contact set_var setvar permit deny contact_permit contact_deny local_net localnet allow disallow register mailbox mailboxes " +
	"auth outbound_auth aors exten same include ignorepat switch lswitch eswitch directmediapermit directmediadeny password_digest match_header header mwi hint list_item match_request_uri")

// repeated reports options that stand twice in a section, of which only the
// last counts.
func repeated(x *survey.Survey) {
	for _, name := range []string{"asterisk.conf", "pjsip.conf", "sip.conf", "rtp.conf"} {
		f := x.Files[name]
		if f == nil {
			continue
		}
		for _, s := range f.Sections {
			seen := map[string]astconf.Entry{}
			for _, e := range s.Entries {
				key := strings.ToLower(e.Name)
				first, twice := seen[key]
				seen[key] = e
				if !twice || !s.Own(e) || !s.Own(first) || slices.Contains(adding, key) && !(key == "auth" || key == "outbound_auth" || key == "aors" || key == "type") {
					continue
				}
				switch {
				case key == "type" && first.Value != e.Value:
					x.Note(e.Pos, "two-types", fmt.Sprintf("[%s] has type=%s and type=%s", s.Name, first.Value, e.Value), "it is both, and each refuses the options of the other", "begin a section of its own for type="+e.Value)
				case first.Value == e.Value:
					x.Note(e.Pos, "set-twice", fmt.Sprintf("%s is already set to this in line %d", e.Name, first.Line), "", "remove one of the lines")
				default:
					x.Warn(e.Pos, "set-twice", fmt.Sprintf("%s is already set in line %d", e.Name, first.Line), "the value there has no effect; the last line counts", "remove one of the lines").Near = e.Name
				}
			}
		}
	}
}

// allowOrder reports codecs that are allowed and then, by disallow=all below
// them, taken away again.
func allowOrder(x *survey.Survey) {
	for _, name := range []string{"pjsip.conf", "sip.conf"} {
		f := x.Files[name]
		if f == nil {
			continue
		}
		for _, s := range f.Sections {
			var allowed astconf.Entry
			for _, e := range s.Entries {
				switch {
				case strings.EqualFold(e.Name, "allow"):
					allowed = e
				case strings.EqualFold(e.Name, "disallow") && strings.EqualFold(e.Value, "all"):
					if allowed.Line > 0 && s.Own(e) && s.Own(allowed) && !strings.EqualFold(allowed.Value, "all") {
						x.Warn(e.Pos, "allow-order", fmt.Sprintf("[%s]: disallow=all takes away allow=%s of line %d", s.Name, allowed.Value, allowed.Line), "that codec is never offered", "put disallow=all above the allow lines")
					}
					allowed = astconf.Entry{}
				}
			}
		}
	}
}

// cutURIs reports parameters of an address that are lost because a semicolon
// begins a remark.
func cutURIs(x *survey.Survey) {
	for _, name := range []string{"pjsip.conf", "sip.conf"} {
		f := x.Files[name]
		if f == nil {
			continue
		}
		for _, s := range f.Sections {
			for _, e := range s.Entries {
				if !strings.HasPrefix(strings.ToLower(e.Value), "sip") || !s.Own(e) {
					continue
				}
				text, _ := x.Line(e.File, e.Line)
				_, rest, found := strings.Cut(text, e.Value+";")
				if !found || rest == "" || rest[0] <= ' ' || rest[0] == ';' || rest[0] == '-' {
					continue
				}
				lost := ";" + strings.Fields(rest)[0]
				d := x.Warn(e.Pos, "semicolon-in-uri", fmt.Sprintf("the semicolon begins a remark, so %q is no part of %s", lost, e.Name), "the address is "+e.Value+" alone", `write \; in place of ;`)
				d.Replace(e.Value+";", e.Value+`\;`, true)
				d.Near = lost
			}
		}
	}
}
