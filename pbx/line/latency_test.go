package line_test

import (
	"context"
	"testing"
	"time"

	"branchline/hal/sim"
	"branchline/media/callerid"
	rtpdesk "branchline/pbx/pbxtest/desk"
)

// most is what the exchange may take to pass on what a line tells.
const most = 200 * time.Millisecond

// TestLatency: a phone rings within 200 ms of the first ring, or of the end of the
// caller ID where one is waited for, and is told as quickly that the caller has
// gone; the line is let go as quickly when the phone hangs up.
func TestLatency(t *testing.T) {
	form, _ := callerid.FormFor("us")
	spill := form.Samples(callerid.Message{Number: "0223456789", Name: "Lin"})
	told := 1020*time.Millisecond + time.Second + 500*time.Millisecond + time.Duration(len(spill))*time.Second/8000
	for _, c := range []struct {
		name, conf string
		spill      []int16
		ring       time.Duration // from when the call came in
	}{
		{"no caller ID", "usecallerid=no\n", nil, 20 * time.Millisecond},
		{"caller ID", "", spill, told - time.Second},
	} {
		var x *sim.Exchange
		open(t, "[pstn]\nexten => s,1,Dial(PJSIP/a)\n", dahdi("signalling=fxs_ks\ncontext=pstn\n"+c.conf+"channel=>1\n"), one(&x, sim.Loop{}), func(b *branch) {
			d := rtpdesk.New(b.Office.Exchange, b.places)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			began := time.Now()
			within := func(what string, since time.Time) {
				b.T.Helper()
				took := time.Since(since)
				b.T.Logf("%s: %s after %v", c.name, what, took)
				// The last bits are a trailer, and a frame is heard when it begins.
				if took < -50*time.Millisecond || took > most {
					b.T.Errorf("%s: %s after %v", c.name, what, took)
				}
			}
			x.CallIn(sim.Call{Spill: c.spill})
			p, err := d.Phone("a").Called(ctx)
			if err != nil {
				b.T.Fatal(err)
			}
			within("the phone rings", began.Add(c.ring))
			p.PickUp()
			since := time.Now()
			if _, err := x.Await(ctx, sim.Connected); err != nil {
				b.T.Fatal(err)
			}
			within("the exchange knows of the answer", since)
			time.Sleep(5 * time.Second)
			since = time.Now()
			x.HangUp()
			if err := p.Await(ctx, "hung up 16"); err != nil {
				b.T.Fatal(err)
			}
			within("the phone knows that the caller has gone", since)

			if _, err := x.Await(ctx, sim.Released); err != nil {
				b.T.Fatal(err)
			}
			x.CallIn(sim.Call{Spill: c.spill})
			if p, err = d.Phone("a").Called(ctx); err != nil {
				b.T.Fatal(err)
			}
			p.PickUp()
			time.Sleep(5 * time.Second)
			p.HangUp(16)
			since = time.Now()
			if _, err := x.Await(ctx, sim.Released); err != nil {
				b.T.Fatal(err)
			}
			within("the line is on hook", since.Add(time.Second)) // the exchange believes it after a second
		})
	}
}
