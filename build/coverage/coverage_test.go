package coverage

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

var update = flag.Bool("update", false, "write docs/coverage.md")

const document = "../../docs/coverage.md"

func table(t *testing.T) []Row {
	t.Helper()
	f, err := os.Open("table.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestTable is the seed's coverage: with -v it prints each item and where it
// stands.
func TestTable(t *testing.T) {
	rows := table(t)
	tests, err := Tests(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range Check(rows, tests) {
		t.Error(w)
	}
	for _, r := range rows {
		t.Run(r.ID, func(t *testing.T) { t.Logf("%s: %s (%s)", r.Status, r.Item, strings.Join(r.Tests, ", ")) })
	}
}

func TestDocument(t *testing.T) {
	var want bytes.Buffer
	if err := Document(&want, table(t)); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(document, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(document)
	if err != nil || !bytes.Equal(have, want.Bytes()) {
		t.Errorf("docs/coverage.md is out of date (%v): go test ./build/coverage -update", err)
	}
}

// The check must notice what it is there to notice.
func TestCheckBites(t *testing.T) {
	tree := fstest.MapFS{"a/x_test.go": {Data: []byte("package a\n\n// S-001, S-003 to\n// S-004\nfunc TestX(t *testing.T) {}\n\nfunc TestY(t *testing.T) { t.Run(\"S-002\", nil) }\n")},
		"a/testdata/y_test.go": {Data: []byte("not Go")}, "a/z.go": {Data: []byte("package a\nfunc TestZ() {}\n")}}
	tests, err := Tests(tree)
	if err != nil || len(tests) != 2 || !slices.Equal(tests["a.TestX"], []string{"S-001", "S-003", "S-004"}) || !slices.Equal(tests["a.TestY"], []string{"S-002"}) {
		t.Fatal(err, tests)
	}
	rows, err := Parse(strings.NewReader("# comment\nS-001 | one | pass | a.TestX\nS-001 | again | pass | a.TestX\nS-002 | two | pass | a.TestX, a.TestGone\n" +
		"S-003 | three | not yet |  | later\nS-004 | four | refused\nS-005 | five | pass\nS-006 | six | maybe | a.TestX | x\nS-999 | x | not yet |  | x\n"))
	if err != nil {
		t.Fatal(err)
	}
	wrong := strings.Join(Check(rows, tests), "\n")
	for _, want := range []string{"S-001 is listed twice", "S-002: a.TestX does not name it", "S-002: there is no test a.TestGone", "S-004 is refused without a reason",
		"S-005 passes, but no test shows it", `S-006: no status "maybe"`, "S-007 is not listed", "S-300 is not listed", "S-999 is none of the items"} {
		if !strings.Contains(wrong, want) {
			t.Errorf("not noticed: %s", want)
		}
	}
	if strings.Contains(wrong, "S-003") {
		t.Error("S-003 is fine")
	}
	if _, err := Parse(strings.NewReader("S-001 | too | few | a | b | c | d | e\n")); err == nil {
		t.Error("a line of eight cells is taken")
	}
}
