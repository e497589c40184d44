// Package option is tables of configuration options: what an option is called, how its
// value is written and checked, where it goes and how `pjsip show` prints it. Both
// pjsip.conf and sip.conf are read by such tables; a line that fits none says what
// was most likely meant.
//
// Reading order: Row and Table here, then the kinds of values in kind.go.
package option

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"branchline/pbx/astconf"
	"branchline/pbx/settings/spelling"
)

// Standing says what becomes of an option that was read.
type Standing uint8

const (
	Honoured Standing = iota // it has an effect
	Later                    // understood, not yet honoured: a note if it differs from the default
	Ignored                  // has no meaning in this product: a note if it differs from the default
)

// Showing says when `pjsip show` prints an option.
type Showing uint8

const (
	Always Showing = iota
	WhenSet
	Never
)

// A Row is one row of the table of an object type.
//
// Plain options name a kind and the field the value goes to. Those that build
// something (codec lists, address lists, caller ID) bring Take and, if it is
// printed otherwise than written, Show.
type Row[T any] struct {
	Name     string
	Default  string // default, as one would write it in the file
	Kind     Kind
	At       func(*T) any // nil: kept only for `pjsip show`
	Standing Standing
	Showing  Showing
	Secret   bool
	Under    string // the row that shows this one's effect: permit is seen under acl

	Take func(o *T, text string) error
	Show func(o *T) []string // several values print as several lines
}

// A Shown is one line of `pjsip show endpoint X`.
type Shown struct{ Name, Value string }

// A Table is the options of one object type, ready for use.
type Table[T any] struct {
	Type     string
	Rows     map[string]*Row[T] // by lower-case name
	Names    []string
	Proto    T // an object with all defaults
	Defaults []Shown
}

// NewTable makes the options of an object type ready.
func NewTable[T any](typ string, options []Row[T]) *Table[T] {
	t := &Table[T]{Type: typ, Rows: make(map[string]*Row[T], len(options))}
	for i := range options {
		o := &options[i]
		t.Rows[strings.ToLower(o.Name)] = o
		t.Names = append(t.Names, o.Name)
		shown := o.Default
		if o.Take == nil && o.Default != "" {
			// A default is always of its kind: the package's tests read them all.
			v, words, err := o.Kind.Read(o.Default)
			if err == nil {
				Store(o.At, &t.Proto, v, o.Kind.Unit)
				shown = words
			}
		}
		if o.Showing == Always {
			t.Defaults = append(t.Defaults, Shown{o.Name, shown})
		}
	}
	sort.Slice(t.Defaults, func(i, j int) bool { return ByName(t.Defaults[i], t.Defaults[j]) < 0 })
	return t
}

// ByName orders options.
func ByName(a, b Shown) int { return strings.Compare(a.Name, b.Name) }

// Written is what a section has said, for Options.
type Written[T any] struct {
	rows  map[string]*Row[T]
	words map[string]string // by option name: the value as `pjsip show` prints it
}

// Read fills obj from the section. ok is false if an Error was found; obj must
// then not be used.
func (t *Table[T]) Read(obj *T, sec *astconf.Section, other func(name string) string) (said Written[T], ds []astconf.Diag, ok bool) {
	*obj = t.Proto
	ok = true
	touched := map[string]*Row[T]{}
	shown := map[string]string{}
	for _, e := range sec.Entries {
		lower := strings.ToLower(e.Name)
		if lower == "type" || strings.HasPrefix(lower, "@") {
			continue // @name is a user's own field
		}
		row := t.Rows[lower]
		if row == nil {
			ok = false
			ds = append(ds, t.unknown(sec, e, other))
			continue
		}
		touched[lower] = row
		if row.Under != "" {
			touched[row.Under] = t.Rows[row.Under]
		}
		err := t.Apply(row, obj, e.Value, shown)
		switch d := err.(type) {
		case nil:
		case Doubt:
			ds = append(ds, astconf.Diag{Pos: e.Pos, Severity: astconf.Warning, Rule: "doubtful-value", Near: e.Value,
				Message: fmt.Sprintf("%s [%s]: %s=%s: %s", t.Type, sec.Name, row.Name, e.Value, string(d))})
		default:
			ok = false
			ds = append(ds, astconf.Diag{Pos: e.Pos, Severity: astconf.Error, Rule: "bad-value", Near: near(row.Secret, e.Value),
				Message: fmt.Sprintf("%s [%s]: %s=%s: %v; the %s is not loaded", t.Type, sec.Name, row.Name, Mask(row.Secret, e.Value), err, t.Type)})
			continue
		}
		if row.Standing != Honoured && shown[row.Name] != t.DefaultOf(row) {
			ds = append(ds, Unhonoured(t.Type, sec.Name, row.Name, e, row.Standing))
		}
	}
	return Written[T]{touched, shown}, ds, ok
}

// Options lists what was written, for an object that is complete.
func (w Written[T]) Options(obj *T) (set []Shown) {
	for _, row := range w.rows {
		if row.Showing == Never {
			continue
		}
		if row.Show == nil {
			set = append(set, Shown{row.Name, Mask(row.Secret, w.words[row.Name])})
			continue
		}
		for _, v := range row.Show(obj) {
			name := row.Name
			if name == "set_var" { // Asterisk prints each variable under its own name
				name, v, _ = strings.Cut(v, "=")
			}
			set = append(set, Shown{name, Mask(row.Secret, v)})
		}
	}
	sort.SliceStable(set, func(i, j int) bool { return ByName(set[i], set[j]) < 0 })
	return set
}

// Apply writes the value of one option into obj, and notes in shown how it is printed.
func (t *Table[T]) Apply(row *Row[T], obj *T, text string, shown map[string]string) error {
	if row.Take != nil {
		shown[row.Name] = text
		return row.Take(obj, text)
	}
	v, words, err := row.Kind.Read(text)
	if err != nil {
		if _, soft := err.(Doubt); !soft {
			return fmt.Errorf("%w, want %s", err, row.Kind.Want)
		}
	}
	Store(row.At, obj, v, row.Kind.Unit)
	shown[row.Name] = words
	return err
}

// DefaultOf is how the default of an option is printed.
func (t *Table[T]) DefaultOf(row *Row[T]) string {
	for _, d := range t.Defaults {
		if d.Name == row.Name {
			return d.Value
		}
	}
	return row.Default
}

func (t *Table[T]) unknown(sec *astconf.Section, e astconf.Entry, other func(string) string) astconf.Diag {
	d := astconf.Diag{Pos: e.Pos, Severity: astconf.Error, Rule: "unknown-option",
		Message: fmt.Sprintf("%s [%s]: there is no option %q; the %s is not loaded", t.Type, sec.Name, e.Name, t.Type)}
	d.Near = e.Name
	switch near := spelling.Nearest(e.Name, t.Names); {
	case near != "":
		d.Cure = "did you mean " + near + "?"
		d.Fix = spelling.Respell(e, e.Name, near)
	case other(e.Name) != "":
		d.Cure = fmt.Sprintf("%s belongs to type=%s", e.Name, other(e.Name))
	}
	return d
}

// Unhonoured is the note about an option that is read and has no effect.
func Unhonoured(typ, id, name string, e astconf.Entry, st Standing) astconf.Diag {
	d := astconf.Diag{Pos: e.Pos, Severity: astconf.Note, Rule: "not-yet-honoured",
		Message: fmt.Sprintf("%s [%s]: %s=%s is understood, not yet honoured", typ, id, name, e.Value)}
	if st == Ignored {
		d.Rule = "ignored-option"
		d.Message = fmt.Sprintf("%s [%s]: %s=%s has no effect in this product", typ, id, name, e.Value)
	}
	return d
}

// Store puts a value that a kind has read into the field at points to.
func Store[T any](at func(*T) any, obj *T, v any, unit time.Duration) {
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

// near is what a finding points at; never a secret.
func near(secret bool, v string) string {
	if secret {
		return ""
	}
	return v
}

// Mask hides a secret.
func Mask(secret bool, v string) string {
	if secret && v != "" {
		return "********"
	}
	return v
}
