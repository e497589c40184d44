package configuration

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/astconf"
	"branchline/pbx/astdb"
	"branchline/pbx/dialplan"
	"branchline/pbx/settings"
	"branchline/pbx/sip/identify"
	"branchline/pbx/sip/registrar"
)

const firstPhone = 100000

// large writes the configuration of n phones, each with an extension of its own
// of five steps, and reads it as the daemon does. Load reads it anew.
func large(b *testing.B, n int) (load func() Config) {
	b.Helper()
	var sip, plan strings.Builder
	sip.WriteString("[udp]\ntype=transport\nbind=127.0.0.1\n")
	plan.WriteString("[default]\n")
	for i := range n {
		fmt.Fprintf(&sip, "[%[1]d]\ntype=endpoint\naors=%[1]d\nauth=%[1]d\nallow=ulaw\n[%[1]d]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n"+
			"[%[1]d]\ntype=auth\nusername=%[1]d\npassword=fr7w-93kd-%[1]d\n", firstPhone+i)
		fmt.Fprintf(&plan, "exten => %[1]d,1,Dial(PJSIP/${EXTEN},20)\n same => n,GotoIf($[\"${DIALSTATUS}\" = \"BUSY\"]?busy)\n same => n,Playback(invalid)\n"+
			" same => n,Hangup()\n same => n(busy),Busy(5)\n", firstPhone+i)
	}
	dir := b.TempDir()
	for name, text := range map[string]string{"pjsip.conf": sip.String(), "extensions.conf": plan.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	process := settings.Process{}
	process.Directories.Etc = dir
	j := Judge{Process: process}
	return func() Config {
		c, diags := j.Read()
		if astconf.Failed(diags) || len(c.Settings.Endpoints) != n {
			b.Fatal(diags)
		}
		return c
	}
}

// BenchmarkLoad10000 reads and checks 10,000 endpoints and 10,000 extensions
// from files, as a start and a reload do. Beside the time that passed it reports
// the best, and the processor time, which other programs do not lengthen.
func BenchmarkLoad10000(b *testing.B) {
	load := large(b, 10000)
	var best time.Duration
	before := processorTime(b)
	for b.Loop() {
		start := time.Now()
		load()
		if d := time.Since(start); best == 0 || d < best {
			best = d
		}
	}
	b.ReportMetric(float64(best.Milliseconds()), "ms-best")
	b.ReportMetric(float64((processorTime(b)-before).Milliseconds())/float64(b.N), "ms-processor")
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// sizes compares a look-up, given the place of what it shall find, for 100 phones
// of 100 and for 100 spread over 10,000: what the number of phones costs. A third
// figure is for all 10,000 in turn, which adds what it costs that the processor's
// cache does not hold them. The three take turns, so that what else the machine
// does falls on all of them; the best turn of each counts.
func sizes(b *testing.B, prepare func(c Config, n int) func(i int) bool) {
	few, many := prepare(large(b, 100)(), 100), prepare(large(b, 10000)(), 10000)
	turns := []struct {
		unit        string
		find        func(i int) bool
		phones, gap int
		best        time.Duration
		next        int
	}{{"ns-of-100", few, 100, 1, 0, 0}, {"ns-of-10000", many, 100, 100, 0, 0}, {"ns-each-of-10000", many, 10000, 1, 0, 0}}
	const size = 2000
	for b.Loop() {
		for k := range turns {
			t := &turns[k]
			start := time.Now()
			for range size {
				if !t.find(t.next * t.gap) {
					b.Fatal("not found")
				}
				t.next = (t.next + 61) % t.phones
			}
			if d := time.Since(start); t.best == 0 || d < t.best {
				t.best = d
			}
		}
	}
	for _, t := range turns {
		b.ReportMetric(float64(t.best.Nanoseconds())/size, t.unit)
	}
	b.ReportMetric(float64(turns[1].best)/float64(turns[0].best), "x")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkLookupDialplan finds the first step of an extension.
func BenchmarkLookupDialplan(b *testing.B) {
	sizes(b, func(c Config, n int) func(int) bool {
		numbers := texts(n, "%d")
		return func(i int) bool {
			_, miss := c.Plan.Find(dialplan.Query{Context: "default", Exten: numbers[i]})
			return miss == dialplan.Found
		}
	})
}

func texts(n int, format string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(format, firstPhone+i)
	}
	return out
}

func requests(b *testing.B, n int, contact string) []*sip.Request {
	b.Helper()
	out := make([]*sip.Request, n)
	for i := range out {
		m, err := sip.ParseMessage([]byte(fmt.Sprintf("REGISTER sip:198.51.100.9 SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.206;branch=z9hG4bK1\r\n"+
			"From: <sip:%[1]d@198.51.100.9>;tag=1\r\nTo: <sip:%[1]d@198.51.100.9>\r\nCall-ID: %[1]d\r\nCSeq: 1 REGISTER\r\n"+contact+"Content-Length: 0\r\n\r\n", firstPhone+i)))
		if err != nil {
			b.Fatal(err)
		}
		out[i] = m.(*sip.Request)
	}
	return out
}

var phoneAt = netip.MustParseAddrPort("198.51.100.206:5060")

// BenchmarkLookupIdentify finds out whose a request is.
func BenchmarkLookupIdentify(b *testing.B) {
	sizes(b, func(c Config, n int) func(int) bool {
		index, reqs := identify.New(c.Settings), requests(b, n, "")
		return func(i int) bool {
			ep, _ := index.Find(reqs[i], phoneAt)
			return ep != nil
		}
	})
}

// BenchmarkLookupRegistrar finds the contact of a phone that is registered.
func BenchmarkLookupRegistrar(b *testing.B) {
	sizes(b, func(c Config, n int) func(int) bool {
		r := registrar.New(registrar.Options{DB: astdb.Memory(), Log: slog.New(slog.DiscardHandler)})
		r.Configure(c.Settings)
		names := texts(n, "%d")
		for i, req := range requests(b, n, "Contact: <sip:%[1]d@198.51.100.206>\r\nExpires: 3600\r\n") {
			if a := r.Register(req, registrar.Source{Addr: phoneAt, Protocol: "UDP", Transport: "udp"}, c.Settings.Endpoints[names[i]], names[i]); a.Status != 200 {
				b.Fatal(a)
			}
		}
		return func(i int) bool { return len(r.Usable(names[i])) == 1 }
	})
}
