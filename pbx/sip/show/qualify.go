package show

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"time"

	"branchline/pbx/cli"
	"branchline/pbx/settings"
)

func (d *Deps) qualifyCommands() []cli.Command {
	aors := func([]string) []string { return sorted(d.Snapshot().AORs) }
	return []cli.Command{
		{Path: "pjsip qualify", Summary: "Send an OPTIONS request to a PJSIP endpoint",
			Run: d.ofEndpoint(d.qualify), Complete: d.endpointNames,
			Usage: "Usage: pjsip qualify <endpoint>\n       Sends OPTIONS to all contacts of the endpoint.\n"},
		{Path: "pjsip show qualify aor", Summary: "Show the PJSIP Aor current qualify options",
			Run: d.ofAOR("Unable to retrieve aor '%s' qualify options\n", showQualify), Complete: aors,
			Usage: "Usage: pjsip show qualify aor <id>\n       Shows how the contacts of an aor are probed.\n"},
		{Path: "pjsip show qualify endpoint", Summary: "Show the current qualify options for all Aors on the PJSIP endpoint",
			Run: d.ofEndpoint(showQualify), Complete: d.endpointNames,
			Usage: "Usage: pjsip show qualify endpoint <id>\n       Shows how the contacts of all aors of an endpoint are probed.\n"},
		{Path: "pjsip reload qualify aor", Summary: "Synchronize the PJSIP Aor qualify options",
			Run: d.ofAOR("Unable to retrieve aor '%s'\n", d.synchronize), Complete: aors,
			Usage: "Usage: pjsip reload qualify aor <id>\n       Begins the regular probes of an aor's contacts anew, the first at once.\n"},
		{Path: "pjsip reload qualify endpoint", Summary: "Synchronize the qualify options for all Aors on the PJSIP endpoint",
			Run: d.ofEndpoint(d.synchronize), Complete: d.endpointNames,
			Usage: "Usage: pjsip reload qualify endpoint <id>\n       The same for all aors of an endpoint.\n"},
	}
}

// act does something for an aor, which was named itself or through an endpoint.
type act func(w io.Writer, aor *settings.AOR, ep *settings.Endpoint)

// ofAOR runs do for the aor that is the argument, or says that there is none.
func (d *Deps) ofAOR(unknown string, do act) func(context.Context, io.Writer, []string) error {
	return func(_ context.Context, w io.Writer, args []string) error {
		if len(args) != 1 {
			return cli.ErrUsage
		}
		aor := d.Snapshot().AORs[args[0]]
		if aor == nil {
			fmt.Fprintf(w, unknown, args[0])
			return cli.ErrFailed
		}
		do(w, aor, nil)
		return nil
	}
}

// ofEndpoint runs do for all aors of the endpoint that is the argument.
func (d *Deps) ofEndpoint(do act) func(context.Context, io.Writer, []string) error {
	return func(_ context.Context, w io.Writer, args []string) error {
		if len(args) != 1 {
			return cli.ErrUsage
		}
		s := d.Snapshot()
		ep := s.Endpoints[args[0]]
		if ep == nil {
			fmt.Fprintf(w, "Unable to retrieve endpoint %s\n", args[0])
			return cli.ErrFailed
		}
		cli.Add(w, "aors")
		for _, name := range ep.AORs {
			if aor := s.AORs[name]; aor != nil {
				do(w, aor, ep)
			}
		}
		return nil
	}
}

// on is " on endpoint 'X'" if the aor was reached through one.
func on(ep *settings.Endpoint) string {
	if ep == nil {
		return ""
	}
	return " on endpoint '" + ep.ID + "'"
}

func (d *Deps) qualify(w io.Writer, aor *settings.AOR, ep *settings.Endpoint) {
	fmt.Fprintf(w, "Qualifying AOR '%s'%s\n", aor.ID, on(ep))
	if !d.Qualify(aor.ID) {
		fmt.Fprintf(w, "AOR '%s' has no contact to ask\n", aor.ID)
	}
}

func (d *Deps) synchronize(w io.Writer, aor *settings.AOR, ep *settings.Endpoint) {
	fmt.Fprintf(w, "Synchronizing AOR '%s'%s\n", aor.ID, on(ep))
	if aor.QualifyFrequency > 0 {
		d.Qualify(aor.ID)
	}
}

func showQualify(w io.Writer, aor *settings.AOR, ep *settings.Endpoint) {
	yes := map[bool]string{true: "yes", false: "no"}
	every, limit := int(aor.QualifyFrequency/time.Second), int(aor.QualifyTimeout/time.Millisecond)
	fmt.Fprintf(w, " * AOR '%s'%s\n", aor.ID, on(ep))
	fmt.Fprintf(w, "  Qualify frequency    : %d sec\n", every)
	fmt.Fprintf(w, "  Qualify timeout      : %d ms\n", limit)
	fmt.Fprintf(w, "  Qualify 2xx only     : %s\n", yes[aor.Qualify2xxOnly])
	fmt.Fprintf(w, "  Authenticate qualify : %s\n", yes[aor.AuthenticateQualify])
	if ep != nil {
		fmt.Fprintln(w)
	}
	cli.Add(w, "aors", cli.Fields("id", aor.ID, "frequency", every, "timeout_ms", limit,
		"2xx_only", aor.Qualify2xxOnly, "authenticate", aor.AuthenticateQualify))
}

// tasks is `pjsip show scheduled_tasks`.
func (d *Deps) tasks(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	day := func(t time.Time) string {
		if t.IsZero() {
			return "not yet"
		}
		return t.Format("Mon 15:04:05")
	}
	until := func(t time.Time) int { return max(0, int(time.Until(t).Seconds())) }
	fmt.Fprint(w, "PJSIP Scheduled Tasks:\n\n"+
		"<Task Name....................................> <Interval> <Times Run> <State>  <Queued....>  <Last Start>  <Next Start.....secs>\n"+
		"=================================================================================================================================\n")
	t := cli.NewTable(w, "tasks", "%-47s %10v %11d   %-5s  %-12s  %-12s  %-12s %8d\n", "name,interval,runs,state,,last,next,seconds")
	n := 0
	row := func(name string, interval int, runs int, running bool, last, next time.Time) {
		state := "wait"
		if running {
			state = "run"
		}
		n++
		t.Row(name, interval, runs, state, day(last), day(last), day(next), until(next))
	}
	if d.Probes != nil {
		for _, p := range d.Probes() {
			row("pjsip/options/"+p.AOR+"-"+p.Hash[:min(8, len(p.Hash))], int(p.Interval/time.Second), p.Runs, p.Running, p.Last, p.Next)
		}
	}
	if d.Registrations != nil {
		for _, s := range d.Registrations.Statuses() {
			if !s.Next.IsZero() {
				row("pjsip/registration/"+s.ID, int(s.Expiration/time.Second), s.Runs, false, s.Last, s.Next)
			}
		}
	}
	fmt.Fprintf(w, "\nTotal Scheduled Tasks: %d\n\n", n)
	return nil
}

// ciphers is `pjsip list ciphers`.
func ciphers(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	var names []string
	for _, c := range tls.CipherSuites() {
		names = append(names, c.Name)
	}
	fmt.Fprintf(w, "Available ciphers: '%s'\n", strings.Join(names, ", "))
	cli.Put(w, "ciphers", names)
	return nil
}
