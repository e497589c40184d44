package sip

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"branchline/media"
	"branchline/pbx/channel"
	"branchline/pbx/sip/resolve"
	"branchline/pbx/sip/transports"
	"branchline/pbx/sip/way"
)

// slow is a resolver that answers late, or never.
type slow struct {
	after time.Duration // 0: never
	addr  string        // "": the answer is that there is none
}

func (s slow) Targets(ctx context.Context, q resolve.Query) ([]resolve.Target, error) {
	t := make(<-chan time.Time)
	if s.after > 0 {
		t = time.After(s.after)
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-t:
	}
	if s.addr == "" {
		return nil, errors.New("no such host")
	}
	return []resolve.Target{{Network: q.Ways[0].Network, Addr: netip.MustParseAddrPort(s.addr)}}, nil
}

func (slow) Failed(resolve.Target) {}
func (slow) Worked(resolve.Target) {}

// Of several legs of one Dial none waits for the name of another.
func TestSilentNameServerDelaysNoOtherLeg(t *testing.T) {
	request := func(dest string) channel.Request {
		return channel.Request{Dest: dest, Codecs: []*media.Codec{media.PCMU}}
	}
	for _, c := range []struct {
		name   string
		how    slow
		near   time.Duration // when the INVITE of the other leg arrives
		arrive time.Duration // when the INVITE does; 0: never
		gone   time.Duration // when the leg ends; 0: not by itself
	}{
		{"quick", slow{10 * time.Millisecond, "198.51.100.61:5060"}, 10 * time.Millisecond, 10 * time.Millisecond, 0},
		{"late", slow{2 * time.Second, "198.51.100.61:5060"}, way.Moment, 2 * time.Second, 0},
		{"late and wrong", slow{2 * time.Second, ""}, way.Moment, 0, 2 * time.Second},
		{"silent", slow{}, way.Moment, 0, transports.LookupTime},
	} {
		for _, front := range []struct {
			name  string
			tech  func(*Agent) channel.Tech
			dests []string
			none  channel.Cause
		}{
			{"PJSIP", (*Agent).Tech, []string{"gw/sip:u@voip.example", "gw"}, channel.NoRoute},
			{"SIP", (*Agent).LegacyTech, []string{"u@voip.example", "x@198.51.100.50"}, channel.SubscriberAbsent},
		} {
			t.Run(c.name+"/"+front.name, func(t *testing.T) {
				inSite(t, office, plan, func(s *site) {
					commit, _, err := s.agent.Prepare(s.agent.Snapshot(), joined(t, fstest.MapFS{
						"pjsip.conf": {Data: []byte(office)}, "sip.conf": {Data: []byte("[general]\nudpbindaddr=198.51.100.9\nallowguest=no\n")},
					}))
					if err != nil {
						t.Fatal(err)
					}
					commit()
					s.resolver = c.how
					near, far := s.net.Phone("x", "198.51.100.50:5060", pbxUDP), s.net.Phone("u", "198.51.100.61:5060", pbxUDP)
					defer near.Close()
					defer far.Close()
					start := time.Now()
					at := func(what string, want time.Duration) {
						t.Helper()
						if d := time.Since(start); d != want {
							t.Errorf("%s after %v, want %v", what, d, want)
						}
					}
					legs := make([]channel.Leg, 2)
					mb := channel.NewMailbox()
					for i, dest := range front.dests {
						leg, err := front.tech(s.agent).NewLeg(context.Background(), request(dest))
						if err != nil {
							t.Fatal(err)
						}
						leg.Bind(mb)
						leg.Dial()
						legs[i] = leg
					}
					in := near.Want("INVITE")
					at("second leg", c.near)
					near.Reply(in, 486, "Busy Here")
					near.Want("ACK")
					want(t, mb, legs[1], channel.UserBusy)
					switch {
					case c.arrive > 0:
						in := far.Want("INVITE")
						if c.arrive > way.Moment {
							at("first leg", c.arrive)
						}
						if !strings.Contains(in.Raw, "c=IN IP4 "+pbxAddr) || !strings.Contains(in.Header("via"), pbxAddr) {
							t.Errorf("not from us:\n%s", in.Raw)
						}
						far.Reply(in, 486, "Busy Here")
						far.Want("ACK")
						want(t, mb, legs[0], channel.UserBusy)
					default:
						want(t, mb, legs[0], front.none)
						at("first leg gone", c.gone)
						far.WantNothing(time.Minute)
					}
				})
			})
		}
	}
}

// want waits for the end of a leg.
func want(t *testing.T, mb *channel.Mailbox, leg channel.Leg, cause channel.Cause) {
	t.Helper()
	for {
		e, ok := mb.Next()
		if !ok {
			<-mb.Ready()
			continue
		}
		if e.Kind == channel.Gone {
			if e.Leg != leg || e.Cause != cause {
				t.Errorf("%s ended with %v, want %s %v", e.Leg.Name(), e.Cause, leg.Name(), cause)
			}
			return
		}
	}
}

// A call given up while its address is looked up is not made.
func TestGivenUpWhileLookingUp(t *testing.T) {
	inSite(t, office, plan, func(s *site) {
		s.resolver = slow{2 * time.Second, "198.51.100.61:5060"}
		far := s.net.Phone("u", "198.51.100.61:5060", pbxUDP)
		defer far.Close()
		leg, err := s.agent.Tech().NewLeg(context.Background(), channel.Request{Dest: "gw/sip:u@voip.example"})
		if err != nil {
			t.Fatal(err)
		}
		mb := channel.NewMailbox()
		leg.Bind(mb)
		leg.Dial()
		time.Sleep(time.Second)
		leg.Hangup(channel.NormalClearing)
		want(t, mb, leg, channel.NormalClearing)
		far.WantNothing(time.Minute)
	})
}
