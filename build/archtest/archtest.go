// Package archtest holds the code to the rules of its architecture: who may
// import whom, what a package must have, and what no file may contain. It reads
// sources, not binaries, so build tags hide nothing from it.
package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// maxLines is the size of a file that must be split.
const maxLines = 900

// A file is one Go source file as the rules see it.
type file struct {
	name    string // relative to the module's root
	test    bool   // _test.go
	lines   int
	text    string
	syntax  *ast.File
	imports []string
}

// pkg is a directory of Go files.
type pkg struct {
	dir   string // "pbx/sip/wire"
	files []*file
}

// load parses every Go file of the module at root.
func load(root string) ([]*pkg, *token.FileSet, error) {
	var (
		packages []*pkg
		set      = token.NewFileSet()
	)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != root && (base[0] == '.' || base[0] == '_' || base == "testdata" || base == "vendor") {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		f := &file{name: filepath.ToSlash(rel), test: strings.HasSuffix(rel, "_test.go"), lines: strings.Count(string(b), "\n"), text: string(b)}
		if f.syntax, err = parser.ParseFile(set, f.name, b, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			return err
		}
		for _, i := range f.syntax.Imports {
			f.imports = append(f.imports, strings.Trim(i.Path.Value, `"`))
		}
		dir := path.Dir(f.name)
		if n := len(packages); n == 0 || packages[n-1].dir != dir {
			packages = append(packages, &pkg{dir: dir})
		}
		p := packages[len(packages)-1]
		p.files = append(p.files, f)
		return nil
	})
	// A directory's own files may stand before and after those of a
	// subdirectory in the walk.
	slices.SortStableFunc(packages, func(a, b *pkg) int { return strings.Compare(a.dir, b.dir) })
	var merged []*pkg
	for _, p := range packages {
		if n := len(merged); n > 0 && merged[n-1].dir == p.dir {
			merged[n-1].files = append(merged[n-1].files, p.files...)
		} else {
			merged = append(merged, p)
		}
	}
	return merged, set, err
}

// check gives every violation in words.
func check(module string, packages []*pkg, set *token.FileSet) []string {
	var found []string
	complain := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	for _, p := range packages {
		documented, code := false, false
		for _, f := range p.files {
			documented = documented || !f.test && f.syntax.Doc != nil
			code = code || !f.test
			checkFile(p, f, set, complain)
			if f.test {
				continue
			}
			for _, i := range f.imports {
				if target, ok := strings.CutPrefix(i, module+"/"); ok {
					if why := mayNot(p.dir, target); why != "" {
						complain("%s: imports %s: %s", f.name, target, why)
					}
				} else if why := foreign(p.dir, i); why != "" {
					complain("%s: imports %s: %s", f.name, i, why)
				}
			}
		}
		if code && !documented {
			complain("%s: no package comment", p.dir)
		}
		if base := path.Base(p.dir); slices.Contains(emptyNames, base) {
			complain("%s: %s says nothing about what is in it", p.dir, base)
		}
	}
	return found
}

// emptyNames are package names that tell a reader nothing.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "types", "base", "misc", "shared", "lib", "core"}

// emptySuffixes are ends of type names that tell how and not what.
var emptySuffixes = []string{"Manager", "Handler", "Processor", "Helper", "Impl", "Util", "Utils"}

func checkFile(p *pkg, f *file, set *token.FileSet, complain func(string, ...any)) {
	if f.lines > maxLines {
		complain("%s: %d lines, more than %d: split by concern", f.name, f.lines, maxLines)
	}
	for _, group := range f.syntax.Comments {
		for _, c := range group.List {
			for _, word := range []string{"TO" + "DO", "FIX" + "ME", "XX" + "X:", "//no" + "lint"} {
				if strings.Contains(c.Text, word) {
					complain("%s: comment with %s", set.Position(c.Pos()), word)
				}
			}
		}
	}
	for _, d := range f.syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "init" {
				complain("%s: init: tables are built where they are used", set.Position(d.Pos()))
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				t, ok := s.(*ast.TypeSpec)
				if !ok {
					continue
				}
				for _, suffix := range emptySuffixes {
					if strings.HasSuffix(t.Name.Name, suffix) {
						complain("%s: type %s: name it after what it is", set.Position(t.Pos()), t.Name.Name)
					}
				}
			}
		}
	}
	if f.test {
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && (s.Sel.Name == "Skip" || s.Sel.Name == "Skipf" || s.Sel.Name == "SkipNow") {
				if x, ok := s.X.(*ast.Ident); ok && (x.Name == "t" || x.Name == "b" || x.Name == "f") {
					complain("%s: a skipped test proves nothing", set.Position(s.Pos()))
				}
			}
			return true
		})
	}
}
