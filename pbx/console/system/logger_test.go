package system

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"branchline/pbx/cli"
	"branchline/pbx/console/output"
)

// logBench gives a console whose log directory is dir, what it shows, and a way
// to type.
func logBench(t *testing.T, dir string) (*output.Output, *bytes.Buffer, func(string) string) {
	t.Helper()
	out, tree, seen := output.New(), cli.NewTree(), &bytes.Buffer{}
	d := Daemon{Name: "Branchline", Version: "1.2.3", Speaks: "x", LastReload: time.Now, Settings: func() Settings { return Settings{LogDirectory: dir} }}
	if err := tree.Add(Commands(d, out, tree)...); err != nil {
		t.Fatal(err)
	}
	own := &output.Screen{Name: "Console", Put: func(s string) { seen.WriteString(s) }}
	own.Verbose.Store(3)
	out.Add(own)
	return out, seen, func(line string) string {
		var b bytes.Buffer
		tree.Run(output.With(t.Context(), own), &b, line)
		return b.String()
	}
}

func TestLoggerLevels(t *testing.T) {
	out, seen, run := logBench(t, t.TempDir())
	if got, want := run("logger show levels"), "Level Name\n----- ----\n    0 DEBUG\n    1 TRACE\n    2 NOTICE\n    3 WARNING\n    4 ERROR\n    5 VERBOSE\n    6 DTMF\n\n"; got != want {
		t.Errorf("got\n%s", got)
	}
	say := func() {
		out.Logger().Warn("a warning")
		out.Verbose(3, "a trace")
	}
	for _, step := range []struct{ line, want, shown string }{
		{"logger set level WARNING off", "Logger status for 'WARNING' has been set to 'off'.\n", "a trace"},
		{"logger set level verbose off", "Logger status for 'VERBOSE' has been set to 'off'.\n", ""},
		{"logger set level WARNING on", "Logger status for 'WARNING' has been set to 'on'.\n", "a warning"},
		{"logger set level nonsense on", "No such command 'logger set level nonsense on' (type 'core show help logger set level nonsense on' for other possible commands)\n", "a warning"},
	} {
		if got := run(step.line); got != step.want {
			t.Errorf("%s: %s", step.line, got)
		}
		seen.Reset()
		say()
		for _, text := range []string{"a warning", "a trace"} {
			if strings.Contains(seen.String(), text) != strings.Contains(step.shown, text) {
				t.Errorf("after %s: %q", step.line, seen)
			}
		}
	}
}

func TestLogFiles(t *testing.T) {
	dir := t.TempDir()
	out, _, run := logBench(t, dir)
	path := filepath.Join(dir, "x")
	content := func() string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for line, want := range map[string]string{
		"logger add channel ../x notice": "'../x' is no file name; log files are in the log directory only\nCommand 'logger add channel ../x notice' failed.\n",
		"logger add channel x loud":      "'LOUD' is no log level\nCommand 'logger add channel x loud' failed.\n",
		"logger remove channel x":        "Unable to find dynamic logger channel 'x'\nCommand 'logger remove channel x' failed.\n",
	} {
		if got := run(line); got != want {
			t.Errorf("%s: %s", line, got)
		}
	}
	if got := run("logger add channel x warning,error"); got != "" {
		t.Error(got)
	}
	if got := run("logger add channel x error"); !strings.HasPrefix(got, "Logger channel 'x' already exists\n") {
		t.Error(got)
	}
	out.Logger().Warn("first")
	out.Logger().Info("not this")
	out.Verbose(1, "nor this")
	if got := content(); !strings.Contains(got, "WARNING[") || !strings.HasSuffix(got, "first\n") || strings.Contains(got, "this") {
		t.Errorf("%q", got)
	}
	want := "Channel                             Type     Formatter  Status    Configuration\n" +
		"-------                             ----     ---------  ------    -------------\n" +
		pad(path, 35) + " File     default    Enabled    - WARNING ERROR \n" +
		"                                    Console  default    Enabled    - NOTICE WARNING ERROR VERBOSE \n\n"
	if got := run("logger show channels"); !strings.HasSuffix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := run("logger rotate"); got != "" {
		t.Error(got)
	}
	out.Logger().Error("second")
	if got := content(); strings.Contains(got, "first") || !strings.Contains(got, "second") {
		t.Errorf("%q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	run("logger reload")
	out.Logger().Error("third")
	if got := content(); strings.Contains(got, "second") || !strings.Contains(got, "third") {
		t.Errorf("%q", got)
	}
	out.Logger().Error(strings.Repeat("x", maxLogFile)) // more than fits
	out.Logger().Error("fourth")
	if i, err := os.Stat(path); err != nil || i.Size() > maxLogFile+1000 {
		t.Error(err, i.Size())
	}
	if got := run("logger remove channel x"); got != "Removed dynamic logger channel 'x'\n" {
		t.Error(got)
	}
	out.Logger().Error("fifth")
	if strings.Contains(content(), "fifth") {
		t.Error("written after its end")
	}
}

func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-len(s))) }

// Everything about the daemon that is shown has values for programs, but for the
// texts, which are lines.
func TestDocuments(t *testing.T) {
	_, _, run := logBench(t, t.TempDir())
	for line, key := range map[string]string{
		"core show version": "version", "core show uptime": "uptime_seconds", "core show settings": "maximum_calls",
		"core show sysinfo": "load", "core show license": "text", "core show warranty": "text", "module show": "modules",
		"logger show channels": "channels", "logger show levels": "levels", "cli show aliases": "aliases",
		"core show help": "commands", "cli show permissions": "text",
	} {
		var doc map[string]any
		if got := run(line + " --json"); json.Unmarshal([]byte(got), &doc) != nil || doc[key] == nil {
			t.Errorf("%s: no %q in\n%s", line, key, got)
		}
	}
}
