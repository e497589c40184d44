package resolve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	both = []Way{{"udp", true, false}, {"tcp", true, false}}
	udp  = both[:1]
	tcp  = both[1:]
	dual = []Way{{"udp", true, true}}
)

// provider is a domain as RFC 3263 imagines it.
var provider = map[string]string{
	"voip.example NAPTR": `
voip.example. 60 NAPTR 50 50 s SIPS+D2T _sips._tcp.voip.example.
voip.example. 60 NAPTR 100 50 s SIP+D2U _sip._udp.voip.example.
voip.example. 60 NAPTR 90 50 s SIP+D2T _sip._tcp.voip.example.`,
	"_sip._udp.voip.example SRV": `
_sip._udp.voip.example. 60 SRV 20 0 5060 c.voip.example.
_sip._udp.voip.example. 60 SRV 10 1 5070 b.voip.example.
_sip._udp.voip.example. 60 SRV 10 0 5062 a.voip.example.`,
	"_sip._tcp.voip.example SRV": "_sip._tcp.voip.example. 60 SRV 1 1 5060 a.voip.example.",
	"a.voip.example A":           "a.voip.example. 60 A 198.51.100.1",
	"b.voip.example A":           "b.voip.example. 60 A 198.51.100.2\nb.voip.example. 60 A 198.51.100.22",
	"c.voip.example A":           "c.voip.example. 60 CNAME d.voip.example.\nd.voip.example. 60 A 198.51.100.3",
	"voip.example A":             "voip.example. 60 A 198.51.100.9",

	"plain.example A":    "plain.example. 60 A 198.51.100.5",
	"plain.example AAAA": "plain.example. 60 AAAA 2001:db8::5",
	"four.example A":     "four.example. 60 A 198.51.100.4",
	"four.example AAAA":  "",

	"srv.example A":                "srv.example. 60 A 198.51.100.77",
	"_sip._udp.srv.example SRV":    "_sip._udp.srv.example. 60 SRV 1 1 5080 a.voip.example.",
	"closed.example A":             "closed.example. 60 A 198.51.100.8",
	"_sip._udp.closed.example SRV": "_sip._udp.closed.example. 60 SRV 0 0 0 .",
	"_sip._tcp.closed.example SRV": "_sip._tcp.closed.example. 60 SRV 0 0 0 .",
	"hole.example A":               "hole.example. 60 A 198.51.100.10",
	"_sip._udp.hole.example SRV":   "_sip._udp.hole.example. 60 SRV 1 1 5060 nowhere.example.\n_sip._udp.hole.example. 60 SRV 2 1 5060 a.voip.example.",
	"phone.office.example A":       "phone.office.example. 60 A 198.51.100.30",

	"long.example A": "long.example. 60 CNAME one.example.",
	"one.example A":  "one.example. 60 CNAME two.example.",
	"two.example A":  "two.example. 60 A 198.51.100.40",
	"loop.example A": "loop.example. 60 CNAME pool.example.",
	"pool.example A": "pool.example. 60 CNAME loop.example.",
	"ring.example A": "ring.example. 60 CNAME gnir.example.\ngnir.example. 60 CNAME ring.example.",
	"fail.example A": "SERVFAIL",
}

// bubble is virtual time; questions that nobody waits for any more get time to
// end.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t)
		time.Sleep(2 * time.Minute)
	})
}

func words(ts []Target, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	var out []string
	for _, t := range ts {
		out = append(out, t.String())
	}
	return strings.Join(out, " ")
}

// Seed: S-060.
func TestTargets(t *testing.T) {
	for _, c := range []struct {
		name string
		q    Query
		want string
	}{
		{"address", Query{Host: "192.0.2.1", Ways: both}, "udp:192.0.2.1:5060"},
		{"address and port", Query{Host: "192.0.2.1", Port: 5070, Ways: tcp}, "tcp:192.0.2.1:5070"},
		{"IPv6 address", Query{Host: "[2001:db8::1]", Ways: dual}, "udp:[2001:db8::1]:5060"},
		{"IPv6 address without a way", Query{Host: "2001:db8::1", Ways: both}, "error: look up 2001:db8::1: no such host that a transport can reach"},
		{"NAPTR, SRV, A", Query{Host: "voip.example", Ways: both},
			"tcp:198.51.100.1:5060 udp:198.51.100.1:5062 udp:198.51.100.2:5070 udp:198.51.100.22:5070 udp:198.51.100.3:5060"},
		{"case and final dot", Query{Host: "VoIP.Example.", Ways: tcp}, "tcp:198.51.100.1:5060"},
		{"NAPTR, only UDP here", Query{Host: "voip.example", Ways: udp},
			"udp:198.51.100.1:5062 udp:198.51.100.2:5070 udp:198.51.100.22:5070 udp:198.51.100.3:5060"},
		{"transport given", Query{Host: "voip.example", Ways: tcp, Fixed: true}, "tcp:198.51.100.1:5060"},
		{"port given: no SRV", Query{Host: "voip.example", Port: 5090, Ways: both}, "udp:198.51.100.9:5090"},
		{"srvlookup=no", Query{Host: "voip.example", Plain: true, Ways: both}, "udp:198.51.100.9:5060"},
		{"SRV without NAPTR", Query{Host: "srv.example", Ways: both}, "udp:198.51.100.1:5080"},
		{"SRV of the other transport", Query{Host: "srv.example", Ways: tcp, Fixed: true}, "tcp:198.51.100.77:5060"},
		{"neither", Query{Host: "plain.example", Ways: both}, "udp:198.51.100.5:5060"},
		{"both families", Query{Host: "plain.example", Ways: dual}, "udp:198.51.100.5:5060 udp:[2001:db8::5]:5060"},
		{"one family", Query{Host: "four.example", Ways: dual}, "udp:198.51.100.4:5060"},
		{"service refused", Query{Host: "closed.example", Ways: both}, "error: look up closed.example: the domain offers no such service"},
		{"one target without address", Query{Host: "hole.example", Ways: both}, "udp:198.51.100.1:5060"},
		{"alias over three answers", Query{Host: "long.example", Ways: both}, "udp:198.51.100.40:5060"},
		{"alias in a circle", Query{Host: "loop.example", Ways: both}, "error: look up loop.example: no such host"},
		{"circle in one answer", Query{Host: "ring.example", Ways: both}, "error: look up ring.example: no such host"},
		{"no such host", Query{Host: "no.example", Ways: both}, "error: look up no.example: no such host"},
		{"server failure", Query{Host: "fail.example", Ways: both}, "error: look up fail.example: no answer from the name servers: name server 192.0.2.53:53: ServerFailure"},
		{"hosts file", Query{Host: "gw", Ways: both}, "udp:198.51.100.50:5060"},
		{"hosts file beats SRV", Query{Host: "mine.voip.example", Ways: tcp}, "tcp:198.51.100.51:5060"},
		{"localhost", Query{Host: "localhost", Ways: both}, "udp:127.0.0.1:5060"},
		{"search list", Query{Host: "phone", Ways: both}, "udp:198.51.100.30:5060"},
		{"number", Query{Host: "3232235521", Ways: both}, `error: look up "3232235521": not a host name`},
		{"short address", Query{Host: "10.1", Ways: both}, `error: look up "10.1": not a host name`},
		{"noise", Query{Host: "a b.example", Ways: both}, `error: look up "a b.example": not a host name`},
		{"empty", Query{Ways: both}, `error: look up "": not a host name`},
		{"long label", Query{Host: strings.Repeat("a", 64) + ".example", Ways: both}, `error: look up "` + strings.Repeat("a", 64) + `.example": not a host name`},
		{"long name", Query{Host: strings.Repeat("a.", 126) + "aa", Ways: both}, `error: look up "` + strings.Repeat("a.", 126) + `aa": not a host name`},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(t, provider)
				r := w.resolver("nameserver 192.0.2.53\nsearch office.example\n",
					"127.0.0.1 localhost\n198.51.100.50 gw # the gateway\n198.51.100.51 mine.voip.example\nrubbish\n")
				got := words(r.Targets(t.Context(), c.q))
				if got = strings.TrimSuffix(got, ": its aliases go round in a circle"); got != c.want {
					t.Errorf("got  %s\nwant %s\nasked %q", got, c.want, w.asked)
				}
			})
		})
	}
}

func TestCacheKeepsTTL(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, map[string]string{
			"a.example A":        "a.example. 60 A 198.51.100.1",
			"huge.example A":     "huge.example. 60000 A 198.51.100.1",
			"empty.example A":    "@ example. 300 SOA 20",
			"eternal.example A":  "@ example. 60000 SOA 60000",
			"volatile.example A": "volatile.example. 0 A 198.51.100.1",
		})
		r := w.resolver("", "")
		ask := func(host string, want int) {
			t.Helper()
			r.Targets(t.Context(), Query{Host: host, Plain: true, Ways: udp})
			if got := w.count(host + " A"); got != want {
				t.Errorf("%s: asked %d times, want %d", host, got, want)
			}
		}
		for _, step := range []struct {
			after time.Duration
			host  string
			want  int
		}{
			{0, "a.example", 1}, {59 * time.Second, "a.example", 1}, {2 * time.Second, "a.example", 2},
			{0, "huge.example", 1}, {59 * time.Minute, "huge.example", 1}, {2 * time.Minute, "huge.example", 2},
			{0, "empty.example", 1}, {19 * time.Second, "empty.example", 1}, {2 * time.Second, "empty.example", 2},
			{0, "eternal.example", 1}, {4 * time.Minute, "eternal.example", 1}, {2 * time.Minute, "eternal.example", 2},
			{0, "no.example", 1}, {4 * time.Second, "no.example", 1}, {2 * time.Second, "no.example", 2},
			{0, "volatile.example", 1}, {0, "volatile.example", 2},
		} {
			time.Sleep(step.after)
			ask(step.host, step.want)
		}
	})
}

func TestOneQuestionForMany(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, provider)
		w.spoil = func(_, _ string, b []byte) [][]byte { time.Sleep(300 * time.Millisecond); return [][]byte{b} }
		r := w.resolver("", "")
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				if got := words(r.Targets(t.Context(), Query{Host: "four.example", Plain: true, Ways: udp})); got != "udp:198.51.100.4:5060" {
					t.Error(got)
				}
			})
		}
		group.Wait()
		if n := w.count("four.example A"); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// A dead name server costs the first callers a few seconds, the next ones
// nothing, and those who need no name nothing at all.
func TestDeadServers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, provider)
		w.kill("192.0.2.53", true)
		w.kill("192.0.2.54", true)
		r := w.resolver("nameserver 192.0.2.53\nnameserver 192.0.2.54\n", "198.51.100.50 gw")
		took := func(host string) (time.Duration, error) {
			start := time.Now()
			_, err := r.Targets(t.Context(), Query{Host: host, Plain: true, Ways: udp})
			return time.Since(start), err
		}
		d, err := took("four.example")
		if d != lookupTime || !errors.Is(err, ErrServers) {
			t.Errorf("first: %v after %v", err, d)
		}
		for _, host := range []string{"four.example", "plain.example"} {
			if d, err := took(host); d != 0 || !errors.Is(err, ErrServers) {
				t.Errorf("%s: %v after %v", host, err, d)
			}
		}
		for _, host := range []string{"gw", "192.0.2.1"} {
			if d, err := took(host); d != 0 || err != nil {
				t.Errorf("%s: %v after %v", host, err, d)
			}
		}
		w.kill("192.0.2.54", false)
		time.Sleep(silentFor)
		if d, err := took("four.example"); d > answerDelay || err != nil {
			t.Errorf("one server is back: %v after %v", err, d)
		}
		if d, err := took("plain.example"); d != 0 || err != nil {
			t.Errorf("the dead one is asked last: %v after %v", err, d)
		}
	})
}

func TestOldAnswerIsBetterThanNone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, map[string]string{"a.example A": "a.example. 60 A 198.51.100.1"})
		r := w.resolver("", "")
		q := Query{Host: "a.example", Plain: true, Ways: udp}
		r.Targets(t.Context(), q)
		w.kill("192.0.2.53", true)
		time.Sleep(2 * time.Hour)
		start := time.Now()
		if got := words(r.Targets(t.Context(), q)); got != "udp:198.51.100.1:5060" || time.Since(start) != patience {
			t.Errorf("%s after %v", got, time.Since(start))
		}
		time.Sleep(10 * time.Second)
		start = time.Now()
		if got := words(r.Targets(t.Context(), q)); got != "udp:198.51.100.1:5060" || time.Since(start) != 0 {
			t.Errorf("%s after %v", got, time.Since(start))
		}
		time.Sleep(25 * time.Hour)
		if got := words(r.Targets(t.Context(), q)); !strings.HasPrefix(got, "error") {
			t.Errorf("a day later: %s", got)
		}
		w.kill("192.0.2.53", false)
		w.mu.Lock()
		w.zone["a.example A"] = "a.example. 60 A 198.51.100.2"
		w.mu.Unlock()
		time.Sleep(time.Minute)
		if got := words(r.Targets(t.Context(), q)); got != "udp:198.51.100.2:5060" {
			t.Errorf("the server is back: %s", got)
		}
	})
}

// Some routers let only questions of the types they know pass.
func TestSwallowedNAPTR(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, provider)
		w.mute["NAPTR"] = true
		r := w.resolver("", "")
		for i, want := range []time.Duration{naptrWait, 0, 0} {
			start := time.Now()
			got := words(r.Targets(t.Context(), Query{Host: "srv.example", Ways: both}))
			if d := time.Since(start); got != "udp:198.51.100.1:5080" || d != want {
				t.Errorf("%d: %s after %v", i, got, d)
			}
			time.Sleep(10 * time.Second)
		}
	})
}

func TestSecondServer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, provider)
		fail := true
		w.spoil = func(_, server string, b []byte) [][]byte {
			if server == "192.0.2.53" && fail {
				b[3] |= 2 // SERVFAIL
			}
			return [][]byte{b}
		}
		r := w.resolver("nameserver 192.0.2.53\nnameserver 192.0.2.54\n", "")
		start := time.Now()
		got := words(r.Targets(t.Context(), Query{Host: "four.example", Plain: true, Ways: udp}))
		if got != "udp:198.51.100.4:5060" || time.Since(start) != 0 {
			t.Errorf("%s after %v, asked %q", got, time.Since(start), w.asked)
		}
	})
}

func TestForgedAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, provider)
		w.spoil = func(_, _ string, b []byte) [][]byte {
			id, question, request := []byte(string(b)), []byte(string(b)), []byte(string(b))
			id[0] ^= 0x40
			question[13] ^= 1
			request[2] &^= 0x80
			return [][]byte{{}, b[:7], id, question, request, []byte("rubbish"), b}
		}
		r := w.resolver("", "")
		if got := words(r.Targets(t.Context(), Query{Host: "four.example", Plain: true, Ways: udp})); got != "udp:198.51.100.4:5060" {
			t.Error(got)
		}
	})
	bubble(t, func(t *testing.T) {
		w := newWorld(t, provider)
		w.spoil = func(_, _ string, b []byte) [][]byte {
			b[0] ^= 1
			out := make([][]byte, 2*maxNoise)
			for i := range out {
				out[i] = b
			}
			return out
		}
		r := w.resolver("", "")
		if got := words(r.Targets(t.Context(), Query{Host: "four.example", Plain: true, Ways: udp})); !strings.Contains(got, "nothing but answers to other questions") {
			t.Error(got)
		}
	})
}

func TestTruncatedGoesTCP(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, provider)
		w.spoil = func(network, _ string, b []byte) [][]byte {
			if network == "udp" {
				b[2] |= 2
			}
			return [][]byte{b}
		}
		r := w.resolver("", "")
		if got := words(r.Targets(t.Context(), Query{Host: "four.example", Plain: true, Ways: udp})); got != "udp:198.51.100.4:5060" {
			t.Error(got)
		}
		if len(w.asked) != 2 || !strings.HasPrefix(w.asked[1], "tcp") {
			t.Errorf("asked %q", w.asked)
		}
	})
}

func TestServerWithoutEDNS(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, provider)
		w.spoil = func(_, _ string, b []byte) [][]byte {
			if len(w.asked) == 1 {
				b[3] |= 1 // FORMERR
			}
			return [][]byte{b}
		}
		r := w.resolver("", "")
		if got := words(r.Targets(t.Context(), Query{Host: "four.example", Plain: true, Ways: udp})); got != "udp:198.51.100.4:5060" {
			t.Error(got)
		}
	})
}

func TestFailedTargetsComeLast(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newWorld(t, provider).resolver("", "")
		q := Query{Host: "b.voip.example", Plain: true, Ways: udp}
		first, second := "udp:198.51.100.2:5060 udp:198.51.100.22:5060", "udp:198.51.100.22:5060 udp:198.51.100.2:5060"
		check := func(want string) {
			t.Helper()
			if got := words(r.Targets(t.Context(), q)); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		bad := Target{"udp", netip.MustParseAddrPort("198.51.100.2:5060")}
		check(first)
		r.Failed(bad)
		check(second)
		r.Worked(bad)
		check(first)
		r.Failed(bad)
		time.Sleep(failedFor)
		check(first)
		for i := range 3 * maxFailed {
			r.Failed(Target{"udp", netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(i))})
		}
		if len(r.failed) > maxFailed {
			t.Errorf("%d failures remembered", len(r.failed))
		}
	})
}

func TestBounds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		zone := map[string]string{}
		for i := range 2 * maxGood {
			n := fmt.Sprintf("h%d.example", i)
			zone[n+" A"] = n + ". 60 A 198.51.100.1"
		}
		var many, srv strings.Builder
		for i := range 100 {
			fmt.Fprintf(&many, "many.example. 60 A 198.51.100.%d\n", i)
			fmt.Fprintf(&srv, "_sip._udp.crowd.example. 60 SRV 1 1 5060 h%d.example.\n", i)
		}
		zone["many.example A"], zone["_sip._udp.crowd.example SRV"] = many.String(), srv.String()
		w := newWorld(t, zone)
		r := w.resolver("", "")
		for i := range 2 * maxGood {
			r.Targets(t.Context(), Query{Host: fmt.Sprintf("h%d.example", i), Plain: true, Ways: udp})
			r.Targets(t.Context(), Query{Host: fmt.Sprintf("x%d.example", i), Plain: true, Ways: udp})
		}
		if g, b := len(r.cache.good.m), len(r.cache.bad.m); g > maxGood || b > maxBad {
			t.Errorf("%d answers and %d failures kept", g, b)
		}
		if ts, _ := r.Targets(t.Context(), Query{Host: "many.example", Plain: true, Ways: udp}); len(ts) != maxTargets {
			t.Errorf("%d targets", len(ts))
		}
		before := len(w.asked)
		r.Targets(t.Context(), Query{Host: "crowd.example", Ways: udp, Fixed: true})
		if n := len(w.asked) - before; n > maxServices+1 {
			t.Errorf("%d questions for one name", n)
		}
		w.kill("192.0.2.53", true)
		var group sync.WaitGroup
		busy := 0
		var mu sync.Mutex
		for i := range 2 * maxFlights {
			group.Go(func() {
				_, err := r.Targets(t.Context(), Query{Host: fmt.Sprintf("y%d.example", i), Plain: true, Ways: udp})
				mu.Lock()
				if errors.Is(err, ErrBusy) {
					busy++
				}
				mu.Unlock()
			})
		}
		group.Wait()
		if busy != maxFlights {
			t.Errorf("%d of %d refused", busy, 2*maxFlights)
		}
	})
}

func TestCallerMayLeave(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, provider)
		w.kill("192.0.2.53", true)
		r := w.resolver("", "")
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		defer cancel()
		start := time.Now()
		if _, err := r.Targets(ctx, Query{Host: "voip.example", Ways: both}); err == nil || time.Since(start) != 700*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestFilesAreReadAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, provider)
		r := w.resolver("nameserver 192.0.2.53\n", "")
		put := func(path, text string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(lookAgain)
		}
		q := Query{Host: "four.example", Plain: true, Ways: udp}
		r.Targets(t.Context(), q)
		put(r.o.ResolvConf, "nameserver 192.0.2.54 \noptions ndots:2 rotate\n")
		r.Targets(t.Context(), Query{Host: "plain.example", Plain: true, Ways: udp})
		put(r.o.Hosts, "198.51.100.99 four.example\n")
		if got := words(r.Targets(t.Context(), q)); got != "udp:198.51.100.99:5060" {
			t.Error(got)
		}
		if err := os.Remove(r.o.Hosts); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lookAgain)
		if got := words(r.Targets(t.Context(), q)); got != "udp:198.51.100.4:5060" {
			t.Error(got)
		}
		if w.count("192.0.2.53 four.example A") != 1 || w.count("192.0.2.54 plain.example A") != 1 {
			t.Errorf("asked %q", w.asked)
		}
	})
}

func TestLookupNetIP(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newWorld(t, provider).resolver("", "")
		for network, want := range map[string]string{"ip": "[198.51.100.5 2001:db8::5]", "ip4": "[198.51.100.5]", "ip6": "[2001:db8::5]"} {
			addrs, err := r.LookupNetIP(t.Context(), network, "plain.example")
			if got := fmt.Sprint(addrs); got != want || err != nil {
				t.Errorf("%s: %s, %v", network, got, err)
			}
		}
	})
}
