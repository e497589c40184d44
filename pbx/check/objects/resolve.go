package objects

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"branchline/pbx/astconf"
	"branchline/pbx/check/survey"
	"branchline/pbx/settings"
)

// A Lookup resolves a host name; net.Resolver's LookupNetIP fits with "ip".
type Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)

// Resolve looks up the host names that trunks and registrations are reached at,
// and reports those without an address.
func Resolve(ctx context.Context, s *settings.Snapshot, look Lookup) []astconf.Diag {
	var found []astconf.Diag
	known := map[string]error{}
	test := func(at astconf.Pos, host string) {
		if host == "" {
			return
		}
		err, done := known[host]
		if !done {
			_, err = look(ctx, "ip", host)
			known[host] = err
		}
		if err != nil {
			found = append(found, astconf.Diag{Pos: at, Severity: astconf.Warning, Rule: "unresolved-host", Message: fmt.Sprintf("%s has no address: %v", host, err),
				Effect: "nothing can be sent there", Cure: "correct the name, or look after the name server", Near: host})
		}
	}
	for _, a := range s.AORs {
		for _, uri := range a.Contacts {
			test(a.At("contact"), hostName(uri))
		}
	}
	for _, r := range s.Registrations {
		test(r.At("server_uri"), hostName(r.ServerURI))
	}
	for _, i := range s.Identifies {
		for _, m := range i.Matches {
			host, _, _ := strings.Cut(m.Host, ":")
			test(i.At("match"), host)
		}
	}
	return found
}

// hostName is the host of a SIP URI if it is a name.
func hostName(uri string) string {
	if _, is := survey.Literal(uri); is {
		return ""
	}
	_, rest, _ := strings.Cut(uri, ":")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	rest, _, _ = strings.Cut(rest, ";")
	if host, _, err := net.SplitHostPort(rest); err == nil {
		rest = host
	}
	if _, err := netip.ParseAddr(rest); err == nil {
		return ""
	}
	return rest
}
