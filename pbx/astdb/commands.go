package astdb

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"branchline/pbx/cli"
)

// Commands are the `database ...` console commands, in Asterisk's words.
func Commands(db *DB) []cli.Command {
	return []cli.Command{
		{Path: "database show", Summary: "Shows database contents", Run: db.show, Complete: db.complete,
			Usage: "Usage: database show [family [key]]\n       Lists the database, or one family of it, or what lies below one key.\n"},
		{Path: "database showkey", Summary: "Shows the entries with one key, in all families", Run: db.showKey,
			Usage: "Usage: database showkey <key>\n       Lists the entries whose name ends in that key.\n"},
		{Path: "database get", Summary: "Gets database value", Run: db.get, Complete: db.complete,
			Usage: "Usage: database get <family> <key>\n       Prints one value.\n"},
		{Path: "database put", Summary: "Adds or changes a database value", Run: db.put, Complete: db.complete,
			Usage: "Usage: database put <family> <key> <value>\n       Stores a value.\n"},
		{Path: "database del", Summary: "Removes a database value", Run: db.del, Complete: db.complete,
			Usage: "Usage: database del <family> <key>\n       Removes one value.\n"},
		{Path: "database deltree", Summary: "Removes a family, or all below a key", Run: db.delTree, Complete: db.complete,
			Usage: "Usage: database deltree <family> [key]\n   OR: database deltree <family>[/key]\n       Removes a family, or a key with everything below it.\n"},
		{Path: "database backup", Summary: "Copies the database into a file beside it", Run: db.copyCommand,
			Usage: "Usage: database backup\n       Writes a copy of the database, in one piece, and tells where it is.\n"},
	}
}

func (db *DB) show(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 2 {
		return cli.ErrUsage
	}
	args = append(slices.Clone(args), "", "")
	list(w, db.List(tree(args[0], args[1])))
	return nil
}

func (db *DB) showKey(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	list(w, db.filter(func(n string) bool { return strings.HasSuffix(n, "/"+args[0]) }))
	return nil
}

func list(w io.Writer, entries []Entry) {
	t := cli.NewTable(w, "entries", "%-50s: %-25s\n", "key,value")
	for _, e := range entries {
		t.Row(e.Name, e.Value)
	}
	cli.Show(w, "found", "%d results found.\n", len(entries))
}

func (db *DB) get(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 2 {
		return cli.ErrUsage
	}
	v, ok := db.Get(args[0], args[1])
	if !ok {
		fmt.Fprintln(w, "Database entry not found.")
		return cli.ErrFailed
	}
	fmt.Fprintf(w, "Value: %s\n", v)
	return nil
}

func (db *DB) put(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 3 {
		return cli.ErrUsage
	}
	if err := db.Put(args[0], args[1], args[2]); err != nil {
		fmt.Fprintf(w, "Failed to update entry: %v\n", err)
		return cli.ErrFailed
	}
	fmt.Fprintln(w, "Updated database successfully")
	return nil
}

func (db *DB) del(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 2 {
		return cli.ErrUsage
	}
	switch ok, err := db.Del(args[0], args[1]); {
	case err != nil:
		return err
	case !ok:
		fmt.Fprintln(w, "Database entry could not be removed.")
		return cli.ErrFailed
	}
	fmt.Fprintln(w, "Database entry removed.")
	return nil
}

func (db *DB) delTree(_ context.Context, w io.Writer, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return cli.ErrUsage
	}
	args = append(slices.Clone(args), "")
	switch n, err := db.DelTree(args[0], args[1]); {
	case err != nil:
		return err
	case n == 0:
		fmt.Fprintln(w, "Database entries do not exist.")
	default:
		fmt.Fprintf(w, "%d database entries removed.\n", n)
	}
	return nil
}

// complete offers families as first word, keys of the family as second.
func (db *DB) complete(args []string) []string {
	var out []string
	for _, e := range db.filter(func(string) bool { return true }) {
		n := strings.TrimPrefix(e.Name, "/")
		switch i := strings.LastIndexByte(n, '/'); {
		case i < 0:
		case len(args) == 1:
			out = append(out, n[:i])
		case len(args) == 2 && n[:i] == args[0]:
			out = append(out, n[i+1:])
		}
	}
	return slices.Compact(out)
}
