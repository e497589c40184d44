package lineconf

import (
	"fmt"
	"slices"
	"strings"

	"branchline/pbx/astconf"
)

// sections reads a file in which every line has a section: quectel.conf, or
// modem.conf, where a section without audio= is a voice modem. [general] and
// [defaults] hold what the others begin with.
func (r *reading) sections(f *astconf.File, modems bool) {
	base := Default()
	for _, s := range f.Sections {
		if shared(s.Name) {
			r.section(s, &Line{Pos: s.Pos}, &base)
		}
	}
	for _, s := range f.Sections {
		if shared(s.Name) {
			continue
		}
		l := &Line{Pos: s.Pos, Tech: "Cell", Name: s.Name, Driver: "cell"}
		o := base
		o.Vars, o.Device = slices.Clip(o.Vars), slices.Clip(o.Device)
		if !r.section(s, l, &o) {
			continue
		}
		l.Options = o
		switch {
		case l.Data == "":
			r.warn(s.Pos, "no-port", fmt.Sprintf("%s: [%s] has no data=", f.Name, clip(s.Name)), "the line is left out", "write data=/dev/ttyUSB2, the port that takes AT commands", s.Name)
			continue
		case l.Audio == "" && modems:
			l.Tech, l.Driver, l.Signalling = "Modem", "modem", FXO
		case l.Audio == "":
			r.warn(s.Pos, "no-port", fmt.Sprintf("%s: [%s] has no audio=", f.Name, clip(s.Name)), "the line is left out",
				"write audio=/dev/ttyUSB1, the port that carries speech; a voice modem belongs in modem.conf", s.Name)
			continue
		default:
			l.Signalling = Cell
		}
		if l.Name == "" || strings.ContainsAny(l.Name, "/&,@ ") {
			r.warn(s.Pos, "bad-name", fmt.Sprintf("%s: [%s] cannot be dialled: its name is empty or holds one of / & , @ and blanks", f.Name, clip(s.Name)), "the line is left out", "choose a name of letters and digits", s.Name)
			continue
		}
		r.put(l)
	}
}

func isBaud(s string) bool {
	_, err := count(s, 300, 4000000)
	return err == nil
}

func shared(name string) bool {
	return strings.EqualFold(name, "general") || strings.EqualFold(name, "defaults")
}

// deviceKeys are settings that go to the driver as they stand.
var deviceKeys = strings.Fields("init pin baud")

// quectel are settings of chan_quectel without an effect here.
var quectel = strings.Fields("interval smsdb csmsttl quec_uac alsadev multiparty autodeletesms usecallingpres callingpres smsaspdu u2diag 32bit query_time txgain_mode rxgain_mode timeout country model imei imsi resetquectel disablesms slin16 msg_direct msg_storage initstate dsci qhup moh")

// section takes up the settings of one section; false if the line is disabled.
func (r *reading) section(s *astconf.Section, l *Line, o *Options) bool {
	use := true
	for _, e := range s.Entries {
		switch name := strings.ToLower(e.Name); {
		case name == "data":
			l.Data = e.Value
		case name == "audio":
			l.Audio = e.Value
		case name == "disable":
			off, err := truth(e.Value)
			if err != nil {
				r.warn(e.Pos, "bad-value", fmt.Sprintf("%s: %s=%s: %v", s.File, e.Name, clip(e.Value), err), "it is taken as no", "write yes or no", e.Value)
			}
			use = use && !off
		case name == "exten":
			o.SubscriberNumber = e.Value
		case name == "dtmf":
			off, err := truth(e.Value)
			o.DigitsFromLine = err != nil || off // inband, relax and on are all "yes"
		case name == "callwaiting":
			r.set(o, e, s.File)
		case name == "baud" && !isBaud(e.Value):
			r.warn(e.Pos, "bad-value", s.File+": baud="+clip(e.Value)+" is no speed", "the speed is found out", "write a number such as 115200, or leave it out", e.Value)
		case slices.Contains(deviceKeys, name):
			o.Device = append(slices.Clip(o.Device), name+"="+e.Value)
			slices.Sort(o.Device)
		case name == "quec_uac" || name == "alsadev":
			r.warn(e.Pos, "usb-audio", s.File+": "+e.Name+": speech by USB sound card is not supported", "the setting is ignored", "remove it and write audio=/dev/ttyUSB1", e.Name)
		case slices.Contains(quectel, name):
			r.say(astconf.Note, e.Pos, "ignored-option", s.File+": "+e.Name+" has no effect here", "", "", e.Name)
		default:
			r.set(o, e, s.File)
		}
	}
	return use
}
