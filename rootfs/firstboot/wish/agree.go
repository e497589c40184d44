package wish

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

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
