package resolve

import (
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestNAPTRContent(t *testing.T) {
	good := "\x00\x01\x00\x02\x01s\x07SIP+D2U\x00\x04_sip\x04_udp\x07example\x00"
	var p pointer
	if !p.read([]byte(good)) || p.order != 1 || p.preference != 2 || p.replacement != "_sip._udp.example" {
		t.Errorf("%+v", p)
	}
	for i := range len(good) {
		if p.read([]byte(good[:i])) {
			t.Errorf("cut after %d octets: taken", i)
		}
	}
	for _, bad := range []string{good + "x", good[:15] + "\xc0\x0c", good[:15] + "\x02\x00 \x00"} {
		if p.read([]byte(bad)) {
			t.Errorf("%q: taken", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	kinds := []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA, dnsmessage.TypeSRV, typeNAPTR}
	for name, text := range provider {
		for i, k := range kinds {
			q := dnsmessage.Question{Name: dnsmessage.MustNewName("voip.example."), Type: k, Class: dnsmessage.ClassINET}
			if name == "voip.example NAPTR" || name == "c.voip.example A" || name == "ring.example A" {
				f.Add(compose(f, 7, q, text, true), byte(i))
			}
			f.Add(compose(f, 7, q, "@ example. 300 SOA 20", false), byte(i))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, kind byte) {
		m, err := parse(b, 7, key{"voip.example", kinds[int(kind)%len(kinds)]})
		if err != nil {
			return
		}
		if len(m.records) > maxRecords || m.ttl > lasting(1<<31-1) {
			t.Errorf("%d records for %v", len(m.records), m.ttl)
		}
		if len(m.records) > 0 && m.alias != "" {
			t.Error("records and an alias")
		}
		for _, r := range m.records {
			for _, n := range []string{r.srv.host, r.naptr.replacement, m.alias} {
				if n == "" {
					continue
				}
				if _, err := hostName(n); err != nil {
					t.Errorf("name %q", n)
				}
			}
		}
	})
}
