// Package coverage knows, for every item the how-to names, which tests prove it.
// table.txt is the list; the tests of this package hold it against the tree: each
// test it names must be there and name the item in turn. docs/coverage.md is
// written from it.
package coverage

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Items is how many items the how-to has.
const Items = 300

// Status says what is true of an item.
type Status string

// The three things that can be said.
const (
	Pass    Status = "pass"    // it holds, and tests show it
	Refused Status = "refused" // the product says no, by name
	NotYet  Status = "not yet" // to come, and the remark says when or why
)

// A Row is one item.
type Row struct {
	ID     string // "S-001"
	Item   string
	Status Status
	Tests  []string // "pbx/sip.TestCall"
	Remark string
}

// Parse reads the table.
func Parse(r io.Reader) ([]Row, error) {
	var rows []Row
	s := bufio.NewScanner(r)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := append(strings.Split(line, " | "), "", "")
		if len(cells) < 5 || len(cells) > 7 {
			return nil, fmt.Errorf("line %d: want id | item | status | tests | remark", n)
		}
		row := Row{ID: cells[0], Item: cells[1], Status: Status(strings.TrimSpace(strings.TrimSuffix(cells[2], "|"))), Remark: strings.TrimSpace(cells[4])}
		for t := range strings.SplitSeq(cells[3], ",") {
			if t = strings.TrimSpace(t); t != "" {
				row.Tests = append(row.Tests, t)
			}
		}
		rows = append(rows, row)
	}
	return rows, s.Err()
}

// Tests finds every test of a tree: its name as a Row has it, and the ids that its
// comment or body names. Files behind build tags count too.
func Tests(tree fs.FS) (map[string][]string, error) {
	out := map[string][]string{}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && name != "." || d.Name() == "bin"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		src, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") {
				continue
			}
			from := f.Pos()
			if f.Doc != nil {
				from = f.Doc.Pos()
			}
			text := string(src[set.Position(from).Offset:set.Position(f.End()).Offset])
			test := path.Dir(name) + "." + f.Name.Name
			out[test] = append(out[test], named(text)...)
		}
		return nil
	})
	return out, err
}

var mention = regexp.MustCompile(`S-(\d{3})(?:\s+(?://\s*)?to\s+(?://\s*)?S-(\d{3}))?`)

// named lists the ids in a text; "S-244 to S-250" is all of them.
func named(text string) []string {
	var out []string
	for _, m := range mention.FindAllStringSubmatch(text, -1) {
		from, _ := strconv.Atoi(m[1])
		to := from
		if m[2] != "" {
			to, _ = strconv.Atoi(m[2])
		}
		for n := from; n <= to; n++ {
			out = append(out, id(n))
		}
	}
	return out
}

func id(n int) string { return fmt.Sprintf("S-%03d", n) }

// Check holds the table against the tests there are and lists what is wrong.
func Check(rows []Row, tests map[string][]string) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.ID] {
			say("%s is listed twice", r.ID)
		}
		seen[r.ID] = true
		switch r.Status {
		case Pass:
			if len(r.Tests) == 0 {
				say("%s passes, but no test shows it", r.ID)
			}
		case Refused, NotYet:
			if r.Remark == "" {
				say("%s is %s without a reason", r.ID, r.Status)
			}
		default:
			say("%s: no status %q", r.ID, r.Status)
		}
		for _, t := range r.Tests {
			switch ids, ok := tests[t]; {
			case !ok:
				say("%s: there is no test %s", r.ID, t)
			case !slices.Contains(ids, r.ID):
				say("%s: %s does not name it", r.ID, t)
			}
		}
	}
	for n := 1; n <= Items; n++ {
		if !seen[id(n)] {
			say("%s is not listed", id(n))
		}
		delete(seen, id(n))
	}
	for other := range seen {
		say("%s is none of the items", other)
	}
	slices.Sort(wrong)
	return wrong
}

// sections are the parts of the how-to, by their first item.
var sections = []struct {
	first int
	title string
}{
	{1, "Systems and who calls whom"}, {27, "Installation, files, service"}, {42, "Ways of writing the files"}, {54, "sip.conf"},
	{74, "pjsip.conf"}, {105, "extensions.conf"}, {135, "Command line and console"}, {224, "SIP methods"},
	{238, "SIP responses"}, {295, "Phones and protocols"},
}

// Document writes the table for readers.
func Document(w io.Writer, rows []Row) error {
	var b strings.Builder
	count := map[Status]int{}
	for _, r := range rows {
		count[r.Status]++
	}
	fmt.Fprintf(&b, `# What the how-to names, and what proves it

Written from build/coverage/table.txt by its test; do not edit. %d items: %d pass, %d are refused by name,
%d are not there yet. A test is its package's directory and its name; `+"`make test`"+` runs them all, those of
appliance/e2e with other people's phones and exchanges.
`, len(rows), count[Pass], count[Refused], count[NotYet])
	next := 0
	for i, r := range rows {
		if next < len(sections) && r.ID == id(sections[next].first) {
			fmt.Fprintf(&b, "\n## %s\n\n| | item | | shown by | |\n|---|---|---|---|---|\n", sections[next].title)
			next++
		}
		if next == 0 {
			return fmt.Errorf("row %d (%s) is in no section", i, r.ID)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.ID, cell(r.Item), r.Status, strings.Join(r.Tests, "<br>"), cell(r.Remark))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cell keeps Markdown from reading a meaning into text.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "_", "\\_", "*", "\\*", "<", "&lt;").Replace(s)
}
