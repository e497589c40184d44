package settings

import (
	"fmt"
	"strings"
	"time"

	"branchline/pbx/astconf"
	"branchline/pbx/settings/option"
	"branchline/pbx/settings/spelling"
)

// DefaultRTP is rtp.conf as Asterisk's packages ship it.
func DefaultRTP() RTP {
	return RTP{PortFirst: 10000, PortLast: 20000, Strict: true, Probation: 4, DTMFTimeout: 150 * time.Millisecond, RTCPInterval: 5 * time.Second}
}

func rtpOptions() []option.Row[RTP] {
	type R = RTP
	return []option.Row[R]{
		{Name: "rtpstart", Default: "10000", Kind: option.Count(1, 65535), At: func(r *R) any { return &r.PortFirst }},
		{Name: "rtpend", Default: "20000", Kind: option.Count(1, 65535), At: func(r *R) any { return &r.PortLast }},
		{Name: "strictrtp", Default: "yes", Kind: option.Choice("yes|true|1|on", "no|false|0|off", "seqno"), At: nil},
		{Name: "probation", Default: "4", Kind: option.Count(1, 100), At: func(r *R) any { return &r.Probation }},
		// Counted in samples of 8 kHz: 1200 are 150 ms.
		{Name: "dtmftimeout", Default: "1200", Kind: samples, At: func(r *R) any { return &r.DTMFTimeout }},
		{Name: "rtcpinterval", Default: "5000", Kind: option.Milliseconds(500, 60000), At: func(r *R) any { return &r.RTCPInterval }},
		{Name: "rtpchecksums", Default: "yes", Kind: option.YesNo, Standing: option.Ignored},
		{Name: "srtpreplayprotection", Default: "yes", Kind: option.YesNo, Standing: option.Later},
		{Name: "icesupport", Default: "yes", Kind: option.YesNo, Standing: option.Later},
		{Name: "stunaddr", Kind: option.Text, Standing: option.Later},
		{Name: "stun_acl", Kind: option.Text, Standing: option.Later},
		{Name: "stun_permit", Kind: option.Text, Standing: option.Later},
		{Name: "stun_deny", Kind: option.Text, Standing: option.Later},
		{Name: "stun_blacklist", Kind: option.Text, Standing: option.Later},
		{Name: "turnaddr", Kind: option.Text, Standing: option.Later},
		{Name: "turnusername", Kind: option.Text, Standing: option.Later},
		{Name: "turnpassword", Kind: option.Text, Secret: true, Standing: option.Later},
		{Name: "ice_acl", Kind: option.Text, Standing: option.Later},
		{Name: "ice_permit", Kind: option.Text, Standing: option.Later},
		{Name: "ice_deny", Kind: option.Text, Standing: option.Later},
		{Name: "ice_blacklist", Kind: option.Text, Standing: option.Later},
		{Name: "ice_host_candidates", Kind: option.Text, Standing: option.Later},
		{Name: "dtls_mtu", Default: "1200", Kind: option.AnyCount, Standing: option.Later},
	}
}

var samples = func() option.Kind {
	k := option.Count(0, 80000)
	k.Unit = time.Second / 8000
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
func general[T any](f *astconf.File, section, file string, options []option.Row[T], obj *T, told func(name, value string)) []astconf.Diag {
	if f == nil {
		return nil
	}
	var ds []astconf.Diag
	t := option.NewTable(file, options)
	for _, sec := range f.Sections {
		if !strings.EqualFold(sec.Name, section) {
			continue
		}
		for _, e := range sec.Entries {
			d := astconf.Diag{Pos: e.Pos, Severity: astconf.Warning}
			row := t.Rows[strings.ToLower(e.Name)]
			if row == nil {
				d.Rule, d.Message = "unknown-option", fmt.Sprintf("%s [%s]: option %s is ignored", file, section, e.Name)
				d.Near = e.Name
				if near := spelling.Nearest(e.Name, t.Names); near != "" {
					d.Cure = "did you mean " + near + "?"
					d.Fix = spelling.Respell(e, e.Name, near)
				}
				ds = append(ds, d)
				continue
			}
			v, words, err := row.Kind.Read(e.Value)
			if _, soft := err.(option.Doubt); err != nil && !soft {
				d.Severity, d.Rule = astconf.Error, "bad-value"
				d.Message = fmt.Sprintf("%s [%s]: %s=%s: %v, want %s", file, section, row.Name, option.Mask(row.Secret, e.Value), err, row.Kind.Want)
				ds = append(ds, d)
				continue
			}
			if err != nil {
				d.Rule, d.Message = "doubtful-value", fmt.Sprintf("%s [%s]: %s=%s: %v", file, section, row.Name, e.Value, err)
				ds = append(ds, d)
			}
			option.Store(row.At, obj, v, row.Kind.Unit)
			told(row.Name, words)
			if row.Standing != option.Honoured && words != t.DefaultOf(row) {
				ds = append(ds, option.Unhonoured(file, section, row.Name, e, row.Standing))
			}
		}
	}
	return ds
}
