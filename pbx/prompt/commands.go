package prompt

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"branchline/media/tone"
	"branchline/pbx/cli"
)

// Commands are the console commands about what can be played. names lists the
// prompts there are, formats the suffixes of files that can be played, tones gives
// the zones in force.
func Commands(sounds Sounds, names func() []string, formats []string, tones func() *tone.Book) []cli.Command {
	return []cli.Command{
		{Path: "core show sounds", Summary: "Shows available sounds",
			Usage: "Usage: core show sounds\n       Lists the prompts, built in or in the sounds directories.\n",
			Run: noArguments(func(w io.Writer) error {
				fmt.Fprintln(w, "Available audio files:")
				t := cli.NewTable(w, "sounds", "%s\n", "name")
				for _, n := range names() {
					t.Row(n)
				}
				return nil
			})},
		{Path: "core show sound", Summary: "Shows details about a specific sound",
			Usage:    "Usage: core show sound <name>\n       Says whether there is a prompt of that name.\n",
			Complete: func([]string) []string { return names() },
			Run: func(_ context.Context, w io.Writer, args []string) error {
				if len(args) != 1 {
					return cli.ErrUsage
				}
				if !sounds.Has("en", args[0]) {
					fmt.Fprintf(w, "ERROR: File %s not found in index\n", args[0])
					return cli.ErrFailed
				}
				cli.Show(w, "name", "Indexed Information for %s:\n", args[0])
				fmt.Fprintln(w, "  can be played")
				return nil
			}},
		{Path: "core show file formats", Summary: "Displays file formats",
			Usage: "Usage: core show file formats\n       Lists the kinds of sound files that can be played.\n",
			Run: noArguments(func(w io.Writer) error {
				t := cli.NewTable(w, "formats", "%-10s %-10s %-20s\n", "format,name,extensions")
				t.Head("Format", "Name", "Extensions")
				t.Head("------", "----", "----------")
				for _, f := range formats {
					t.Row(formatOf(f), f, f)
				}
				cli.Show(w, "registered", "%d file formats registered.\n", len(formats))
				return nil
			})},
		{Path: "indication show", Summary: "Display a list of all countries/indications",
			Usage:    "Usage: indication show [<country> ...]\n       Lists the countries whose tones are known, or the tones of some.\n",
			Complete: func([]string) []string { return tones().Zones() },
			Run: func(_ context.Context, w io.Writer, args []string) error {
				return indications(w, tones(), args)
			}},
		{Path: "moh show classes", Summary: "List MusicOnHold classes",
			Usage: "Usage: moh show classes\n       Lists the kinds of music on hold.\n",
			Run: noArguments(func(w io.Writer) error {
				cli.Add(w, "classes", cli.Fields("name", "default", "mode", "tone"))
				_, err := fmt.Fprintf(w, "Class: default\n\tMode: tone\n\tTone: %s\n", holdTone)
				return err
			})},
		{Path: "moh show files", Summary: "List MusicOnHold file-based classes",
			Usage: "Usage: moh show files\n       Lists the files of the music on hold. There are none: a waiting party hears\n       a soft beep.\n",
			Run: noArguments(func(w io.Writer) error {
				cli.Add(w, "classes")
				return nil
			})},
		{Path: "say load [new|old]", Summary: "Set or show the say mode",
			Usage: "Usage: say load\n       Shows how numbers are spoken: always by the built-in rules.\n",
			Run: func(_ context.Context, w io.Writer, args []string) error {
				switch {
				case len(args) == 0:
					_, err := fmt.Fprintln(w, "say mode is [old]")
					return err
				case len(args) == 1 && strings.EqualFold(args[0], "old"):
					_, err := fmt.Fprintln(w, "say mode is already old")
					return err
				case len(args) == 1 && strings.EqualFold(args[0], "new"):
					fmt.Fprintln(w, "say.conf is not read: there is only the old mode")
					return cli.ErrFailed
				}
				return cli.ErrUsage
			}},
	}
}

// formatOf is the codec that a file of that suffix holds.
func formatOf(suffix string) string {
	switch suffix {
	case "alaw", "al":
		return "alaw"
	case "sln", "wav":
		return "slin"
	}
	return "ulaw"
}

func noArguments(run func(w io.Writer) error) func(context.Context, io.Writer, []string) error {
	return func(_ context.Context, w io.Writer, args []string) error {
		if len(args) > 0 {
			return cli.ErrUsage
		}
		return run(w)
	}
}

func indications(w io.Writer, book *tone.Book, args []string) error {
	if len(args) == 0 {
		t := cli.NewTable(w, "countries", "%-7.7s  %s\n", "country,description")
		fmt.Fprint(w, "Country   Description\n===========================\n")
		for _, z := range book.Zones() {
			zone, _ := book.Zone(z)
			t.Row(z, zone.Description)
		}
		fmt.Fprint(w, "===========================\n")
		cli.Show(w, "default", "Default tone zone: %s\n", book.Country())
		return nil
	}
	t := cli.NewTable(w, "indications", "%-7.7s %-15.15s %s\n", "country,indication,list")
	for i, z := range args {
		zone, ok := book.Zone(z)
		if !ok {
			fmt.Fprintf(w, "Indications for '%s' not found.\n", z)
			continue
		}
		if i == 0 {
			fmt.Fprint(w, "Country Indication      PlayList\n=====================================\n")
		}
		for _, name := range slices.Sorted(maps.Keys(zone.Lists)) {
			t.Row(strings.ToLower(z), name, zone.Lists[name])
		}
	}
	return nil
}
