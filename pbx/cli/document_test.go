package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
)

func TestJSON(t *testing.T) {
	tree := NewTree()
	err := tree.Add(
		Command{Path: "core show channels [concise]", Run: func(_ context.Context, w io.Writer, args []string) error {
			rows := NewTable(w, "channels", "%-10s %3d %s|%s\n", "name,priority,state,")
			rows.Head("Channel", 0, "State", "")
			if len(args) == 0 {
				rows.Row("PJSIP/1", 1, "Up ", "x")
				rows.Row("PJSIP/<2>", 2, "Down", "y")
			}
			Show(w, "active", "%d active\n", 2)
			return nil
		}},
		Command{Path: "core show license", Run: func(_ context.Context, w io.Writer, _ []string) error {
			fmt.Fprint(w, "\nfree\nsoftware\n\n")
			return nil
		}},
		Command{Path: "pjsip list aors", Run: func(_ context.Context, w io.Writer, _ []string) error {
			Add(w, "aors", Record{{"id", "1001"}, {"contacts", []string{"a"}}})
			Put(w, "found", 0)
			Put(w, "found", 1)
			return nil
		}},
		Command{Path: "dialplan show", Run: func(_ context.Context, w io.Writer, args []string) error {
			Put(w, "context", args[0])
			fmt.Fprintf(w, "no %s\n", args[0])
			return ErrFailed
		}},
		Command{Path: "pjsip show bad", Run: func(_ context.Context, w io.Writer, _ []string) error {
			Put(w, "bad", func() {})
			return nil
		}},
		Command{Path: "database put", Run: func(_ context.Context, w io.Writer, args []string) error {
			fmt.Fprintf(w, "%q\n", args)
			return nil
		}},
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Alias("chans", "core show channels"); err != nil {
		t.Fatal(err)
	}
	const two = "{\n  \"channels\": [\n    {\n      \"name\": \"PJSIP/1\",\n      \"priority\": 1,\n      \"state\": \"Up\"\n    },\n" +
		"    {\n      \"name\": \"PJSIP/<2>\",\n      \"priority\": 2,\n      \"state\": \"Down\"\n    }\n  ],\n  \"active\": 2\n}\n"
	for _, c := range []struct {
		line, want string
		outcome    Outcome
	}{
		{"core show channels", "Channel      0 State|\nPJSIP/1      1 Up |x\nPJSIP/<2>    2 Down|y\n2 active\n", Done},
		{"core show channels --json", two, Done},
		{"chans --json", two, Done},
		{"core show channels concise --JSON", "{\n  \"channels\": [],\n  \"active\": 2\n}\n", Done},
		{"core show license --json", "{\n  \"text\": [\n    \"free\",\n    \"software\"\n  ]\n}\n", Done},
		{"pjsip list aors --json", "{\n  \"aors\": [\n    {\n      \"id\": \"1001\",\n      \"contacts\": [\n        \"a\"\n      ]\n    }\n  ],\n  \"found\": 1\n}\n", Done},
		{"dialplan show nope --json", "{\n  \"error\": \"no nope\\nCommand 'dialplan show nope --json' failed.\"\n}\n", Failed},
		{"pjsip show bad --json", "json: error calling MarshalJSON for type cli.Record: bad: json: unsupported type: func()\n", Failed},
		{"database put a b --json", "[\"a\" \"b\" \"--json\"]\n", Done},
	} {
		var out bytes.Buffer
		if outcome := tree.Run(t.Context(), &out, c.line); outcome != c.outcome || out.String() != c.want {
			t.Errorf("%s: %s\n%s", c.line, outcome, out.String())
		}
	}
	if got := tree.Complete("core show channels -"); !slices.Equal(got, []string{"--json"}) {
		t.Error(got)
	}
	if got := tree.Complete("database put -"); got != nil {
		t.Error(got)
	}
}
