package digest

import (
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
)

// remembered is how many nonces in use are remembered per generation; each
// takes about 50 bytes.
const remembered = 50_000

// A Verifier challenges requests and checks the credentials they then bring.
// It is used by all goroutines at once.
type Verifier struct {
	key    [32]byte
	opaque string
	serial atomic.Uint32
	counts counts
}

// NewVerifier makes a verifier whose key comes from rand. Nonces of another
// verifier, and so those from before a restart, are answered with stale=true.
func NewVerifier(rand io.Reader) (*Verifier, error) {
	v := &Verifier{counts: counts{limit: remembered}}
	var opaque [8]byte
	if _, err := io.ReadFull(rand, v.key[:]); err != nil {
		return nil, fmt.Errorf("digest key: %w", err)
	}
	if _, err := io.ReadFull(rand, opaque[:]); err != nil {
		return nil, fmt.Errorf("digest key: %w", err)
	}
	v.opaque = hex.EncodeToString(opaque[:])
	return v, nil
}

// A Verdict is what Check found.
type Verdict struct {
	OK   bool
	Auth *settings.Auth // whose credentials they were, if OK
	// Stale: the password was right, but the nonce is too old, was used before
	// or is not ours. The next challenge must say so, or the phone would ask
	// its user for another password.
	Stale bool
	// Tried: credentials for a realm of ours came and were wrong.
	Tried bool
	// Username that the credentials claim; "" if there are none.
	Username string
}

// Check looks for credentials in req that one of auths accepts. Auths without
// a realm have the default one. The digest-uri is taken as the client wrote it
// and not compared with the Request-URI: phones differ too much in what they
// write there, and a replay to another URI is refused by the nonce count.
func (v *Verifier) Check(req *sip.Request, src netip.Addr, auths []*settings.Auth, defaultRealm string) Verdict {
	var verdict Verdict
	for _, h := range req.GetHeaders("authorization") {
		c, err := parse(h.Value())
		if err != nil {
			continue
		}
		if verdict.Username == "" {
			verdict.Username = c.get("username")
		}
		one := v.credentials(c, string(req.Method), src, auths, defaultRealm)
		verdict.Tried = verdict.Tried || one.Tried
		verdict.Stale = verdict.Stale || one.Stale
		if one.OK {
			return one
		}
	}
	return verdict
}

func (v *Verifier) credentials(c fields, method string, src netip.Addr, auths []*settings.Auth, defaultRealm string) Verdict {
	verdict := Verdict{Username: c.get("username")}
	realm, algorithm, nonce, qop := c.get("realm"), canonical(c.get("algorithm")), c.get("nonce"), c.get("qop")
	nc := uint32(1) // without qop there is no count: such a nonce serves once
	switch qop {
	case "":
	case "auth":
		n, err := strconv.ParseUint(c.get("nc"), 16, 32)
		if err != nil || c.get("cnonce") == "" {
			verdict.Tried = true
			return verdict
		}
		nc = uint32(n)
	default: // we offer only auth
		verdict.Tried = true
		return verdict
	}
	for _, a := range auths {
		if realm != realmOf(a, defaultRealm) {
			continue
		}
		verdict.Tried = true
		if verdict.Username != a.Username || !slices.Contains(a.Algorithms, algorithm) {
			continue
		}
		secret, ok := ha1(a, algorithm, realm)
		if !ok {
			continue
		}
		want, ok := response(algorithm, secret, method, c.get("uri"), nonce, qop, c.get("nc"), c.get("cnonce"))
		if !ok || subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(c.get("response")))) != 1 {
			continue
		}
		id, err := v.open(nonce, src, realm)
		age := time.Since(time.Unix(id.at, 0))
		if err != nil || age > a.NonceLifetime+time.Second || !v.counts.use(id, nc, a.NonceLifetime) {
			return Verdict{Stale: true, Username: verdict.Username}
		}
		return Verdict{OK: true, Auth: a, Username: verdict.Username}
	}
	return verdict
}

func realmOf(a *settings.Auth, defaultRealm string) string {
	if a.Realm != "" {
		return a.Realm
	}
	return defaultRealm
}

// Challenges gives the values of the WWW-Authenticate headers of a 401, best
// algorithm first (RFC 8760 section 2.3), each realm and algorithm once. Without
// auths it is the one challenge that nobody can answer, for requests of nobody
// we know.
func (v *Verifier) Challenges(src netip.Addr, auths []*settings.Auth, defaultRealm string, stale bool) []string {
	if len(auths) == 0 {
		return []string{v.challenge(src, defaultRealm, algorithmMD5, stale)}
	}
	type offer struct{ realm, algorithm string }
	var offers []offer
	for _, a := range auths {
		for _, alg := range a.Algorithms {
			o := offer{realmOf(a, defaultRealm), alg}
			if !slices.Contains(offers, o) {
				offers = append(offers, o)
			}
		}
	}
	out := make([]string, len(offers))
	for i, o := range offers {
		out[i] = v.challenge(src, o.realm, o.algorithm, stale)
	}
	return out
}

func (v *Verifier) challenge(src netip.Addr, realm, algorithm string, stale bool) string {
	flag := ""
	if stale {
		flag = ",stale=true"
	}
	return `Digest realm=` + quote(realm) + `,nonce="` + v.newNonce(src, realm) + `",opaque="` + v.opaque + `"` + flag + `,algorithm=` + algorithm + `,qop="auth"`
}

// Classic is a challenge of the form of RFC 2069, without qop, as sip.conf's
// devices always got it: some of their firmware cannot do better. Without a
// count its nonce serves one request only.
func (v *Verifier) Classic(src netip.Addr, realm string, stale bool) string {
	flag := ""
	if stale {
		flag = ", stale=true"
	}
	return `Digest algorithm=MD5, realm=` + quote(realm) + `, nonce="` + v.newNonce(src, realm) + `"` + flag
}

// ErrNoCredentials and ErrRefused say why a challenge cannot be answered.
var (
	ErrNoCredentials = errors.New("no credentials for the realms and algorithms asked for")
	ErrRefused       = errors.New("credentials refused")
)

// Claim is the user name and realm of the first Digest credentials in req,
// true or not; ok is false if there are none.
func Claim(req *sip.Request) (username, realm string, ok bool) {
	for _, h := range req.GetHeaders("authorization") {
		if c, err := parse(h.Value()); err == nil {
			return c.get("username"), c.get("realm"), true
		}
	}
	return "", "", false
}
