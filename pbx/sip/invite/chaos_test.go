package invite

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/channel"
	"branchline/pbx/settings"
	"branchline/pbx/sip/link"
)

// Whatever happens in whatever order, a session ends, with one Gone event as
// its last, its dialogs forgotten and its port closed.
func TestAnyOrder(t *testing.T) {
	for seed := range uint64(400) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			log := anyOrder(t, rnd)
			if t.Failed() {
				t.Fatalf("seed %d: %s", seed, strings.Join(log, ", "))
			}
		})
	}
}

func anyOrder(t *testing.T, rnd *rand.Rand) (log []string) {
	r := newRig(t)
	e := r.cfg.Endpoint
	e.AllowTransfer = rnd.IntN(2) == 0
	e.DTMF = settings.DTMFMode(rnd.IntN(6))
	e.Rel100 = []string{"no", "yes", "peer_supported"}[rnd.IntN(3)]
	e.Timers = []string{"no", "yes", "always"}[rnd.IntN(3)]
	say := func(format string, args ...any) { log = append(log, fmt.Sprintf(format, args...)) }
	var s *Session
	var in *incoming
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	body := func() string {
		return pick("", "junk", offerText("198.51.100.206", 4000, "0"), offerText("198.51.100.206", 4002, "8 101", "sendonly"),
			offerText("198.51.100.206", 4000, "18"))
	}
	if rnd.IntN(2) == 0 {
		var err error
		s, in, err = r.call(pick("", offerText("198.51.100.206", 4000, "0 8 101")), pick("Supported: timer, 100rel", "Session-Expires: 120", "X-Y: 1"))
		if err != nil {
			return log
		}
		say("inbound")
	} else {
		var first *outgoing
		s, first = r.dialled(Call{})
		r.sent = append(r.sent, first)
		r.phone = phone{r: r, tag: "t1", callID: s.uac.callID, user: "1002", addr: "198.51.100.55:5062", serverTag: s.uac.tag, to: "sip:1001@198.51.100.9"}
		say("outbound")
	}
	other := newRig(t)
	o, _ := other.talking()
	var open []*outgoing
	codes := []int{100, 180, 183, 200, 200, 200, 202, 302, 401, 408, 422, 481, 486, 488, 491, 500, 603}
	methods := []sip.RequestMethod{sip.INVITE, sip.ACK, sip.BYE, sip.INFO, sip.UPDATE, sip.PRACK, sip.OPTIONS, sip.REFER, sip.NOTIFY, "FOO"}
	for range 3 + rnd.IntN(25) {
		r.wait()
		open = append(open, r.sent...)
		r.sent = nil
		switch rnd.IntN(14) {
		case 0:
			say("ring")
			s.Ring()
		case 1:
			say("progress")
			s.Progress()
		case 2, 3:
			say("answer")
			s.Answer()
		case 4:
			if rnd.IntN(4) == 0 {
				say("hangup")
				s.Hangup(channel.Cause(rnd.IntN(128)))
			}
		case 5, 6, 7:
			if len(open) > 0 {
				q := open[rnd.IntN(len(open))]
				code := codes[rnd.IntN(len(codes))]
				tag := pick("t1", "t1", "t2")
				say("%d %s to %s", code, tag, q.req.Method)
				q.respond(code, tag, body(), pick("X: 1", "Require: 100rel", "Session-Expires: 100;refresher=uac", "Allow: UPDATE"), pick("X: 2", "RSeq: 5", "RSeq: 6", "Min-SE: 200"))
			}
		case 8, 9:
			m := methods[rnd.IntN(len(methods))]
			say("%s", m)
			if rnd.IntN(8) == 0 {
				r.phone.seq++ // something got lost
			}
			r.phone.send(s, m, body(), pick("X: 1", "RAck: 1 1 INVITE", "Refer-To: <sip:1@x>", "Session-Expires: 30"), pick("Supported: timer", "Event: refer"))
		case 10:
			if in != nil && in.onCancel != nil && s.state == Offered {
				say("cancel")
				in.onCancel(in.req)
				in.onCancel = nil
			}
		case 11:
			say("direct")
			if rnd.IntN(2) == 0 {
				s.Direct(o)
				o.Direct(s)
			} else {
				s.Direct(nil)
			}
		case 12:
			say("time")
			r.sleep(time.Duration(rnd.IntN(40)) * time.Second)
		case 13:
			say("digit")
			s.SendDigit('1', 0)
			if len(open) > 0 && rnd.IntN(3) == 0 {
				q := open[rnd.IntN(len(open))]
				say("error for %s", q.req.Method)
				q.reply(link.Reply{Err: link.ErrTimeout})
			}
		}
	}
	s.Hangup(channel.NormalClearing)
	o.Hangup(channel.NormalClearing)
	for range 40 { // everything unanswered times out, as the transactions would see to
		r.wait()
		for _, rig := range []*rig{r, other} {
			open = append(open, rig.sent...)
			rig.sent = nil
		}
		for _, q := range open {
			q.reply(link.Reply{Err: link.ErrTimeout})
		}
		open = nil
		r.sleep(5 * time.Second)
	}
	gone := 0
	for {
		e, ok := r.mb.Next()
		if !ok {
			break
		}
		if gone > 0 {
			t.Errorf("event %d after Gone", e.Kind)
		}
		if e.Kind == channel.Gone {
			gone++
		}
	}
	if gone != 1 {
		t.Errorf("%d Gone events", gone)
	}
	r.over(s)
	other.over(o)
	return log
}
