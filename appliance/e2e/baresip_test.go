//go:build e2e

package e2e

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	"branchline/appliance/e2e/ear"
	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/phone"
)

// telephone starts a baresip phone and waits until it is registered.
func (r *rig) telephone(b *phone.Baresip) *phone.Baresip {
	r.Helper()
	b.Dir = filepath.Join(r.dir, "b"+b.User)
	r.Cleanup(func() {
		if r.Failed() {
			r.Logf("the phone %s printed:\n%s", b.User, b.Screen())
		}
		if err := b.Stop(); err != nil {
			r.Error(err)
		}
	})
	r.must(b.Start(r.ctx))
	r.await(10*time.Second, "registration of "+b.User, lan.To(b.Host.Addr), lan.Response(200, "REGISTER"))
	return b
}

// hum is half a minute of a tone, for a phone that is not one of SIPp's.
func hum(hz float64) []byte { return ear.SineWAV(30*time.Second, -16, hz) }

// heardBy measures the tone that the user of a phone heard.
func (r *rig) heardBy(user string, p interface{ Heard() ([]byte, error) }, hz float64) {
	r.Helper()
	file, err := p.Heard()
	r.must(err)
	pcm, err := ear.WAV(file)
	r.must(err)
	got, err := ear.MeasureTone(ear.Trim(pcm))
	if err != nil || math.Abs(got.Hz-hz) > 2 || got.Share < 0.95 {
		r.Errorf("the user of %s heard %v (%v), want %v Hz", user, got, err, hz)
	}
}

// TestBaresip has two whole phones, one on UDP and one on TCP, one of them A-law only, prove
// themselves, talk, and hang up.
func TestBaresip(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	e := r.exchange(single(t), server3, smallOffice(map[string]string{"1001": "allow=alaw", "1002": "allow=ulaw"}))
	a := r.telephone(&phone.Baresip{
		Host: r.host(device1001), Server: addr(server3), User: "1001", Password: secret, Say: hum(1004), Codec: "pcma",
	})
	b := r.telephone(&phone.Baresip{
		Host: r.host(device1002), Server: addr(server3), User: "1002", Password: secret, Say: hum(700), TCP: true,
	})
	contains(t, r.rx(e, "pjsip show contacts"), "1001/sip:1001", "1002/sip:1002")
	r.must(a.Command("dial", "1002"))
	_, err := a.Event(10*time.Second, "CALL_ESTABLISHED")
	r.must(err)
	contains(t, r.rx(e, "core show channels"), "PJSIP/1001-", "PJSIP/1002-", "2 active channels", "1 active call")
	// Two seconds of audio, counted on the wire and not by the clock.
	r.eventually(10*time.Second, "two seconds of audio both ways", func() bool {
		began := time.Time{}
		return len(r.heard(device1001, began)) > 2*ear.Rate && len(r.heard(device1002, began)) > 2*ear.Rate
	})
	r.must(a.Command("hangup", ""))
	_, err = b.Event(10*time.Second, "CALL_CLOSED")
	r.must(err)
	r.heardBy(a.User, a, 700)
	r.heardBy(b.User, b, 1004)
	r.eventually(5*time.Second, "all channels gone", func() bool {
		out, err := e.RX(r.ctx, "core show channels count")
		return err == nil && len(out) > 0 && out[0] == '0'
	})
}

// TestEBaresip is scenario E with whole phones.
func TestEBaresip(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		o := newOfficeE(t, p)
		a := o.telephone(&phone.Baresip{Host: o.host(device1002), Server: addr(server1), User: "1002", Say: hum(1004), TCP: true})
		b := o.telephone(&phone.Baresip{Host: o.host(device3001), Server: addr(server3), User: "3001", Say: hum(700)})
		// baresip 1.0 takes every packet of a stream for late whose numbers begin below
		// those of the stream before. Here the far exchange takes over from the near one
		// after a few milliseconds; if a packet of the near one was quick enough to
		// arrive, that is one call in two. Such a call is made again.
		for range 5 {
			o.must(a.Command("dial", "3001"))
			_, err := a.Event(10*time.Second, "CALL_ESTABLISHED")
			o.must(err)
			began := time.Now()
			o.eventually(10*time.Second, "two seconds of audio both ways", func() bool {
				return len(o.heard(device1002, began)) > 2*ear.Rate && len(o.heard(device3001, began)) > 2*ear.Rate
			})
			o.must(b.Command("hangup", ""))
			_, err = a.Event(10*time.Second, "CALL_CLOSED")
			o.must(err)
			if !a.Dropped() && !b.Dropped() {
				break
			}
		}
		o.heardBy(a.User, a, 700)
		o.heardBy(b.User, b, 1004)
	})
}
