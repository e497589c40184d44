package resolve

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// A service is the content of an SRV record (RFC 2782).
type service struct {
	priority, weight, port uint16
	host                   string // "" is the root: service not available
}

// A pointer is the content of a NAPTR record (RFC 3403).
type pointer struct {
	order, preference       uint16
	flags, services, regexp string
	replacement             string
	network                 string // by sortPointers
}

// sortServices brings SRV records into the order in which they are to be tried
// (RFC 2782): by priority; within one, drawn by weight.
func sortServices(records []record, random func(uint32) uint32) []service {
	var rest, out []service
	for _, r := range records {
		rest = append(rest, r.srv)
	}
	order := func(a, b service) int {
		return cmp.Or(cmp.Compare(a.priority, b.priority), cmp.Compare(a.weight, b.weight))
	}
	sort.SliceStable(rest, func(i, j int) bool { return order(rest[i], rest[j]) < 0 })
	for len(rest) > 0 {
		n := slices.IndexFunc(rest, func(s service) bool { return s.priority != rest[0].priority })
		if n < 0 {
			n = len(rest)
		}
		out = append(out, drawn(slices.Clone(rest[:n]), random)...)
		rest = rest[n:]
	}
	return out
}

// drawn orders records of one priority, those of weight 0 standing first: a
// number up to the sum of the weights picks the record where the running sum
// reaches it.
func drawn(rest []service, random func(uint32) uint32) []service {
	var out []service
	for len(rest) > 1 {
		var sum uint32
		for _, s := range rest {
			sum += uint32(s.weight)
		}
		pick := random(sum + 1)
		i := 0
		for run := uint32(rest[0].weight); run < pick; run += uint32(rest[i].weight) {
			i++
		}
		out = append(out, rest[i])
		rest = slices.Delete(rest, i, i+1)
	}
	return append(out, rest...)
}

// sortPointers chooses the NAPTR records that lead to a transport we have, in
// their order (RFC 3263 4.1). SIPS+D2T is passed over: there is no TLS.
func sortPointers(records []record, ways []Way) []pointer {
	var out []pointer
	for _, r := range records {
		p := r.naptr
		switch strings.ToUpper(p.services) {
		case "SIP+D2U":
			p.network = "udp"
		case "SIP+D2T":
			p.network = "tcp"
		}
		has := slices.ContainsFunc(ways, func(w Way) bool { return w.Network == p.network })
		if has && strings.EqualFold(p.flags, "s") && p.regexp == "" && p.replacement != "" {
			out = append(out, p)
		}
	}
	order := func(a, b pointer) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.preference, b.preference))
	}
	sort.SliceStable(out, func(i, j int) bool { return order(out[i], out[j]) < 0 })
	return out
}
