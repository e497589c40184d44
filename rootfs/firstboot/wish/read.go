package wish

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"branchline/rootfs/button"
)

// MaxFile is how many bytes of branchline.txt are read.
const MaxFile = 64 << 10

const maxPhones = 99

// Read reads branchline.txt. Every line that is wrong is complained of and leaves
// what was there before it, so that there is always a wish.
func Read(data []byte, s Surroundings) (Wish, []Complaint) {
	r := reader{Surroundings: s, wish: Default(), seen: map[string]int{}}
	if len(data) > MaxFile {
		r.complain("only the first %d KiB are read", MaxFile>>10)
		data = data[:MaxFile]
	}
	for i, line := range strings.Split(plain(data), "\n") {
		r.line = i + 1
		r.take(line)
	}
	r.line = 0
	r.agree()
	return r.wish, r.complaints
}

type reader struct {
	Surroundings
	wish       Wish
	line       int
	seen       map[string]int // key to its line
	netmask    int            // bits, 0: none given
	bare       bool           // the address was given without its length
	complaints []Complaint
}

func (r *reader) complain(format string, args ...any) {
	const most = 50
	if len(r.complaints) < most {
		r.complaints = append(r.complaints, Complaint{r.line, fmt.Sprintf(format, args...)})
	}
}

func (r *reader) take(line string) {
	key, value, ok := split(line)
	if !ok {
		r.complain("this is not of the form \"key = value\"")
		return
	}
	if key == "" || value == "" {
		return
	}
	for _, c := range value {
		// Nothing that could end the line, or begin something else, in a configuration.
		if unicode.IsControl(c) || c == ';' || c == utf8.RuneError {
			r.complain("%s: the character %q cannot be used", key, c)
			return
		}
	}
	extension := 0
	if rest, found := strings.CutPrefix(key, "phone"); found && rest != "s" {
		if n, err := strconv.Atoi(rest); err == nil {
			key, extension = "phone", n
		}
	}
	set, known := r.keys()[key]
	if key == "phone" {
		known = extension > 0
		set = func(v string) { r.name(extension, v) }
	}
	if !known {
		r.complain("%q is no key; there are: %s", key, strings.Join(Keys(), ", "))
		return
	}
	if first := r.seen[key]; first != 0 && key != "phone" {
		r.complain("%s is set in line %d already; this one holds", key, first)
	}
	r.seen[key] = r.line
	set(value)
}

// Keys are the keys of branchline.txt, sorted.
func Keys() []string {
	r := &reader{}
	return append(slices.Sorted(maps.Keys(r.keys())), "phone 1001 (a name)")
}

func (r *reader) keys() map[string]func(value string) {
	w := &r.wish
	text := func(to *string, allowed string) func(string) {
		return func(v string) {
			if i := strings.IndexFunc(v, func(c rune) bool {
				return !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.ContainsRune(allowed, c))
			}); i >= 0 {
				c, _ := utf8.DecodeRuneInString(v[i:])
				r.complain("the character %q cannot be used here", c)
				return
			}
			*to = v
		}
	}
	return map[string]func(string){
		"address": r.address, "netmask": r.mask, "gateway": r.gateway, "dns": r.dns, "ntp": r.ntp,
		"timezone": r.zone, "country": r.country, "language": r.language,
		"phones": r.count(&w.Phones, 1, maxPhones), "firstextension": r.count(&w.First, 10, 999999),
		"emergency": r.emergency, "outsideprefix": r.prefix,
		"trunkhost": text(&w.Trunk.Host, ".-:[]"), "trunkuser": text(&w.Trunk.User, "+-_.@"), "trunkpassword": func(v string) { w.Trunk.Password = v },
		"trunknumber": text(&w.Trunk.Number, "+"),
		"line":        r.kind, "linedevice": text(&w.Line.Device, "/-_.:+,"), "lineaudio": text(&w.Line.Audio, "/-_.:+,"), "linechannels": r.channels,
		"button": r.button,
	}
}

func (r *reader) count(to *int, least, most int) func(string) {
	return func(v string) {
		n, err := strconv.Atoi(v)
		if err != nil || n < least || n > most {
			r.complain("%q is no number from %d to %d", v, least, most)
			return
		}
		*to = n
	}
}

func (r *reader) address(v string) {
	switch strings.ToLower(v) {
	case "dhcp", "auto", "automatic":
		r.wish.Address = netip.Prefix{}
		return
	}
	p, err := netip.ParsePrefix(v)
	if a, e := netip.ParseAddr(v); e == nil {
		bits := 24
		if !a.Is4() {
			bits = 64
		}
		p, err, r.bare = netip.PrefixFrom(a, bits), nil, true
	}
	if err != nil || !p.IsValid() || p.Addr().IsUnspecified() || p.Addr().IsMulticast() || p.Addr().IsLoopback() || p.Addr().Zone() != "" {
		r.complain("%q is neither dhcp nor an address such as 192.168.1.9/24", v)
		return
	}
	r.wish.Address = p
}

func (r *reader) mask(v string) {
	if n, err := strconv.Atoi(strings.TrimPrefix(v, "/")); err == nil && n > 0 && n <= 32 {
		r.netmask = n
		return
	}
	a, err := netip.ParseAddr(v)
	if err == nil && a.Is4() {
		b := a.As4()
		m := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		for n := 1; n <= 32; n++ {
			if m == ^uint32(0)<<(32-n) {
				r.netmask = n
				return
			}
		}
	}
	r.complain("%q is no netmask such as 255.255.255.0", v)
}

func (r *reader) gateway(v string) {
	a, err := netip.ParseAddr(v)
	if err != nil || a.IsUnspecified() || a.Zone() != "" {
		r.complain("%q is no address", v)
		return
	}
	r.wish.Gateway = a
}

// words are the parts of a list.
func words(v string) []string {
	return strings.FieldsFunc(v, func(c rune) bool { return c == ',' || unicode.IsSpace(c) })
}

func (r *reader) dns(v string) {
	r.wish.DNS = nil
	for _, s := range words(v) {
		a, err := netip.ParseAddr(s)
		if err != nil {
			r.complain("%q is no address", s)
			continue
		}
		r.wish.DNS = append(r.wish.DNS, a)
	}
}

func (r *reader) ntp(v string) {
	r.wish.NTP = nil
	for _, s := range words(v) {
		if strings.IndexFunc(s, func(c rune) bool {
			return !(unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune(".-:", c))
		}) >= 0 {
			r.complain("%q is no host", s)
			continue
		}
		r.wish.NTP = append(r.wish.NTP, s)
	}
}

func (r *reader) zone(v string) {
	ok := strings.IndexFunc(v, func(c rune) bool {
		return !(c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c)) || strings.ContainsRune("/_+-", c))
	}) < 0 && !strings.HasPrefix(v, "/")
	if !ok || r.HasZone != nil && !r.HasZone(v) {
		r.complain("there is no time zone %q; a zone is called Asia/Taipei or Europe/Berlin", v)
		return
	}
	r.wish.TimeZone = v
}

func (r *reader) country(v string) {
	v = strings.ToLower(v)
	if v == "gb" {
		v = "uk"
	}
	if _, ok := countries[v]; !ok {
		r.complain("the tones of %q are not known; there are: %s", v, strings.Join(slices.Sorted(maps.Keys(countries)), " "))
		return
	}
	r.wish.Country = v
}

func (r *reader) language(v string) {
	base, region, ok := strings.Cut(strings.ReplaceAll(v, "-", "_"), "_")
	v = strings.ToLower(base)
	if ok {
		v += "_" + strings.ToUpper(region)
	}
	if v == "zh" {
		v = "zh_TW"
	}
	known := v == "en" || v == "zh_TW"
	if r.HasLanguage != nil {
		known = r.HasLanguage(v)
	}
	if !known {
		r.complain("there are no prompts in %q; there are: en, zh_TW", v)
		return
	}
	r.wish.Language = v
}

func (r *reader) emergency(v string) {
	r.wish.Emergency = nil
	for _, s := range words(v) {
		if len(s) < 2 || len(s) > 8 || strings.Trim(s, "0123456789") != "" {
			r.complain("%q is no emergency number", s)
			continue
		}
		r.wish.Emergency = append(r.wish.Emergency, s)
	}
}

func (r *reader) prefix(v string) {
	if strings.EqualFold(v, "none") {
		v = ""
	}
	if len(v) > 3 || strings.Trim(v, "0123456789*") != "" {
		r.complain("%q is neither none nor a digit or two to dial before an outside number", v)
		return
	}
	r.wish.Prefix = v
}

func (r *reader) kind(v string) {
	switch v = strings.ToLower(v); v {
	case "none", "no":
		r.wish.Line.Kind = ""
	case "dahdi", "modem", "mobile":
		r.wish.Line.Kind = v
	default:
		r.complain("%q is no kind of line; there are: none, dahdi, modem, mobile", v)
	}
}

func (r *reader) button(v string) {
	if strings.EqualFold(v, NoButton) {
		r.wish.Button = NoButton
		return
	}
	p, err := button.Parse(strings.ReplaceAll(v, " ", ""))
	if err != nil {
		r.complain("%v", err)
		return
	}
	r.wish.Button = p.String()
}

func (r *reader) channels(v string) {
	for _, part := range words(v) {
		from, to, ranged := strings.Cut(part, "-")
		a, err := strconv.Atoi(from)
		b, e := a, error(nil)
		if ranged {
			b, e = strconv.Atoi(to)
		}
		if err != nil || e != nil || a < 1 || b < a || b > 32 {
			r.complain("%q are no channels of a card, such as 1 or 1-4", v)
			return
		}
	}
	r.wish.Line.Channels = strings.Join(words(v), ",")
}

func (r *reader) name(extension int, v string) {
	if strings.ContainsAny(v, "\"<>\\$") || utf8.RuneCountInString(v) > 40 {
		r.complain("a name has at most 40 characters and none of \" < > \\ $")
		return
	}
	if r.wish.Names == nil {
		r.wish.Names = map[int]string{}
	}
	r.wish.Names[extension] = v
	r.seen["phone"+strconv.Itoa(extension)] = r.line
}
