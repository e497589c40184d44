// Package identify finds out whose request one is: which endpoint of the
// configuration a SIP message without a dialog belongs to.
//
// The ways of finding it, called identifiers, run in the configured order; the
// first that finds an endpoint decides. An Index is made once for each
// configuration and never changes, so it is asked without locks.
package identify

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/digest"
)

// The names of the identifiers, in the order in which those run that
// endpoint_identifier_order does not name.
var names = []string{"ip", "username", "anonymous", "auth_username", "header", "request_uri"}

// An Index is the identification part of one configuration.
type Index struct {
	snap  *settings.Snapshot
	order []string

	networks map[netip.Prefix][]int // what matches inside -> its identifies, by position in the file
	lengths  []int                  // prefix lengths in networks; IPv6 ones are counted from 1000
	headers  []rule
	uris     []rule
	domains  []string            // domain= of transports
	devices  devices             // of sip.conf
	owners   map[string][]string // by address of record
}

// A rule compares a text exactly or with an expression.
type rule struct {
	endpoint string
	header   string // name, for header rules
	exact    string
	expr     *regexp.Regexp // nil: exact
}

func (r rule) matches(s string) bool {
	if r.expr != nil {
		return r.expr.MatchString(s)
	}
	return r.exact == s
}

const v6 = 1000 // added to the lengths of IPv6 prefixes

// New compiles the identify sections of a configuration.
func New(snap *settings.Snapshot) *Index {
	x := &Index{snap: snap, networks: map[netip.Prefix][]int{}}
	for _, name := range slices.Concat(snap.Global.EndpointIdentifierOrder, names) {
		if !slices.Contains(x.order, name) && slices.Contains(names, name) {
			x.order = append(x.order, name)
		}
	}
	for i, id := range snap.Identifies {
		x.addNetworks(i, id)
		if id.Header != "" {
			x.headers = append(x.headers, newRule(id.Endpoint, id.Header, id.HeaderValue, id.HeaderRegex))
		}
		if id.RequestURI != "" {
			expr, isExpr := strings.CutPrefix(id.RequestURI, "/")
			expr, closed := strings.CutSuffix(expr, "/")
			if !isExpr || !closed {
				expr = ""
			}
			x.uris = append(x.uris, newRule(id.Endpoint, "", id.RequestURI, expr))
		}
	}
	slices.Sort(x.lengths)
	x.devices = newDevices(snap.SIP)
	x.owners = make(map[string][]string, len(snap.AORs))
	for id, ep := range snap.Endpoints {
		for _, aor := range ep.AORs {
			if at, known := slices.BinarySearch(x.owners[aor], id); !known {
				x.owners[aor] = slices.Insert(x.owners[aor], at, id)
			}
		}
	}
	for _, t := range snap.Transports {
		if t.Domain != "" && !slices.Contains(x.domains, t.Domain) {
			x.domains = append(x.domains, t.Domain)
		}
	}
	return x
}

// Owners are the ids of the endpoints that have an address of record, sorted.
func (x *Index) Owners(aor string) []string {
	if x == nil { // nothing is configured yet
		return nil
	}
	return x.owners[aor]
}

func newRule(endpoint, header, exact, expr string) rule {
	r := rule{endpoint: endpoint, header: strings.ToLower(header), exact: exact}
	if expr != "" {
		// The configuration was read with the same compiler; an expression that
		// fails here matches nothing.
		re, err := regexp.CompilePOSIX(expr)
		if err != nil {
			re = regexp.MustCompile(`[^\s\S]`)
		}
		r.expr = re
	}
	return r
}

func (x *Index) addNetworks(i int, id *settings.Identify) {
	for _, m := range id.Matches {
		if m.Exclude || !m.Prefix.IsValid() {
			continue
		}
		length := m.Prefix.Bits()
		if m.Prefix.Addr().Is6() {
			length += v6
		}
		if !slices.Contains(x.lengths, length) {
			x.lengths = append(x.lengths, length)
		}
		if list := x.networks[m.Prefix]; !slices.Contains(list, i) {
			x.networks[m.Prefix] = append(list, i)
		}
	}
}

// Order lists the identifiers as they run, in the words of `pjsip show
// identifiers`. The nameless one is the line parameter of our own registrations.
func (x *Index) Order() []string {
	return append([]string{"name not specified"}, x.order...)
}

// Find gives the endpoint that a request from src belongs to, and by which
// identifier. ep is nil if there is none, or if the endpoint's access lists
// refuse the request: both are to be challenged for ever, so that nobody can
// tell which names exist.
func (x *Index) Find(req *sip.Request, src netip.AddrPort) (ep *settings.Endpoint, by string) {
	for _, by = range x.order {
		switch by {
		case "ip":
			ep = x.byAddress(src)
		case "username":
			ep = x.byFrom(req)
		case "anonymous":
			ep = x.named("anonymous", domain(req), "")
		case "auth_username":
			ep = x.byCredentials(req)
		case "header":
			ep = x.byHeader(req)
		case "request_uri":
			ep = x.byRequestURI(req)
		}
		if ep != nil {
			break
		}
	}
	if ep == nil || !permitted(ep.ACL, ep.ContactACL, req, src.Addr()) {
		return nil, ""
	}
	return ep, by
}

// Guess is Find for a call that has not been made: From names user, nothing else
// is known of the request. src may be invalid, then no address matches.
func (x *Index) Guess(user string, src netip.AddrPort) (ep *settings.Endpoint, by string) {
	req := sip.NewRequest(sip.INVITE, sip.Uri{Scheme: "sip"})
	req.AppendHeader(&sip.FromHeader{Address: sip.Uri{Scheme: "sip", User: user}})
	return x.Find(req, src)
}

// Permitted reports whether the acl sections let a request in at all; if not,
// the answer is 403.
func (x *Index) Permitted(req *sip.Request, src netip.Addr) bool {
	for _, a := range x.snap.ACLs {
		if !permitted(a.Rules, a.ContactRules, req, src) {
			return false
		}
	}
	return true
}

// permitted applies access lists to the source and to the addresses in Contact.
// Host names in Contact are not resolved and pass.
func permitted(source, contact []settings.Rule, req *sip.Request, src netip.Addr) bool {
	if len(source) > 0 && !settings.Permitted(source, src) {
		return false
	}
	if len(contact) == 0 {
		return true
	}
	for _, h := range req.GetHeaders("contact") {
		c, ok := h.(*sip.ContactHeader)
		if !ok {
			continue
		}
		a, err := netip.ParseAddr(strings.Trim(c.Address.Host, "[]"))
		if err == nil && !settings.Permitted(contact, a) {
			return false
		}
	}
	return true
}

// byAddress takes the first identify in the file whose list covers src.
func (x *Index) byAddress(src netip.AddrPort) *settings.Endpoint {
	addr := src.Addr().Unmap()
	best := -1
	for _, length := range x.lengths {
		if (length >= v6) != addr.Is6() {
			continue
		}
		p, err := addr.Prefix(length % v6)
		if err != nil {
			continue
		}
		for _, i := range x.networks[p] {
			id := x.snap.Identifies[i]
			if (best < 0 || i < best) && x.snap.Endpoints[id.Endpoint] != nil && covers(id.Matches, addr, src.Port()) {
				best = i
			}
		}
	}
	if best < 0 {
		return nil
	}
	return x.snap.Endpoints[x.snap.Identifies[best].Endpoint]
}

// covers evaluates one match list: the last item that fits decides, an
// exclusion against.
func covers(list []settings.Match, addr netip.Addr, port uint16) bool {
	in := false
	for _, m := range list {
		if m.Prefix.Contains(addr) && (m.Port == 0 || m.Port == port) {
			in = !m.Exclude
		}
	}
	return in
}

func (x *Index) byFrom(req *sip.Request) *settings.Endpoint {
	from := req.From()
	if from == nil || !sipScheme(&from.Address) {
		return nil
	}
	user := from.Address.User
	if x.snap.Global.IgnoreURIUserOptions {
		user, _, _ = strings.Cut(user, ";")
	}
	return x.named(user, from.Address.Host, "username")
}

func (x *Index) byCredentials(req *sip.Request) *settings.Endpoint {
	user, realm, ok := digest.Claim(req)
	if !ok {
		return nil
	}
	return x.named(user, realm, "auth_username")
}

// named looks for the endpoint user@domain, user@ what domain is an alias of,
// user@ a transport's domain, and user. way must be in its identify_by.
func (x *Index) named(user, domain, way string) *settings.Endpoint {
	if user == "" {
		return nil
	}
	allowed := func(id string) *settings.Endpoint {
		if e := x.snap.Endpoints[id]; e != nil && (way == "" || slices.Contains(e.IdentifyBy, way)) {
			return e
		}
		return nil
	}
	if !x.snap.Global.DisableMultiDomain && domain != "" {
		if e := allowed(user + "@" + domain); e != nil {
			return e
		}
		if alias := x.snap.Aliases[strings.ToLower(domain)]; alias != "" {
			if e := allowed(user + "@" + alias); e != nil {
				return e
			}
		}
		for _, d := range x.domains {
			if e := allowed(user + "@" + d); e != nil {
				return e
			}
		}
	}
	return allowed(user)
}

func domain(req *sip.Request) string {
	if from := req.From(); from != nil {
		return from.Address.Host
	}
	return ""
}

func sipScheme(u *sip.Uri) bool { return u.Scheme == "sip" || u.Scheme == "sips" || u.Scheme == "" }

func (x *Index) byHeader(req *sip.Request) *settings.Endpoint {
	for _, r := range x.headers {
		e := x.snap.Endpoints[r.endpoint]
		if e == nil {
			continue
		}
		for _, h := range req.GetHeaders(r.header) {
			if r.matches(headerText(h)) {
				return e
			}
		}
	}
	return nil
}

// headerText is a header's value as the sender wrote it. The tag of To is left
// out: requests that need to be identified have none, but ours may be noted
// there already for the answer.
func headerText(h sip.Header) string {
	to, ok := h.(*sip.ToHeader)
	if !ok {
		return h.Value()
	}
	bare := *to
	bare.Params = to.Params.Clone()
	bare.Params.Remove("tag")
	return bare.Value()
}

func (x *Index) byRequestURI(req *sip.Request) *settings.Endpoint {
	if len(x.uris) == 0 {
		return nil
	}
	uri := req.Recipient.String()
	for _, r := range x.uris {
		if e := x.snap.Endpoints[r.endpoint]; e != nil && r.matches(uri) {
			return e
		}
	}
	return nil
}
