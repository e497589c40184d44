package prompt

import (
	"strings"

	"branchline/media/tone"
	"branchline/pbx/astconf"
)

// IndicationsFile is the file that names the tones of countries.
const IndicationsFile = "indications.conf"

// Indications is the built-in zones and those of indications.conf, nil if there is
// none. A tone that cannot be read is a warning in the default zone and a note in
// others, of which the file that comes with Asterisk has one (10 kHz, in Thailand).
func Indications(file *astconf.File) (*tone.Book, []astconf.Diag) {
	if file == nil {
		return tone.Builtin(), nil
	}
	var sections []tone.Section
	// Lines are numbered through all files, so that a fault finds its place again.
	var places []astconf.Pos
	var owners []string // their sections
	for _, s := range file.Sections {
		place := func(p astconf.Pos) int {
			places, owners = append(places, p), append(owners, strings.ToLower(s.Name))
			return len(places) - 1
		}
		t := tone.Section{Name: s.Name, Line: place(s.Pos)}
		for _, e := range s.Entries {
			t.Entries = append(t.Entries, tone.Entry{Key: e.Name, Value: e.Value, Line: place(e.Pos)})
		}
		sections = append(sections, t)
	}
	book, faults := tone.Builtin().With(sections)
	var diags []astconf.Diag
	for _, f := range faults {
		severity := astconf.Warning
		if owner := owners[f.Line]; owner != "general" && owner != book.Country() {
			severity = astconf.Note
		}
		diags = append(diags, astconf.Diag{
			Pos: places[f.Line], Severity: severity, Rule: "indications", Message: f.Text,
			Effect: "it is left out; a tone that a zone lacks is that of the United States",
		})
	}
	return book, diags
}
