package led

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sysfs is a tree with the given lamps.
func sysfs(t *testing.T, lamps ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, l := range lamps {
		at := filepath.Join(dir, "class/leds", l)
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, f := range []string{"trigger", "delay_on", "delay_off", "brightness"} {
			if err := os.WriteFile(filepath.Join(at, f), []byte("none [mmc0] timer heartbeat"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func TestShow(t *testing.T) {
	dir := sysfs(t, "input3::capslock", "PWR", "ACT")
	got := func(lamp, file string) string {
		b, err := os.ReadFile(filepath.Join(dir, "class/leds", lamp, file))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if err := Show(dir, Trouble); err != nil {
		t.Fatal(err)
	}
	if got("ACT", "trigger") != "timer" || got("ACT", "delay_on") != "100" || got("ACT", "delay_off") != "100" {
		t.Error(got("ACT", "trigger"), got("ACT", "delay_on"), got("ACT", "delay_off"))
	}
	if err := Show(dir, Alarm); err != nil || got("ACT", "delay_on") != "1900" || got("ACT", "delay_off") != "100" {
		t.Error(err, got("ACT", "delay_on"), got("ACT", "delay_off"))
	}
	if err := Show(dir, Ready); err != nil || got("ACT", "trigger") != "heartbeat" {
		t.Error(err, got("ACT", "trigger"))
	}
	if err := Show(dir, SafeMode); err != nil || got("ACT", "trigger") != "timer" || got("ACT", "delay_on") != "500" || got("ACT", "delay_off") != "500" {
		t.Error(err, got("ACT", "trigger"), got("ACT", "delay_on"), got("ACT", "delay_off"))
	}
	if err := Show(dir, FactoryReset); err != nil || got("ACT", "trigger") != "none" || got("ACT", "brightness") != "255" {
		t.Error(err, got("ACT", "trigger"), got("ACT", "brightness"))
	}
	for _, other := range []string{"PWR", "input3::capslock"} {
		if !strings.HasPrefix(got(other, "trigger"), "none") {
			t.Errorf("%s was touched", other)
		}
	}
	if err := Show(dir, "disco"); err == nil {
		t.Error("any pattern is shown")
	}
}

func TestShowWithoutLamp(t *testing.T) {
	for _, dir := range []string{t.TempDir(), sysfs(t, "input3::capslock")} {
		if err := Show(dir, Ready); err != nil {
			t.Error(err)
		}
	}
	dir := sysfs(t, "led0")
	if err := os.Remove(filepath.Join(dir, "class/leds/led0/delay_on")); err != nil {
		t.Fatal(err)
	}
	if err := Show(dir, Trouble); err == nil {
		t.Error("a kernel without the trigger goes unnoticed")
	}
}
