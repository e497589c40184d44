package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLastWords(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "trial.log")
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := takeWords(dir, log); got != nil {
		t.Errorf("of nothing: %q", got)
	}
	put("trial.log", strings.Repeat("x\n", lastLines)+"systemd[1]: the end\n")
	if got := takeWords(dir, log); len(got) != lastLines || got[lastLines-1] != "systemd[1]: the end" {
		t.Errorf("of the services: %q", got)
	}
	// The kernel has the last word.
	put("trial.log", "systemd[1]: started\n")
	put("dmesg-ramoops-0", "Panic#1 Part1\n<4>[    1.0] a\xff < b\n")
	put("dmesg-ramoops-1", "<0>[    2.0] Kernel panic - not syncing\n")
	if got := takeWords(dir, log); !slices.Equal(got, []string{"Panic#1 Part1", "[    1.0] a? < b", "[    2.0] Kernel panic - not syncing"}) {
		t.Errorf("of the kernel: %q", got)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("not forgotten: %v %v", left, err)
	}
}
