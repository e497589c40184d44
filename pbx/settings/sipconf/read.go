// Package sipconf reads sip.conf, the older front end of the same engine: its
// [general] section, devices and register lines become endpoints, addresses of
// record, credentials and registrations like those of pjsip.conf (package settings),
// and Join puts them beside those.
//
// Reading order: Read here; general.go and device.go for the options; build.go for
// what is made of them; register.go for accounts elsewhere.
package sipconf

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
	"branchline/pbx/settings/option"
	"branchline/pbx/settings/spelling"
)

// legacyPrefix begins the names that objects of sip.conf have among the others.
const legacyPrefix = "SIP/"

// A conf is what sip.conf says, with what only its reading needs.
type conf struct {
	settings.SIP
	Device  device // of [general], for all devices
	Devices map[string]*device
	List    []*device

	guestsWritten bool // allowguest= stands in the file
	registrations []*registration
	realms        []*settings.Auth       // [authentication]
	pos           map[string]astconf.Pos // of the last entry of each option of [general]
}

// A device is a device being read.
type device struct {
	settings.Device
	auths []*settings.Auth // auth= lines
	e     settings.Endpoint
}

// A registration is one being read.
type registration struct {
	*settings.Registration
	account account
}

// A File is sip.conf as it was read.
type File struct{ conf *conf }

// Read reads sip.conf. The result is nil if the file is nil or says nothing:
// an empty sip.conf enables nothing, unlike in Asterisk, where it opens port
// 5060 to everybody. A device with an Error is left out.
//
// The file is read with more patience than pjsip.conf, as its programs always
// did: what is unknown or out of range is a Warning, and the default is used.
// Only what could let somebody in, or keep everybody out, is an Error.
func Read(f *astconf.File) (*File, []astconf.Diag) {
	c, diags := read(f)
	if c == nil {
		return nil, diags
	}
	return &File{c}, diags
}

// Join puts what sip.conf says beside what pjsip.conf says: both are front ends
// of one engine. Where both claim a socket, they share pjsip.conf's; callers
// are then looked for in pjsip.conf first. It belongs to loading: call it once,
// before the snapshot is used. A nil file changes nothing.
func (f *File) Join(s *settings.Snapshot) []astconf.Diag {
	if f == nil {
		return nil
	}
	return f.conf.join(s)
}

func read(f *astconf.File) (*conf, []astconf.Diag) {
	if f == nil {
		return nil, nil
	}
	r := &reader{
		general: option.NewTable("general", generalOptions()), device: option.NewTable("device", deviceOptions()),
		file: &conf{SIP: settings.SIP{Auths: map[string]*settings.Auth{}}, Devices: map[string]*device{}, pos: map[string]astconf.Pos{}},
	}
	if !f.Valid {
		r.add(astconf.Pos{File: f.Name}, astconf.Error, "invalid-file", "the file cannot be used as it is")
	}
	if len(f.Sections) == 0 {
		return nil, r.diags
	}
	r.readGeneral(f)
	for _, sec := range f.Sections {
		switch {
		case strings.EqualFold(sec.Name, "general"):
		case strings.EqualFold(sec.Name, "authentication"):
			r.readRealms(sec)
		default:
			r.readDevice(sec)
		}
	}
	r.complete()
	return r.file, r.diags
}

type reader struct {
	file    *conf
	general *option.Table[conf]
	device  *option.Table[device]
	diags   []astconf.Diag
}

func (r *reader) add(pos astconf.Pos, sev astconf.Severity, rule, format string, args ...any) *astconf.Diag {
	r.diags = append(r.diags, astconf.Diag{Pos: pos, Severity: sev, Rule: rule, Message: fmt.Sprintf(format, args...)})
	return &r.diags[len(r.diags)-1]
}

// a fault is a value that must not be guessed at: an Error where others are
// Warnings.
type fault string

func (f fault) Error() string { return string(f) }

// a dated value is an old way of saying something.
type dated string

func (d dated) Error() string { return string(d) }

// apply writes one entry into obj through its row. It reports false if obj must
// not be used.
func apply[T any](r *reader, t *option.Table[T], row *option.Row[T], obj *T, section string, e astconf.Entry) bool {
	words := map[string]string{}
	err := t.Apply(row, obj, e.Value, words)
	var bad fault
	shown := option.Mask(row.Secret, e.Value)
	switch {
	case err == nil:
	case errors.As(err, &bad):
		r.add(e.Pos, astconf.Error, "bad-value", "[%s]: %s=%s: %v; the section is not loaded", section, row.Name, shown, err)
		return false
	case errors.As(err, new(dated)):
		r.add(e.Pos, astconf.Note, "deprecated-option", "[%s]: %s=%s: %v", section, row.Name, shown, err)
	case errors.As(err, new(option.Doubt)):
		r.add(e.Pos, astconf.Warning, "doubtful-value", "[%s]: %s=%s: %v", section, row.Name, shown, err)
	default:
		r.add(e.Pos, astconf.Warning, "bad-value", "[%s]: %s=%s: %v; the line is not used", section, row.Name, shown, err)
		return true
	}
	if row.Standing != option.Honoured && words[row.Name] != t.DefaultOf(row) {
		e.Value = shown
		r.diags = append(r.diags, option.Unhonoured("sip.conf", section, row.Name, e, row.Standing))
	}
	return true
}

// former names were once used for options; they still work.
var former = map[string]string{
	"username": "defaultuser", "canreinvite": "directmedia", "externip": "externaddr", "maxexpirey": "maxexpiry",
	"defaultexpirey": "defaultexpiry", "bindaddr": "udpbindaddr",
}

// named finds the row an entry means, and notes former names.
func (r *reader) named(section string, e astconf.Entry) (name string) {
	name = strings.ToLower(e.Name)
	if now := former[name]; now != "" {
		d := r.add(e.Pos, astconf.Note, "deprecated-option", "[%s]: %s is the former name of %s", section, e.Name, now)
		d.Cure, d.Near = "write "+now+"=", e.Name
		if name != "bindaddr" { // which sets TCP's address too
			name = now
		}
	}
	return name
}

// readGeneral reads every [general] section before any device, wherever they
// stand: what they say holds for devices above them too.
func (r *reader) readGeneral(f *astconf.File) {
	s := r.file
	*s = r.general.Proto
	s.Devices, s.Auths, s.pos = map[string]*device{}, map[string]*settings.Auth{}, map[string]astconf.Pos{}
	s.Device = r.device.Proto
	// The fields of rows that build something have their defaults here.
	e := legacyEndpoint()
	e.TimersExpires, e.TimersMinSE = s.Device.e.TimersExpires, s.Device.e.TimersMinSE
	e.Context = s.Device.e.Context
	s.Device.e = e
	s.Device.NAT = settings.NAT{AutoRport: true}
	s.Device.Networks = []string{"udp"}
	s.Device.DirectMedia, s.Device.DigitsWord = "yes", "rfc2833"
	s.AllowGuest, s.SDPOwner = true, "root"
	s.UDP = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	s.TCP = s.UDP
	s.Object = settings.Object{ID: "general", Pos: astconf.Pos{File: f.Name}}
	first := true
	for _, sec := range f.Sections {
		if !strings.EqualFold(sec.Name, "general") {
			continue
		}
		if first {
			s.Object.Pos = sec.Pos
		}
		first = false
		for _, e := range sec.Entries {
			r.generalEntry(sec, e)
		}
	}
}

// Options of a device that mean nothing in [general].
var deviceOnly = strings.Fields("type host secret md5secret remotesecret defaultuser port defaultip fromuser mailbox callgroup pickupgroup " +
	"namedcallgroup namedpickupgroup insecure setvar call-limit busylevel regexten callbackextension description permit deny acl " +
	"accountcode auth fullname cid_number cid_tag hasvoicemail subscribemwi disallowed_methods header")

func (r *reader) generalEntry(sec *astconf.Section, e astconf.Entry) {
	name := r.named(sec.Name, e)
	s := r.file
	s.pos[name] = e.Pos
	switch row := r.general.Rows[name]; {
	case name == "register":
		r.register(e)
	case row != nil:
		apply(r, r.general, row, s, sec.Name, e)
	case r.device.Rows[name] != nil && slices.Contains(deviceOnly, name):
		r.add(e.Pos, astconf.Warning, "misplaced-option", "[%s]: %s= belongs into the section of a device; here it has no effect", sec.Name, e.Name)
	case r.device.Rows[name] != nil:
		apply(r, r.device, r.device.Rows[name], &s.Device, sec.Name, e)
	default:
		r.unknown(sec, e, slices.Concat(r.general.Names, r.device.Names))
	}
}

func (r *reader) unknown(sec *astconf.Section, e astconf.Entry, names []string) {
	d := r.add(e.Pos, astconf.Warning, "unknown-option", "[%s]: there is no option %q; the line has no effect", sec.Name, e.Name)
	d.Near = e.Name
	if near := spelling.Nearest(e.Name, names); near != "" {
		d.Cure = "did you mean " + near + "?"
	}
}

// readRealms reads [authentication]: credentials for other servers by realm.
func (r *reader) readRealms(sec *astconf.Section) {
	for _, e := range sec.Entries {
		if !strings.EqualFold(e.Name, "auth") {
			r.unknown(sec, e, []string{"auth"})
			continue
		}
		a, err := realmAuth(e.Value)
		if err != nil {
			r.add(e.Pos, astconf.Warning, "bad-value", "[%s]: auth: %v; the line is not used", sec.Name, err)
			continue
		}
		r.file.realms = append(r.file.realms, a)
	}
}

// realmAuth reads user:secret@realm or user#md5@realm. The last @ is the one
// before the realm.
func realmAuth(s string) (*settings.Auth, error) {
	at := strings.LastIndexByte(s, '@')
	if at < 0 {
		return nil, errors.New("want user:secret@realm or user#md5@realm")
	}
	a := &settings.Auth{Type: "userpass", Realm: s[at+1:], AlgorithmsUAC: []string{"MD5"}}
	i := strings.IndexAny(s[:at], ":#")
	if i <= 0 || a.Realm == "" {
		return nil, errors.New("want user:secret@realm or user#md5@realm")
	}
	a.Username = s[:i]
	if s[i] == '#' {
		a.Type = "md5"
		return a, settings.TakeHA1(a, "MD5", s[i+1:at])
	}
	a.Password = s[i+1 : at]
	return a, nil
}

// readDevice reads one device section. A second section of the same name adds
// to the first.
func (r *reader) readDevice(sec *astconf.Section) {
	key := strings.ToLower(sec.Name)
	old := r.file.Devices[key]
	typ, typed := sec.Last("type")
	if !typed && old == nil {
		d := r.add(sec.Pos, astconf.Warning, "missing-type", "section [%s] has no type=, so nothing in it is used", sec.Name)
		d.Cure = "add type=friend, type=peer or type=user"
		return
	}
	d := &device{}
	if old != nil {
		r.add(sec.Pos, astconf.Warning, "duplicate-object", "[%s] is already defined at %s; what stands here is added to it", sec.Name, old.Pos)
		*d = *old
	} else {
		*d = r.file.Device
		d.Object = settings.Object{ID: legacyPrefix + sec.Name, Pos: sec.Pos}
		d.Name = sec.Name
	}
	d.own()
	if typed {
		switch kind := strings.ToLower(typ.Value); kind {
		case "user", "peer", "friend":
			d.Kind = kind
		default:
			c := r.add(typ.Pos, astconf.Warning, "unknown-type", "[%s]: there is no type=%s, so nothing in the section is used", sec.Name, typ.Value)
			if near := spelling.Nearest(typ.Value, []string{"user", "peer", "friend"}); near != "" {
				c.Cure = "did you mean type=" + near + "?"
			}
			return
		}
	}
	if !r.deviceEntries(sec, d) || !r.checkDevice(sec, d) {
		return
	}
	if old == nil {
		r.file.List = append(r.file.List, d)
	} else {
		r.file.List[slices.Index(r.file.List, old)] = d
	}
	r.file.Devices[key] = d
}

// own gives d copies of everything it may append to.
func (d *device) own() {
	d.e.PacketTimes = maps.Clone(d.e.PacketTimes)
	d.e.SetVars = slices.Clip(d.e.SetVars)
	d.e.ACL = slices.Clip(d.e.ACL)
	d.e.ContactACL = slices.Clip(d.e.ContactACL)
	d.e.Mailboxes = slices.Clip(d.e.Mailboxes)
	d.auths = slices.Clip(d.auths)
}

func (r *reader) deviceEntries(sec *astconf.Section, d *device) (ok bool) {
	ok = true
	for _, e := range sec.Entries {
		name := r.named(sec.Name, e)
		switch row := r.device.Rows[name]; {
		case name == "type":
		case row != nil:
			ok = apply(r, r.device, row, d, sec.Name, e) && ok
		case r.general.Rows[name] != nil || name == "register":
			r.add(e.Pos, astconf.Warning, "misplaced-option", "[%s]: %s= belongs into [general]; here it has no effect", sec.Name, e.Name)
		default:
			r.unknown(sec, e, r.device.Names)
		}
	}
	return ok
}

// checkDevice finds what only the whole section shows.
func (r *reader) checkDevice(sec *astconf.Section, d *device) bool {
	if d.Callable() && !d.Dynamic && d.Host == "" && d.DefaultHost == "" {
		r.add(sec.Pos, astconf.Warning, "no-host", "[%s] has no host=: it can neither register nor be called", sec.Name).
			Cure = "add host=dynamic, or host=<its address>"
	}
	if d.Secret == "" && d.MD5Secret == "" && (d.Claims() || d.Dynamic) {
		what := "call as " + d.Name
		switch {
		case d.Dynamic && d.Claims():
			what = "register and call as " + d.Name
		case d.Dynamic:
			what = "register as " + d.Name
		}
		r.add(sec.Pos, astconf.Warning, "no-inbound-auth", "[%s] has no secret=: anyone who can reach this exchange can %s", sec.Name, what).
			Cure = "add secret=<a long password>"
	}
	if len(d.e.Codecs) == 0 {
		r.add(sec.Pos, astconf.Warning, "no-codecs", "[%s] allows no codec, so every call from and to it ends with 488", sec.Name).
			Cure = "add allow=ulaw,alaw"
	}
	return true
}
