package settings

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"branchline/pbx/astconf"
)

// standing says what becomes of an option that was read.
type standing uint8

const (
	honoured standing = iota
	later             // understood, not yet honoured: a note if it differs from the default
	ignored           // has no meaning in this product: a note if it differs from the default
)

// showing says when `pjsip show` prints an option.
type showing uint8

const (
	always showing = iota
	whenSet
	never
)

// An option is one row of the table of an object type.
//
// Plain options name a kind and the field the value goes to. Those that build
// something (codec lists, address lists, caller ID) bring take and, if it is
// printed otherwise than written, show.
type option[T any] struct {
	name     string
	def      string // default, as one would write it in the file
	kind     kind
	at       func(*T) any // nil: kept only for `pjsip show`
	standing standing
	showing  showing
	secret   bool
	under    string // the row that shows this one's effect: permit is seen under acl

	take func(o *T, text string) error
	show func(o *T) []string // several values print as several lines
}

// A table is the options of one object type, ready for use.
type table[T any] struct {
	typ      string
	rows     map[string]*option[T] // by lower-case name
	names    []string
	proto    T // an object with all defaults
	defaults []Option
}

func newTable[T any](typ string, options []option[T]) *table[T] {
	t := &table[T]{typ: typ, rows: make(map[string]*option[T], len(options))}
	for i := range options {
		o := &options[i]
		t.rows[strings.ToLower(o.name)] = o
		t.names = append(t.names, o.name)
		shown := o.def
		if o.take == nil && o.def != "" {
			// A default is always of its kind: the package's tests read them all.
			v, words, err := o.kind.read(o.def)
			if err == nil {
				store(o.at, &t.proto, v, o.kind.unit)
				shown = words
			}
		}
		if o.showing == always {
			t.defaults = append(t.defaults, Option{o.name, shown})
		}
	}
	slices.SortFunc(t.defaults, byName)
	return t
}

func byName(a, b Option) int { return strings.Compare(a.Name, b.Name) }

// written is what a section has said, for Options.
type written[T any] struct {
	rows  map[string]*option[T]
	words map[string]string // by option name: the value as `pjsip show` prints it
}

// read fills obj from the section. ok is false if an Error was found; obj must
// then not be used.
func (t *table[T]) read(obj *T, sec *astconf.Section, other func(name string) string) (said written[T], ds []astconf.Diag, ok bool) {
	*obj = t.proto
	ok = true
	touched := map[string]*option[T]{}
	shown := map[string]string{}
	for _, e := range sec.Entries {
		lower := strings.ToLower(e.Name)
		if lower == "type" || strings.HasPrefix(lower, "@") {
			continue // @name is a user's own field
		}
		row := t.rows[lower]
		if row == nil {
			ok = false
			ds = append(ds, t.unknown(sec, e, other))
			continue
		}
		touched[lower] = row
		if row.under != "" {
			touched[row.under] = t.rows[row.under]
		}
		err := t.apply(row, obj, e.Value, shown)
		switch d := err.(type) {
		case nil:
		case doubt:
			ds = append(ds, astconf.Diag{Pos: e.Pos, Severity: astconf.Warning, Rule: "doubtful-value", Near: e.Value,
				Message: fmt.Sprintf("%s [%s]: %s=%s: %s", t.typ, sec.Name, row.name, e.Value, string(d))})
		default:
			ok = false
			ds = append(ds, astconf.Diag{Pos: e.Pos, Severity: astconf.Error, Rule: "bad-value", Near: near(row.secret, e.Value),
				Message: fmt.Sprintf("%s [%s]: %s=%s: %v; the %s is not loaded", t.typ, sec.Name, row.name, mask(row.secret, e.Value), err, t.typ)})
			continue
		}
		if row.standing != honoured && shown[row.name] != t.defaultOf(row) {
			ds = append(ds, unhonoured(t.typ, sec.Name, row.name, e, row.standing))
		}
	}
	return written[T]{touched, shown}, ds, ok
}

// options lists what was written, for an object that is complete.
func (w written[T]) options(obj *T) (set []Option) {
	for _, row := range w.rows {
		if row.showing == never {
			continue
		}
		if row.show == nil {
			set = append(set, Option{row.name, mask(row.secret, w.words[row.name])})
			continue
		}
		for _, v := range row.show(obj) {
			name := row.name
			if name == "set_var" { // Asterisk prints each variable under its own name
				name, v, _ = strings.Cut(v, "=")
			}
			set = append(set, Option{name, mask(row.secret, v)})
		}
	}
	slices.SortStableFunc(set, byName)
	return set
}

func (t *table[T]) apply(row *option[T], obj *T, text string, shown map[string]string) error {
	if row.take != nil {
		shown[row.name] = text
		return row.take(obj, text)
	}
	v, words, err := row.kind.read(text)
	if err != nil {
		if _, soft := err.(doubt); !soft {
			return fmt.Errorf("%w, want %s", err, row.kind.want)
		}
	}
	store(row.at, obj, v, row.kind.unit)
	shown[row.name] = words
	return err
}

func (t *table[T]) defaultOf(row *option[T]) string {
	for _, d := range t.defaults {
		if d.Name == row.name {
			return d.Value
		}
	}
	return row.def
}

func (t *table[T]) unknown(sec *astconf.Section, e astconf.Entry, other func(string) string) astconf.Diag {
	d := astconf.Diag{Pos: e.Pos, Severity: astconf.Error, Rule: "unknown-option",
		Message: fmt.Sprintf("%s [%s]: there is no option %q; the %s is not loaded", t.typ, sec.Name, e.Name, t.typ)}
	d.Near = e.Name
	switch near := nearest(e.Name, t.names); {
	case near != "":
		d.Cure = "did you mean " + near + "?"
		d.Fix = respell(e, e.Name, near)
	case other(e.Name) != "":
		d.Cure = fmt.Sprintf("%s belongs to type=%s", e.Name, other(e.Name))
	}
	return d
}

func unhonoured(typ, id, name string, e astconf.Entry, st standing) astconf.Diag {
	d := astconf.Diag{Pos: e.Pos, Severity: astconf.Note, Rule: "not-yet-honoured",
		Message: fmt.Sprintf("%s [%s]: %s=%s is understood, not yet honoured", typ, id, name, e.Value)}
	if st == ignored {
		d.Rule = "ignored-option"
		d.Message = fmt.Sprintf("%s [%s]: %s=%s has no effect in this product", typ, id, name, e.Value)
	}
	return d
}

// store puts a value that a kind has read into the field at points to.
func store[T any](at func(*T) any, obj *T, v any, unit time.Duration) {
	if at == nil {
		return
	}
	switch p := at(obj).(type) {
	case *bool:
		*p, _ = v.(bool)
	case *string:
		*p, _ = v.(string)
	case *[]string:
		*p, _ = v.([]string)
	case *uint64:
		*p, _ = v.(uint64)
	case *int:
		n, _ := v.(int64)
		*p = int(n)
	case *time.Duration:
		switch n := v.(type) {
		case int64:
			*p = time.Duration(n) * unit
		case float64:
			*p = time.Duration(n * float64(unit))
		}
	}
}

// Options lists every option as it stands after defaults, sorted by name, in
// the words `pjsip show ...` prints. Secrets are masked.
func (o *Object) Options() []Option {
	out := make([]Option, 0, len(o.defaults)+len(o.set))
	for _, d := range o.defaults {
		if _, found := slices.BinarySearchFunc(o.set, d, byName); !found {
			out = append(out, d)
		}
	}
	out = append(out, o.set...)
	slices.SortStableFunc(out, byName)
	return out
}

// Option tells one option's value as Options would list it. ok is false if the
// object has no such option.
func (o *Object) Option(name string) (value string, ok bool) {
	for _, list := range [][]Option{o.set, o.defaults} {
		if i, found := slices.BinarySearchFunc(list, Option{Name: strings.ToLower(name)}, byName); found {
			return list[i].Value, true
		}
	}
	return "", false
}

// near is what a finding points at; never a secret.
func near(secret bool, v string) string {
	if secret {
		return ""
	}
	return v
}

func mask(secret bool, v string) string {
	if secret && v != "" {
		return "********"
	}
	return v
}

// respell is the fix for a misspelt word in a line.
func respell(e astconf.Entry, wrong, right string) *astconf.Fix {
	return &astconf.Fix{
		Safe:  distance(strings.ToLower(wrong), strings.ToLower(right)) <= 2,
		Edits: []astconf.Edit{{File: e.File, Line: e.Line, Old: wrong, New: right}},
	}
}

// Nearest finds the name that a misspelt word was most likely meant to be; ""
// if none is close. Case does not count.
func Nearest(word string, names []string) string { return nearest(word, names) }

// nearest finds the name that a misspelt one was most likely meant to be; ""
// if none is close.
func nearest(word string, names []string) string {
	word = strings.ToLower(word)
	best, bestDist := "", max(1, len(word)/3)+1
	for _, n := range names {
		if d := distance(word, strings.ToLower(n)); d < bestDist {
			best, bestDist = n, d
		}
	}
	return best
}

// distance is the number of single-byte edits between a and b; two neighbours
// that traded places count as one.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			cost := row[j]
			if a[i] != b[j] {
				cost++
			}
			next[j+1] = min(cost, next[j]+1, row[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
