package registrar

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
)

// An Answer is what to answer a REGISTER with: a final response without the
// headers that every response has.
type Answer struct {
	Status  int
	Reason  string
	Headers []sip.Header
	AOR     string // the address of record, if it was granted
}

func answer(status int, reason string, headers ...sip.Header) Answer {
	return Answer{Status: status, Reason: reason, Headers: headers}
}

var (
	badRequest = answer(sip.StatusBadRequest, "Bad Request")
	forbidden  = answer(sip.StatusForbidden, "Forbidden")
)

// Limits on what one REGISTER may make us keep, all far above what phones send.
const (
	maxURI      = 1024
	maxText     = 255 // User-Agent and Call-ID are cut
	maxPath     = 2048
	maxContacts = 64 // in one request
)

// Register answers a REGISTER from src. The caller has identified ep, checked
// its credentials (user is the digest user name, "" without) and, for
// rewrite_contact, put the source into Contact.
//
// The order of checks is Asterisk's; it decides which of several faults is
// answered.
func (r *Registrar) Register(req *sip.Request, src Source, ep *settings.Endpoint, user string) Answer {
	if len(ep.AORs) == 0 {
		r.o.Log.Warn("register refused: the endpoint has no aors", "endpoint", ep.ID, "source", src.Addr)
		return forbidden
	}
	to := req.To()
	if to == nil || to.Address.Scheme != "sip" && to.Address.Scheme != "sips" {
		return answer(sip.StatusRequestedRangeNotSatisfiable, "Unsupported URI Scheme")
	}
	r.mu.Lock()
	snap := r.snap
	r.mu.Unlock()
	aor := find(snap, ep, &to.Address, user)
	if aor == nil {
		r.o.Log.Warn("register refused: no such address of record among the endpoint's aors",
			"aor", to.Address.User, "endpoint", ep.ID, "source", src.Addr)
		return answer(sip.StatusNotFound, "Not Found")
	}
	if aor.MaxContacts == 0 {
		r.o.Log.Warn("register refused: max_contacts is 0", "aor", aor.ID, "endpoint", ep.ID, "source", src.Addr)
		return forbidden
	}
	path, refusal := pathOf(req, aor)
	if refusal != nil {
		return *refusal
	}
	w, ok := read(req, aor)
	if !ok {
		return badRequest
	}
	w.path, w.src, w.ep, w.aor = path, src, ep, aor
	done, ok := r.apply(req, w)
	if !ok {
		r.o.Log.Warn("register refused: more contacts than max_contacts", "aor", aor.ID, "max_contacts", aor.MaxContacts,
			"endpoint", ep.ID, "source", src.Addr)
		return forbidden
	}
	r.report(done, w, snap)
	if r.o.Registered != nil {
		r.o.Registered(aor.ID, src.Addr.Addr())
	}
	a := r.success(req, w)
	a.AOR = aor.ID
	return a
}

// find is the address of record that To asks for: user@domain, then user at
// what the domain is an alias of, then user; it must be among the endpoint's.
func find(snap *settings.Snapshot, ep *settings.Endpoint, to *sip.Uri, user string) *settings.AOR {
	if ep.Legacy { // To has named the device already
		return snap.AORs[ep.AORs[0]]
	}
	named := func(user, domain string) *settings.AOR {
		if user == "" {
			return nil
		}
		candidates := [3]string{user + "@" + domain, "", user}
		if alias := snap.Aliases[strings.ToLower(domain)]; alias != "" {
			candidates[1] = user + "@" + alias
		}
		for _, c := range candidates {
			if c != "" && slices.Contains(ep.AORs, c) && snap.AORs[c] != nil {
				return snap.AORs[c]
			}
		}
		return nil
	}
	name := to.User
	if snap.Global.IgnoreURIUserOptions {
		name, _, _ = strings.Cut(name, ";")
	}
	if a := named(name, to.Host); a != nil {
		return a
	}
	if slices.Contains(ep.IdentifyBy, "auth_username") {
		return named(user, to.Host)
	}
	return nil
}

// pathOf reads Path (RFC 3327). A proxy that adds one for a client that does
// not declare it is refused, as the client could not know its route.
func pathOf(req *sip.Request, aor *settings.AOR) ([]string, *Answer) {
	if !aor.SupportPath {
		return nil, nil
	}
	var path []string
	size := 0
	for _, h := range req.GetHeaders("path") {
		for _, item := range splitList(h.Value()) {
			path = append(path, item)
			size += len(item)
		}
	}
	if len(path) == 0 {
		return nil, nil
	}
	if size > maxPath {
		return nil, &badRequest
	}
	for _, name := range []string{"supported", "k"} {
		for _, h := range req.GetHeaders(name) {
			for item := range strings.SplitSeq(h.Value(), ",") {
				if strings.EqualFold(strings.TrimSpace(item), "path") {
					return path, nil
				}
			}
		}
	}
	a := answer(sip.StatusBadExtension, "Bad Extension", sip.NewHeader("Unsupported", "path"))
	return nil, &a
}

// wish is what one REGISTER asks for.
type wish struct {
	all      bool // Contact: *
	contacts []wanted
	expires  time.Duration // what the Expires header was granted; -1 without one
	path     []string
	src      Source
	ep       *settings.Endpoint
	aor      *settings.AOR
}

type wanted struct {
	uri     *sip.Uri
	text    string
	expires time.Duration // 0: remove
}

// read takes Contact and Expires out of a request. ok is false if they cannot
// be served: 400.
func read(req *sip.Request, aor *settings.AOR) (w wish, ok bool) {
	w.expires = -1
	header := time.Duration(-1)
	if h := req.GetHeader("expires"); h != nil {
		if header, ok = seconds(h.Value()); ok {
			w.expires = grant(header, aor)
		} else {
			header = -1
		}
	}
	list := req.GetHeaders("contact")
	if len(list) == 0 {
		list = req.GetHeaders("m")
	}
	if len(list) > maxContacts {
		return w, false
	}
	for _, h := range list {
		c, isContact := h.(*sip.ContactHeader)
		if !isContact {
			return w, false
		}
		if c.Address.Wildcard {
			w.all = true
			continue
		}
		text := c.Address.String()
		if scheme := c.Address.Scheme; scheme != "sip" && scheme != "sips" || c.Address.Host == "" || len(text) > maxURI {
			return w, false
		}
		expires := header
		if v, found := lookup(c.Params, "expires"); found {
			if e, fits := seconds(v); fits {
				expires = e
			}
		}
		if expires < 0 {
			expires = aor.DefaultExpiry
		}
		one := wanted{&c.Address, text, grant(expires, aor)}
		// Said twice in one request, the last counts.
		w.contacts = slices.DeleteFunc(w.contacts, func(o wanted) bool { return sameURI(o.uri, one.uri) })
		w.contacts = append(w.contacts, one)
	}
	if w.all && (len(list) != 1 || header != 0) {
		return w, false
	}
	return w, true
}

// seconds reads a delta-seconds; what is beyond 32 bits means for ever (RFC
// 3261 section 20.19).
func seconds(s string) (time.Duration, bool) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 32)
	if err != nil {
		if strings.Trim(strings.TrimSpace(s), "0123456789") != "" || strings.TrimSpace(s) == "" {
			return 0, false
		}
		n = 1<<32 - 1
	}
	return time.Duration(n) * time.Second, true
}

// grant clamps what was asked for; 0 stays 0. Asterisk never answers 423.
func grant(asked time.Duration, aor *settings.AOR) time.Duration {
	if asked <= 0 {
		return 0
	}
	return min(max(asked, aor.MinExpiry), aor.MaxExpiry)
}

// done is what a REGISTER has changed.
type done struct {
	added, removed []*Contact
}

// apply changes the table. ok is false, and nothing is changed, if there would
// be more contacts than allowed.
func (r *Registrar) apply(req *sip.Request, w wish) (d done, ok bool) {
	if !w.all && len(w.contacts) == 0 {
		return d, true
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	present := r.live(w.aor.ID, now)
	if w.all {
		for _, e := range present {
			d.removed = append(d.removed, e.now)
			r.drop(e.now, fresh)
		}
		return d, true
	}
	match := make([]*entry, len(w.contacts)) // what each wanted contact replaces
	added, updated, deleted := 0, 0, 0
	for i, c := range w.contacts {
		at := slices.IndexFunc(present, func(e *entry) bool { return sameURI(&e.now.Uri, c.uri) })
		if at >= 0 {
			match[i] = present[at]
		}
		switch {
		case c.expires == 0 && at >= 0:
			deleted++
		case c.expires == 0:
		case at >= 0:
			updated++
		default:
			added++
		}
	}
	total := len(present) + added - deleted
	counted := total
	if w.aor.RemoveExisting {
		counted = max(added+updated-deleted, 0)
	}
	var spare []*entry // may go to make room, in this order
	if excess := total - w.aor.MaxContacts; excess > 0 {
		spare = r.spare(present, match, w.aor)
		if !w.aor.RemoveExisting {
			counted -= min(len(spare), excess)
		}
	}
	if counted > w.aor.MaxContacts {
		return d, false
	}
	for i, c := range w.contacts {
		switch {
		case c.expires > 0:
			if n := r.bind(req, w, c, match[i], now); match[i] == nil {
				d.added = append(d.added, n)
			}
		case match[i] != nil:
			d.removed = append(d.removed, match[i].now)
			r.drop(match[i].now, fresh)
		}
	}
	for excess := total - w.aor.MaxContacts; excess > 0 && len(spare) > 0; excess-- {
		d.removed = append(d.removed, spare[0].now)
		r.drop(spare[0].now, fresh)
		spare = spare[1:]
	}
	return d, true
}

// live gives the entries of an address of record that have not expired; those
// that have go at once instead of when the agenda comes to them.
func (r *Registrar) live(aor string, now time.Time) []*entry {
	list := r.bound[aor]
	if i := slices.IndexFunc(list, func(e *entry) bool { return !now.Before(e.now.Expires) }); i >= 0 {
		for _, e := range slices.Clone(list) {
			if !now.Before(e.now.Expires) {
				r.drop(e.now, lazy)
			}
		}
	}
	return slices.Clone(r.bound[aor])
}

// spare lists the entries that may be removed to make room: unreachable ones
// with remove_unavailable, then with remove_existing the soonest to expire.
// What this request names stays.
func (r *Registrar) spare(present, named []*entry, aor *settings.AOR) []*entry {
	var unreachable, others []*entry
	for _, e := range present {
		switch {
		case slices.Contains(named, e):
		case aor.RemoveUnavailable && e.now.Status() == Unavail:
			unreachable = append(unreachable, e)
		case aor.RemoveExisting:
			others = append(others, e)
		}
	}
	slices.SortStableFunc(others, func(a, b *entry) int { return a.now.Expires.Compare(b.now.Expires) })
	return append(unreachable, others...)
}

// bind makes or refreshes one contact. The caller holds mu.
func (r *Registrar) bind(req *sip.Request, w wish, c wanted, e *entry, now time.Time) *Contact {
	n := &Contact{
		AOR: w.aor.ID, URI: c.text, Uri: *c.uri.Clone(), Path: w.path, Endpoint: w.ep.ID, Registered: now,
		Expires: now.Add(c.expires), Source: w.src,
	}
	if h := req.GetHeader("user-agent"); h != nil {
		n.UserAgent = cut(h.Value())
	}
	if h := req.CallID(); h != nil {
		n.CallID = cut(string(*h))
	}
	if v := req.Via(); v != nil {
		n.ViaAddr, n.ViaPort = cut(v.Host), v.Port
		if n.ViaPort == 0 {
			n.ViaPort = 5060
		}
	}
	// Without rewrite_contact the phone itself named this address: it can be called there again.
	n.prune = w.ep.RewriteContact && reliable(w.src.Protocol) && pointsAt(&n.Uri, w.src.Addr)
	if e == nil {
		n.hash, n.reach = hashOf(c.text), &reach{}
		r.save(n, w.aor, fresh)
		r.qualifyNow(r.add(n))
		return n
	}
	old := e.now
	n.Registered, n.reach = old.Registered, old.reach
	within := fresh
	if old.URI == c.text {
		n.hash = old.hash
		if old.same(n) {
			within = lazy
		}
	} else { // the same place, written otherwise
		n.hash = hashOf(c.text)
		r.o.DB.DelSoon(family, old.storeKey(), fresh)
	}
	e.now = n
	r.expireAt(e, n.Expires)
	r.save(n, w.aor, within)
	return n
}

// same reports whether a restart would find c as good as n but for the time of
// expiry. Call-ID, User-Agent and Via are only shown.
func (c *Contact) same(n *Contact) bool {
	return c.Endpoint == n.Endpoint && c.prune == n.prune && slices.Equal(c.Path, n.Path)
}

func cut(s string) string { return s[:min(len(s), maxText)] }

func reliable(protocol string) bool { return !strings.EqualFold(protocol, "udp") }

// pointsAt reports whether a contact names the far end of the connection it
// came over: nobody listens there once the connection is closed.
func pointsAt(u *sip.Uri, src netip.AddrPort) bool {
	a, err := netip.ParseAddr(strings.Trim(u.Host, "[]"))
	port := u.Port
	if port == 0 {
		port = 5060
	}
	return err == nil && a.Unmap() == src.Addr().Unmap() && port == int(src.Port())
}

// report tells about what changed.
func (r *Registrar) report(d done, w wish, snap *settings.Snapshot) {
	for _, c := range d.added {
		r.verbose(3, "Added contact '%s' to AOR '%s' with expiration of %d seconds", c.URI, c.AOR, int(time.Until(c.Expires).Round(time.Second)/time.Second))
		r.crossed(c, w, snap)
	}
	for _, c := range d.removed {
		why := "request"
		if len(d.added) > 0 {
			why = "remove_existing"
		}
		r.verbose(3, "Removed contact '%s' from AOR '%s' due to %s", c.URI, c.AOR, why)
	}
	if len(d.added)+len(d.removed) > 0 {
		r.changed(w.aor.ID)
	}
}

// crossed warns of a phone that registers over another protocol than its
// endpoint is called over: its registration looks fine and no call reaches it.
func (r *Registrar) crossed(c *Contact, w wish, snap *settings.Snapshot) {
	t := snap.Transport(w.ep.Transport)
	if t == nil || strings.EqualFold(t.Protocol, w.src.Protocol) {
		return
	}
	cure := "set the phone to " + t.Protocol
	for _, other := range snap.Transports {
		if strings.EqualFold(other.Protocol, w.src.Protocol) {
			cure += ", or write transport=" + other.ID + " into endpoint [" + w.ep.ID + "]"
			break
		}
	}
	r.o.Log.Warn("registered over another protocol than the endpoint is called over, so calls to it will most likely fail",
		"endpoint", w.ep.ID, "contact", c.URI, "registered over", strings.ToLower(w.src.Protocol), "called over", t.ID+" ("+t.Protocol+")", "cure", cure)
}

// success is the 200: the time, all contacts with what is left to them, and
// Expires if the request had it.
func (r *Registrar) success(req *sip.Request, w wish) Answer {
	now := time.Now()
	contacts := r.Contacts(w.aor.ID)
	if w.ep.Legacy {
		return legacySuccess(w, contacts, now)
	}
	headers := make([]sip.Header, 0, len(contacts)+3)
	headers = append(headers, sip.NewHeader("Date", now.UTC().Format(http.TimeFormat)))
	for _, c := range slices.Backward(contacts) {
		if c.Permanent() {
			headers = append(headers, sip.NewHeader("Contact", "<"+c.URI+">"))
			continue
		}
		left := max(int64(c.Expires.Sub(now)/time.Second), 0)
		headers = append(headers, sip.NewHeader("Contact", "<"+c.URI+">;expires="+strconv.FormatInt(left, 10)))
	}
	if len(w.path) > 0 {
		headers = append(headers, sip.NewHeader("Path", strings.Join(w.path, ", ")))
	}
	if w.expires >= 0 {
		headers = append(headers, sip.NewHeader("Expires", strconv.FormatInt(int64(w.expires/time.Second), 10)))
	}
	return answer(sip.StatusOK, "OK", headers...)
}

// legacySuccess is the 200 in chan_sip's form: what was granted, not what is
// left of it.
func legacySuccess(w wish, contacts []*Contact, now time.Time) Answer {
	var headers []sip.Header
	for _, c := range contacts {
		if c.Permanent() {
			continue
		}
		left := strconv.FormatInt(int64((c.Expires.Sub(now)+time.Second-1)/time.Second), 10)
		headers = append(headers, sip.NewHeader("Expires", left), sip.NewHeader("Contact", "<"+c.URI+">;expires="+left))
	}
	if len(headers) == 0 && w.expires >= 0 {
		headers = append(headers, sip.NewHeader("Expires", "0"))
	}
	return answer(sip.StatusOK, "OK", append(headers, sip.NewHeader("Date", now.UTC().Format(http.TimeFormat)))...)
}
