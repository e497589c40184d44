//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"branchline/appliance/e2e/ear"
	"branchline/appliance/e2e/phone"
)

// recorded reads the one recording of that name (a pattern) among those of an exchange.
func (r *rig) recorded(dir, pattern string) []float64 {
	r.Helper()
	var found []string
	r.eventually(3*time.Second, "a recording "+pattern, func() bool {
		var err error
		found, err = filepath.Glob(filepath.Join(dir, "spool", "monitor", pattern))
		return err == nil && len(found) == 1
	})
	var pcm []float64
	r.eventually(3*time.Second, "a whole recording "+pattern, func() bool {
		b, err := os.ReadFile(found[0])
		if err != nil {
			return false
		}
		if strings.HasSuffix(found[0], ".ulaw") {
			pcm = ear.FromULaw(b)
			return true
		}
		pcm, err = ear.WAV(b)
		return err == nil && len(pcm) > ear.Rate
	})
	return pcm
}

// TestRecording records a call by the dialplan, both sides mixed and the caller's alone, and
// another by a key of the caller's, though the parties' media could flow directly.
func TestRecording(t *testing.T) {
	t.Parallel()
	plan := `[default]
exten => 1002,1,MixMonitor(by/plan.wav,r(caller.ulaw))
 same => n,Dial(PJSIP/1002,20)
exten => 2002,1,Dial(PJSIP/1002,20,X)
`
	start := func(t *testing.T) (*rig, string) {
		r := newRig(t)
		conf := smallOffice(map[string]string{"1001": "allow=ulaw\ndirect_media=yes", "1002": "allow=alaw,ulaw\ndirect_media=yes"})
		conf["extensions.conf"] = &fstest.MapFile{Data: []byte(plan)}
		conf["features.conf"] = &fstest.MapFile{Data: []byte("[featuremap]\nautomixmon => *3\n")}
		e := r.exchange(single(t), server3, conf)
		r.login(device1001, "1001", false)
		r.login(device1002, "1002", true)
		return r, e.Dir
	}
	t.Run("by the plan", func(t *testing.T) {
		t.Parallel()
		r, dir := start(t)
		var low ear.Say
		low.Sine(ear.ALaw, 2*time.Second, -16, 440)
		callee := r.answering(r.callee(phone.SIPp{Codecs: "8 101", Say: low.PCAP()}))
		r.run(r.caller("1002", phone.SIPp{Talk: 2300 * time.Millisecond, Codecs: "0 101", Say: tone(2*time.Second, 1004)}))
		r.finish(callee)
		caller, err := ear.MeasureTone(ear.Trim(r.recorded(dir, "caller.ulaw")))
		if err != nil || caller.Hz < 1002 || caller.Hz > 1006 || caller.Share < 0.97 {
			t.Errorf("the caller alone: %v, %v", caller, err)
		}
		// Both tones are as strong as one: each has about half of the power.
		both := ear.Trim(r.recorded(dir, "by/plan.wav"))
		if len(both) < ear.Rate*3/2 || len(both) > ear.Rate*5/2 {
			t.Errorf("%.2f s recorded", float64(len(both))/ear.Rate)
		}
		mix, err := ear.MeasureTone(both[ear.Rate/2 : ear.Rate*3/2])
		if err != nil || mix.Share < 0.4 || mix.Share > 0.6 {
			t.Errorf("both: %v, %v", mix, err)
		}
	})
	t.Run("by a key", func(t *testing.T) {
		t.Parallel()
		r, dir := start(t)
		var keys ear.Say
		keys.Silence(ear.ULaw, 500*time.Millisecond)
		keys.Events(101, "*3")
		keys.Sine(ear.ULaw, 2*time.Second, -16, 1004)
		callee := r.answering(r.callee(phone.SIPp{Codecs: "0 101"}))
		r.run(r.caller("2002", phone.SIPp{Talk: 3500 * time.Millisecond, Codecs: "0 101", Say: keys.PCAP()}))
		r.finish(callee)
		got, err := ear.MeasureTone(ear.Trim(r.recorded(dir, "auto-*-1001-*.wav")))
		if err != nil || got.Hz < 1002 || got.Hz > 1006 || got.Share < 0.97 {
			t.Errorf("recorded: %v, %v", got, err)
		}
	})
}
