package digest

import (
	"crypto/rand"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
)

// The worked examples of RFC 2617 section 3.5 and RFC 7616 section 3.9.1.
func TestPublishedExamples(t *testing.T) {
	for _, c := range []struct{ algorithm, password, realm, nonce, cnonce, want string }{
		{"MD5", "Circle Of Life", "testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b", "6629fae49393a05397450978507c4ef1"},
		{"MD5", "Circle of Life", "http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
			"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "8ca523f5e9506fed4657c9700eebdbec"},
		{"SHA-256", "Circle of Life", "http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
			"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"},
	} {
		secret, _ := sum(c.algorithm, "Mufasa", c.realm, c.password)
		got, ok := response(c.algorithm, secret, "GET", "/dir/index.html", c.nonce, "auth", "00000001", c.cnonce)
		if !ok || got != c.want {
			t.Errorf("%s: %s, want %s", c.algorithm, got, c.want)
		}
	}
	if _, ok := sum("MD6", "x"); ok {
		t.Error("an unknown algorithm must not be computed")
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`Digest realm="a",nonce=b`, `[{realm a} {nonce b}]`},
		{`digest  Realm = "a b, c=d" , qop = auth ,, stale=TRUE`, `[{realm a b, c=d} {qop auth} {stale TRUE}]`},
		{`Digest username="a\"b\\c", uri="sip:x;y=1"`, `[{username a"b\c} {uri sip:x;y=1}]`},
		{`Digest realm=""`, `[{realm }]`},
	} {
		got, err := parse(c.in)
		if err != nil || fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v %v, want %s", c.in, got, err, c.want)
		}
	}
	for _, bad := range []string{"", "Digest", "Basic abc", `Digest realm`, `Digest realm="a`, `Digest realm="a\`, `Digest =x`, "Digest " + strings.Repeat("a=b,", 100)} {
		if got, err := parse(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
	if got := quote(`a"b\c`); got != `"a\"b\\c"` {
		t.Error(got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`Digest username="1001", realm="asterisk", nonce="1/ab", uri="sip:x", response="0", algorithm=MD5, qop=auth, nc=00000001`)
	f.Add(`Digest a="\"`)
	f.Fuzz(func(t *testing.T, s string) {
		fs, err := parse(s)
		if err != nil {
			return
		}
		var b strings.Builder
		b.WriteString("Digest ")
		for _, p := range fs {
			if strings.ContainsAny(p.name, " \t\r\n,") {
				return // an odd name cannot be written again
			}
			b.WriteString(p.name + "=" + quote(p.value) + ",")
		}
		again, err := parse(b.String())
		if len(fs) > 0 && (err != nil || fmt.Sprint(again) != fmt.Sprint(fs)) {
			t.Errorf("%q: %v, read again %v %v", s, fs, again, err)
		}
	})
}

var source = netip.MustParseAddr("198.51.100.206")

func verifier(t testing.TB) *Verifier {
	v, err := NewVerifier(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func auth(id string) *settings.Auth {
	return &settings.Auth{Object: settings.Object{ID: id}, Type: "userpass", Username: id, Password: "pw-" + id,
		NonceLifetime: 32 * time.Second, Algorithms: []string{"MD5"}, AlgorithmsUAC: []string{"MD5"}}
}

func register() *sip.Request {
	return sip.NewRequest(sip.REGISTER, sip.Uri{Scheme: "sip", Host: "198.51.100.9"})
}

func challenged(values []string, name string) *sip.Response {
	res := sip.NewResponse(401, "Unauthorized")
	for _, v := range values {
		res.AppendHeader(sip.NewHeader(name, v))
	}
	return res
}

// signed is a request with an answer to a fresh challenge.
func signed(t testing.TB, v *Verifier, server, client []*settings.Auth, c *Client) *sip.Request {
	t.Helper()
	req := register()
	if err := c.Answer(req, challenged(v.Challenges(source, server, "asterisk", false), "WWW-Authenticate"), client); err != nil {
		t.Fatal(err)
	}
	return req
}

func TestChallengeForm(t *testing.T) {
	v := verifier(t)
	form := regexp.MustCompile(`^Digest realm="asterisk",nonce="\d{10}/[0-9a-f]{32}",opaque="[0-9a-f]{16}",algorithm=MD5,qop="auth"$`)
	got := v.Challenges(source, nil, "asterisk", false)
	if len(got) != 1 || !form.MatchString(got[0]) {
		t.Errorf("%q", got)
	}
	a, b := auth("1001"), auth("1002")
	b.Algorithms = []string{"SHA-256", "MD5"}
	c := auth("1003")
	c.Realm = `other "realm"`
	got = v.Challenges(source, []*settings.Auth{a, b, c}, "asterisk", true)
	if len(got) != 3 || !strings.Contains(got[1], "stale=true,algorithm=SHA-256") || !strings.Contains(got[2], `realm="other \"realm\""`) {
		t.Errorf("%q", got)
	}
}

func TestAccepted(t *testing.T) {
	md5only, both, realmed, stored := auth("1001"), auth("1001"), auth("1001"), auth("1001")
	both.Algorithms, both.AlgorithmsUAC = []string{"SHA-256", "SHA-512-256", "MD5"}, []string{"SHA-256"}
	realmed.Realm = "office"
	stored.Type, stored.Password, stored.Digests = "md5", "", map[string]string{}
	stored.Digests["MD5"], _ = sum("MD5", "1001", "asterisk", "pw-1001")
	sha512 := auth("1001")
	sha512.AlgorithmsUAC = []string{"SHA-512-256"}
	for name, c := range map[string]struct{ server, client []*settings.Auth }{
		"md5":            {[]*settings.Auth{md5only}, []*settings.Auth{md5only}},
		"sha-256":        {[]*settings.Auth{both}, []*settings.Auth{both}},
		"sha-512-256":    {[]*settings.Auth{both}, []*settings.Auth{sha512}},
		"md5 to both":    {[]*settings.Auth{both}, []*settings.Auth{md5only}},
		"own realm":      {[]*settings.Auth{realmed}, []*settings.Auth{md5only}},
		"realm chosen":   {[]*settings.Auth{realmed}, []*settings.Auth{auth("1009"), realmed}},
		"stored digest":  {[]*settings.Auth{stored}, []*settings.Auth{md5only}},
		"answer stored":  {[]*settings.Auth{md5only}, []*settings.Auth{stored}},
		"second of auth": {[]*settings.Auth{auth("1002"), md5only}, []*settings.Auth{md5only}},
	} {
		v := verifier(t)
		got := v.Check(signed(t, v, c.server, c.client, &Client{}), source, c.server, "asterisk")
		if !got.OK || got.Auth == nil || got.Username != "1001" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestRefused(t *testing.T) {
	good := []*settings.Auth{auth("1001")}
	other := auth("1001")
	other.Password = "wrong"
	user := auth("1002")
	v := verifier(t)
	for name, c := range map[string]struct {
		req  *sip.Request
		src  netip.Addr
		want Verdict
	}{
		"none":           {register(), source, Verdict{}},
		"wrong password": {signed(t, v, good, []*settings.Auth{other}, &Client{}), source, Verdict{Tried: true, Username: "1001"}},
		"wrong user":     {signed(t, v, good, []*settings.Auth{user}, &Client{}), source, Verdict{Tried: true, Username: "1002"}},
		"other source":   {signed(t, v, good, good, &Client{}), netip.MustParseAddr("192.0.2.1"), Verdict{Stale: true, Username: "1001"}},
		"other verifier": {signed(t, verifier(t), good, good, &Client{}), source, Verdict{Stale: true, Username: "1001"}},
		"garbage":        {withHeader(`Digest realm="asterisk",username="1001",nonce="x",response=""`), source, Verdict{Tried: true, Username: "1001"}},
		"auth-int":       {withHeader(`Digest realm="asterisk",username="1001",qop=auth-int`), source, Verdict{Tried: true, Username: "1001"}},
		"no count":       {withHeader(`Digest realm="asterisk",username="1001",qop=auth,cnonce=x`), source, Verdict{Tried: true, Username: "1001"}},
		"other realm":    {withHeader(`Digest realm="elsewhere",username="1001"`), source, Verdict{Username: "1001"}},
		"basic":          {withHeader(`Basic MTAwMTpwdw==`), source, Verdict{}},
	} {
		if got := v.Check(c.req, c.src, good, "asterisk"); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func withHeader(value string) *sip.Request {
	req := register()
	req.AppendHeader(sip.NewHeader("Authorization", value))
	return req
}

func TestNonceLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		auths := []*settings.Auth{auth("1001")}
		v := verifier(t)
		var c Client
		req := signed(t, v, auths, auths, &c)
		if got := v.Check(req, source, auths, "asterisk"); !got.OK {
			t.Fatalf("first use: %+v", got)
		}
		if got := v.Check(req, source, auths, "asterisk"); got.OK || !got.Stale {
			t.Errorf("replay: %+v", got)
		}
		next := register()
		if err := c.Reuse(next); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(next.GetHeader("authorization").Value(), "nc=00000002") {
			t.Error(next.GetHeader("authorization").Value())
		}
		if got := v.Check(next, source, auths, "asterisk"); !got.OK {
			t.Errorf("second count: %+v", got)
		}
		time.Sleep(40 * time.Second)
		late := register()
		if err := c.Reuse(late); err != nil {
			t.Fatal(err)
		}
		got := v.Check(late, source, auths, "asterisk")
		if got.OK || !got.Stale {
			t.Fatalf("after its lifetime: %+v", got)
		}
		// A stale challenge is answered, again and again but not for ever.
		for range maxRounds {
			if err := c.Answer(late, challenged(v.Challenges(source, auths, "asterisk", true), "WWW-Authenticate"), auths); err != nil {
				t.Fatal(err)
			}
		}
		if got := v.Check(late, source, auths, "asterisk"); !got.OK {
			t.Errorf("after a stale challenge: %+v", got)
		}
		if err := c.Answer(late, challenged(v.Challenges(source, auths, "asterisk", true), "WWW-Authenticate"), auths); err != ErrRefused {
			t.Error(err)
		}
	})
}

func TestCountWindow(t *testing.T) {
	var w window
	for _, step := range []struct {
		nc   uint32
		want bool
	}{{0, false}, {1, true}, {1, false}, {3, true}, {2, true}, {2, false}, {100, true}, {37, true}, {36, false}, {3, false}, {99, true}, {4294967295, true}, {100, false}} {
		if got := w.use(step.nc); got != step.want {
			t.Errorf("count %d: %v", step.nc, got)
		}
	}
}

func TestCountTableIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := counts{limit: 10}
		first := nonceID{time.Now().Unix(), 1}
		if !c.use(first, 1, time.Minute) {
			t.Fatal("a fresh nonce")
		}
		for i := range uint32(30) {
			c.use(nonceID{first.at, 100 + i}, 1, time.Minute)
		}
		if len(c.young)+len(c.old) > 20 {
			t.Error("table has", len(c.young)+len(c.old))
		}
		if c.use(first, 1, time.Minute) {
			t.Error("a forgotten nonce was used twice")
		}
		time.Sleep(2 * time.Second)
		if !c.use(nonceID{time.Now().Unix(), 1}, 1, time.Minute) {
			t.Error("later nonces must go on working")
		}
	})
}

func TestClientRealms(t *testing.T) {
	home, proxy := auth("home"), auth("proxy")
	home.Realm, proxy.Realm = "home", "proxy"
	res := challenged([]string{`Digest realm="home",nonce="n1",algorithm=MD5`}, "WWW-Authenticate")
	res.AppendHeader(sip.NewHeader("Proxy-Authenticate", `Digest realm="proxy",nonce="n2",algorithm=MD5,qop="auth,auth-int",opaque="o"`))
	req := withHeader("Digest old")
	var c Client
	if err := c.Answer(req, res, []*settings.Auth{home, proxy}); err != nil {
		t.Fatal(err)
	}
	www, px := req.GetHeaders("authorization"), req.GetHeaders("proxy-authorization")
	if len(www) != 1 || len(px) != 1 {
		t.Fatal(www, px)
	}
	if v := www[0].Value(); !strings.Contains(v, `username="home"`) || strings.Contains(v, "qop") || strings.Contains(v, "opaque") {
		t.Error(v)
	}
	if v := px[0].Value(); !strings.Contains(v, `qop=auth, nc=00000001, opaque="o"`) {
		t.Error(v)
	}
	if err := c.Answer(req, res, []*settings.Auth{home, proxy}); err != ErrRefused {
		t.Error("the same challenge again:", err)
	}
	if err := (&Client{}).Answer(register(), res, nil); err != ErrNoCredentials {
		t.Error(err)
	}
	odd := challenged([]string{`Digest realm="a",nonce="n",algorithm=MD5-sess`, `Digest realm="a",nonce="n",qop="auth-int"`, `Negotiate`}, "WWW-Authenticate")
	if err := (&Client{}).Answer(register(), odd, []*settings.Auth{auth("x")}); err != ErrNoCredentials {
		t.Error(err)
	}
}

func TestUnqualified(t *testing.T) { // RFC 2069: a nonce without qop serves once
	auths := []*settings.Auth{auth("1001")}
	v := verifier(t)
	plain := strings.TrimSuffix(v.Challenges(source, auths, "asterisk", false)[0], `,qop="auth"`)
	req := register()
	if err := (&Client{}).Answer(req, challenged([]string{plain}, "WWW-Authenticate"), auths); err != nil {
		t.Fatal(err)
	}
	if got := v.Check(req, source, auths, "asterisk"); !got.OK {
		t.Errorf("%+v", got)
	}
	if got := v.Check(req, source, auths, "asterisk"); got.OK {
		t.Error("used twice")
	}
}

func BenchmarkChallengeAndCheck(b *testing.B) {
	auths := []*settings.Auth{auth("1001")}
	v := verifier(b)
	req := signed(b, v, auths, auths, &Client{})
	b.ReportAllocs()
	for b.Loop() {
		v.Challenges(source, auths, "asterisk", false)
		v.Check(req, source, auths, "asterisk")
	}
}
