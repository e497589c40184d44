// Package firstboot makes a configuration of what a person has put on the boot
// partition: branchline.txt, or a folder named asterisk with files of their own, or
// nothing at all. It also makes the sheet with the phones' passwords that goes back
// there, and obeys the files factory-reset and safe-mode.
//
// Nothing on the boot partition can stop a start: what cannot be understood is left
// out and told in branchline-errors.txt, by line.
package firstboot

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"branchline/rootfs/button"
)

// A Wish is what branchline.txt asks for. What it does not speak of is as in
// Default.
type Wish struct {
	Address netip.Prefix // invalid: by DHCP
	Gateway netip.Addr
	DNS     []netip.Addr
	NTP     []string

	TimeZone string // as in zoneinfo, "" for UTC
	Country  string // of the tones, "" for the built-in choice
	Language string // of the prompts

	Phones    int
	First     int            // extension of the first phone
	Names     map[int]string // of phones, by extension
	Emergency []string
	Prefix    string // before outside numbers, "" for none

	Trunk Trunk
	Line  Line

	Button string // GPIO line with a push button, "none" for none, "" to leave what there is
}

// A Trunk is an account with a telephone company; Host is "" without one.
type Trunk struct {
	Host, User, Password string
	Number               string // shown to those we call, "" for the company's choice
}

// A Line is a line of the old kind.
type Line struct {
	Kind     string // "", dahdi, modem, mobile
	Device   string // what takes the commands: a serial port
	Audio    string // of a mobile module: what carries speech
	Channels string // of a card: "1", "1-4"
}

// Default is what holds without a branchline.txt: three phones, no way out.
func Default() Wish {
	return Wish{Language: "en", Phones: 3, First: 1001, Prefix: "9"}
}

// A Complaint is a line of branchline.txt that is not as it should be.
type Complaint struct {
	Line int // from 1; 0 is the whole file
	Text string
}

func (c Complaint) String() string {
	if c.Line == 0 {
		return WishFile + ": " + c.Text
	}
	return fmt.Sprintf("%s line %d: %s", WishFile, c.Line, c.Text)
}

// Surroundings is what a wish is held against.
type Surroundings struct {
	HasZone     func(name string) bool // whether zoneinfo knows a zone; nil: any
	HasLanguage func(name string) bool // whether there are prompts; nil: any
}

// Bounds of a wish.
const (
	maxWish   = 64 << 10 // bytes of branchline.txt
	maxPhones = 99
)

// Read reads branchline.txt. Every line that is wrong is complained of and leaves
// what was there before it, so that there is always a wish.
func Read(data []byte, s Surroundings) (Wish, []Complaint) {
	r := reader{Surroundings: s, wish: Default(), seen: map[string]int{}}
	if len(data) > maxWish {
		r.complain("only the first %d KiB are read", maxWish>>10)
		data = data[:maxWish]
	}
	for i, line := range strings.Split(plain(data), "\n") {
		r.line = i + 1
		r.take(line)
	}
	r.line = 0
	r.agree()
	return r.wish, r.complaints
}

// plain is the text of a file as editors of this world leave it: with a byte order
// mark, in UTF-16, with any kind of line ends.
func plain(data []byte) string {
	text := string(data)
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		low, high := 0, 1
		if data[0] == 0xfe {
			low, high = 1, 0
		}
		var units []uint16
		for i := 2; i+1 < len(data); i += 2 {
			units = append(units, uint16(data[i+low])|uint16(data[i+high])<<8)
		}
		text = string(utf16.Decode(units))
	case bytes.HasPrefix(data, []byte("\ufeff")):
		text = text[3:]
	}
	text = strings.ToValidUTF8(text, "?")
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
}

// split is a line's key, without what people put between words, and its value.
// Both are "" in a line that says nothing.
func split(line string) (key, value string, ok bool) {
	line = strings.TrimSpace(line)
	if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") || strings.HasPrefix(line, "//") {
		return "", "", true
	}
	at := strings.IndexAny(line, "=:")
	if at < 0 {
		return "", "", false
	}
	key = strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return unicode.ToLower(c)
		}
		return -1
	}, line[:at])
	value = strings.TrimSpace(line[at+1:])
	if len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		value = value[1 : len(value)-1]
	}
	return key, value, key != ""
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

// agree makes of what each line says for itself something that holds together.
func (r *reader) agree() {
	w := &r.wish
	at := func(key string) { r.line = r.seen[key] }
	if w.Address.IsValid() {
		at("address")
		if r.netmask != 0 && w.Address.Addr().Is4() {
			w.Address = netip.PrefixFrom(w.Address.Addr(), r.netmask)
		} else if r.bare {
			r.complain("the address has no length; taken as %v", w.Address)
		}
	}
	at("gateway")
	if w.Gateway.IsValid() && !w.Address.IsValid() {
		r.complain("a gateway belongs to a fixed address; with DHCP the network names it")
		w.Gateway = netip.Addr{}
	} else if w.Gateway.IsValid() && !w.Address.Contains(w.Gateway) {
		r.complain("the gateway %v is not in the network %v", w.Gateway, w.Address.Masked())
		w.Gateway = netip.Addr{}
	}
	at("phones")
	if last := w.First + w.Phones - 1; len(strconv.Itoa(last)) != len(strconv.Itoa(w.First)) {
		w.Phones = pow10(len(strconv.Itoa(w.First))) - w.First
		r.complain("extensions must all have the same length: there are %d phones from %d", w.Phones, w.First)
	}
	for _, extension := range slices.Sorted(maps.Keys(w.Names)) {
		if extension < w.First || extension >= w.First+w.Phones {
			at("phone" + strconv.Itoa(extension))
			r.complain("there is no phone %d; there are %d to %d", extension, w.First, w.First+w.Phones-1)
			delete(w.Names, extension)
		}
	}
	r.out()
}

// out is agree for what leads out of the house.
func (r *reader) out() {
	w := &r.wish
	at := func(key string) { r.line = r.seen[key] }
	if t := w.Trunk; t != (Trunk{}) && (t.Host == "" || t.User == "" || t.Password == "") {
		r.line = max(r.seen["trunkhost"], r.seen["trunkuser"], r.seen["trunkpassword"], r.seen["trunknumber"])
		r.complain("a trunk needs trunk host, trunk user and trunk password; there is no trunk")
		w.Trunk = Trunk{}
	}
	switch w.Line.Kind {
	case "dahdi":
		w.Line.Channels = cmp.Or(w.Line.Channels, "1")
	case "modem":
		w.Line.Device = cmp.Or(w.Line.Device, "/dev/ttyACM0")
	case "mobile":
		w.Line.Device, w.Line.Audio = cmp.Or(w.Line.Device, "/dev/ttyUSB2"), cmp.Or(w.Line.Audio, "/dev/ttyUSB1")
	default:
		w.Line = Line{}
	}
	at("firstextension")
	if first := strconv.Itoa(w.First); w.Prefix != "" && strings.HasPrefix(first, w.Prefix) {
		for _, p := range []string{"0", "9", "8"} {
			if p != first[:1] {
				r.complain("extensions begin with %s, as outside numbers do: dial %s before those now", w.Prefix, p)
				w.Prefix = p
				break
			}
		}
	}
	at("emergency")
	if w.Emergency == nil {
		w.Emergency = countries[w.Country]
	}
	w.Emergency = slices.DeleteFunc(slices.Clone(w.Emergency), func(n string) bool {
		x, err := strconv.Atoi(n)
		clash := err == nil && strconv.Itoa(x) == n && x >= w.First && x < w.First+w.Phones
		if clash {
			r.complain("the emergency number %s is the extension of a phone: choose another first extension", n)
		}
		return clash
	})
}

func pow10(n int) int {
	p := 1
	for range n {
		p *= 10
	}
	return p
}

// Secret reports whether a key's value must not stay on a card that lies around.
func secret(key string) bool {
	return strings.Contains(key, "password") || strings.Contains(key, "secret")
}

// Strip is branchline.txt without its secrets, as it is put back.
func Strip(data []byte) []byte {
	if len(data) > maxWish {
		data = data[:maxWish]
	}
	lines := strings.Split(plain(data), "\n")
	for i, line := range lines {
		if key, value, ok := split(line); ok && secret(key) && value != "" {
			lines[i] = line[:strings.IndexAny(line, "=:")+1] + " (taken)"
		}
	}
	return []byte(strings.Join(lines, "\r\n"))
}

// countries are those whose tones are known, with the numbers one calls for help
// there; "" is for who names none.
var countries = map[string][]string{
	"":   {"112", "911"},
	"at": {"112", "133", "122", "144"}, "au": {"000", "112"}, "be": {"112", "100", "101"}, "bg": {"112"}, "br": {"190", "192", "193"},
	"ch": {"112", "117", "118", "144"}, "cl": {"131", "132", "133"}, "cn": {"110", "119", "120"}, "cz": {"112", "150", "155", "158"}, "de": {"110", "112"},
	"dk": {"112"}, "ee": {"112"}, "es": {"112"}, "fi": {"112"}, "fr": {"112", "15", "17", "18"}, "gr": {"112", "100", "166", "199"},
	"hu": {"112", "104", "105", "107"}, "id": {"112", "110", "113", "118"}, "il": {"100", "101", "102", "112"}, "in": {"112", "100", "101", "102"}, "it": {"112", "113", "115", "118"},
	"jp": {"110", "118", "119"}, "lt": {"112"}, "mx": {"911"}, "my": {"999", "112"}, "nl": {"112"}, "no": {"110", "112", "113"}, "nz": {"111"},
	"ph": {"911"}, "pl": {"112", "997", "998", "999"}, "pt": {"112"}, "ru": {"112", "101", "102", "103"}, "se": {"112"}, "sg": {"999", "995"},
	"th": {"191", "1669", "199"}, "tw": {"110", "119", "112"}, "uk": {"999", "112"}, "us": {"911"}, "ve": {"911"}, "za": {"10111", "10177", "112"},
}
