package octets

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

func TestLook(t *testing.T) {
	for raw, want := range map[string]Kind{
		"OPTIONS sip:x SIP/2.0\r\n": Message, "SIP/2.0 200 OK\r\n": Message, "": KeepAlive, "\r\n\r\n": KeepAlive, "\x00": KeepAlive,
		"\x80\x00 RTP": Noise, "GET / HTTP/1.1\r\n": Noise, " OPTIONS sip:x SIP/2.0\r\n": Noise,
	} {
		if got := Look([]byte(raw)); got != want {
			t.Errorf("%q: %d, want %d", raw, got, want)
		}
	}
}

// However a stream is cut, the same messages and pings come out of it.
func TestFramerInPieces(t *testing.T) {
	const one = "OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabc"
	const two = "BYE sip:b SIP/2.0\r\nl: 0\r\n\r\n"
	stream := "\r\n\r\n" + one + "\r\n\r\n" + two
	for size := 1; size <= len(stream); size++ {
		f := Framer{Limit: 1000}
		var got []string
		pings := 0
		for rest := []byte(stream); len(rest) > 0; {
			n := min(size, len(rest))
			f.Write(rest[:n])
			rest = rest[n:]
			for {
				raw, p, err := f.Next()
				if err != nil {
					t.Fatal(err)
				}
				pings += p
				if raw == nil {
					break
				}
				got = append(got, string(raw))
			}
		}
		if strings.Join(got, "|") != one+"|"+two || !f.Empty() {
			t.Errorf("pieces of %d: %q", size, got)
		}
		if size >= 4 && pings == 0 {
			t.Errorf("pieces of %d: no ping", size)
		}
	}
}

func TestWrong(t *testing.T) {
	from := netip.MustParseAddrPort("192.0.2.1:5060")
	for raw, status := range map[string]string{
		"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP x\r\nContent-Length: many\r\n\r\n":                 "400",
		"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP x\r\nContent-Length: 2000\r\n\r\n":                 "513",
		"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n" + strings.Repeat("X: y\r\n", headLimit/6+1): "513",
	} {
		f := Framer{Limit: 1000}
		f.Write([]byte(raw))
		head, _, err := f.Next()
		if got := string(Refusal(head, err, from)); err == nil || !strings.HasPrefix(got, "SIP/2.0 "+status) || !strings.Contains(got, "received=192.0.2.1") {
			t.Errorf("%.60q: %v, answered %q", raw, err, got)
		}
	}
	const seven = "OPTIONS sip:a SIP/7.0\r\nVia: SIP/2.0/UDP x\r\nCSeq: 1 OPTIONS\r\n\r\n"
	_, err := NewParser().Read([]byte(seven))
	if got := string(Refusal([]byte(seven), err, from)); !errors.Is(err, errVersion) || !strings.HasPrefix(got, "SIP/2.0 505") {
		t.Errorf("%v, answered %q", err, got)
	}
	if b := Refusal([]byte("ACK sip:a SIP/2.0\r\nVia: x\r\n\r\n"), errLength, from); b != nil {
		t.Errorf("an ACK is answered: %q", b)
	}
}

func TestRenderCountsTheBody(t *testing.T) {
	r := sip.NewRequest(sip.MESSAGE, sip.Uri{Scheme: "sip", Host: "x"})
	r.SetBody([]byte("hello"))
	if got := string(Render(r)); !strings.Contains(got, "Content-Length: 5\r\n") || !strings.HasSuffix(got, "\r\n\r\nhello") {
		t.Error(got)
	}
}
