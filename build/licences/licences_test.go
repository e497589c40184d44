package licences

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	program := filepath.Join(t.TempDir(), "branchline")
	if out, err := exec.Command("go", "build", "-o", program, "branchline/cmd/branchline").CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	b, err := Text(program)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"github.com/emiago/sipgo v", "github.com/pion/rtp v", "golang.org/x/sys v", "The Go Authors", "Permission is hereby granted", "Redistribution"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("nothing of %q", want)
		}
	}
	if again, err := Text(program); err != nil || string(again) != string(b) {
		t.Error("not the same twice")
	}
}

func TestNoProgram(t *testing.T) {
	if _, err := Text("licences.go"); err == nil {
		t.Error("the source is no program")
	}
}

// TestRefused builds a program of modules that it must not be made of, and one that it may.
func TestRefused(t *testing.T) {
	modules := []struct{ name, file, text, want string }{
		{"general", "COPYING", "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n", "COPYING"},
		{"lesser", "LICENSE.md", "This is under the GNU\nLesser General Public License.\n", "LICENSE.md"},
		{"affero", "license.txt", "GNU AFFERO GENERAL PUBLIC LICENSE\n", "license.txt"},
		{"short", "LICENSE", "SPDX-License-Identifier: LGPL-2.1-or-later\n", "LICENSE"},
		{"dual", "LICENSES/AGPL-3.0-only.txt", "as it says\n", filepath.Join("LICENSES", "AGPL-3.0-only.txt")},
		{"nothing", "README", "Copyright is somebody's.\n", "has no licence"},
		{"mit", "LICENSE", "Permission is hereby granted, free of charge.\n", ""},
	}
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	mod, program := "module example.com/program\n\ngo 1.26\n", "package main\n\nfunc main() {}\n"
	for _, m := range modules {
		put(m.name+"/go.mod", "module example.com/"+m.name+"\n\ngo 1.26\n")
		put(m.name+"/"+m.name+".go", "package "+m.name+"\n")
		put(m.name+"/"+m.file, m.text)
		mod += "\nrequire example.com/" + m.name + " v1.0.0\nreplace example.com/" + m.name + " => ./" + m.name + "\n"
		program += "import _ \"example.com/" + m.name + "\"\n"
	}
	put("go.mod", mod)
	put("main.go", strings.Replace(program, "func main() {}\n", "", 1)+"\nfunc main() {}\n")
	put("LICENSE", "of the program itself, which is nobody else's\n")
	t.Chdir(dir)
	if out, err := exec.Command("go", "build", "-o", "program", ".").CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	text, err := Text("program")
	if err == nil {
		t.Fatalf("all is well with\n%s", text)
	}
	said := map[string]string{}
	for line := range strings.Lines(err.Error()) {
		name, _, _ := strings.Cut(line, " ")
		said[strings.TrimSuffix(name, ":")] = line
	}
	for _, m := range modules {
		line := said["example.com/"+m.name]
		if (line == "") != (m.want == "") || !strings.Contains(line, m.want) || m.want != "" && !strings.Contains(line, filepath.Join(dir, m.name)) {
			t.Errorf("%s: %q, want %s", m.name, line, m.want)
		}
	}
	if !strings.Contains(string(text), "Permission is hereby granted") {
		t.Errorf("of the one that may:\n%s", text)
	}
}
