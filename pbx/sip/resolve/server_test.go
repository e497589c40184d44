package resolve

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// A world is what the name servers of a test know: questions in the form
// "host.example A" and the records they answer with, as
// "name. ttl TYPE content" lines.
type world struct {
	t    testing.TB
	dead map[string]bool // servers that say nothing, by address
	mute map[string]bool // question types nobody answers

	mu    sync.Mutex
	zone  map[string]string
	asked []string // "udp 192.0.2.53 host.example A"
	spoil func(network, server string, reply []byte) [][]byte
}

var servers = []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("192.0.2.54:53")}

func newWorld(t testing.TB, zone map[string]string) *world {
	return &world{t: t, zone: zone, dead: map[string]bool{}, mute: map[string]bool{}}
}

// resolver is a resolver of this world; conf and hosts are its files.
func (w *world) resolver(conf, hosts string) *Resolver {
	dir := w.t.TempDir()
	o := Options{
		ResolvConf: filepath.Join(dir, "resolv.conf"), Hosts: filepath.Join(dir, "hosts"),
		Dial: w.dial, Random: func(uint32) uint32 { return 0 },
	}
	if conf == "" {
		o.Servers = servers[:1]
	}
	for path, text := range map[string]string{o.ResolvConf: conf, o.Hosts: hosts} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	return New(o)
}

// kill makes a server silent, or speak again.
func (w *world) kill(server string, dead bool) {
	w.mu.Lock()
	w.dead[server] = dead
	w.mu.Unlock()
}

func (w *world) dial(_ context.Context, network string, server netip.AddrPort) (net.Conn, error) {
	mine, theirs := net.Pipe()
	go w.serve(network, server.Addr().String(), theirs)
	return mine, nil
}

func (w *world) serve(network, server string, c net.Conn) {
	defer c.Close()
	buf := make([]byte, 4096)
	for {
		var q []byte
		if network == "tcp" {
			if _, err := io.ReadFull(c, buf[:2]); err != nil {
				return
			}
			q = buf[2 : 2+binary.BigEndian.Uint16(buf)]
			if _, err := io.ReadFull(c, q); err != nil {
				return
			}
		} else {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			q = buf[:n]
		}
		for _, r := range w.answer(network, server, q) {
			if network == "tcp" {
				r = append(binary.BigEndian.AppendUint16(nil, uint16(len(r))), r...)
			}
			if _, err := c.Write(r); err != nil {
				return
			}
		}
	}
}

func (w *world) answer(network, server string, b []byte) [][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil {
		w.t.Error(err)
		return nil
	}
	q, err := p.Question()
	if err != nil {
		w.t.Error(err)
		return nil
	}
	kind := strings.TrimPrefix(q.Type.String(), "Type")
	if q.Type == typeNAPTR {
		kind = "NAPTR"
	}
	what := strings.TrimSuffix(q.Name.String(), ".") + " " + kind
	w.asked = append(w.asked, network+" "+server+" "+what)
	if w.dead[server] || w.mute[kind] {
		return nil
	}
	text, ok := w.zone[what]
	r := compose(w.t, h.ID, q, text, ok)
	if w.spoil != nil {
		return w.spoil(network, server, r)
	}
	return [][]byte{r}
}

// count is how many questions ended in what.
func (w *world) count(what string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.asked {
		if strings.HasSuffix(a, what) {
			n++
		}
	}
	return n
}

// compose is an answer made of lines. A text of "SERVFAIL" or the like is a
// code; not ok is NXDOMAIN. "@" lines stand in the authority section.
func compose(t testing.TB, id uint16, q dnsmessage.Question, text string, ok bool) []byte {
	t.Helper()
	h := dnsmessage.Header{ID: id, Response: true, RecursionAvailable: true}
	m := dnsmessage.Message{Questions: []dnsmessage.Question{q}}
	switch {
	case !ok:
		h.RCode = dnsmessage.RCodeNameError
	case text == "SERVFAIL":
		h.RCode, text = dnsmessage.RCodeServerFailure, ""
	case text == "FORMERR":
		h.RCode, text = dnsmessage.RCodeFormatError, ""
	case text == "TC":
		h.Truncated, text = true, ""
	}
	m.Header = h
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 4 {
			continue
		}
		to := &m.Answers
		if f[0] == "@" {
			to, f = &m.Authorities, f[1:]
		}
		*to = append(*to, resource(t, f))
	}
	b, err := m.Pack()
	if err != nil {
		t.Error(err)
	}
	return b
}

func resource(t testing.TB, f []string) dnsmessage.Resource {
	t.Helper()
	r := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{
		Name: dnsmessage.MustNewName(f[0]), Class: dnsmessage.ClassINET, TTL: uint32(number(t, f[1])),
	}}
	switch f[2] {
	case "A":
		r.Body = &dnsmessage.AResource{A: netip.MustParseAddr(f[3]).As4()}
	case "AAAA":
		r.Body = &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(f[3]).As16()}
	case "CNAME":
		r.Body = &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(f[3])}
	case "SOA":
		n := dnsmessage.MustNewName("ns.example.")
		r.Body = &dnsmessage.SOAResource{NS: n, MBox: n, MinTTL: uint32(number(t, f[3]))}
	case "SRV":
		r.Body = &dnsmessage.SRVResource{
			Priority: number(t, f[3]), Weight: number(t, f[4]), Port: number(t, f[5]), Target: dnsmessage.MustNewName(f[6]),
		}
	case "NAPTR": // order preference flags services replacement; "-" is empty
		d := binary.BigEndian.AppendUint16(nil, number(t, f[3]))
		d = binary.BigEndian.AppendUint16(d, number(t, f[4]))
		for _, s := range []string{f[5], f[6], "-"} {
			if s == "-" {
				s = ""
			}
			d = append(append(d, byte(len(s))), s...)
		}
		for l := range strings.SplitSeq(strings.TrimSuffix(f[7], "."), ".") {
			d = append(append(d, byte(len(l))), l...)
		}
		r.Body = &dnsmessage.UnknownResource{Type: typeNAPTR, Data: append(d, 0)}
	default:
		t.Errorf("type %q", f[2])
	}
	return r
}

func number(t testing.TB, s string) (n uint16) {
	t.Helper()
	for _, c := range s {
		n = n*10 + uint16(c-'0')
	}
	return n
}
