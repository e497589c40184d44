package tone

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fallback is the zone that has what others lack.
const fallback = "us"

// A Zone is the tones of one country's network.
type Zone struct {
	Name, Description string
	// Cadence is how its telephones ring: on, off, on, off ...; nil if not known.
	Cadence []time.Duration
	Lists   map[string]string // by name: "dial", "busy", "ring", "congestion" ...
}

// A Book is a set of zones. It never changes.
type Book struct {
	country string // the default zone
	zones   map[string]*Zone
}

// A Section is one section of a configuration file: [tw], and its lines.
type Section struct {
	Name    string
	Line    int
	Entries []Entry
}

// An Entry is one line of a section: key = value.
type Entry struct {
	Key, Value string
	Line       int
}

// A Fault is what is wrong in a configuration file. What it concerns is left out.
type Fault struct {
	Line int
	Text string
}

//go:embed zones.conf
var facts string

// builtin is the embedded book; a test sees that it has no fault.
var builtin = sync.OnceValue(func() *Book {
	b, _ := (*Book)(nil).With(Sections(facts))
	return b
})

// Builtin is the book of the zones that come with the program.
func Builtin() *Book { return builtin() }

// Sections reads the plain form of a configuration file: sections in brackets, key
// = value or key => value, comments after a semicolon.
func Sections(text string) []Section {
	var all []Section
	n := 0
	for l := range strings.Lines(text) {
		n++
		l, _, _ = strings.Cut(l, ";")
		l = strings.TrimSpace(l)
		if name, ok := strings.CutPrefix(l, "["); ok {
			name, _, _ = strings.Cut(name, "]")
			all = append(all, Section{Name: strings.TrimSpace(name), Line: n})
			continue
		}
		key, value, ok := strings.Cut(l, "=")
		if !ok || len(all) == 0 {
			continue
		}
		value = strings.TrimPrefix(value, ">")
		s := &all[len(all)-1]
		s.Entries = append(s.Entries, Entry{strings.TrimSpace(key), strings.TrimSpace(value), n})
	}
	return all
}

// With is b and the zones of an indications.conf, which replace those of the same
// name whole, as in Asterisk; b may be nil.
func (b *Book) With(sections []Section) (*Book, []Fault) {
	next := &Book{country: fallback, zones: map[string]*Zone{}}
	if b != nil {
		next.country = b.country
		maps.Copy(next.zones, b.zones)
	}
	var faults []Fault
	country := Entry{}
	for _, s := range sections {
		if strings.EqualFold(s.Name, "general") {
			for _, e := range s.Entries {
				if strings.EqualFold(e.Key, "country") {
					country = e
				}
			}
			continue
		}
		z, bad := readZone(s)
		faults = append(faults, bad...)
		next.zones[z.Name] = z
	}
	if c := strings.ToLower(country.Value); next.zones[c] != nil {
		next.country = c
	} else if country.Key != "" {
		faults = append(faults, Fault{country.Line, fmt.Sprintf("country %q: no such zone", country.Value)})
	}
	return next, faults
}

func readZone(s Section) (*Zone, []Fault) {
	z := &Zone{Name: strings.ToLower(s.Name), Lists: map[string]string{}}
	var faults []Fault
	for _, e := range s.Entries {
		key := strings.ToLower(e.Key)
		switch key {
		case "description":
			z.Description = e.Value
			continue
		case "ringcadence":
			c, err := cadence(e.Value)
			if err != nil {
				faults = append(faults, Fault{e.Line, err.Error()})
			}
			z.Cadence = c
			continue
		}
		if _, err := Parse(e.Value); err != nil {
			faults = append(faults, Fault{e.Line, key + ": " + err.Error()})
			continue
		}
		z.Lists[key] = e.Value
	}
	return z, faults
}

// cadence reads "400,200,400,2000".
func cadence(text string) ([]time.Duration, error) {
	var all []time.Duration
	for f := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(f))
		if err != nil || n <= 0 || n > 60000 {
			return nil, fmt.Errorf("ringcadence %q: %q is no number of milliseconds", text, f)
		}
		all = append(all, time.Duration(n)*time.Millisecond)
	}
	if len(all)%2 == 1 {
		return nil, fmt.Errorf("ringcadence %q: a time of silence is missing", text)
	}
	return all, nil
}

// Find is the list that zone ("us", "tw" ...) has under name ("busy" ...). No zone
// is the default one. A zone that is unknown, or has no such tone, gives that of
// the United States.
func (b *Book) Find(zone, name string) (list string, ok bool) {
	name = strings.ToLower(name)
	z := b.zone(zone)
	if z != nil {
		list, ok = z.Lists[name]
	}
	if z = b.zones[fallback]; !ok && z != nil {
		list, ok = z.Lists[name]
	}
	return list, ok
}

func (b *Book) zone(name string) *Zone {
	if name == "" {
		name = b.country
	}
	return b.zones[strings.ToLower(name)]
}

// Country is the name of the default zone.
func (b *Book) Country() string { return b.country }

// Zone is the zone of that name, a copy; "" is the default one. What it lacks is
// not filled in.
func (b *Book) Zone(name string) (Zone, bool) {
	z := b.zone(name)
	if z == nil {
		return Zone{}, false
	}
	c := *z
	c.Lists, c.Cadence = maps.Clone(z.Lists), slices.Clone(z.Cadence)
	return c, true
}

// Zones lists the names of all zones, sorted.
func (b *Book) Zones() []string { return slices.Sorted(maps.Keys(b.zones)) }

// Find is Find of the built-in book.
func Find(zone, name string) (list string, ok bool) { return Builtin().Find(zone, name) }

// Known reports whether zone is one of the built-in book.
func Known(zone string) bool { return zone != "" && Builtin().zone(zone) != nil }

// Zones lists the zones of the built-in book, sorted.
func Zones() []string { return Builtin().Zones() }

// Lists gives the tones of a built-in zone by name, nil if there is no such zone.
// The map is a copy.
func Lists(zone string) map[string]string {
	z, ok := Builtin().Zone(zone)
	if !ok || zone == "" {
		return nil
	}
	return z.Lists
}
