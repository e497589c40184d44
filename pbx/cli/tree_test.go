package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// sample is a tree whose commands print which they are and what they got.
func sample(t *testing.T) *Tree {
	t.Helper()
	tree := NewTree()
	say := func(name string) func(context.Context, io.Writer, []string) error {
		return func(_ context.Context, w io.Writer, args []string) error {
			fmt.Fprintf(w, "%s %q\n", name, args)
			return nil
		}
	}
	err := tree.Add(
		Command{Path: "core show channel", Summary: "Display information on a specific channel", Run: say("channel"),
			Complete: func(args []string) []string { return []string{"PJSIP/1001-00000000", "PJSIP/1002-00000001", "Local/x"} }},
		Command{Path: "core show channels [concise|verbose|count]", Summary: "Display information on channels", Run: say("channels")},
		Command{Path: "core show uptime [seconds]", Usage: "Usage: core show uptime [seconds]\n       Shows uptime.\n",
			Run: func(context.Context, io.Writer, []string) error { return ErrUsage }},
		Command{Path: "core set {verbose|debug}", Run: func(ctx context.Context, w io.Writer, args []string) error {
			fmt.Fprintf(w, "%q %q\n", Words(ctx), args)
			return nil
		}},
		Command{Path: "dialplan show", Run: func(_ context.Context, w io.Writer, args []string) error {
			fmt.Fprintf(w, "There is no existence of '%s' context\n", args[0])
			return ErrFailed
		}},
		Command{Path: "dialplan show globals", Run: say("globals")},
		Command{Path: "pjsip show endpoint", Run: func(_ context.Context, _ io.Writer, args []string) error {
			return fmt.Errorf("endpoint %s: not configured", args[0])
		}},
		Command{Path: "core show help", Run: func(_ context.Context, w io.Writer, args []string) error {
			tree.Help(w, args)
			return nil
		}},
	)
	if err != nil {
		t.Fatal(err)
	}
	for name, real := range map[string]string{"help": "core show help", "pjsip reload": "module reload res_pjsip.so", "again": "help"} {
		if err := tree.Alias(name, real); err != nil {
			t.Fatal(err)
		}
	}
	tree.Refuse("iax2", "no IAX2 trunks, use SIP")
	tree.Refuse("core clear profile", "internals of another program")
	tree.Refuse("dialplan", "never seen: the family is there")
	return tree
}

func TestRun(t *testing.T) {
	tests := []struct {
		line, want string
		outcome    Outcome
	}{
		{"", "", Done},
		{"   ", "", Done},
		{"core show channels", "channels []\n", Done},
		{"CORE Show Channels Verbose", "channels [\"Verbose\"]\n", Done},
		{`core show "channel" "a b" c\ d ""`, "channel [\"a b\" \"c d\" \"\"]\n", Done},
		{"core set DEBUG 3", "[\"core\" \"set\" \"DEBUG\" \"3\"] [\"3\"]\n", Done},
		{"dialplan show globals", "globals []\n", Done},
		{"dialplan show nope", "There is no existence of 'nope' context\nCommand 'dialplan show nope' failed.\n", Failed},
		{"pjsip show endpoint nope", "endpoint nope: not configured\n", Failed},
		{"core show uptime x", "Usage: core show uptime [seconds]\n       Shows uptime.\n", Misused},
		{"help core show uptime seconds", "Usage: core show uptime [seconds]\n       Shows uptime.\n", Done},
		{"core show help nonsense x", "No such command 'nonsense x'.\n", Done},
		// The hint holds the known words and two more, quotes removed.
		{"foo", "No such command 'foo' (type 'core show help foo' for other possible commands)\n", Unknown},
		{"foo   bar baz qux", "No such command 'foo   bar baz qux' (type 'core show help foo bar' for other possible commands)\n", Unknown},
		{"core foo bar baz", "No such command 'core foo bar baz' (type 'core show help core foo bar' for other possible commands)\n", Unknown},
		{"core show foo bar", "No such command 'core show foo bar' (type 'core show help core show foo bar' for other possible commands)\n", Unknown},
		{`foo "a b" c`, "No such command 'foo \"a b\" c' (type 'core show help foo a b' for other possible commands)\n", Unknown},
		{"core sh channels", "No such command 'core sh channels' (type 'core show help core sh channels' for other possible commands)\n", Unknown},
		{"core show", "No such command 'core show' (type 'core show help core show' for other possible commands)\n", Unknown},
		{"pjsip reload", "No such command 'pjsip reload' (type 'core show help module reload' for other possible commands)\n", Unknown},
		{"again", "No such command 'again' (type 'core show help help' for other possible commands)\n", Unknown},
		{"IAX2 set debug on", "'iax2' is not supported by this product: no IAX2 trunks, use SIP.\n", Unknown},
		{"core clear profile", "'core clear profile' is not supported by this product: internals of another program.\n", Unknown},
		{"dialplan save", "No such command 'dialplan save' (type 'core show help dialplan save' for other possible commands)\n", Unknown},
	}
	tree := sample(t)
	for _, tt := range tests {
		var out strings.Builder
		if got := tree.Run(t.Context(), &out, tt.line); out.String() != tt.want || got != tt.outcome {
			t.Errorf("%q: %v %q, want %v %q", tt.line, got, out.String(), tt.outcome, tt.want)
		}
	}
}

func TestHelpList(t *testing.T) {
	tests := []struct {
		words string
		want  []string
	}{
		{"core show ch", []string{
			"core show channels [concise|verbose|count] -- Display information on channels",
			"core show channel              -- Display information on a specific channel",
		}},
		{"core show channe", []string{
			"core show channels [concise|verbose|count] -- Display information on channels",
			"core show channel              -- Display information on a specific channel",
		}},
		{"help foo", []string{"Alias of 'core show help'."}},
		{"core set verb", []string{"core set {verbose|debug}       -- "}},
		{"pjsip", []string{
			"pjsip reload                   -- no description",
			"pjsip show endpoint            -- ",
		}},
		{"core show channels con x", []string{"Usage: core show channels [concise|verbose|count]"}},
		{"cora", []string{"No such command 'cora'."}},
	}
	tree := sample(t)
	for _, tt := range tests {
		var out strings.Builder
		tree.Help(&out, Split(tt.words))
		if got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"); !slices.Equal(got, tt.want) {
			t.Errorf("%q:\n%s\nwant\n%s", tt.words, out.String(), strings.Join(tt.want, "\n"))
		}
	}
	var all strings.Builder
	if !tree.Help(&all, nil) || strings.Count(all.String(), "\n") != 11 {
		t.Errorf("the whole list has %d lines:\n%s", strings.Count(all.String(), "\n"), all.String())
	}
}

func TestComplete(t *testing.T) {
	tests := []struct{ line, want string }{
		{"", "again core dialplan help pjsip"},
		{"co", "core"},
		{"core", "core"},
		{"core ", "set show"},
		{"core show ch", "channel channels"},
		{"core show channels", "channels"},
		{"core show channels ", "concise count verbose"},
		{"core show channels co", "concise count"},
		{"core show channels count ", ""},
		{"CORE show CHANNEL p", "PJSIP/1001-00000000 PJSIP/1002-00000001"},
		{"core show channel ", "Local/x PJSIP/1001-00000000 PJSIP/1002-00000001"},
		{"core set ", "debug verbose"},
		{"core sh ", ""},
		{`core "sh`, "show"},
		{"dialplan show ", "globals"},
	}
	tree := sample(t)
	for _, tt := range tests {
		if got := strings.Join(tree.Complete(tt.line), " "); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.line, got, tt.want)
		}
	}
}

func TestAliasCompletesAsWhatItStandsFor(t *testing.T) {
	tree := NewTree()
	complete := func(args []string) []string { return []string{fmt.Sprint(len(args)), "x"} }
	run := func(context.Context, io.Writer, []string) error { return nil }
	if err := errors.Join(tree.Add(Command{Path: "channel originate", Run: run, Complete: complete}), tree.Alias("originate", "channel originate")); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(tree.Complete("originate PJSIP/1 "), " "); got != "2 x" {
		t.Errorf("got %q", got)
	}
}

func TestAddRefusesBadPaths(t *testing.T) {
	run := func(context.Context, io.Writer, []string) error { return nil }
	for _, bad := range []string{"", "[x]", "core [x] show", "core show channels", "CORE show uptime", "core set {foo|debug}", "a{b"} {
		if err := sample(t).Add(Command{Path: bad, Run: run}); err == nil {
			t.Errorf("%q was taken in", bad)
		}
	}
	if err := sample(t).Add(Command{Path: "core show nothing"}); err == nil {
		t.Error("a command without Run was taken in")
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{"", "a b", `a "b c" d\ e`, `"`, `\`, "a\t b\\"} {
		f.Add(s)
	}
	tree := NewTree()
	run := func(context.Context, io.Writer, []string) error { return nil }
	if err := tree.Add(Command{Path: "a {b|c} d [e]", Run: run}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		total := 0
		for _, w := range Split(line) {
			total += len(w)
		}
		if total > len(line) {
			t.Errorf("%q: words longer than the line", line)
		}
		tree.Complete(line)
		tree.Run(t.Context(), io.Discard, line)
	})
}
