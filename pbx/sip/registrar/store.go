package registrar

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/settings/option"
)

const (
	family = "registrar"
	// A contact that is new, changed or gone is on disk within this time, or the
	// rest that the store takes between writes in a storm of them. A crash of
	// the process does not lose it even before that.
	fresh = 20 * time.Millisecond
	// Refreshes that change nothing but the time are written this much later, for
	// the sake of flash memory: a hundred phones cost 130 kB each time, whether they
	// come every minute or every hour. Contacts found after a power cut are
	// therefore trusted this much longer than they say.
	lazy = 30 * time.Minute
)

// append writes the contact as Asterisk stores it: one JSON object whose
// values are all text.
func (c *Contact) append(b []byte, aor *settings.AOR) []byte {
	put := func(name, value string) {
		if len(b) > 0 && b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, '"', ':')
		b = appendText(b, value)
	}
	b = append(b, '{')
	put("via_addr", c.ViaAddr)
	put("qualify_timeout", strconv.FormatFloat(aor.QualifyTimeout.Seconds(), 'f', 6, 64))
	put("qualify_2xx_only", strconv.FormatBool(aor.Qualify2xxOnly))
	put("call_id", c.CallID)
	put("reg_server", "")
	put("prune_on_boot", yesNo(c.prune))
	put("path", strings.Join(c.Path, ","))
	put("endpoint", c.Endpoint)
	put("via_port", strconv.Itoa(c.ViaPort))
	put("authenticate_qualify", yesNo(aor.AuthenticateQualify))
	put("uri", c.URI)
	put("qualify_frequency", strconv.FormatInt(int64(aor.QualifyFrequency/time.Second), 10))
	put("user_agent", c.UserAgent)
	put("expiration_time", strconv.FormatInt(c.Expires.Unix(), 10))
	put("outbound_proxy", aor.OutboundProxy)
	return append(b, '}')
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '"' || s[i] == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil { // cannot be: any string can be written
				quoted = []byte(`""`)
			}
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// Fields lists the contact as `pjsip show contact` does, sorted by name.
func (c *Contact) Fields(aor *settings.AOR) []option.Shown {
	out := []option.Shown{
		{Name: "authenticate_qualify", Value: yesNo(aor.AuthenticateQualify)},
		{Name: "call_id", Value: c.CallID},
		{Name: "endpoint", Value: c.Endpoint},
		{Name: "expiration_time", Value: "0"},
		{Name: "outbound_proxy", Value: aor.OutboundProxy},
		{Name: "path", Value: strings.Join(c.Path, ",")},
		{Name: "prune_on_boot", Value: yesNo(c.prune)},
		{Name: "qualify_2xx_only", Value: strconv.FormatBool(aor.Qualify2xxOnly)},
		{Name: "qualify_frequency", Value: strconv.FormatInt(int64(aor.QualifyFrequency/time.Second), 10)},
		{Name: "qualify_timeout", Value: strconv.FormatFloat(aor.QualifyTimeout.Seconds(), 'f', 6, 64)},
		{Name: "reg_server"},
		{Name: "uri", Value: c.URI},
		{Name: "user_agent", Value: c.UserAgent},
		{Name: "via_addr", Value: c.ViaAddr},
		{Name: "via_port", Value: strconv.Itoa(c.ViaPort)},
	}
	if !c.Permanent() {
		out[3].Value = strconv.FormatInt(c.Expires.Unix(), 10)
	}
	return out
}

// stored reads back what append wrote, or Asterisk, or a user. name is the
// entry's full name in the store.
func stored(name, value string) (*Contact, bool) {
	aor, hash, ok := strings.Cut(strings.TrimPrefix(name, "/"+family+"/contact/"), ";@")
	if raw, err := hex.DecodeString(hash); !ok || aor == "" || err != nil || len(raw) != md5.Size {
		return nil, false
	}
	var f map[string]string
	if err := json.Unmarshal([]byte(value), &f); err != nil {
		return nil, false
	}
	c := &Contact{AOR: aor, URI: f["uri"], hash: hash, UserAgent: f["user_agent"], CallID: f["call_id"],
		Endpoint: f["endpoint"], ViaAddr: f["via_addr"], prune: f["prune_on_boot"] == "yes", reach: &reach{}}
	if f["path"] != "" {
		c.Path = splitList(f["path"])
	}
	at, err := strconv.ParseInt(f["expiration_time"], 10, 64)
	if err != nil || sip.ParseUri(c.URI, &c.Uri) != nil || c.Uri.Host == "" {
		return nil, false
	}
	c.Expires = time.Unix(at, 0)
	c.ViaPort, _ = strconv.Atoi(f["via_port"]) // only shown, never used
	return c, true
}

// save puts the contact into the store. The caller holds mu, so that the order
// in the store is that in the table.
func (r *Registrar) save(c *Contact, aor *settings.AOR, within time.Duration) {
	var buf [768]byte
	r.o.DB.PutSoon(family, c.storeKey(), string(c.append(buf[:0], aor)), within)
}

// load fills the table from the store. Contacts bound to a connection are
// gone with it.
func (r *Registrar) load() {
	now := time.Now()
	late := lazy
	if r.o.DB.Closed() {
		late = 0
	}
	for _, e := range r.o.DB.List("/" + family + "/contact") {
		c, ok := stored(e.Name, e.Value)
		if !ok || c.prune || c.Expires.Add(late).Before(now) {
			r.o.DB.DelSoon(family, strings.TrimPrefix(e.Name, "/"+family+"/"), lazy)
			continue
		}
		c.Expires = c.Expires.Add(late)
		r.add(c)
	}
	for _, list := range r.bound { // the longest to live most likely came last
		slices.SortStableFunc(list, func(a, b *entry) int { return b.now.Expires.Compare(a.now.Expires) })
	}
	r.o.DB.Watch(family+"/contact", r.typed)
}

// add puts a contact in front of its list. The caller holds mu.
func (r *Registrar) add(c *Contact) *entry {
	e := &entry{now: c}
	r.bound[c.AOR] = slices.Insert(r.bound[c.AOR], 0, e)
	r.expireAt(e, c.Expires)
	return e
}

// typed follows a change that a user made to the store with `database put`,
// `del` or `deltree`.
func (r *Registrar) typed(name string) {
	value, exists := r.o.DB.Get(family, strings.TrimPrefix(name, "/"+family+"/"))
	r.mu.Lock()
	aor, hash, _ := strings.Cut(strings.TrimPrefix(name, "/"+family+"/contact/"), ";@")
	for _, e := range r.bound[aor] {
		if e.now.hash == hash {
			e.gone = true
		}
	}
	if list := slices.DeleteFunc(r.bound[aor], func(e *entry) bool { return e.gone }); len(list) > 0 {
		r.bound[aor] = list
	} else {
		delete(r.bound, aor)
	}
	if exists {
		if c, ok := stored(name, value); ok && time.Now().Before(c.Expires) {
			r.qualifyNow(r.add(c))
		}
	}
	r.mu.Unlock()
	r.changed(aor)
}

// splitList splits a header's comma list, not inside <> or quotes.
func splitList(s string) []string {
	var out []string
	depth, quoted, start := 0, false, 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == ',' && depth == 0 && !quoted {
			if item := strings.TrimSpace(s[start:i]); item != "" {
				out = append(out, item)
			}
			start = i + 1
			continue
		}
		switch s[i] {
		case '"':
			quoted = !quoted
		case '<':
			depth++
		case '>':
			depth = max(depth-1, 0)
		}
	}
	return out
}
