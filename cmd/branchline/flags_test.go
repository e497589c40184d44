package main

import (
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"branchline/appliance"
	"branchline/appliance/inspect"
)

// Seed: S-135, S-136, S-150.
func TestParse(t *testing.T) {
	tests := []struct {
		line string
		want invocation
	}{
		{"branchline", invocation{}},
		{"/usr/sbin/asterisk -f", invocation{program: "asterisk", options: appliance.Options{Foreground: true}}},
		{"branchline -vvvgc", invocation{options: appliance.Options{Verbose: 3, Console: true}}},
		{"branchline -rvvvvv", invocation{mode: remote, options: appliance.Options{Verbose: 5}}},
		{"branchline -r -d -dd", invocation{mode: remote, options: appliance.Options{Debug: 3}}},
		{"branchline -rx core_show_version", invocation{mode: remote, commands: []string{"core_show_version"}}},
		{"branchline -rxfoo -s /tmp/x.ctl --strict", invocation{mode: remote, commands: []string{"foo"}, socket: "/tmp/x.ctl", strict: true}},
		{"branchline -x a -x b", invocation{mode: remote, commands: []string{"a", "b"}}},
		{"branchline -R", invocation{mode: remote, reconnect: true}},
		{"rasterisk -vv", invocation{program: "rasterisk", mode: remote, options: appliance.Options{Verbose: 2}}},
		{"branchline -C /etc/pbx -f -U asterisk -Gdialout -pnTqm", invocation{options: appliance.Options{Config: "/etc/pbx", Foreground: true,
			User: "asterisk", Group: "dialout", RealTime: true, NoColour: true, Timestamps: true, Quiet: true, Mute: true}}},
		{"branchline -L 3.5 -M 40 -e 100 -F -itXWBI", invocation{options: appliance.Options{MaxCalls: 40, AlwaysFork: true}}},
		{"branchline -vV -r", invocation{mode: showVersion, options: appliance.Options{Verbose: 1}}},
		{"branchline -h", invocation{mode: showHelp}},
		{"branchline --lenient -f", invocation{options: appliance.Options{Lenient: true, Foreground: true}}},
		{"branchline -C /x selftest fast", invocation{mode: word, args: []string{"selftest", "fast"}, options: appliance.Options{Config: "/x"}}},
		{"branchline check etc --fix --json", invocation{mode: word, args: []string{"check", "etc"}, checking: inspect.Options{Fix: true, JSON: true}}},
		{"branchline -C /x check --fix=no-inbound-auth,auth-username --dns", invocation{mode: word, args: []string{"check"}, options: appliance.Options{Config: "/x"},
			checking: inspect.Options{Fix: true, Rules: []string{"no-inbound-auth", "auth-username"}, DNS: true}}},
		{"branchline -- -f", invocation{mode: word, args: []string{"-f"}}},
	}
	for _, tt := range tests {
		if tt.want.program == "" {
			tt.want.program = "branchline"
		}
		got, err := parse(strings.Fields(tt.line))
		if err != nil || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", tt.line, err, got, tt.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"b -Z":        "invalid option -- 'Z'",
		"b -rZ":       "invalid option -- 'Z'",
		"b --nothing": "invalid option '--nothing'",
		"b --fix":     "invalid option: --fix, --json and --dns belong to the command check",
		"b -rx":       "invalid option: -x needs a value",
		"b -L high":   `invalid option: -L high: strconv.ParseFloat: parsing "high": invalid syntax`,
		"b -M many":   `invalid option: -M many: strconv.Atoi: parsing "many": invalid syntax`,
	} {
		if _, err := parse(strings.Fields(line)); !errors.Is(err, errFlag) || err.Error() != want {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

func TestRelativePathsBecomeAbsolute(t *testing.T) {
	got, err := parse([]string{"b", "-C", "etc"})
	if err != nil || !strings.HasPrefix(got.options.Config, "/") || !strings.HasSuffix(got.options.Config, "/etc") {
		t.Errorf("%v %+v", err, got)
	}
}

// S-136
func TestVersionLine(t *testing.T) {
	if got := versionLine(); !regexp.MustCompile(`^Branchline [0-9]+\.[0-9]+\.[0-9]+\S* \(speaks Asterisk 22 configuration\)$`).MatchString(got) {
		t.Error(got)
	}
}
