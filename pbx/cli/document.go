package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// asJSON is the word that, at the end of a command that shows or lists
// something, asks for the values instead of the page.
const asJSON = "--json"

// A Field is a named value of a Record. Value is anything encoding/json takes.
type Field struct {
	Name  string
	Value any
}

// A Record is an object that keeps the order of its fields.
type Record []Field

// Fields makes a record of names and values in turn.
func Fields(pairs ...any) Record {
	r := make(Record, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		r = append(r, Field{fmt.Sprint(pairs[i]), pairs[i+1]})
	}
	return r
}

// MarshalJSON writes the fields as an object, in their order.
func (r Record) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // <sip:1001@...> is to be read by people, too
	b.WriteByte('{')
	for i, f := range r {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := e.Encode(f.Name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := e.Encode(f.Value); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// A document collects what a command shows when JSON was asked for. It takes the
// place of the console: what is printed to it is kept only as long as no value
// says the same.
type document struct {
	fields Record
	text   bytes.Buffer
}

func (d *document) Write(p []byte) (int, error) { return d.text.Write(p) }

func (d *document) at(name string) int {
	return slices.IndexFunc(d.fields, func(f Field) bool { return f.Name == name })
}

// write prints the document to w: the values; without any, the lines of the
// page. A command that failed gives the lines as the error.
func (d *document) write(w io.Writer, outcome Outcome) error {
	out := d.fields
	lines := strings.Split(strings.Trim(d.text.String(), "\n"), "\n")
	switch {
	case outcome != Done:
		out = Record{{"error", strings.Join(lines, "\n")}}
	case out == nil:
		out = Record{{"text", lines}}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

// Put gives a value to the document a command is to make of what it shows. To a
// console it does nothing: what a person sees is printed beside it, from the
// same value.
func Put(w io.Writer, name string, value any) {
	d, ok := w.(*document)
	if !ok {
		return
	}
	if i := d.at(name); i >= 0 {
		d.fields[i].Value = value
		return
	}
	d.fields = append(d.fields, Field{name, value})
}

// Add gives values to a list of the document; without values it makes sure that
// the list is there.
func Add(w io.Writer, list string, values ...any) {
	d, ok := w.(*document)
	if !ok {
		return
	}
	i := d.at(list)
	if i < 0 {
		i = len(d.fields)
		d.fields = append(d.fields, Field{list, []any{}})
	}
	have, _ := d.fields[i].Value.([]any)
	d.fields[i].Value = append(have, values...)
}

// Show prints a line of text and gives its values under these names, which stand
// for the verbs of format one by one; an empty name is text only.
func Show(w io.Writer, names, format string, values ...any) {
	for i, n := range strings.Split(names, ",") {
		if n != "" && i < len(values) {
			Put(w, n, values[i])
		}
	}
	fmt.Fprintf(w, format, values...)
}

// A Table prints rows of one format and gives each as an object to a list of the
// document, so that both come from the same cells.
type Table struct {
	w            io.Writer
	list, format string
	names        []string
}

// NewTable prepares a table. format prints one row, its line feed included;
// names, separated by commas, are the cells' names in the document, an empty one
// is a cell for the eye only.
func NewTable(w io.Writer, list, format, names string) *Table {
	Add(w, list)
	return &Table{w, list, format, strings.Split(names, ",")}
}

// Head prints column heads, which the document has no use for.
func (t *Table) Head(cells ...any) { fmt.Fprintf(t.w, t.format, cells...) }

// Row prints one row. Numbers and truth values stay what they are in the
// document; anything else becomes the text it is printed as, without the blanks
// around it.
func (t *Table) Row(cells ...any) {
	fmt.Fprintf(t.w, t.format, cells...)
	if _, ok := t.w.(*document); !ok {
		return
	}
	var r Record
	for i, n := range t.names {
		if n != "" && i < len(cells) {
			r = append(r, Field{n, value(cells[i])})
		}
	}
	Add(t.w, t.list, r)
}

func value(cell any) any {
	switch v := cell.(type) {
	case bool, int, int64, uint8, uint16, uint32, uint64, float64, []string:
		return v
	}
	return strings.TrimSpace(fmt.Sprint(cell))
}
