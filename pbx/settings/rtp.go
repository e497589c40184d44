package settings

import (
	"fmt"
	"strings"
	"time"

	"branchline/pbx/astconf"
)

// DefaultRTP is rtp.conf as Asterisk's packages ship it.
func DefaultRTP() RTP {
	return RTP{PortFirst: 10000, PortLast: 20000, Strict: true, Probation: 4, DTMFTimeout: 150 * time.Millisecond, RTCPInterval: 5 * time.Second}
}

func rtpOptions() []option[RTP] {
	type R = RTP
	return []option[R]{
		{name: "rtpstart", def: "10000", kind: count(1, 65535), at: func(r *R) any { return &r.PortFirst }},
		{name: "rtpend", def: "20000", kind: count(1, 65535), at: func(r *R) any { return &r.PortLast }},
		{name: "strictrtp", def: "yes", kind: choice("yes|true|1|on", "no|false|0|off", "seqno"), at: nil},
		{name: "probation", def: "4", kind: count(1, 100), at: func(r *R) any { return &r.Probation }},
		// Counted in samples of 8 kHz: 1200 are 150 ms.
		{name: "dtmftimeout", def: "1200", kind: samples, at: func(r *R) any { return &r.DTMFTimeout }},
		{name: "rtcpinterval", def: "5000", kind: milliseconds(500, 60000), at: func(r *R) any { return &r.RTCPInterval }},
		{name: "rtpchecksums", def: "yes", kind: yesNo, standing: ignored},
		{name: "srtpreplayprotection", def: "yes", kind: yesNo, standing: later},
		{name: "icesupport", def: "yes", kind: yesNo, standing: later},
		{name: "stunaddr", kind: text, standing: later},
		{name: "stun_acl", kind: text, standing: later},
		{name: "stun_permit", kind: text, standing: later},
		{name: "stun_deny", kind: text, standing: later},
		{name: "stun_blacklist", kind: text, standing: later},
		{name: "turnaddr", kind: text, standing: later},
		{name: "turnusername", kind: text, standing: later},
		{name: "turnpassword", kind: text, secret: true, standing: later},
		{name: "ice_acl", kind: text, standing: later},
		{name: "ice_permit", kind: text, standing: later},
		{name: "ice_deny", kind: text, standing: later},
		{name: "ice_blacklist", kind: text, standing: later},
		{name: "ice_host_candidates", kind: text, standing: later},
		{name: "dtls_mtu", def: "1200", kind: anyCount, standing: later},
	}
}

var samples = func() kind {
	k := count(0, 80000)
	k.unit = time.Second / 8000
	return k
}()

// FromRTP reads rtp.conf. A nil file gives the defaults. An unknown option is
// a warning, not an Error: nothing else depends on it.
func FromRTP(f *astconf.File) (RTP, []astconf.Diag) {
	out := DefaultRTP()
	ds := general(f, "general", "rtp.conf", rtpOptions(), &out, func(name, value string) {
		if strings.EqualFold(name, "strictrtp") {
			out.Strict = value != "no"
		}
	})
	if out.PortFirst > out.PortLast {
		ds = append(ds, astconf.Diag{Pos: astconf.Pos{File: f.Name}, Severity: astconf.Error, Rule: "bad-value",
			Message: fmt.Sprintf("rtpstart %d is above rtpend %d, so no call would have a port", out.PortFirst, out.PortLast)})
		out.PortFirst, out.PortLast = DefaultRTP().PortFirst, DefaultRTP().PortLast
	}
	return out, ds
}

// general reads the settings of all sections of one name into obj, which
// already holds the defaults. told is called with every value read.
func general[T any](f *astconf.File, section, file string, options []option[T], obj *T, told func(name, value string)) []astconf.Diag {
	if f == nil {
		return nil
	}
	var ds []astconf.Diag
	t := newTable(file, options)
	for _, sec := range f.Sections {
		if !strings.EqualFold(sec.Name, section) {
			continue
		}
		for _, e := range sec.Entries {
			d := astconf.Diag{Pos: e.Pos, Severity: astconf.Warning}
			row := t.rows[strings.ToLower(e.Name)]
			if row == nil {
				d.Rule, d.Message = "unknown-option", fmt.Sprintf("%s [%s]: option %s is ignored", file, section, e.Name)
				d.Near = e.Name
				if near := nearest(e.Name, t.names); near != "" {
					d.Cure = "did you mean " + near + "?"
					d.Fix = respell(e, e.Name, near)
				}
				ds = append(ds, d)
				continue
			}
			v, words, err := row.kind.read(e.Value)
			if _, soft := err.(doubt); err != nil && !soft {
				d.Severity, d.Rule = astconf.Error, "bad-value"
				d.Message = fmt.Sprintf("%s [%s]: %s=%s: %v, want %s", file, section, row.name, mask(row.secret, e.Value), err, row.kind.want)
				ds = append(ds, d)
				continue
			}
			if err != nil {
				d.Rule, d.Message = "doubtful-value", fmt.Sprintf("%s [%s]: %s=%s: %v", file, section, row.name, e.Value, err)
				ds = append(ds, d)
			}
			store(row.at, obj, v, row.kind.unit)
			told(row.name, words)
			if row.standing != honoured && words != t.defaultOf(row) {
				ds = append(ds, unhonoured(file, section, row.name, e, row.standing))
			}
		}
	}
	return ds
}
