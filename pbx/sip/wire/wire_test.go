package wire_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/siptest"
	"branchline/pbx/sip/transaction"
	"branchline/pbx/sip/wire"
)

const (
	server = "198.51.100.9:5060"
	phone  = "198.51.100.206:5060"
)

// notes collects what callbacks on other goroutines saw.
type notes[T any] struct {
	mu  sync.Mutex
	all []T
}

func (n *notes[T]) add(x T) {
	n.mu.Lock()
	n.all = append(n.all, x)
	n.mu.Unlock()
}

// take waits until nothing moves, then gives what was noted since the last take.
func (n *notes[T]) take() []T {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	out := n.all
	n.all = nil
	return out
}

// respond answers with status.
func respond(t testing.TB, in *wire.Inbound, status int) {
	t.Helper()
	res := sip.NewResponseFromRequest(in.Request, status, "Test", nil)
	if err := in.Respond(res); err != nil {
		t.Error(err)
	}
}

// bench is a transport in memory with a phone beside it.
func bench(t *testing.T, network string, c wire.Config, f func(net *siptest.Net, w *wire.Wire, p *siptest.Phone)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		net := siptest.NewNet(t)
		c.Name, c.Network, c.Bind, c.Net = "transport-"+network, network, netip.MustParseAddrPort(server), net.Host("198.51.100.9")
		w, err := wire.Open(c)
		if err != nil {
			t.Fatal(err)
		}
		w.Start()
		var p *siptest.Phone
		if network == "tcp" {
			p = net.PhoneTCP("1001", phone, server)
		} else {
			p = net.Phone("1001", phone, server)
		}
		defer p.Close()
		defer func() {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}()
		f(net, w, p)
	})
}

func TestRequestIsAnsweredFromMemory(t *testing.T) {
	seen := 0
	c := wire.Config{Receive: func(in *wire.Inbound) { seen++; respond(t, in, 200) }}
	bench(t, "udp", c, func(net *siptest.Net, w *wire.Wire, p *siptest.Phone) {
		p.Repeats = true
		r := p.Send("OPTIONS", "sip:198.51.100.9")
		m := p.Want("200")
		if via := m.Header("via"); !strings.Contains(via, "received=198.51.100.206") || !strings.Contains(via, "rport=5060") {
			t.Errorf("via %q", via)
		}
		p.Put(r)
		synctest.Wait()
		if again := p.Want("200"); again.Raw != m.Raw || seen != 1 {
			t.Errorf("seen %d times; answers %q and %q", seen, m.Raw, again.Raw)
		}
		p.After(33 * time.Second) // timer J
		p.Put(r)
		p.Want("200")
		synctest.Wait()
		if seen != 2 {
			t.Errorf("after timer J: seen %d times", seen)
		}
	})
}

func TestPlainAnswersLeaveNothing(t *testing.T) {
	seen := 0
	c := wire.Config{Receive: func(in *wire.Inbound) { seen++; in.Plain(); respond(t, in, 401) }}
	bench(t, "udp", c, func(net *siptest.Net, w *wire.Wire, p *siptest.Phone) {
		p.Repeats = true
		r := p.Send("INVITE", "sip:1@198.51.100.9")
		p.Want("401")
		p.WantNothing(40 * time.Second) // no timer G
		p.Put(r)
		p.Want("401")
		synctest.Wait()
		if seen != 2 {
			t.Errorf("seen %d times", seen)
		}
	})
}

func TestFailureIsRepeatedUntilAcknowledged(t *testing.T) {
	acks := 0
	c := wire.Config{Receive: func(in *wire.Inbound) {
		if in.Request.IsAck() {
			acks++
			return
		}
		respond(t, in, 486)
	}}
	bench(t, "udp", c, func(net *siptest.Net, w *wire.Wire, p *siptest.Phone) {
		p.Repeats = true
		inv := p.Send("INVITE", "sip:1@198.51.100.9")
		m := p.Want("486")
		start := time.Now()
		for _, at := range []time.Duration{500, 1500, 3500, 7500, 11500} {
			p.Want("486")
			if d := time.Since(start).Round(time.Millisecond); d != at*time.Millisecond {
				t.Errorf("repeated after %v, want %d ms", d, at)
			}
		}
		p.Ack(inv, m)
		p.WantNothing(40 * time.Second)
		synctest.Wait()
		if acks != 0 {
			t.Error("the ACK of a failure reached the exchange")
		}
		p.Send("INVITE", "sip:2@198.51.100.9")
		n := 0
		for start := time.Now(); time.Since(start) < 60*time.Second; n++ {
			if time.Since(start) > 31*time.Second {
				p.WantNothing(40 * time.Second)
				break
			}
			p.Want("486")
		}
		if n != 11 {
			t.Errorf("%d answers until timer H, want 11", n)
		}
	})
}

func TestCancel(t *testing.T) {
	var cancelled *sip.Request
	c := wire.Config{Receive: func(in *wire.Inbound) {
		if in.Request.IsInvite() {
			in.OnCancel(func(r *sip.Request) { cancelled = r })
			respond(t, in, 180)
		}
	}}
	bench(t, "udp", c, func(net *siptest.Net, w *wire.Wire, p *siptest.Phone) {
		inv := p.Send("INVITE", "sip:1@198.51.100.9")
		ringing := p.Want("180")
		p.Cancel(inv)
		ok := p.Want("200 CANCEL")
		end := p.Want("487 INVITE")
		p.Ack(inv, end)
		for _, m := range []*siptest.Message{ok, end} {
			if m.Header("to") != ringing.Header("to") {
				t.Errorf("To %q, 180 had %q", m.Header("to"), ringing.Header("to"))
			}
		}
		synctest.Wait()
		if cancelled == nil {
			t.Error("nobody was told")
		}
		stray := p.Make("INVITE", "sip:2@198.51.100.9")
		p.Cancel(stray)
		p.Want("481 CANCEL")
	})
}

func TestAckOfSuccessIsSeen(t *testing.T) {
	var got []string
	c := wire.Config{Receive: func(in *wire.Inbound) {
		got = append(got, string(in.Request.Method))
		if in.Request.IsInvite() {
			respond(t, in, 200)
		}
	}}
	bench(t, "udp", c, func(net *siptest.Net, w *wire.Wire, p *siptest.Phone) {
		inv := p.Send("INVITE", "sip:1@198.51.100.9")
		m := p.Want("200")
		p.Ack(inv, m)
		same := p.Make("ACK", "sip:1@198.51.100.9") // as sipp does: the INVITE's branch
		same.ReplaceHeader(inv.Via().Clone())
		same.ReplaceHeader(sip.HeaderClone(inv.From()))
		same.ReplaceHeader(sip.HeaderClone(inv.CallID()))
		same.CSeq().SeqNo = inv.CSeq().SeqNo
		p.Put(same)
		synctest.Wait()
		if fmt.Sprint(got) != "[INVITE ACK ACK]" {
			t.Errorf("got %v", got)
		}
	})
}

// outgoing is a request of ours.
func outgoing(method sip.RequestMethod, id string) *sip.Request {
	r := sip.NewRequest(method, sip.Uri{Scheme: "sip", User: "1001", Host: "198.51.100.206"})
	r.AppendHeader(&sip.FromHeader{Address: sip.Uri{Scheme: "sip", Host: "198.51.100.9"}, Params: sip.HeaderParams{{K: "tag", V: "us"}}})
	r.AppendHeader(&sip.ToHeader{Address: sip.Uri{Scheme: "sip", Host: "198.51.100.206"}})
	call := sip.CallIDHeader(id)
	r.AppendHeader(&call)
	r.AppendHeader(&sip.CSeqHeader{SeqNo: 1, MethodName: method})
	return r
}

func TestClientTransactions(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			bench(t, network, wire.Config{}, func(net *siptest.Net, w *wire.Wire, p *siptest.Phone) {
				to := netip.MustParseAddrPort(phone)
				var got notes[any] // statuses, or an error
				on := func(res *sip.Response, err error) {
					if err != nil {
						got.add(err)
						return
					}
					got.add(res.StatusCode)
				}
				p.Repeats = true

				o := w.Request(outgoing(sip.INVITE, "a"), to, on)
				inv := p.Want("INVITE")
				o.Cancel(sip.NewHeader("Reason", "Q.850;cause=0")) // waits for the first answer
				p.WantNothing(400 * time.Millisecond)
				p.Reply(inv, 180, "Ringing")
				c := p.Want("CANCEL")
				if c.Header("via") != inv.Header("via") || c.Header("reason") == "" {
					t.Errorf("CANCEL\n%s", c.Raw)
				}
				p.Reply(c, 200, "OK")
				p.Reply(inv, 487, "Request Terminated")
				p.Want("ACK")
				if network == "udp" {
					p.Reply(inv, 487, "Request Terminated")
					p.Want("ACK")
				}
				if s := fmt.Sprint(got.take()); s != "[180 487]" {
					t.Errorf("got %s", s)
				}

				w.Request(outgoing(sip.INVITE, "b"), to, on)
				inv = p.Want("INVITE")
				p.Reply(inv, 200, "OK")
				p.Reply(inv, 200, "OK")
				if s := fmt.Sprint(got.take()); s != "[200 200]" {
					t.Errorf("repeated 2xx: got %s", s)
				}

				start := time.Now()
				w.Request(outgoing(sip.OPTIONS, "c"), to, on)
				n := 0
				var end []any
				for ; len(end) == 0; end = got.take() {
					if network == "udp" {
						if time.Since(start) > 31*time.Second {
							p.After(2 * time.Second)
							continue
						}
						p.Want("OPTIONS")
						n++
						continue
					}
					p.After(time.Second)
				}
				if err, _ := end[0].(error); !errors.Is(err, transaction.ErrTimeout) {
					t.Errorf("ends with %v", end)
				}
				if network == "udp" && n != 11 {
					t.Errorf("sent %d times, want 11", n)
				}
			})
		})
	}
}

// TestForgottenClients: a request that is over, or was given up, must not keep
// what asked for it alive, though repetitions of a failure are still answered.
func TestForgottenClients(t *testing.T) {
	bench(t, "udp", wire.Config{}, func(net *siptest.Net, w *wire.Wire, p *siptest.Phone) {
		p.Repeats = true
		for i, c := range []struct {
			status   int
			forget   bool
			repeated bool // an ACK answers a repetition
		}{{200, true, false}, {486, false, true}, {486, true, true}} {
			var kept weak.Pointer[[4096]byte]
			func() {
				session := new([4096]byte)
				kept = weak.Make(session)
				o := w.Request(outgoing(sip.INVITE, fmt.Sprint("f", i)), netip.MustParseAddrPort(phone),
					func(*sip.Response, error) { session[0]++ })
				inv := p.Want("INVITE")
				p.Reply(inv, c.status, "x")
				if c.status >= 300 {
					p.Want("ACK")
				}
				synctest.Wait()
				if c.forget {
					o.Terminate()
				}
				if c.repeated {
					p.Reply(inv, c.status, "x")
					p.Want("ACK")
				}
			}()
			runtime.GC()
			if kept.Value() != nil {
				t.Errorf("%d, forgotten %v: what asked is kept alive", c.status, c.forget)
			}
		}
	})
}

func TestTCPRefusedAndLost(t *testing.T) {
	bench(t, "tcp", wire.Config{}, func(net *siptest.Net, w *wire.Wire, p *siptest.Phone) {
		var got notes[error]
		on := func(_ *sip.Response, err error) { got.add(err) }
		w.Request(outgoing(sip.OPTIONS, "a"), netip.MustParseAddrPort("198.51.100.207:5060"), on)
		errs := got.take()
		if len(errs) != 1 || !errors.Is(errs[0], transaction.ErrRefused) {
			t.Fatalf("refused: %v", errs)
		}
		w.Request(outgoing(sip.OPTIONS, "b"), netip.MustParseAddrPort(phone), on)
		p.Want("OPTIONS")
		p.Hang()
		errs = got.take()
		if len(errs) != 1 || !errors.Is(errs[0], transaction.ErrLost) {
			t.Fatalf("lost: %v", errs)
		}
	})
}

func TestOrderWithinADialog(t *testing.T) {
	var got []uint32
	c := wire.Config{Receive: func(in *wire.Inbound) {
		got = append(got, in.Request.CSeq().SeqNo)
		respond(t, in, 200)
	}}
	bench(t, "udp", c, func(net *siptest.Net, w *wire.Wire, p *siptest.Phone) {
		for range 500 {
			p.Send("INFO", "sip:1@198.51.100.9", "Call-ID: same", "To: <sip:1@198.51.100.9>;tag=x")
		}
		synctest.Wait()
		for i, seq := range got {
			if int(seq) != i+1 {
				t.Fatalf("message %d overtaken by %d", i+1, seq)
			}
		}
	})
}

func TestPanicEndsOneMessage(t *testing.T) {
	c := wire.Config{Log: slog.New(slog.DiscardHandler), Receive: func(in *wire.Inbound) {
		if in.Request.Recipient.User == "bomb" {
			panic("boom")
		}
		respond(t, in, 200)
	}}
	bench(t, "udp", c, func(net *siptest.Net, w *wire.Wire, p *siptest.Phone) {
		p.Send("OPTIONS", "sip:bomb@198.51.100.9")
		p.Send("OPTIONS", "sip:1@198.51.100.9")
		p.Want("200")
		synctest.Wait()
		if w.Counts().Panics.Load() != 1 {
			t.Error("not counted")
		}
	})
}

func TestOverload(t *testing.T) {
	var held notes[*wire.Inbound]
	c := wire.Config{Limits: wire.Limits{Live: 3}, Receive: held.add}
	bench(t, "udp", c, func(net *siptest.Net, w *wire.Wire, p *siptest.Phone) {
		for range 4 {
			p.Send("INVITE", "sip:1@198.51.100.9")
		}
		m := p.Want("503")
		if m.Header("retry-after") == "" {
			t.Error("no Retry-After")
		}
		first := held.take()
		if len(first) != 3 {
			t.Fatalf("%d calls, want 3", len(first))
		}
		respond(t, first[0], 200)
		p.Want("200")
		p.Send("INVITE", "sip:1@198.51.100.9")
		if n := len(held.take()); n != 1 {
			t.Errorf("%d calls more, want 1", n)
		}
	})
}

// Seed: S-289.
func TestMalformed(t *testing.T) {
	const head = "Via: SIP/2.0/UDP 198.51.100.206;branch=z9hG4bKbad\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>\nCall-ID: x\n"
	for _, c := range []struct{ name, text, want string }{
		{"no CSeq", "OPTIONS sip:1@198.51.100.9 SIP/2.0\n" + head + "\n", "400"},
		{"bad CSeq", "OPTIONS sip:1@198.51.100.9 SIP/2.0\n" + head + "CSeq: x\n\n", "400"},
		{"CSeq of another method", "OPTIONS sip:1@198.51.100.9 SIP/2.0\n" + head + "CSeq: 1 BYE\n\n", "400"},
		{"version", "OPTIONS sip:1@198.51.100.9 SIP/7.0\n" + head + "CSeq: 1 OPTIONS\n\n", "505"},
		{"no Via", "OPTIONS sip:1@198.51.100.9 SIP/2.0\nFrom: <sip:a@b>;tag=1\nTo: <sip:c@d>\nCall-ID: x\nCSeq: 1 OPTIONS\n\n", ""},
		{"keep-alive", "\n\n", ""},
		{"noise", "GET / HTTP/1.0\n\n", ""},
		{"malformed ACK", "ACK sip:1@198.51.100.9 SIP/2.0\n" + head + "CSeq: x\n\n", ""},
		{"malformed response", "SIP/2.0 200 OK\n" + head + "CSeq: x\n\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bench(t, "udp", wire.Config{Receive: func(in *wire.Inbound) { respond(t, in, 200) }}, func(net *siptest.Net, w *wire.Wire, p *siptest.Phone) {
				p.SendRaw(c.text)
				if c.want == "" {
					p.WantNothing(time.Second)
				} else {
					p.Want(c.want)
				}
				p.Send("OPTIONS", "sip:1@198.51.100.9")
				p.Want("200")
			})
		})
	}
}
