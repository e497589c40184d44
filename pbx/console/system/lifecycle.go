package system

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"branchline/pbx/cli"
)

func (s *system) lifecycle() []cli.Command {
	end := func(sh Shutdown) func(context.Context, io.Writer, []string) error {
		return exactly(0, func(context.Context, io.Writer, []string) error {
			s.Shutdown(sh)
			return nil
		})
	}
	return []cli.Command{
		{
			Path: "core stop now", Summary: "Shut down " + s.Name + " immediately",
			Usage: "Usage: core stop now\n       Ends all calls and the program.",
			Run:   end(Shutdown{Patience: Now}),
		},
		{
			Path: "core stop gracefully", Summary: "Gracefully shut down " + s.Name,
			Usage: "Usage: core stop gracefully\n       Takes no new calls, and ends the program after the last one.",
			Run:   end(Shutdown{Patience: Gracefully}),
		},
		{
			Path: "core stop when convenient", Summary: "Shut down " + s.Name + " at empty call volume",
			Usage: "Usage: core stop when convenient\n       Ends the program at the first moment without calls.",
			Run:   end(Shutdown{Patience: WhenConvenient}),
		},
		{
			Path: "core restart now", Summary: "Restart " + s.Name + " immediately",
			Usage: "Usage: core restart now\n       Ends all calls and starts the program anew.",
			Run:   end(Shutdown{Patience: Now, Restart: true}),
		},
		{
			Path: "core restart gracefully", Summary: "Restart " + s.Name + " gracefully",
			Usage: "Usage: core restart gracefully\n       Takes no new calls, and starts the program anew after the last one.",
			Run:   end(Shutdown{Patience: Gracefully, Restart: true}),
		},
		{
			Path: "core restart when convenient", Summary: "Restart " + s.Name + " at empty call volume",
			Usage: "Usage: core restart when convenient\n       Starts the program anew at the first moment without calls.",
			Run:   end(Shutdown{Patience: WhenConvenient, Restart: true}),
		},
		{
			Path: "core abort shutdown", Summary: "Cancel a running shutdown",
			Usage: "Usage: core abort shutdown\n       Takes back a stop or restart that waits for calls, and takes new calls again.",
			Run: exactly(0, func(_ context.Context, w io.Writer, _ []string) error {
				if !s.Abort() {
					_, err := fmt.Fprintln(w, "No shutdown was waiting.")
					return err
				}
				return nil
			}),
		},
		{
			Path: "core reload", Summary: "Global reload",
			Usage: "Usage: core reload\n       Reads all configuration files anew. If one has an error nothing changes.",
			Run: exactly(0, func(ctx context.Context, w io.Writer, _ []string) error {
				return s.reload(ctx, w, "")
			}),
		},
		{
			Path: "dialplan reload", Summary: "Reload extensions and *only* extensions",
			Usage: "Usage: dialplan reload\n       Reads extensions.conf anew. If it has an error nothing changes.",
			Run: exactly(0, func(ctx context.Context, w io.Writer, _ []string) error {
				if err := s.reload(ctx, w, "dialplan"); err != nil {
					return err
				}
				_, err := fmt.Fprintln(w, "Dialplan reloaded.")
				return err
			}),
		},
	}
}

// reload says on the console what was wrong; the command has then failed.
func (s *system) reload(ctx context.Context, w io.Writer, part string) error {
	if err := s.Reload(ctx, w, part); err != nil {
		fmt.Fprintf(w, "Nothing was changed: %v\n", err)
		return cli.ErrFailed
	}
	return nil
}

func (s *system) modules() []cli.Command {
	names := func([]string) []string {
		var out []string
		for _, m := range s.Modules {
			out = append(out, m.Name)
		}
		return out
	}
	return []cli.Command{
		{
			Path: "module show [like]", Summary: "List modules and info",
			Usage: "Usage: module show [like keyword]\n       Lists the built-in features under the names of Asterisk's modules.",
			Run:   s.showModules,
		},
		{
			Path: "module reload", Summary: "Reload configuration for a module",
			Usage: "Usage: module reload [module ...]\n       Reads the configuration of the named modules anew, or all of it. If a\n" +
				"       file has an error nothing changes.",
			Run:      s.reloadModules,
			Complete: names,
		},
		{
			Path: "module load", Summary: "Load a module by name",
			Usage: "Usage: module load <module name>\n       Modules are built in: one that is there is always loaded.",
			Run: exactly(1, func(_ context.Context, w io.Writer, args []string) error {
				fmt.Fprintf(w, "Unable to load module %s\nModules are built in and cannot be added.\n", args[0])
				return cli.ErrFailed
			}),
			Complete: names,
		},
		{
			Path: "module unload", Summary: "Unload a module by name",
			Usage: "Usage: module unload <module name>\n       Modules are built in and cannot be taken out.",
			Run: exactly(1, func(_ context.Context, w io.Writer, args []string) error {
				fmt.Fprintf(w, "Unable to unload resource %s\nModules are built in and cannot be taken out.\n", args[0])
				return cli.ErrFailed
			}),
			Complete: names,
		},
	}
}

func (s *system) showModules(_ context.Context, w io.Writer, args []string) error {
	like := ""
	switch {
	case len(args) == 2 && strings.EqualFold(args[0], "like"):
		like = strings.ToLower(args[1])
	case len(args) > 0:
		return cli.ErrUsage
	}
	t := cli.NewTable(w, "modules", "%-30s %-40.40s %-10v %-11s %13s\n", "name,description,uses,status,support")
	t.Head("Module", "Description", "Use Count", "Status", "Support Level")
	n := 0
	for _, m := range s.Modules {
		if !strings.Contains(strings.ToLower(m.Name), like) {
			continue
		}
		uses := 0
		if m.Uses != nil {
			uses = m.Uses()
		}
		t.Row(m.Name, m.Description, uses, "Running", m.Support)
		n++
	}
	cli.Show(w, "loaded", "%d modules loaded\n", n)
	return nil
}

func (s *system) reloadModules(ctx context.Context, w io.Writer, args []string) error {
	if len(args) == 0 {
		return s.reload(ctx, w, "")
	}
	done := map[string]bool{"": true}
	failed := false
	for _, name := range args {
		i := slices.IndexFunc(s.Modules, func(m Module) bool {
			return strings.EqualFold(strings.TrimSuffix(m.Name, ".so"), strings.TrimSuffix(name, ".so"))
		})
		if i < 0 {
			fmt.Fprintf(w, "No such module '%s'\n", name)
			continue
		}
		if m := s.Modules[i]; !done[m.Part] {
			done[m.Part] = true
			if err := s.reload(ctx, w, m.Part); err != nil {
				failed = true
				break
			}
		}
		fmt.Fprintf(w, "Module '%s' reloaded successfully.\n", s.Modules[i].Name)
	}
	if failed {
		return cli.ErrFailed
	}
	return nil
}

func (s *system) help() []cli.Command {
	return []cli.Command{
		{
			Path: "cli show permissions", Summary: "Show CLI permissions",
			Usage: "Usage: cli show permissions\n       Says who may use the console.",
			Run: exactly(0, func(_ context.Context, w io.Writer, _ []string) error {
				_, err := fmt.Fprintln(w, "Whoever may open the control socket may use all commands; see [files] in asterisk.conf.")
				return err
			}),
		},
		{
			Path: "core show help", Summary: "Display help list, or specific help on a command",
			Usage: "Usage: core show help [topic]\n       Lists all commands, or those that begin with the given words; for a\n" +
				"       whole command, explains it.",
			Run: func(_ context.Context, w io.Writer, args []string) error {
				s.tree.Help(w, args)
				return nil
			},
			Complete: func(args []string) []string {
				words := make([]string, len(args))
				for i, a := range args {
					words[i] = `"` + strings.ReplaceAll(a, `"`, `\"`) + `"`
				}
				return s.tree.Complete(strings.Join(words, " "))
			},
		},
		{
			Path: "cli show aliases", Summary: "Show CLI command aliases",
			Usage: "Usage: cli show aliases\n       Lists short names and what they stand for.",
			Run: exactly(0, func(_ context.Context, w io.Writer, _ []string) error {
				t := cli.NewTable(w, "aliases", "%-50.50s %-50.50s\n", "alias,command")
				t.Head("Alias Command", "Real Command")
				for _, a := range s.tree.Aliases() {
					t.Row(a[0], a[1])
				}
				return nil
			}),
		},
	}
}
