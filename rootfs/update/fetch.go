package update

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxRedirects is how often a server may send us elsewhere.
const maxRedirects = 3

// Fetch begins to fetch an artefact by HTTP/1.0 (RFC 1945): one request, one answer,
// the end of the connection is the end of it. There is no TLS: the signature vouches
// for what comes, whoever delivers it, and a TLS client would be a tenth of the whole
// program. A server that says nothing for a minute has failed.
func Fetch(ctx context.Context, address string) (io.ReadCloser, error) {
	for range maxRedirects + 1 {
		u, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		if u.Scheme != "http" || u.Host == "" {
			return nil, fmt.Errorf("%s: want http://host/file; the signature makes it safe, https is not needed and not spoken here", address)
		}
		body, elsewhere, err := get(ctx, u)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", address, err)
		}
		if elsewhere == "" {
			return body, nil
		}
		next, err := u.Parse(elsewhere)
		if err != nil {
			return nil, fmt.Errorf("%s: redirected: %w", address, err)
		}
		address = next.String()
	}
	return nil, fmt.Errorf("%s: redirected too often", address)
}

// get asks for one resource; elsewhere is set when the server says that it has moved.
func get(ctx context.Context, u *url.URL) (body io.ReadCloser, elsewhere string, err error) {
	port := u.Port()
	if port == "" {
		port = "80"
	}
	raw, err := (&net.Dialer{Timeout: time.Minute}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, "", err
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	c := &watched{Conn: raw, stop: stop}
	defer func() {
		if body == nil {
			c.Close()
		}
	}()
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: Branchline\r\nAccept-Encoding: identity\r\n\r\n", u.RequestURI(), u.Host); err != nil {
		return nil, "", err
	}
	lines := bufio.NewReader(io.LimitReader(c, 64<<10))
	r := textproto.NewReader(lines)
	status, err := r.ReadLine()
	if err != nil {
		return nil, "", err
	}
	proto, rest, _ := strings.Cut(status, " ")
	code, err := strconv.Atoi(strings.TrimSpace(rest[:min(3, len(rest))]))
	if err != nil || !strings.HasPrefix(proto, "HTTP/1.") {
		return nil, "", errors.New("not an answer of a web server")
	}
	head, err := r.ReadMIMEHeader()
	if err != nil {
		return nil, "", err
	}
	switch {
	case code == 200:
		// What the header's reader has already taken in comes first.
		ahead, err := lines.Peek(lines.Buffered())
		if err != nil {
			return nil, "", err
		}
		return struct {
			io.Reader
			io.Closer
		}{io.MultiReader(strings.NewReader(string(ahead)), c), c}, "", nil
	case code >= 301 && code <= 308 && head.Get("Location") != "":
		return nil, head.Get("Location"), nil
	}
	return nil, "", fmt.Errorf("the server answers %q", rest)
}

// watched is a connection whose every read and write must come to something within
// a minute.
type watched struct {
	net.Conn
	stop func() bool
}

func (w *watched) Read(b []byte) (int, error) {
	if err := w.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return 0, err
	}
	return w.Conn.Read(b)
}

func (w *watched) Close() error {
	w.stop()
	return w.Conn.Close()
}
