package show

import (
	"context"
	"fmt"
	"io"
	"strings"

	"branchline/pbx/cli"
	"branchline/pbx/settings"
)

func (d *Deps) aclNames([]string) (out []string) {
	for _, a := range d.Snapshot().ACLs {
		out = append(out, a.ID)
	}
	return out
}

// showACL is `acl show [name]`: the lists that are objects of pjsip.conf.
func (d *Deps) showACL(_ context.Context, w io.Writer, args []string) error {
	switch len(args) {
	case 0:
		fmt.Fprint(w, "\nacl\n---\n")
		t := cli.NewTable(w, "acls", "%s\n", "name")
		for _, a := range d.Snapshot().ACLs {
			t.Row(a.ID)
		}
		return nil
	case 1:
	default:
		return cli.ErrUsage
	}
	for _, a := range d.Snapshot().ACLs {
		if !strings.EqualFold(a.ID, args[0]) {
			continue
		}
		fmt.Fprintf(w, "\nACL: %s\n---------------------------------------------\n", a.ID)
		rules(w, "rules", a.Rules)
		if len(a.ContactRules) > 0 {
			fmt.Fprintln(w, "of contacts:")
			rules(w, "contact_rules", a.ContactRules)
		}
		return nil
	}
	fmt.Fprintf(w, "\nCould not find ACL named '%s'\n", args[0])
	return nil
}

func rules(w io.Writer, list string, rules []settings.Rule) {
	t := cli.NewTable(w, list, "%3d: %-5s - %v\n", "number,sense,network")
	for i, r := range rules {
		sense := "deny"
		if r.Permit {
			sense = "allow"
		}
		t.Row(i, sense, r.Prefix)
	}
}
