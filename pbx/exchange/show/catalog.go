package show

import (
	"context"
	"fmt"
	"io"
	"strings"

	"branchline/pbx/cli"
	"branchline/pbx/exchange"
)

// catalog is the exchange's own, nil if the system was given another kind.
func (x view) catalog() *exchange.Catalog {
	c, _ := x.System().Catalog.(*exchange.Catalog)
	return c
}

// chosen reads [like|describing] text.
func chosen(args []string) (match func(name, synopsis string) bool, some bool, err error) {
	if len(args) == 0 {
		return func(string, string) bool { return true }, false, nil
	}
	if len(args) < 2 {
		return nil, false, cli.ErrUsage
	}
	describing := strings.EqualFold(args[0], "describing")
	return func(name, synopsis string) bool {
		for _, word := range args[1:] {
			text := name
			if describing {
				text = synopsis
			}
			if !strings.Contains(strings.ToLower(text), strings.ToLower(word)) {
				return false
			}
		}
		return true
	}, true, nil
}

func (x view) showApps(_ context.Context, w io.Writer, args []string) error {
	match, some, err := chosen(args)
	if err != nil || x.catalog() == nil {
		return err
	}
	head, tail := "Registered", "Registered"
	if some {
		head, tail = "Matching", "Matching"
	}
	fmt.Fprintf(w, "    -= %s Asterisk Applications =-\n", head)
	n := 0
	t := cli.NewTable(w, "applications", "%20s: %s\n", "name,synopsis")
	for _, a := range x.catalog().Apps() {
		if match(a.Name, a.Synopsis) {
			t.Row(a.Name, a.Synopsis)
			n++
		}
	}
	fmt.Fprintf(w, "    -= %d Applications %s =-\n", n, tail)
	return nil
}

func (x view) showApp(_ context.Context, w io.Writer, args []string) error {
	if len(args) == 0 {
		return cli.ErrUsage
	}
	found := false
	for _, name := range args {
		if a, ok := x.System().Catalog.App(name); ok {
			describe(w, "Application", a.Name, a.Synopsis, a.Syntax)
			found = true
		} else if why, ok := x.System().Catalog.Refused(name); ok {
			fmt.Fprintf(w, "Application '%s' is not supported: %s\n", name, why)
			found = true
		}
	}
	if !found {
		fmt.Fprintf(w, "Your application(s) is (are) not registered\n")
	}
	return nil
}

func describe(w io.Writer, kind, name, synopsis, syntax string) {
	cli.Add(w, strings.ToLower(kind)+"s", cli.Fields("name", name, "synopsis", synopsis, "syntax", syntax))
	fmt.Fprintf(w, "\n  -= Info about %s '%s' =- \n\n[Synopsis]\n%s\n\n[Syntax]\n%s\n\n", kind, name, synopsis, syntax)
}

func (x view) showFunctions(_ context.Context, w io.Writer, args []string) error {
	match, some, err := chosen(args)
	if err != nil || x.catalog() == nil {
		return err
	}
	head, tail := "Installed", ""
	if some {
		head, tail = "Matching", "matching "
	}
	fmt.Fprintf(w, "%s Custom Functions:\n%s\n", head, strings.Repeat("-", 80))
	n := 0
	t := cli.NewTable(w, "functions", "%-20.20s  %-35.35s  %s\n", "name,syntax,synopsis")
	for _, f := range x.catalog().Functions() {
		if match(f.Name, f.Synopsis) {
			t.Row(f.Name, f.Syntax, f.Synopsis)
			n++
		}
	}
	fmt.Fprintf(w, "%d %scustom functions installed.\n", n, tail)
	return nil
}

func (x view) showFunction(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	if f, ok := x.System().Catalog.Function(args[0]); ok {
		describe(w, "Function", f.Name, f.Synopsis, f.Syntax)
		return nil
	}
	if why, ok := x.System().Catalog.Refused(args[0]); ok {
		fmt.Fprintf(w, "Function '%s' is not supported: %s\n", args[0], why)
		return nil
	}
	fmt.Fprintf(w, "No function by that name registered.\n")
	return nil
}

func (x view) completeApp([]string) []string {
	var out []string
	if c := x.catalog(); c != nil {
		for _, a := range c.Apps() {
			out = append(out, a.Name)
		}
	}
	return out
}

func (x view) completeFunction([]string) []string {
	var out []string
	if c := x.catalog(); c != nil {
		for _, f := range c.Functions() {
			out = append(out, f.Name)
		}
	}
	return out
}
