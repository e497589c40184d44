package live

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/substitution"
)

// Commands gives the console commands that look at the plan, its hints and the
// globals. of tells device states; watched may be nil.
func Commands(s *System, of dialplan.StateOf, watched Watched) []cli.Command {
	if of == nil {
		of = func(string) channel.DeviceState { return channel.DeviceUnknown }
	}
	return []cli.Command{
		{
			Path: "dialplan show", Summary: "Show dialplan",
			Usage: "Usage: dialplan show [[exten@]context]\n" +
				"       Shows the dialplan, one context of it, or what a number dialled\n" +
				"       in a context would match.\n",
			Run:      s.runShow,
			Complete: s.completeContext,
		},
		{
			Path: "dialplan show globals", Summary: "Show global dialplan variables",
			Usage: "Usage: dialplan show globals\n       Lists the global variables and their values.\n",
			Run: func(_ context.Context, w io.Writer, args []string) error {
				if len(args) > 0 {
					return cli.ErrUsage
				}
				names := s.Globals.Names()
				t := cli.NewTable(w, "globals", "   %s=%s\n", "name,value")
				for _, name := range names {
					value, _ := s.Globals.Get(name)
					t.Row(name, value)
				}
				fmt.Fprintf(w, "\n    -- %d variable(s)\n", len(names))
				return nil
			},
		},
		{
			Path: "dialplan set global", Summary: "Set global dialplan variable",
			Usage: "Usage: dialplan set global <name> <value>\n       Sets a global variable until the next reload that sets it.\n",
			Run: func(_ context.Context, w io.Writer, args []string) error {
				if len(args) != 2 {
					return cli.ErrUsage
				}
				s.Globals.Set(args[0], args[1])
				fmt.Fprintf(w, "\n    -- Global variable '%s' set to '%s'\n", args[0], args[1])
				return nil
			},
			Complete: func(args []string) []string {
				if len(args) == 1 {
					return s.Globals.Names()
				}
				return nil
			},
		},
		{
			Path: "dialplan eval function", Summary: "Evaluate dialplan function",
			Usage: "Usage: dialplan eval function <name(args)>\n" +
				"       Evaluates a dialplan function without a channel, so that only\n" +
				"       global variables can be used.\n",
			Run: s.runEval,
		},
		{
			Path: "core show hints", Summary: "Show dialplan hints",
			Usage: "Usage: core show hints\n       Lists the hints with the state of their devices.\n",
			Run: func(_ context.Context, w io.Writer, args []string) error {
				if len(args) > 0 {
					return cli.ErrUsage
				}
				s.showHints(w, of, watched)
				return nil
			},
		},
		{
			Path: "core show hint", Summary: "Show dialplan hint",
			Usage: "Usage: core show hint <exten>\n       Lists the hints whose extension begins with the given text.\n",
			Run: func(_ context.Context, w io.Writer, args []string) error {
				if len(args) != 1 {
					return cli.ErrUsage
				}
				exten, where, _ := strings.Cut(args[0], "@")
				found := 0
				for _, h := range s.sortedHints() {
					if strings.HasPrefix(h.Exten, exten) && strings.HasPrefix(h.Context, where) {
						s.showHint(w, h, of, watched)
						found++
					}
				}
				switch found {
				case 0:
					fmt.Fprintf(w, "No hints matching extension %s\n", args[0])
				case 1:
					fmt.Fprintf(w, "1 hint matching extension %s\n", args[0])
				default:
					fmt.Fprintf(w, "%d hints matching extension %s\n", found, args[0])
				}
				return nil
			},
			Complete: func([]string) []string {
				var names []string
				for _, h := range s.sortedHints() {
					names = append(names, h.Exten+"@"+h.Context)
				}
				return names
			},
		},
	}
}

func (s *System) runShow(_ context.Context, w io.Writer, args []string) error {
	p := s.Plan()
	switch {
	case len(args) > 1:
		return cli.ErrUsage
	case len(args) == 0:
		p.ShowAll(w)
		return nil
	}
	exten, name, dialled := strings.Cut(args[0], "@")
	if !dialled {
		exten, name = "", args[0]
	}
	if name != "" && !p.HasContext(name) {
		fmt.Fprintf(w, "There is no existence of '%s' context\n", name)
		return cli.ErrFailed
	}
	if exten == "" && name != "" {
		p.ShowContext(w, name)
		return nil
	}
	if !p.ShowExten(w, exten, name, time.Now()) {
		where := exten
		if name != "" {
			where += "@" + name
		}
		fmt.Fprintf(w, "There is no existence of %s extension\n", where)
		return cli.ErrFailed
	}
	return nil
}

func (s *System) completeContext(args []string) []string {
	if len(args) != 1 {
		return nil
	}
	exten, _, dialled := strings.Cut(args[0], "@")
	names := slices.Sorted(slices.Values(s.Plan().Contexts()))
	if dialled {
		for i, n := range names {
			names[i] = exten + "@" + n
		}
	}
	return names
}

func (s *System) runEval(ctx context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	r := substitution.ParseReference(args[0])
	value, err := s.readFunction(ctx, nil, r.Name, r.Args)
	if err != nil {
		fmt.Fprintf(w, "%v\nReturn Value: Failure (-1)\nResult: \n", err)
		return nil
	}
	fmt.Fprintf(w, "Return Value: Success (0)\nResult: %s\n", r.Substring(value))
	return nil
}
