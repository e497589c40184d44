// Package verdict shows findings, as text or JSON, and applies the fixes they
// carry: the only part of a check that writes files.
package verdict

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"branchline/pbx/astconf"
)

// A Report is what a check of a directory has found, arranged.
type Report struct {
	Dir      string // as the user named it, for the names of files
	Findings []astconf.Diag
	Source   func(file string) ([]byte, error)
}

// Count gives the number of findings of each severity.
func (r Report) Count() (errors, warnings, notes int) {
	for _, d := range r.Findings {
		switch d.Severity {
		case astconf.Error:
			errors++
		case astconf.Warning:
			warnings++
		default:
			notes++
		}
	}
	return errors, warnings, notes
}

// path is a file as the user can open it.
func (r Report) path(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(r.Dir, file)
}

// many is how often one rule is shown in full; the rest is counted.
const many = 10

// Write prints the findings as compilers do: place, what is wrong, the line,
// what happens because of it, and the cure as a patch.
func (r Report) Write(w io.Writer) error {
	lines := astconf.NewText(r.Source)
	seen := map[string]int{}
	var b strings.Builder
	for _, d := range r.Findings {
		key := d.File + " " + d.Rule
		if seen[key]++; seen[key] > many {
			continue
		}
		r.one(&b, lines, d)
	}
	for _, d := range r.Findings {
		key := d.File + " " + d.Rule
		if n := seen[key] - many; n > 0 {
			fmt.Fprintf(&b, "%s: %d more of [%s]; --json lists all\n", r.path(d.File), n, d.Rule)
			seen[key] = 0
		}
	}
	errors, warnings, notes := r.Count()
	fixes := 0
	for _, d := range r.Findings {
		if d.Fix != nil && d.Fix.Safe {
			fixes++
		}
	}
	fmt.Fprintf(&b, "%s, %s, %s", number(errors, "error"), number(warnings, "warning"), number(notes, "note"))
	if fixes > 0 {
		fmt.Fprintf(&b, "; --fix repairs %d", fixes)
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (r Report) one(b *strings.Builder, lines astconf.Text, d astconf.Diag) {
	b.WriteString(r.path(d.File))
	if d.Line > 0 {
		fmt.Fprintf(b, ":%d:%d", d.Line, max(d.Col, 1))
	}
	fmt.Fprintf(b, ": %s: [%s] %s\n", d.Severity, d.Rule, d.Message)
	if text, ok := lines.Line(d.File, d.Line); ok && !holdsSecret(text) {
		fmt.Fprintf(b, "%6d | %s\n", d.Line, text)
		if d.Col > 0 && d.Col <= len(text) {
			fmt.Fprintf(b, "       | %s^%s\n", blank(text[:d.Col-1]), underline(text, d))
		}
	}
	if d.Effect != "" {
		fmt.Fprintf(b, "       = so: %s\n", d.Effect)
	}
	if d.Cure != "" {
		fmt.Fprintf(b, "       = cure: %s\n", d.Cure)
	}
	if d.Fix != nil {
		if !d.Fix.Safe {
			fmt.Fprintf(b, "       = patch (if that is what you want: --fix=%s):\n", d.Rule)
		} else {
			b.WriteString("       = patch (--fix applies it):\n")
		}
		for _, h := range hunks(lines, d.Fix.Edits) {
			fmt.Fprintf(b, "         %s\n", h)
		}
	}
}

// holdsSecret reports lines that are not repeated on a screen.
func holdsSecret(line string) bool {
	name, _, _ := strings.Cut(line, "=")
	switch strings.ToLower(strings.Trim(name, " \t>")) {
	case "password", "secret", "md5secret", "remotesecret", "md5_cred", "password_digest", "turnpassword", "register", "oauth_secret", "refresh_token":
		return true
	}
	return false
}

// blank is as wide on a terminal as s.
func blank(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, s)
}

func underline(text string, d astconf.Diag) string {
	if d.Near == "" || !strings.HasPrefix(text[d.Col-1:], d.Near) {
		return ""
	}
	return strings.Repeat("~", max(len([]rune(d.Near))-1, 0))
}

// hunks shows edits as lines taken out and put in.
func hunks(lines astconf.Text, edits []astconf.Edit) []string {
	var out []string
	for _, e := range edits {
		text, ok := lines.Line(e.File, e.Line)
		out = append(out, fmt.Sprintf("@@ %s line %d @@", e.File, e.Line))
		if !ok {
			text = e.Old
		}
		secret := holdsSecret(text)
		if e.Old == "" {
			if !secret {
				out = append(out, " "+text)
			}
		} else {
			if secret {
				continue
			}
			out = append(out, "-"+text, "+"+strings.Replace(text, e.Old, e.New, 1))
			continue
		}
		for l := range strings.SplitSeq(e.New, "\n") {
			out = append(out, "+"+l)
		}
	}
	return out
}

// finding is the form of a Diag in JSON.
type finding struct {
	File     string           `json:"file"`
	Line     int              `json:"line"`
	Column   int              `json:"column"`
	Severity astconf.Severity `json:"severity"`
	Rule     string           `json:"rule"`
	Message  string           `json:"message"`
	Effect   string           `json:"effect,omitempty"`
	Cure     string           `json:"cure,omitempty"`
	Fix      *fixForm         `json:"fix,omitempty"`
}

type fixForm struct {
	Safe  bool       `json:"safe"`
	Edits []editForm `json:"edits"`
}

type editForm struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// JSON prints the findings for programs: one object with the lists and counts.
func (r Report) JSON(w io.Writer) error {
	out := struct {
		Findings []finding `json:"findings"`
		Errors   int       `json:"errors"`
		Warnings int       `json:"warnings"`
		Notes    int       `json:"notes"`
	}{Findings: []finding{}}
	out.Errors, out.Warnings, out.Notes = r.Count()
	for _, d := range r.Findings {
		f := finding{File: r.path(d.File), Line: d.Line, Column: d.Col, Severity: d.Severity, Rule: d.Rule, Message: d.Message, Effect: d.Effect, Cure: d.Cure}
		if d.Fix != nil {
			f.Fix = &fixForm{Safe: d.Fix.Safe}
			for _, e := range d.Fix.Edits {
				f.Fix.Edits = append(f.Fix.Edits, editForm{r.path(e.File), e.Line, e.Old, e.New})
			}
		}
		out.Findings = append(out.Findings, f)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}
