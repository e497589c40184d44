package licences

import (
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
