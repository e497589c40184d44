//go:build e2e

package e2e

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"branchline/appliance/e2e/ear"
	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/switchboard"
)

// tone is a capture file with a u-law tone at -16 dB.
func tone(length time.Duration, hz float64) []byte {
	var s ear.Say
	s.Sine(ear.ULaw, length, -16, hz)
	return s.PCAP()
}

// heard is what one device got to hear after a moment, from whatever address.
func (r *rig) heard(octet int, after time.Time) []float64 {
	var mine []lan.RTP
	for _, p := range lan.Sound(r.lan.Tap().RTP(), "", addr(octet)) {
		if p.Time.After(after) {
			mine = append(mine, p)
		}
	}
	return ear.Listen(mine)
}

// said is what one device sent after a moment.
func (r *rig) said(octet int, after time.Time) []float64 {
	var mine []lan.RTP
	for _, p := range lan.Sound(r.lan.Tap().RTP(), addr(octet), "") {
		if p.Time.After(after) {
			mine = append(mine, p)
		}
	}
	return ear.Listen(mine)
}

// heardTone checks that a tone sent by one device reached another at the same frequency and
// within 1 dB.
func (r *rig) heardTone(from, to int, hz float64, after time.Time) {
	r.Helper()
	sent, err := ear.MeasureTone(ear.Trim(r.said(from, after)))
	if err != nil {
		r.Errorf("what %s sent: %v", addr(from), err)
		return
	}
	got, err := ear.MeasureTone(ear.Trim(r.heard(to, after)))
	if err != nil {
		r.Errorf("what %s heard: %v", addr(to), err)
		return
	}
	if math.Abs(got.Hz-hz) > 2 || math.Abs(got.Hz-sent.Hz) > 1 || math.Abs(got.Level-sent.Level) > 1 || got.Share < 0.97 {
		r.Errorf("%s sent %v, %s heard %v", addr(from), sent, addr(to), got)
	}
}

// digits are the prompts SayDigits speaks for a number, and then "invalid".
func digits(number string) []string {
	var out []string
	for _, d := range number {
		out = append(out, "digits/"+string(d))
	}
	return append(out, "invalid")
}

// prompt is the sound of a prompt as the exchange of that kind has it.
func prompt(t *testing.T, k switchboard.Kind, name string) []float64 {
	t.Helper()
	if k.Asterisk() {
		path := filepath.Join(k.Chroot, "usr/share/asterisk/sounds/en_US_f_Allison", name+".wav")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pcm, err := ear.WAV(b)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return pcm
	}
	return ownPrompt(t, name)
}

// heardPrompts checks that a device heard these prompts, one after the other. Of a peer it is
// enough that it spoke about as long: it stutters when several run on a small machine.
func (r *rig) heardPrompts(k switchboard.Kind, octet int, after time.Time, names ...string) {
	r.Helper()
	pcm := r.heard(octet, after)
	if k.Asterisk() {
		heard := time.Duration(len(ear.Trim(pcm))) * time.Second / ear.Rate
		if whole := speech(r.T, k, names...); heard < whole*3/4 {
			r.Errorf("%v of speech heard, want %v", heard, whole)
		}
		return
	}
	// The first packet may fall by the way when the other side's exchange takes itself out of the
	// path at that moment: what is missing at the beginning counts as silence.
	pcm = append(make([]float64, ear.Rate/10), pcm...)
	at := 0
	for _, name := range names {
		want := ear.Trim(prompt(r.T, k, name))
		pos, alike := ear.Find(pcm[at:], want)
		if alike < 0.9 {
			if end, most := inPieces(pcm[at:], want); most {
				at += end
				continue
			}
			r.Errorf("prompt %s after %.2f s: likeness only %.2f (%.2f s heard in all, %.1f dB)", name,
				float64(at)/ear.Rate, alike, float64(len(pcm))/ear.Rate, ear.Level(pcm))
			return
		}
		at += pos + len(want) - ear.Rate/10
	}
}

// inPieces looks for a sound that a machine under load tore apart: most of its pieces have to be
// there, in their order. It returns where the last one ends.
func inPieces(pcm, want []float64) (end int, most bool) {
	const piece = ear.Rate / 4
	found, all := 0, 0
	for ; len(want) >= piece; want = want[piece:] {
		all++
		if pos, alike := ear.Find(pcm[end:], want[:piece]); alike >= 0.9 {
			end += pos + piece/2
			found++
		}
	}
	return end, all > 1 && found*4 >= all*3
}

// speech is how long it takes to speak prompts.
func speech(t *testing.T, k switchboard.Kind, names ...string) time.Duration {
	t.Helper()
	var samples int
	for _, name := range names {
		samples += len(prompt(t, k, name))
	}
	return time.Duration(samples) * time.Second / ear.Rate
}

// hungUp checks that the exchange hung up on a device so long after a moment, give or take what
// starting a phone and the pauses between prompts take.
func (r *rig) hungUp(octet, server int, began time.Time, after time.Duration) {
	r.Helper()
	byes := r.sip(lan.From(addr(server)), lan.To(addr(octet)), lan.Request("BYE"))
	if len(byes) == 0 {
		r.Errorf("no BYE from %s to %s", addr(server), addr(octet))
		return
	}
	between(r.T, "BYE after", byes[0].Time.Sub(began), after-time.Second, after+3*time.Second)
}

func between(t *testing.T, what string, got, atLeast, atMost time.Duration) {
	t.Helper()
	if got < atLeast || got > atMost {
		t.Errorf("%s %v, want %v to %v", what, got.Round(time.Millisecond), atLeast, atMost)
	}
}

func contains(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("no %q in:\n%s", w, text)
		}
	}
}

func equal(got []int, want ...int) bool { return fmt.Sprint(got) == fmt.Sprint(want) }
