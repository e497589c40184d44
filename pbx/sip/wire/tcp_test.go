package wire_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/pbx/sip/siptest"
	"branchline/pbx/sip/wire"
)

// stream opens a connection to the transport under test and collects what
// comes back.
func stream(t *testing.T, n *siptest.Net, from string) (net.Conn, *bytes.Buffer, chan struct{}) {
	t.Helper()
	c, err := n.Host(from).Dial(context.Background(), netip.Addr{}, netip.MustParseAddrPort(server), 0)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := io.Copy(&got, c)
		_ = err // how a connection ends is not what the test asks
	}()
	return c, &got, done
}

func options(i int, extra string) string {
	return fmt.Sprintf("OPTIONS sip:1@198.51.100.9 SIP/2.0\r\nVia: SIP/2.0/TCP 198.51.100.77;branch=z9hG4bKtcp%d\r\nFrom: <sip:a@b>;tag=1\r\n"+
		"To: <sip:c@d>\r\nCall-ID: tcp%d\r\nCSeq: 1 OPTIONS\r\n%s\r\n", i, i, extra)
}

func TestFraming(t *testing.T) {
	two := options(1, "Content-Length: 3\r\n") + "abc" + options(2, "l: 0\r\n")
	for _, c := range []struct {
		name, text string
		answers    string // statuses in order
		open       bool   // the connection survives
	}{
		{"two in one", two, "200 200", true},
		{"pings between", "\r\n\r\n" + options(1, "Content-Length: 0\r\n") + "\r\n\r\n" + options(2, "Content-Length: 0\r\n"), "200 200", true},
		{"no length", options(1, ""), "400", false},
		{"negative length", options(1, "Content-Length: -1\r\n"), "400", false},
		{"two lengths", options(1, "Content-Length: 0\r\nContent-Length: 5\r\n"), "400", false},
		{"ten megabytes", options(1, "Content-Length: 10485760\r\n"), "513", false},
		{"four gigabytes", options(1, "Content-Length: 4294967297\r\n"), "400", false},
		{"endless header", options(1, "X: "+strings.Repeat("x", 40000))[:36000], "513", false},
		{"not SIP", "GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			bench(t, "tcp", wire.Config{Receive: func(in *wire.Inbound) { respond(t, in, 200) }}, func(n *siptest.Net, w *wire.Wire, _ *siptest.Phone) {
				for _, piece := range []int{1 << 20, 7} { // at once, and in crumbs
					k, got, done := stream(t, n, "198.51.100.77")
					for text := c.text; text != ""; {
						m := min(piece, len(text))
						if _, err := k.Write([]byte(text[:m])); err != nil {
							break
						}
						text = text[m:]
					}
					synctest.Wait()
					time.Sleep(3 * time.Second)
					synctest.Wait()
					select {
					case <-done:
						if c.open {
							t.Error("closed")
						}
					default:
						if !c.open {
							t.Error("still open")
						}
					}
					k.Close()
					<-done
					var statuses []string
					for line := range strings.SplitSeq(got.String(), "\r\n") {
						if s, ok := strings.CutPrefix(line, "SIP/2.0 "); ok {
							statuses = append(statuses, s[:3])
						}
					}
					if s := strings.Join(statuses, " "); s != c.answers {
						t.Errorf("in pieces of %d: answers %q, want %q", piece, s, c.answers)
					}
				}
			})
		})
	}
}

func TestPingIsAnswered(t *testing.T) {
	bench(t, "tcp", wire.Config{}, func(n *siptest.Net, w *wire.Wire, _ *siptest.Phone) {
		k, got, done := stream(t, n, "198.51.100.77")
		if _, err := k.Write([]byte("\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		k.Close()
		<-done
		if got.String() != "\r\n" {
			t.Errorf("got %q", got.String())
		}
	})
}

func TestSlowSendersAreCutOff(t *testing.T) {
	for _, c := range []struct{ name, first string }{
		{"silent", ""}, {"half a message", "OPTIONS sip:x SIP/2.0\r\n"},
		{"second half never comes", options(1, "Content-Length: 0\r\n") + "OPTIONS sip:x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bench(t, "tcp", wire.Config{Receive: func(in *wire.Inbound) { respond(t, in, 200) }}, func(n *siptest.Net, w *wire.Wire, _ *siptest.Phone) {
				k, _, done := stream(t, n, "198.51.100.77")
				defer k.Close()
				if _, err := k.Write([]byte(c.first)); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				for range 20 { // a drop now and then does not help
					time.Sleep(700 * time.Millisecond)
					if c.first != "" {
						if _, err := k.Write([]byte("x")); err != nil {
							break
						}
					}
				}
				<-done
				if d := time.Since(start); d > 15*time.Second {
					t.Errorf("cut off after %v", d)
				}
			})
		})
	}
}

func TestRestingConnectionStays(t *testing.T) {
	bench(t, "tcp", wire.Config{KeepAlive: 90 * time.Second, Receive: func(in *wire.Inbound) { respond(t, in, 200) }},
		func(n *siptest.Net, w *wire.Wire, _ *siptest.Phone) {
			k, got, done := stream(t, n, "198.51.100.77")
			if _, err := k.Write([]byte(options(1, "Content-Length: 0\r\n"))); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			select {
			case <-done:
				t.Fatal("closed")
			default:
			}
			k.Close()
			<-done
			if n := strings.Count(got.String(), "\r\n\r\n"); n < 6 {
				t.Errorf("%d keep-alives in ten minutes", n)
			}
		})
}

func TestHalfOpenConnectionsAreBounded(t *testing.T) {
	bench(t, "tcp", wire.Config{Limits: wire.Limits{Fresh: 50}, Receive: func(in *wire.Inbound) { respond(t, in, 200) }},
		func(n *siptest.Net, w *wire.Wire, p *siptest.Phone) {
			p.Send("OPTIONS", "sip:1@198.51.100.9")
			p.Want("200")
			var all []net.Conn
			open := 0
			ended := make(chan struct{}, 1000)
			for range 1000 {
				k, _, done := stream(t, n, "198.51.100.77")
				all = append(all, k)
				go func() { <-done; ended <- struct{}{} }()
				synctest.Wait()
			}
			open = 1000 - len(ended)
			if open > 50 {
				t.Errorf("%d silent connections kept", open)
			}
			p.Send("OPTIONS", "sip:1@198.51.100.9") // the phone was not thrown out
			p.Want("200")
			for _, k := range all {
				k.Close()
			}
			synctest.Wait()
		})
}
