package presence

import (
	"context"
	"fmt"
	"io"
	"strings"

	"branchline/pbx/cli"
)

// Commands are the console's.
func (s *States) Commands() []cli.Command {
	return []cli.Command{
		{Path: "presencestate list", Summary: "List currently known custom presence states",
			Usage: "Usage: presencestate list\n       Lists the CustomPresence: entities and their states.\n", Run: s.list},
		{Path: "presencestate change", Summary: "Change a custom presence state",
			Usage: "Usage: presencestate change <entity> <state>[,<subtype>[,message[,options]]]\n       Changes a CustomPresence: entity. States are " +
				strings.Join(words, ", ") + ".\n       Texts with spaces are put in quotation marks; option e says that they are base64.\n",
			Run: s.change,
			Complete: func(args []string) []string {
				if len(args) > 1 {
					return words
				}
				var out []string
				for _, e := range s.Store.List("/" + family) {
					out = append(out, prefix+strings.TrimPrefix(e.Name, "/"+family+"/"))
				}
				return out
			}},
	}
}

func (s *States) list(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	rule := strings.Repeat("-", 69) + "\n"
	fmt.Fprint(w, "\n", rule, "--- Custom Presence States ------------------------------------------\n", rule, "---\n")
	t := cli.NewTable(w, "presences",
		"--- Name: '%s'\n    --- State: '%s'\n    --- Subtype: '%s'\n    --- Message: '%s'\n    --- Base64 Encoded: '%s'\n---\n",
		"name,state,subtype,message,encoded")
	entries := s.Store.List("/" + family)
	for _, e := range entries {
		state, err := parse(e.Value)
		if err != nil {
			state = NotSet
		}
		encoded := "No"
		if state.Encoded {
			encoded = "Yes"
		}
		t.Row(prefix+strings.TrimPrefix(e.Name, "/"+family+"/"), state.Value, state.Subtype, state.Message, encoded)
	}
	if len(entries) == 0 {
		fmt.Fprint(w, "No custom presence states defined\n")
		return nil
	}
	fmt.Fprint(w, rule, rule, "\n")
	return nil
}

func (s *States) change(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 2 {
		return cli.ErrUsage
	}
	name, ok := custom(args[0])
	if !ok {
		fmt.Fprintln(w, "The presencestate command can only be used to set 'CustomPresence:' presence state!")
		return cli.ErrFailed
	}
	if _, err := parse(args[1]); err != nil {
		return cli.ErrUsage
	}
	value, _, _ := strings.Cut(args[1], ",")
	fmt.Fprintf(w, "Changing %s to %s\n", name, value)
	return s.Set(args[0], args[1])
}
