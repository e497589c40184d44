package show

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"branchline/pbx/cli"
	"branchline/pbx/settings"
	"branchline/pbx/settings/option"
	"branchline/pbx/sip/outreg"
)

func auths() shelf {
	const head = "  I/OAuth:  <AuthId/UserName.............................................................>\n"
	return shelf{one: "auth", many: "auths", head: head, brief: head,
		names: func(d *Deps) []string { return sorted(d.Snapshot().Auths) },
		line: func(d *Deps, w io.Writer, name string) {
			if a := d.Snapshot().Auths[name]; a != nil {
				fmt.Fprintf(w, "     Auth:  %s/%s\n", name, a.Username)
			}
		},
		fields: func(d *Deps, name string) []option.Shown {
			if a := d.Snapshot().Auths[name]; a != nil {
				return a.Options()
			}
			return nil
		},
		data: func(d *Deps, name string) cli.Record {
			a := d.Snapshot().Auths[name]
			if a == nil {
				return nil
			}
			return cli.Fields("id", name, "username", a.Username)
		},
	}
}

func identifies() shelf {
	const brief = " Identify:  <Identify/Endpoint...........................................................>\n"
	find := func(d *Deps, name string) *settings.Identify {
		for _, id := range d.Snapshot().Identifies {
			if id.ID == name {
				return id
			}
		}
		return nil
	}
	line := func(d *Deps, w io.Writer, name string) {
		if id := find(d, name); id != nil {
			fmt.Fprintf(w, " Identify:  %s/%s\n", id.ID, id.Endpoint)
		}
	}
	return shelf{one: "identify", many: "identifies", spaced: true, brief: brief,
		head: brief + "      Match:  <criteria...........................>\n",
		names: func(d *Deps) []string {
			var out []string
			for _, id := range d.Snapshot().Identifies {
				out = append(out, id.ID)
			}
			slices.Sort(out)
			return out
		},
		line: line,
		block: func(d *Deps, w io.Writer, name string) {
			line(d, w, name)
			if id := find(d, name); id != nil {
				criteria(w, id, 11)
			}
		},
		fields: func(d *Deps, name string) []option.Shown {
			if id := find(d, name); id != nil {
				return id.Options()
			}
			return nil
		},
		data: func(d *Deps, name string) cli.Record {
			id := find(d, name)
			if id == nil {
				return nil
			}
			matches := []string{}
			for _, m := range id.Matches {
				matches = append(matches, m.Text)
			}
			return cli.Fields("id", id.ID, "endpoint", id.Endpoint, "matches", matches, "header", id.HeaderWords(), "request_uri", id.RequestURI)
		},
	}
}

// criteria prints what an identify matches, its labels right-aligned.
func criteria(w io.Writer, id *settings.Identify, width int) {
	for _, m := range id.Matches {
		fmt.Fprintf(w, "%*s: %s\n", width, "Match", m.Text)
	}
	if h := id.HeaderWords(); h != "" {
		fmt.Fprintf(w, "%*s: %s\n", width, "Header", h)
	}
	if id.RequestURI != "" {
		fmt.Fprintf(w, "%*s: %s\n", width, "RequestURI", id.RequestURI)
	}
}

func transports() shelf {
	const head = "Transport:  <TransportId........>  <Type>  <cos>  <tos>  <BindAddress....................>\n"
	return shelf{one: "transport", many: "transports", head: head, brief: head,
		names: func(d *Deps) []string {
			var out []string
			for _, t := range d.Snapshot().Transports {
				out = append(out, t.ID)
			}
			slices.Sort(out)
			return out
		},
		line: func(d *Deps, w io.Writer, name string) {
			if t := d.Snapshot().Transport(name); t != nil {
				transportLine(w, t, "")
			}
		},
		fields: func(d *Deps, name string) []option.Shown {
			t := d.Snapshot().Transport(name)
			if t == nil {
				return nil
			}
			return t.Options()
		},
		data: func(d *Deps, name string) cli.Record {
			t := d.Snapshot().Transport(name)
			if t == nil {
				return nil
			}
			return cli.Fields("id", t.ID, "type", t.Protocol, "cos", t.COS, "tos", t.TOS, "bind", t.Binding())
		},
	}
}

func transportLine(w io.Writer, t *settings.Transport, indent string) {
	fmt.Fprintf(w, "%sTransport:  %-21s  %6s  %5d  %5d  %s\n", indent, t.ID, t.Protocol, t.COS, t.TOS, t.Binding())
}

func registrations() shelf {
	const head = " <Registration/ServerURI..............................>  <Auth....................>  <Status.......>\n"
	find := func(d *Deps, name string) (outreg.Status, bool) {
		if d.Registrations != nil {
			for _, s := range d.Registrations.Statuses() {
				if s.ID == name {
					return s, true
				}
			}
		}
		return outreg.Status{}, false
	}
	return shelf{one: "registration", many: "registrations", head: head, brief: head,
		names: func(d *Deps) []string { return d.registrationNames(nil) },
		line: func(d *Deps, w io.Writer, name string) {
			s, ok := find(d, name)
			if !ok {
				return
			}
			fmt.Fprintf(w, " %-54.54s  %-26.26s  %-16s  %s\n", s.ID+"/"+s.ServerURI, strings.Join(s.OutboundAuths, ","), s.State, due(s))
		},
		fields: func(d *Deps, name string) []option.Shown {
			if s, ok := find(d, name); ok {
				return s.Options()
			}
			return nil
		},
		data: func(d *Deps, name string) cli.Record {
			s, ok := find(d, name)
			if !ok {
				return nil
			}
			var expires any
			if !s.Expires.IsZero() {
				expires = int(time.Until(s.Expires).Seconds())
			}
			return cli.Fields("id", s.ID, "server_uri", s.ServerURI, "auths", some(s.OutboundAuths), "status", string(s.State), "expires_in", expires, "code", s.Code)
		},
	}
}

// due tells when a registration runs out, or did; without one, when the next is
// tried.
func due(s outreg.Status) string {
	at := s.Expires
	if at.IsZero() {
		at = s.Next
	}
	switch left := time.Until(at).Truncate(time.Second); {
	case at.IsZero():
		return ""
	case left < 0:
		return fmt.Sprintf("(exp. %ds ago)", -left/time.Second)
	default:
		return fmt.Sprintf("(exp. %ds)", left/time.Second)
	}
}

func (d *Deps) registrationNames([]string) []string {
	if d.Registrations == nil {
		return nil
	}
	var out []string
	for _, s := range d.Registrations.Statuses() {
		out = append(out, s.ID)
	}
	return out
}

// send orders a registration, or all of them, to register or unregister.
func (d *Deps) send(on bool) func(context.Context, io.Writer, []string) error {
	verb := "Unregister"
	if on {
		verb = "Re-register"
	}
	return func(_ context.Context, w io.Writer, args []string) error {
		if len(args) != 1 {
			return cli.ErrUsage
		}
		names := args
		if args[0] == "*all" {
			names = d.registrationNames(nil)
		}
		for _, name := range names {
			if d.Registrations == nil || !d.Registrations.Send(name, on) {
				fmt.Fprintf(w, "Unable to retrieve registration %s\n", name)
				return cli.ErrFailed
			}
			fmt.Fprintf(w, "%s queued for registration %s\n", verb, name)
		}
		return nil
	}
}
