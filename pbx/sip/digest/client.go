package digest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
)

// maxRounds is how often one request may be challenged anew with stale=true.
const maxRounds = 5

// A Client answers challenges for one dialog or one registration and reuses
// the nonces it was given. The zero value is ready; it has one user at a time.
type Client struct {
	// Rand is where client nonces come from; nil is crypto/rand.
	Rand io.Reader

	spaces []*space
}

// A space is one realm of one server or proxy that has challenged us.
type space struct {
	proxy     bool
	challenge fields
	algorithm string
	auth      *settings.Auth
	count     uint32 // requests answered with this nonce
	rounds    int    // challenges answered for the present request
}

func (s *space) realm() string { return s.challenge.get("realm") }

// Answer puts credentials on req for the challenges in res (a 401 or 407).
// req is the new request, with its own CSeq and branch; credentials it bears
// already are replaced. Of auths, one with the challenge's realm goes before
// one without realm. The error is ErrRefused if the challenge only repeats one
// that was answered, ErrNoCredentials if there is nothing to answer with.
func (c *Client) Answer(req *sip.Request, res *sip.Response, auths []*settings.Auth) error {
	answered, refused := 0, false
	for _, proxy := range []bool{false, true} {
		seen := map[string]bool{} // realms answered in this response: the first usable challenge counts
		for _, h := range res.GetHeaders(challengeHeader(proxy)) {
			f, err := parse(h.Value())
			if err != nil || seen[f.get("realm")] {
				continue
			}
			algorithm := canonical(f.get("algorithm"))
			auth := choose(auths, f.get("realm"), algorithm)
			if auth == nil || !offersAuth(f.get("qop")) {
				continue
			}
			seen[f.get("realm")] = true
			s := c.space(proxy, f.get("realm"))
			if s.rounds > 0 && !strings.EqualFold(f.get("stale"), "true") || s.rounds >= maxRounds {
				refused = true
				continue
			}
			s.challenge, s.algorithm, s.auth, s.count = f, algorithm, auth, 0
			s.rounds++
			answered++
		}
	}
	switch {
	case answered == 0 && refused:
		return ErrRefused
	case answered == 0:
		return ErrNoCredentials
	}
	return c.sign(req)
}

// Reuse puts credentials on a further request for every realm that challenged
// an earlier one, with the nonce's next count. Servers may still answer with a
// challenge.
func (c *Client) Reuse(req *sip.Request) error {
	for _, s := range c.spaces {
		s.rounds = 0
	}
	return c.sign(req)
}

func challengeHeader(proxy bool) string {
	if proxy {
		return "proxy-authenticate"
	}
	return "www-authenticate"
}

// offersAuth reports whether a challenge's qop list has what we can do: auth,
// or no list at all (RFC 2069).
func offersAuth(qop string) bool {
	if qop == "" {
		return true
	}
	for item := range strings.SplitSeq(qop, ",") {
		if strings.EqualFold(strings.TrimSpace(item), "auth") {
			return true
		}
	}
	return false
}

// choose finds the credentials for a realm.
func choose(auths []*settings.Auth, realm, algorithm string) *settings.Auth {
	var anyRealm *settings.Auth
	for _, a := range auths {
		algorithms := a.AlgorithmsUAC
		if len(algorithms) == 0 {
			algorithms = []string{algorithmMD5}
		}
		if !slices.Contains(algorithms, algorithm) {
			continue
		}
		if a.Realm == realm {
			return a
		}
		if a.Realm == "" && anyRealm == nil {
			anyRealm = a
		}
	}
	return anyRealm
}

func (c *Client) space(proxy bool, realm string) *space {
	for _, s := range c.spaces {
		if s.proxy == proxy && s.realm() == realm {
			return s
		}
	}
	s := &space{proxy: proxy}
	c.spaces = append(c.spaces, s)
	return s
}

func (c *Client) sign(req *sip.Request) error {
	for _, name := range []string{"Authorization", "Proxy-Authorization"} {
		for req.RemoveHeader(name) {
		}
	}
	var errs []error
	for _, s := range c.spaces {
		value, err := c.credentials(s, req)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		name := "Authorization"
		if s.proxy {
			name = "Proxy-Authorization"
		}
		req.AppendHeader(sip.NewHeader(name, value))
	}
	return errors.Join(errs...)
}

func (c *Client) credentials(s *space, req *sip.Request) (string, error) {
	realm, nonce, uri := s.realm(), s.challenge.get("nonce"), req.Recipient.String()
	secret, ok := ha1(s.auth, s.algorithm, realm)
	if !ok {
		return "", fmt.Errorf("auth %s, algorithm %s: %w", s.auth.ID, s.algorithm, ErrNoCredentials)
	}
	s.count++
	qop, nc, cnonce := "", "", ""
	if s.challenge.get("qop") != "" {
		source := c.Rand
		if source == nil {
			source = rand.Reader
		}
		var raw [8]byte
		if _, err := io.ReadFull(source, raw[:]); err != nil {
			return "", fmt.Errorf("client nonce: %w", err)
		}
		qop, nc, cnonce = "auth", fmt.Sprintf("%08x", s.count), hex.EncodeToString(raw[:])
	}
	resp, ok := response(s.algorithm, secret, string(req.Method), uri, nonce, qop, nc, cnonce)
	if !ok {
		return "", ErrNoCredentials
	}
	var b strings.Builder
	b.WriteString("Digest username=" + quote(s.auth.Username) + ", realm=" + quote(realm) + ", nonce=" + quote(nonce) +
		", uri=" + quote(uri) + `, response="` + resp + `", algorithm=` + s.algorithm)
	if qop != "" {
		b.WriteString(`, cnonce="` + cnonce + `", qop=auth, nc=` + nc)
	}
	if opaque := s.challenge.get("opaque"); opaque != "" {
		b.WriteString(", opaque=" + quote(opaque))
	}
	return b.String(), nil
}
