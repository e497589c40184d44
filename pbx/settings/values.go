package settings

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/settings/option"
)

var dtmfWords = [...]string{"rfc4733", "inband", "info", "auto", "auto_info", "none"}

// String is the word dtmf_mode has for m.
func (m DTMFMode) String() string {
	if int(m) < len(dtmfWords) {
		return dtmfWords[m]
	}
	return "unknown"
}

// TakeDTMF reads how digits are sent.
func TakeDTMF(e *Endpoint, s string) error {
	i := slices.IndexFunc(dtmfWords[:], func(w string) bool { return strings.EqualFold(w, s) })
	if strings.EqualFold(s, "rfc2833") { // its number before RFC 4733
		i = int(DTMFRFC4733)
	}
	if i < 0 {
		return fmt.Errorf("not a known word, want one of %s", strings.Join(dtmfWords[:], ", "))
	}
	e.DTMF = DTMFMode(i)
	return nil
}

// TakePrivacy reads how a caller ID is presented.
func TakePrivacy(e *Endpoint, s string) error {
	p, ok := channel.ParsePresentation(strings.ToLower(s))
	switch strings.ToLower(s) { // the long words that presentations also have
	case "prohib_not_screened", "prohib_passed_screen", "prohib_failed_screen", "prohib", "allowed", "unavailable":
		ok = true
	}
	if !ok {
		return errors.New("not a known word, want allowed_not_screened, allowed_passed_screen, allowed_failed_screen, " +
			"allowed, prohib_not_screened, prohib_passed_screen, prohib_failed_screen, prohib or unavailable")
	}
	e.CallerIDPrivacy = p
	return nil
}

// TakeVariable adds a variable of the endpoint's channels, NAME=value.
func TakeVariable(e *Endpoint, s string) error {
	name, value, ok := strings.Cut(s, "=")
	if name = strings.TrimSpace(name); !ok || name == "" {
		return errors.New("want NAME=value")
	}
	e.SetVars = append(e.SetVars, channel.Header{Name: name, Value: value})
	return nil
}

// ParseParty reads a caller ID as written in a file: `"Name" <number>`, `Name
// <number>`, `<number>`, a bare number, or a bare name.
func ParseParty(s string, p channel.Presentation) channel.Party {
	out := channel.Party{Presentation: p}
	name, number, found := strings.Cut(s, "<")
	if found {
		out.Number, _, _ = strings.Cut(number, ">")
		out.Number = strings.TrimSpace(out.Number)
	} else if isNumber(strings.TrimSpace(s)) {
		name, out.Number = "", strings.TrimSpace(s)
	}
	out.Name = strings.Trim(strings.TrimSpace(name), `"`)
	return out
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789+*#") == ""
}

// Codecs that Asterisk knows by name and we do not carry. To name one is not
// a mistake in the file.
var foreignCodecs = strings.Fields("amr amrwb codec2 g723 g726aal2 adpcm slin slin12 slin16 slin24 slin32 slin44 slin48 slin96 slin192 " +
	"lpc10 speex16 speex32 siren7 siren14 g719 jpeg png h265 mpeg vp9 red t140 t140red t38 silk silk8 silk12 silk16 silk24 testlaw evs lc3")

// TakeCodecs applies one allow or disallow line to the list so far. A name
// with ! in front does the opposite for itself; `name:ms` sets its packet time.
func (e *Endpoint) TakeCodecs(s string, allow bool) error {
	names := option.CommaList(s)
	if len(names) == 0 {
		return errors.New("names no codec")
	}
	var foreign []string
	for _, name := range names {
		name, negated := strings.CutPrefix(name, "!")
		name, ms, timed := strings.Cut(strings.TrimSpace(name), ":")
		add := allow != negated
		if strings.EqualFold(name, "all") {
			// A new slice: e is a copy of the table's prototype.
			e.Codecs, e.PacketTimes = nil, nil
			if add {
				e.Codecs = slices.Clone(media.Codecs)
			}
			continue
		}
		c := media.CodecNamed(name)
		if c == nil {
			if !slices.ContainsFunc(foreignCodecs, func(f string) bool { return strings.EqualFold(f, name) }) {
				return fmt.Errorf("there is no codec %q", name)
			}
			if add {
				foreign = append(foreign, name)
			}
			continue
		}
		at := slices.Index(e.Codecs, c)
		switch {
		case !add && at >= 0:
			e.Codecs = slices.Delete(slices.Clone(e.Codecs), at, at+1)
			delete(e.PacketTimes, c)
		case add && at < 0:
			e.Codecs = append(slices.Clip(e.Codecs), c)
		}
		if add && timed {
			n, err := strconv.Atoi(ms)
			if err != nil || n < 10 || n > 300 {
				return fmt.Errorf("packet time %q, want milliseconds from 10 to 300", ms)
			}
			if e.PacketTimes == nil {
				e.PacketTimes = map[*media.Codec]time.Duration{}
			}
			e.PacketTimes[c] = time.Duration(n) * time.Millisecond
		}
	}
	if foreign != nil {
		return option.Doubt("this exchange does not carry " + strings.Join(foreign, ", ") + "; left out")
	}
	return nil
}

// CodecWords lists codecs as the console and allow= have them: (ulaw|alaw).
func CodecWords(list []*media.Codec) string {
	if len(list) == 0 {
		return "(nothing)"
	}
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = c.Name
	}
	return "(" + strings.Join(names, "|") + ")"
}

// Limit is the number of calls device_state_busy_at lets an endpoint have, as
// `pjsip show endpoints` prints it.
func (e *Endpoint) Limit() string {
	if e.DeviceStateBusyAt <= 0 || e.DeviceStateBusyAt == math.MaxInt32 {
		return "inf"
	}
	return strconv.Itoa(e.DeviceStateBusyAt)
}

// TakeHA1 keeps a precomputed digest of user:realm:password. Its length is
// that of the algorithm's output: 32 hexadecimal digits for MD5, else 64.
func TakeHA1(a *Auth, algorithm, sum string) error {
	want := map[string]int{"MD5": 32, "SHA-256": 64, "SHA-512-256": 64}[algorithm]
	if want == 0 {
		return fmt.Errorf("unknown algorithm %q, want MD5, SHA-256 or SHA-512-256", algorithm)
	}
	if len(sum) != want || strings.Trim(strings.ToLower(sum), "0123456789abcdef") != "" {
		return fmt.Errorf("a digest for %s has %d hexadecimal digits", algorithm, want)
	}
	if a.Digests == nil {
		a.Digests = map[string]string{}
	}
	a.Digests[algorithm] = strings.ToLower(sum)
	if algorithm == "MD5" {
		a.MD5Cred = a.Digests[algorithm]
	}
	return nil
}

// A Lack is an object that is right and that this product cannot serve yet: it
// is left out with a warning, where a wrong one would refuse the whole file.
type Lack string

func (l Lack) Error() string { return string(l) }
