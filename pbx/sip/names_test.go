package sip

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"branchline/pbx/sip/resolve"
	"branchline/pbx/sip/siptest"
)

// book is a resolver with pages to turn.
type book struct {
	mu    sync.Mutex
	addr  string
	asked []resolve.Query
}

func (b *book) write(addr string) {
	b.mu.Lock()
	b.addr = addr
	b.mu.Unlock()
}

func (b *book) Targets(_ context.Context, q resolve.Query) ([]resolve.Target, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, q)
	if b.addr == "" {
		return nil, errors.New("no such host")
	}
	return []resolve.Target{{Network: "udp", Addr: netip.MustParseAddrPort(b.addr)}, {Network: "tcp", Addr: netip.MustParseAddrPort(b.addr)}}, nil
}

func (*book) Failed(resolve.Target) {}
func (*book) Worked(resolve.Target) {}

// A trunk that is recognised by a host name is recognised when the name has an
// address, and follows it when it moves.
func TestTrunkByHostName(t *testing.T) {
	named := strings.Replace(office, "match=198.51.100.50", "match=trunk.example,192.0.2.77", 1)
	inSite(t, office, map[string]string{"77": "!"}, func(s *site) {
		b := &book{}
		s.resolver = b
		next := load(t, named)
		commit, _, err := s.agent.Prepare(s.agent.Snapshot(), next)
		if err != nil {
			t.Fatal(err)
		}
		commit()
		synctest.Wait()
		trunk := s.net.Phone("x", "198.51.100.50:5060", pbxUDP)
		moved := s.net.Phone("x", "198.51.100.51:5060", pbxUDP)
		defer trunk.Close()
		defer moved.Close()
		knows := func(p *siptest.Phone, status string) {
			t.Helper()
			p.Send("OPTIONS", "sip:77@"+pbxAddr)
			p.Want(status)
		}
		knows(trunk, "401")
		b.write("198.51.100.50:5060")
		time.Sleep(11 * time.Second)
		knows(trunk, "200")
		knows(moved, "401")
		b.write("")
		time.Sleep(10 * time.Minute)
		knows(trunk, "200") // the last that was known
		b.write("198.51.100.51:5060")
		time.Sleep(61 * time.Second)
		knows(moved, "200")
		knows(trunk, "401")
		b.mu.Lock()
		defer b.mu.Unlock()
		if q := b.asked[0]; q.Plain || q.Host != "trunk.example" || len(q.Ways) != 2 {
			t.Errorf("asked %+v", q)
		}
		if n := strings.Count(s.log.String(), "has no address"); n != 2 {
			t.Errorf("%d warnings\n%s", n, s.log)
		}
	})
}
