package reliable

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/desk"
)

// at runs steps on a desk, one second apart, and then lets two minutes pass.
func at(t *testing.T, steps func(*desk.Clock) []func()) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		in := desk.NewInbox()
		over := false
		for i, step := range steps(&desk.Clock{In: in}) {
			time.AfterFunc(time.Duration(i)*time.Second, func() { in.Put(step) })
		}
		time.AfterFunc(2*time.Minute, func() { in.Put(func() { over = true }) })
		in.Work(func() bool { return over })
	})
}

func request(m sip.RequestMethod, seq uint32, rack string) *sip.Request {
	req := sip.NewRequest(m, sip.Uri{})
	req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: m})
	if rack != "" {
		req.AppendHeader(sip.NewHeader("RAck", rack))
	}
	return req
}

// RFC 3262 3: one provisional response waits at a time, repeated with doubling
// intervals, until its PRACK.
func TestProvisionals(t *testing.T) {
	at(t, func(clock *desk.Clock) []func() {
		var sent []string
		cleared := 0
		p := &Provisionals{
			Clock: clock, T1: 500 * time.Millisecond, Clear: func() { cleared++ }, Lost: func() { t.Error("lost") },
			Send: func(r *sip.Response) { sent = append(sent, r.GetHeader("RSeq").Value()) },
		}
		say := func() {
			p.Say(sip.NewResponseFromRequest(request(sip.INVITE, 7, ""), 180, "Ringing", nil), "", nil, func() uint64 { return 20 })
		}
		return []func(){
			func() { say(); say() },
			func() { // 0.5 s
				if len(sent) != 2 || sent[1] != "11" || !p.Waiting() || !p.Outstanding() {
					t.Error(sent)
				}
				for _, wrong := range []string{"", "12 7 INVITE", "11 8 INVITE", "11 7 PRACK", "11 7"} {
					if p.Meant(request(sip.PRACK, 8, wrong), 7) {
						t.Errorf("%q was taken", wrong)
					}
				}
				if !p.Meant(request(sip.PRACK, 8, "11 7 INVITE"), 7) {
					t.Error("not taken")
				}
				p.Settle()
				p.Next()
			},
			func() {
				if sent[len(sent)-1] != "12" || cleared != 0 {
					t.Error(sent, cleared)
				}
				p.Settle()
				p.Next()
				if cleared != 1 || p.Outstanding() {
					t.Error("still something outstanding")
				}
			},
		}
	})
}

func TestNoPrack(t *testing.T) {
	lost := 0
	at(t, func(clock *desk.Clock) []func() {
		p := &Provisionals{Clock: clock, T1: 500 * time.Millisecond, Lost: func() { lost++ }, Send: func(*sip.Response) {}}
		return []func(){func() {
			p.Say(sip.NewResponseFromRequest(request(sip.INVITE, 7, ""), 180, "Ringing", nil), "", nil, func() uint64 { return 20 })
		}}
	})
	if lost != 1 {
		t.Errorf("lost %d times", lost)
	}
}

// RFC 3261 13.3.1.4: intervals double up to T2, for 64*T1.
func TestAnswers(t *testing.T) {
	sent, lost := 0, 0
	at(t, func(clock *desk.Clock) []func() {
		a := &Answers{Clock: clock, T1: 500 * time.Millisecond, Lost: func() { lost++ }}
		return []func(){
			func() {
				a.Insist(request(sip.INVITE, 7, ""), true, func() { sent++ })
				a.Insist(request(sip.INVITE, 8, ""), false, func() { sent++ })
			},
			func() {
				if _, ok := a.Acked(request(sip.ACK, 9, "")); ok {
					t.Error("an ACK for nothing")
				}
				if offer, ok := a.Acked(request(sip.ACK, 7, "")); !ok || !offer || !a.Waiting() {
					t.Error("not taken")
				}
			},
		}
	})
	if lost != 1 || sent != 2+11 {
		t.Errorf("lost %d times, sent %d", lost, sent)
	}
}
