// Package show is the console's view of the SIP configuration: `pjsip show ...`
// and `pjsip list ...`. Layout and words are Asterisk 22's, column for column,
// since scripts and people's eyes depend on them; passwords are masked.
//
// It holds nothing: every command asks the functions in Deps anew.
package show

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/settings"
	"branchline/pbx/settings/option"
	"branchline/pbx/sip/outreg"
	"branchline/pbx/sip/registrar"
	"branchline/pbx/sip/subscribe"
)

// Deps is where the facts come from. All must be set, but for Registrations.
type Deps struct {
	Snapshot    func() *settings.Snapshot
	Identifiers func() []string // in the order they run
	Contacts    interface {
		Contacts(aor string) []*registrar.Contact
	}
	Channels func(endpoint string) []*channel.Snapshot
	State    func(endpoint string) channel.DeviceState
	// Qualify probes the contacts of an address of record now.
	Qualify       func(aor string) bool
	Probes        func() []registrar.Probe // nil: none
	Subscriptions func() []subscribe.Entry // of both front ends
	Registrations interface {
		Statuses() []outreg.Status
		Send(id string, on bool) bool
	}
	// Notify sends a NOTIFY of a type from pjsip_notify.conf to an endpoint or an
	// address. known is false if there is no such type; without dest that is all it
	// finds out. Notices are the types. Both nil: no such command.
	Notify    func(ctx context.Context, dest, kind string) (known bool, err error)
	Notices   func() []string
	UserAgent string // unless the configuration says otherwise
	Version   string // of the SIP stack
}

// A shelf is one kind of object: what there is, and how it is printed. pjsip
// show X, pjsip show Xs and pjsip list Xs are all made from it.
type shelf struct {
	one, many string // words of the commands
	head      string // column heads of show, over the rule
	brief     string // column heads of list
	spaced    bool   // show leaves an empty line after each object
	names     func(d *Deps) []string
	line      func(d *Deps, w io.Writer, name string) // in lists
	block     func(d *Deps, w io.Writer, name string) // in show; nil: as line
	fields    func(d *Deps, name string) []option.Shown
	data      func(d *Deps, name string) cli.Record // the values of line and block
}

// Commands are the commands about configuration and contacts.
func Commands(d Deps) []cli.Command {
	d.Snapshot = modern(d.Snapshot)
	if d.Registrations != nil {
		d.Registrations = modernRegistrations{d.Registrations}
	}
	out := append(d.qualifyCommands(), append(d.subscriptionCommands(), []cli.Command{
		{Path: "pjsip show identifiers", Summary: "List registered endpoint identifiers", Run: d.identifiers,
			Usage: "Usage: pjsip show identifiers\n       Lists the ways of finding out whose request one is, in their order.\n"},
		{Path: "pjsip show settings", Summary: "Show global and system configuration options", Run: d.settings,
			Usage: "Usage: pjsip show settings\n       Shows the options of type=global and type=system.\n"},
		{Path: "pjsip show version", Summary: "Show the version of the SIP stack in use", Run: d.version,
			Usage: "Usage: pjsip show version\n       Shows the version of the SIP stack.\n"},
		{Path: "pjsip send register", Summary: "Registers an outbound registration target", Run: d.send(true), Complete: d.registrationNames,
			Usage: "Usage: pjsip send register <registration>|*all\n       Registers at a provider now.\n"},
		{Path: "pjsip send unregister", Summary: "Unregisters outbound registration target", Run: d.send(false), Complete: d.registrationNames,
			Usage: "Usage: pjsip send unregister <registration>|*all\n       Unregisters at a provider and stays so.\n"},
		{Path: "pjsip list ciphers", Summary: "List available TLS cipher names", Run: ciphers,
			Usage: "Usage: pjsip list ciphers\n       Lists the cipher suites this program can use for TLS.\n"},
		{Path: "pjsip show scheduled_tasks", Summary: "Show all scheduled tasks", Run: d.tasks,
			Usage: "Usage: pjsip show scheduled_tasks\n       Lists what happens by the clock: probes of contacts and registrations.\n"},
		{Path: "acl show", Summary: "Show a named ACL or list all named ACLs", Run: d.showACL, Complete: d.aclNames,
			Usage: "Usage: acl show [name]\n       Lists the access lists, or the rules of one.\n"},
	}...)...)
	if d.Notify != nil {
		out = append(out, cli.Command{
			Path: "pjsip send notify", Summary: "Send a NOTIFY request to a SIP endpoint", Run: d.notify, Complete: d.notifyWords,
			Usage: "Usage: pjsip send notify <type> {endpoint|uri} <peer> [<peer>...]\n" +
				"       Sends a NOTIFY to all contacts of an endpoint, or to an address. What it\n" +
				"       holds is the section <type> of pjsip_notify.conf.\n",
		})
	}
	for _, s := range []shelf{endpoints(), aors(), auths(), contacts(), identifies(), transports(), registrations()} {
		out = append(out, s.commands(&d)...)
	}
	return out
}

func (s shelf) commands(d *Deps) []cli.Command {
	usage := func(verb, what string) string {
		return "Usage: pjsip " + verb + " " + s.many + " [ like <pattern> ]\n       " + what +
			"\n       With a regular expression, only those whose name it matches.\n"
	}
	return []cli.Command{
		{Path: "pjsip show " + s.many, Summary: "Show PJSIP " + capital(s.many), Usage: usage("show", "Lists the configured "+s.many+" in detail."),
			Run: func(_ context.Context, w io.Writer, args []string) error { return s.table(d, w, args, false) }},
		{Path: "pjsip list " + s.many, Summary: "List PJSIP " + capital(s.many), Usage: usage("list", "Lists the configured "+s.many+", one line each."),
			Run: func(_ context.Context, w io.Writer, args []string) error { return s.table(d, w, args, true) }},
		{Path: "pjsip show " + s.one, Summary: "Show PJSIP " + capital(s.one),
			Usage:    "Usage: pjsip show " + s.one + " <id>\n       Shows one " + s.one + " with all its options.\n",
			Complete: func([]string) []string { return s.names(d) },
			Run:      func(_ context.Context, w io.Writer, args []string) error { return s.single(d, w, args) }},
	}
}

func capital(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

const rule = "==========================================================================================\n"

// table prints all objects, or those that `like <expression>` selects.
func (s shelf) table(d *Deps, w io.Writer, args []string, brief bool) error {
	names := s.names(d)
	if len(args) == 2 && strings.EqualFold(args[0], "like") {
		expr, err := regexp.CompilePOSIX(args[1])
		names = slices.DeleteFunc(names, func(n string) bool { return err != nil || !expr.MatchString(n) })
	}
	cli.Add(w, s.many)
	if len(names) == 0 {
		fmt.Fprint(w, "No objects found.\n\n")
		return nil
	}
	if brief {
		fmt.Fprint(w, "\n", s.brief, rule, "\n")
	} else {
		fmt.Fprint(w, "\n", s.head, rule, "\n")
	}
	for _, n := range names {
		s.print(d, w, n, brief)
		if r := s.data(d, n); r != nil {
			cli.Add(w, s.many, r)
		}
	}
	fmt.Fprintf(w, "\nObjects found: %d\n\n", len(names))
	return nil
}

func (s shelf) print(d *Deps, w io.Writer, name string, brief bool) {
	if brief || s.block == nil {
		s.line(d, w, name)
		return
	}
	s.block(d, w, name)
	if s.spaced {
		fmt.Fprintln(w)
	}
}

func (s shelf) single(d *Deps, w io.Writer, args []string) error {
	if len(args) == 0 {
		fmt.Fprintln(w, "No object specified.")
		return cli.ErrFailed
	}
	if !slices.Contains(s.names(d), args[0]) {
		fmt.Fprintf(w, "Unable to find object %s.\n\n", args[0])
		return nil // not a failed command for Asterisk
	}
	fmt.Fprint(w, "\n", s.head, rule, "\n")
	s.print(d, w, args[0], false)
	fmt.Fprintln(w)
	cli.Put(w, s.one, s.data(d, args[0]))
	parameters(w, "options", s.fields(d, args[0]))
	fmt.Fprintln(w)
	return nil
}

// parameters prints a two-column table of options, which is an object of that
// name in a document; an option that is there more than once has a list.
func parameters(w io.Writer, object string, list []option.Shown) {
	var r cli.Record
	for _, o := range list {
		if n := len(r) - 1; n >= 0 && r[n].Name == o.Name { // they are sorted
			more, ok := r[n].Value.([]string)
			if !ok {
				more = []string{fmt.Sprint(r[n].Value)}
			}
			r[n].Value = append(more, o.Value)
			continue
		}
		r = append(r, cli.Field{Name: o.Name, Value: o.Value})
	}
	cli.Put(w, object, r)
	const name, value = "ParameterName", "ParameterValue"
	left, right := len(name), len(value)
	for _, o := range list {
		left, right = max(left, len(o.Name)), max(right, len(o.Value))
	}
	fmt.Fprintf(w, " %-*s : %s\n %s\n", left, name, value, strings.Repeat("=", left+3+right))
	for _, o := range list {
		fmt.Fprintf(w, " %-*s : %s\n", left, o.Name, o.Value)
	}
}

func (d *Deps) identifiers(_ context.Context, w io.Writer, _ []string) error {
	fmt.Fprintf(w, "%-20s\n", "Identifier Names:")
	names := d.Identifiers()
	for _, name := range names {
		fmt.Fprintf(w, "%-20s\n", name)
	}
	cli.Put(w, "identifiers", names)
	return nil
}

func (d *Deps) settings(_ context.Context, w io.Writer, _ []string) error {
	s := d.Snapshot()
	global := s.Global.Options()
	for i, o := range global {
		if o.Name == "user_agent" && o.Value == "" {
			global[i].Value = d.UserAgent
		}
	}
	fmt.Fprint(w, "\nGlobal Settings:\n\n")
	parameters(w, "global", global)
	fmt.Fprint(w, "\nSystem Settings:\n\n")
	parameters(w, "system", s.System.Options())
	return nil
}

func (d *Deps) version(_ context.Context, w io.Writer, _ []string) error {
	cli.Show(w, "version", "SIP stack currently running: %s\n", d.Version)
	return nil
}

func (d *Deps) endpointNames([]string) []string { return sorted(d.Snapshot().Endpoints) }

func sorted[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
