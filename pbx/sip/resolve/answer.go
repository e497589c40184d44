package resolve

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// typeNAPTR is a record type the message library does not know (RFC 3403).
const typeNAPTR dnsmessage.Type = 35

const (
	maxRecords = 64 // of one answer that are read
	maxAliases = 8  // CNAMEs followed for one question
)

// errForeign reports a message that does not answer our question: an old one, a
// forged one, or noise. It is passed over as if it had not come.
var errForeign = errors.New("not an answer to this question")

// A message is what a name server said.
type message struct {
	code      dnsmessage.RCode
	truncated bool
	records   []record
	alias     string        // where the name leads if there are no records of the kind yet
	ttl       time.Duration // the shortest of what was used; of the SOA if there are no records
}

// question builds the octets of a question. edns says how large an answer may
// be (RFC 6891); 1232 octets pass every path in one piece.
func question(id uint16, k key, edns bool) ([]byte, error) {
	name, err := dnsmessage.NewName(k.name + ".")
	if err != nil {
		return nil, ErrName
	}
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: id, RecursionDesired: true})
	if err := b.StartQuestions(); err != nil {
		return nil, err
	}
	if err := b.Question(dnsmessage.Question{Name: name, Type: k.kind, Class: dnsmessage.ClassINET}); err != nil {
		return nil, err
	}
	if edns {
		var h dnsmessage.ResourceHeader
		if err := h.SetEDNS0(1232, dnsmessage.RCodeSuccess, false); err != nil {
			return nil, err
		}
		if err := b.StartAdditionals(); err != nil {
			return nil, err
		}
		if err := b.OPTResource(h, dnsmessage.OPTResource{}); err != nil {
			return nil, err
		}
	}
	return b.Finish()
}

// parse reads an answer to the question k with the given id. errForeign means
// that it answers another one; any other error that its sender is broken.
func parse(b []byte, id uint16, k key) (message, error) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil || h.ID != id || !h.Response || h.OpCode != 0 {
		return message{}, errForeign
	}
	q, err := p.Question()
	if err != nil || q.Type != k.kind || q.Class != dnsmessage.ClassINET || plain(q.Name) != k.name {
		return message{}, errForeign
	}
	if _, err := p.Question(); !errors.Is(err, dnsmessage.ErrSectionDone) {
		return message{}, errForeign
	}
	m := message{code: h.RCode, truncated: h.Truncated, ttl: -1}
	if m.truncated || m.code != dnsmessage.RCodeSuccess && m.code != dnsmessage.RCodeNameError {
		return m, nil
	}
	if err := m.answers(&p, k); err != nil {
		return message{}, err
	}
	if len(m.records) == 0 && m.alias == "" {
		m.ttl = negative(&p)
	}
	return m, nil
}

// answers reads the answer section: aliases are followed in whatever order they
// stand, then the records of the last name are what was asked for.
func (m *message) answers(p *dnsmessage.Parser, k key) error {
	type found struct {
		name string
		ttl  time.Duration
		rec  record
	}
	var records []found
	aliases := map[string]found{}
	for n := 0; n < maxRecords; n++ {
		h, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return err
		}
		f := found{name: plain(h.Name), ttl: lasting(h.TTL)}
		switch {
		case h.Class == dnsmessage.ClassINET && h.Type == dnsmessage.TypeCNAME && k.kind != dnsmessage.TypeCNAME:
			r, err := p.CNAMEResource()
			if err != nil {
				return err
			}
			owner := f.name
			if f.name = plain(r.CNAME); f.name != "" {
				aliases[owner] = f
			}
		case h.Class == dnsmessage.ClassINET && h.Type == k.kind:
			ok, err := content(p, k.kind, &f.rec)
			if err != nil {
				return err
			}
			if ok {
				records = append(records, f)
			}
		default:
			if err := p.SkipAnswer(); err != nil {
				return err
			}
		}
	}
	name := k.name
	for range maxAliases {
		for _, f := range records {
			if f.name == name {
				m.records = append(m.records, f.rec)
				m.shorten(f.ttl)
			}
		}
		next, ok := aliases[name]
		if len(m.records) > 0 || !ok {
			break
		}
		name, m.alias = next.name, next.name
		m.shorten(next.ttl)
	}
	if len(m.records) > 0 {
		m.alias = ""
	}
	return nil
}

func (m *message) shorten(ttl time.Duration) {
	if m.ttl < 0 || ttl < m.ttl {
		m.ttl = ttl
	}
}

// content reads one record of the kind asked for; false if it is of no use.
func content(p *dnsmessage.Parser, kind dnsmessage.Type, rec *record) (bool, error) {
	switch kind {
	case dnsmessage.TypeA:
		r, err := p.AResource()
		rec.addr = netip.AddrFrom4(r.A)
		return true, err
	case dnsmessage.TypeAAAA:
		r, err := p.AAAAResource()
		rec.addr = netip.AddrFrom16(r.AAAA)
		return !rec.addr.Is4In6(), err
	case dnsmessage.TypeSRV:
		r, err := p.SRVResource()
		rec.srv = service{priority: r.Priority, weight: r.Weight, port: r.Port}
		if r.Target.String() == "." {
			return true, err
		}
		rec.srv.host = plain(r.Target)
		return rec.srv.host != "" && r.Port != 0, err
	case typeNAPTR:
		r, err := p.UnknownResource()
		if err != nil {
			return false, err
		}
		return rec.naptr.read(r.Data), nil
	}
	return false, p.SkipAnswer()
}

// read takes the content of a NAPTR record (RFC 3403 4.1); false if it is
// broken. The replacement is never compressed.
func (n *pointer) read(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	n.order, n.preference = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	b = b[4:]
	for _, to := range []*string{&n.flags, &n.services, &n.regexp} {
		if len(b) == 0 || len(b) < 1+int(b[0]) {
			return false
		}
		*to, b = string(b[1:1+b[0]]), b[1+b[0]:]
	}
	var labels []string
	for len(b) > 0 && b[0] != 0 {
		if b[0] > 63 || len(b) < 1+int(b[0]) {
			return false
		}
		labels, b = append(labels, string(b[1:1+b[0]])), b[1+b[0]:]
	}
	if len(b) != 1 {
		return false
	}
	if len(labels) == 0 {
		return true
	}
	name, err := hostName(strings.Join(labels, "."))
	n.replacement = name
	return err == nil
}

// negative is how long the absence of records holds: the smaller of the SOA's
// TTL and its minimum (RFC 2308 5), 0 if there is no SOA.
func negative(p *dnsmessage.Parser) time.Duration {
	if p.SkipAllAnswers() != nil {
		return 0
	}
	for range maxRecords {
		h, err := p.AuthorityHeader()
		if err != nil {
			return 0
		}
		if h.Type != dnsmessage.TypeSOA {
			if p.SkipAuthority() != nil {
				return 0
			}
			continue
		}
		soa, err := p.SOAResource()
		if err != nil {
			return 0
		}
		return min(lasting(h.TTL), lasting(soa.MinTTL))
	}
	return 0
}

// lasting is a TTL; one with the top bit set counts as 0 (RFC 2181 8).
func lasting(ttl uint32) time.Duration {
	if ttl > 1<<31-1 {
		return 0
	}
	return time.Duration(ttl) * time.Second
}

// plain is a name as a key has it, "" if it is none that we could ask for.
func plain(n dnsmessage.Name) string {
	s, err := hostName(strings.TrimSuffix(n.String(), "."))
	if err != nil {
		return ""
	}
	return s
}
