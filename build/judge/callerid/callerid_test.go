//go:build judge

package callerid

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"branchline/build/judge"
	"branchline/media/callerid"
	"branchline/media/g711"
)

var line *judge.Judge

func TestMain(m *testing.M) { os.Exit(judge.Main(&line, m.Run)) }

// kinds are the ways of sending that both we and libspandsp know.
var kinds = []struct {
	name     string
	standard judge.Standard
	form     callerid.Form
}{
	{"Bell", judge.CLASS, callerid.Form{Signal: callerid.Bell}},
	{"Bell SDMF", judge.CLASS, callerid.Form{Signal: callerid.Bell, Single: true}},
	{"V.23", judge.CLIP, callerid.Form{Signal: callerid.V23}},
	{"NTT", judge.JCLIP, callerid.Form{Signal: callerid.V23JP}},
	{"DTMF-TW", judge.DTMF, callerid.Form{Signal: callerid.DTMF, Style: callerid.Style{Begin: 'D', End: 'C'}}},
	{"DTMF-DK", judge.DTMF, callerid.Form{Signal: callerid.DTMF, Style: callerid.Style{Begin: 'A', End: 'C'}}},
	{"DTMF A..#", judge.DTMF, callerid.Form{Signal: callerid.DTMF, Style: callerid.Style{Begin: 'A', End: '#'}}},
	{"DTMF ..#", judge.DTMF, callerid.Form{Signal: callerid.DTMF, Style: callerid.Style{End: '#'}}},
}

// random is a message that the form can carry: number, and time and name where it
// has them; one in ten without a number.
func random(r *rand.Rand, f callerid.Form) callerid.Message {
	m := callerid.Message{Signal: f.Signal, Number: digits(r, 3+r.IntN(13))}
	if f.Signal == callerid.Bell || f.Signal == callerid.V23 {
		m.Stamp = callerid.Stamp{Month: uint8(1 + r.IntN(12)), Day: uint8(1 + r.IntN(31)), Hour: uint8(r.IntN(24)), Minute: uint8(r.IntN(60))}
		if !f.Single {
			m.Name = letters(r, 1+r.IntN(15))
		}
	}
	if r.IntN(10) == 0 && (f.Signal != callerid.DTMF || f.Style == callerid.Style{Begin: 'A', End: 'C'}) {
		m.Number, m.Withheld, m.Unavailable = "", true, false
		if r.IntN(2) == 0 {
			m.Withheld, m.Unavailable = false, true
		}
	}
	return m
}

func digits(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '0' + byte(r.IntN(10))
	}
	return string(b)
}

func letters(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdeuU.-"[r.IntN(35)]
	}
	return string(b)
}

// asJudge is m in the judge's words.
func asJudge(f callerid.Form, m callerid.Message) judge.Message {
	field := func(kind byte, body string) judge.Field { return judge.Field{Type: kind, Body: []byte(body)} }
	reason := "O"
	if m.Withheld {
		reason = "P"
	}
	if f.Signal == callerid.DTMF {
		j := judge.Message{Type: f.Style.End}
		switch {
		case m.Number != "":
			j.Fields = []judge.Field{field(f.Style.Begin, m.Number)}
		case m.Withheld:
			j.Fields = []judge.Field{field('B', "10")}
		default:
			j.Fields = []judge.Field{field('B', "00")}
		}
		return j
	}
	if f.Single {
		n := m.Number
		if n == "" {
			n = reason
		}
		return judge.Message{Type: 0x04, Fields: []judge.Field{field(0, stamp(m)+n)}}
	}
	j := judge.Message{Type: 0x80}
	if f.Signal == callerid.V23JP {
		j.Type = 0x40
	} else {
		j.Fields = append(j.Fields, field(1, stamp(m)))
	}
	if m.Number == "" {
		j.Fields = append(j.Fields, field(4, reason))
	} else {
		j.Fields = append(j.Fields, field(2, m.Number))
	}
	if m.Name != "" {
		j.Fields = append(j.Fields, field(7, m.Name))
	}
	return j
}

func stamp(m callerid.Message) string {
	return fmt.Sprintf("%02d%02d%02d%02d", m.Stamp.Month, m.Stamp.Day, m.Stamp.Hour, m.Stamp.Minute)
}

// bursts cuts a recording where it is silent for 150 ms.
func bursts(sound []int16) (all [][]int16) {
	const gap = judge.Rate * 150 / 1000
	begin, last := -1, 0
	for i, v := range sound {
		if v == 0 {
			continue
		}
		if begin >= 0 && i-last > gap {
			all = append(all, sound[begin:last+1])
			begin = -1
		}
		if begin < 0 {
			begin = i
		}
		last = i
	}
	if begin >= 0 {
		all = append(all, sound[begin:last+1])
	}
	return all
}

// worsen gives a burst its level in dBm0 and noise that many dB below, takes it
// through u-law if wanted, and leaves 300 ms of the line round it.
func worsen(r *rand.Rand, sound []int16, level, snr float64, ulaw bool) []int16 {
	var energy, n float64
	for _, v := range sound {
		if v != 0 {
			energy += float64(v) * float64(v)
			n++
		}
	}
	rms := 22650 / math.Sqrt2 * math.Pow(10, level/20)
	gain, noise := rms/math.Sqrt(energy/n), rms*math.Pow(10, -snr/20)
	const lead = judge.Rate * 300 / 1000
	out := make([]int16, len(sound)+2*lead)
	law := g711.ULaw()
	for i := range out {
		v := noise * r.NormFloat64()
		if j := i - lead; j >= 0 && j < len(sound) {
			v += gain * float64(sound[j])
		}
		out[i] = int16(max(-32768, min(32767, math.Round(v))))
		if ulaw {
			out[i] = law.Linear(law.Code(out[i]))
		}
	}
	return out
}

// heard is what our receiver shows.
func heard(receiver *callerid.Receiver, sound []int16) (all []callerid.Message) {
	for len(sound) > 0 {
		n := min(160, len(sound))
		if e := receiver.Hear(sound[:n]); e.Kind == callerid.Complete {
			all = append(all, e.Message)
		}
		sound = sound[n:]
	}
	return all
}

// What libspandsp sends we decode: 1000 of each kind at -10 to -36 dBm0 and 15 dB
// SNR, half of them through u-law: 99.9 % right and none wrong. Nearer to the noise
// fewer come through, and none wrong either.
func TestWeHearTheJudge(t *testing.T) {
	const each = 1000
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(len(k.name)), 7))
			var sent []callerid.Message
			var said []judge.Message
			for range each {
				m := random(r, k.form)
				j := asJudge(k.form, m)
				j.Gap = 300 * time.Millisecond
				sent, said = append(sent, m), append(said, j)
			}
			sound, err := line.MakeCallerID(k.standard, said...)
			if err != nil {
				t.Fatal(err)
			}
			parts := bursts(sound)
			if len(parts) != each {
				t.Fatalf("%d messages in the recording", len(parts))
			}
			for _, snr := range []float64{15, 10, 6} {
				receiver := callerid.NewReceiver(callerid.HearAll)
				right, wrong := 0, 0
				for i, part := range parts {
					level := -10 - float64(r.IntN(27))
					got := heard(receiver, worsen(r, part, level, snr, i%2 == 0))
					for _, m := range got {
						if snr < 10 { // the tones' names are the first to suffer
							m.Signal = sent[i].Signal
						}
						if m == sent[i] {
							right++
						} else if wrong++; wrong < 4 {
							t.Errorf("at %v dBm0 and %v dB heard %+v, sent %+v", level, snr, m, sent[i])
						}
					}
				}
				t.Logf("SNR %2v dB: %4d of %d right, %d wrong", snr, right, each, wrong)
				if snr == 15 && right < each*999/1000 {
					t.Errorf("only %d of %d right", right, each)
				}
			}
		})
	}
}

// What we send libspandsp decodes, every one.
func TestTheJudgeHearsUs(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(len(k.name)), 8))
			var sound []int16
			var sent []callerid.Message
			for range 200 {
				m := random(r, k.form)
				if k.form.Signal == callerid.V23JP && len(m.Number) == 14 {
					m.Number = m.Number[1:] // a length of 16 is a DLE, which its receiver does not take doubled
				}
				sent = append(sent, m)
				sound = append(append(sound, make([]int16, 4000)...), k.form.Samples(m)...)
			}
			sound = append(sound, make([]int16, 4000)...)
			got, err := line.CallerIDs(k.standard, sound)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(sent) {
				t.Fatalf("heard %d of %d", len(got), len(sent))
			}
			for i, m := range got {
				for _, f := range asJudge(k.form, sent[i]).Fields {
					if string(m.Field(f.Type)) != string(f.Body) {
						t.Errorf("heard %v, sent %+v", m, sent[i])
					}
				}
			}
		})
	}
}

// multimon-ng and minimodem decode the modem forms; both know Bell 202 and hear
// V.23, whose tones are near enough, too.
func TestCommandsHearUs(t *testing.T) {
	for _, k := range kinds {
		if k.form.Signal > callerid.V23 {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(len(k.name)), 9))
			var sound []int16
			var sent []callerid.Message
			for range 50 {
				m := random(r, k.form)
				m.Number, m.Withheld, m.Unavailable = digits(r, 10), false, false
				sent = append(sent, m)
				sound = append(append(sound, make([]int16, 4000)...), k.form.Samples(m)...)
			}
			sound = append(sound, make([]int16, 4000)...)
			lines, err := judge.Multimon(sound, "CLIPFSK")
			if err != nil {
				t.Fatal(err)
			}
			text, err := judge.Minimodem(sound, "callerid")
			if err != nil {
				t.Fatal(err)
			}
			multimon, minimodem := strings.Join(lines, "\n"), text
			for _, m := range sent {
				if !k.form.Single && !strings.Contains(multimon, m.Number) { // it knows MDMF only
					t.Errorf("multimon-ng did not hear %s", m.Number)
				}
				if n := m.Number; !strings.Contains(minimodem, n[:3]+"-"+n[3:6]+"-"+n[6:]) {
					t.Errorf("minimodem did not hear %s", n)
				}
			}
			if t.Failed() {
				t.Logf("multimon-ng: %.2000s", multimon)
				t.Logf("minimodem: %.2000s", minimodem)
			}
		})
	}
}

// The message waiting lamp, on and off, in all frames there are for it.
func TestTheJudgeSeesTheLamp(t *testing.T) {
	for _, c := range []struct {
		standard judge.Standard
		form     callerid.Form
		message  callerid.Message
		kind     byte
		fields   map[byte]string
	}{
		{judge.CLASS, callerid.Form{Signal: callerid.Bell}, callerid.Message{Lamp: callerid.LampOn}, 0x82, map[byte]string{0x0b: "\xff"}},
		{judge.CLASS, callerid.Form{Signal: callerid.Bell}, callerid.Message{Lamp: callerid.LampOff}, 0x82, map[byte]string{0x0b: "\x00"}},
		{judge.CLASS, callerid.Form{Signal: callerid.Bell, Single: true}, callerid.Message{Lamp: callerid.LampOn}, 0x06, map[byte]string{0: "BBB"}},
		{judge.CLASS, callerid.Form{Signal: callerid.Bell, Single: true}, callerid.Message{Lamp: callerid.LampOff}, 0x06, map[byte]string{0: "ooo"}},
		{judge.CLIP, callerid.Form{Signal: callerid.V23}, callerid.Message{Lamp: callerid.LampOn, Messages: 7}, 0x82, map[byte]string{0x0b: "\xff", 0x13: "\x07"}},
	} {
		sound := append(append(make([]int16, 800), c.form.Samples(c.message)...), make([]int16, 800)...)
		got, err := line.CallerIDs(c.standard, sound)
		if err != nil || len(got) != 1 || got[0].Type != c.kind {
			t.Errorf("%+v: %v %v", c.message, got, err)
			continue
		}
		for kind, body := range c.fields {
			if string(got[0].Field(kind)) != body {
				t.Errorf("%+v: %v", c.message, got)
			}
		}
	}
}

// The judge's alerting tone is heard as such.
func TestAlertingTone(t *testing.T) {
	sound, err := line.MakeCallerID(judge.CLIP, judge.Message{Type: 0x80, Alert: true, Gap: time.Second, Fields: []judge.Field{{Type: 2, Body: []byte("123456")}}})
	if err != nil {
		t.Fatal(err)
	}
	sound = append(sound, make([]int16, 800)...)
	receiver := callerid.NewReceiver(callerid.HearAll)
	var kinds []string
	for ; len(sound) >= 160; sound = sound[160:] {
		if e := receiver.Hear(sound[:160]); e.Kind != callerid.Nothing {
			kinds = append(kinds, e.Kind.String())
		}
	}
	if got := strings.Join(kinds, " "); got != "alerted begun complete" {
		t.Errorf("heard %s", got)
	}
}

// In speech and in music there is no caller.
func TestNoCallerInSpeech(t *testing.T) {
	for _, dir := range []string{judge.SpeechDir, judge.MusicDir} {
		names, err := judge.Recordings(dir)
		if err != nil {
			t.Fatal(err)
		}
		receiver := callerid.NewReceiver(callerid.HearAll)
		n, count := 0, map[callerid.EventKind]int{}
		for _, name := range names {
			sound, err := judge.ReadWAV(name)
			if err != nil {
				t.Fatal(err)
			}
			n += len(sound)
			for len(sound) > 0 {
				k := min(160, len(sound))
				e := receiver.Hear(sound[:k])
				count[e.Kind]++
				if e.Kind == callerid.Complete {
					t.Errorf("%s: %+v", name, e.Message)
				}
				sound = sound[k:]
			}
		}
		t.Logf("%s: %.1f minutes: begun %d, alerted %d", dir, float64(n)/judge.Rate/60, count[callerid.Begun], count[callerid.Alerted])
		if count[callerid.Alerted] > 0 {
			t.Errorf("alerted %d times", count[callerid.Alerted])
		}
	}
}
