package callerid

import (
	"io/fs"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"branchline/media/callerid/fsk"
	"branchline/media/g711"
	"branchline/media/sound/prompts"
)

// wire is a line with its faults.
type wire struct {
	level  float64 // dBm0 of the signal
	snr    float64 // dB; 0: no noise
	twist  float64 // dB mark over space, modem only
	baud   float64 // 0: exact, modem only
	ulaw   bool
	before int // samples of the line before the signal
}

// carry sends sound over the wire.
func (w wire) carry(r *rand.Rand, sound []int16) []int16 {
	var energy, n float64
	for _, v := range sound {
		if v != 0 {
			energy += float64(v) * float64(v)
			n++
		}
	}
	rms := 22650 / math.Sqrt2 * math.Pow(10, w.level/20)
	gain := rms / math.Sqrt(energy/max(n, 1))
	noise := 0.0
	if w.snr != 0 {
		noise = rms * math.Pow(10, -w.snr/20)
	}
	out := make([]int16, w.before+len(sound)+6400)
	law := g711.ULaw()
	for i := range out {
		v := noise * r.NormFloat64()
		if j := i - w.before; j >= 0 && j < len(sound) {
			v += gain * float64(sound[j])
		}
		out[i] = int16(max(-32768, min(32767, math.Round(v))))
		if w.ulaw {
			out[i] = law.Linear(law.Code(out[i]))
		}
	}
	return out
}

// hear feeds sound in frames and collects the events.
func hear(r *Receiver, sound []int16) (all []Event) {
	for len(sound) > 0 {
		n := min(160, len(sound))
		if e := r.Hear(sound[:n]); e.Kind != Nothing {
			all = append(all, e)
		}
		sound = sound[n:]
	}
	return all
}

// messages are those that completed.
func messages(events []Event) (all []Message) {
	for _, e := range events {
		if e.Kind == Complete {
			all = append(all, e.Message)
		}
	}
	return all
}

func randomDigits(r *rand.Rand, least, most int) string {
	b := make([]byte, least+r.IntN(most-least+1))
	for i := range b {
		b[i] = '0' + byte(r.IntN(10))
	}
	return string(b)
}

func randomMessage(r *rand.Rand, f Form) Message {
	m := Message{Signal: f.Signal, Number: randomDigits(r, 3, 15)}
	if f.Signal == DTMF || f.Signal == V23JP {
		return m
	}
	m.Stamp = Stamp{1 + uint8(r.IntN(12)), 1 + uint8(r.IntN(31)), uint8(r.IntN(24)), uint8(r.IntN(60))}
	if f.Single {
		return m
	}
	name := make([]byte, 1+r.IntN(15))
	for i := range name {
		name[i] = 'A' + byte(r.IntN(26))
		if i > 0 && i < len(name)-1 && r.IntN(6) == 0 {
			name[i] = ' '
		}
	}
	m.Name = string(name)
	return m
}

// sound is the message as the form sends it over a wire with faults in the modem.
func (w wire) sound(f Form, m Message) []int16 {
	if f.Signal == DTMF {
		return f.Samples(m)
	}
	wave := fsk.Wave{Tones: fsk.V23(), Level: modemLevel, Twist: w.twist, Baud: w.baud}
	if f.Signal == Bell {
		wave.Tones = fsk.Bell202()
	}
	seizure, mark := 300, 180
	if f.Signal == V23JP {
		seizure, mark = 0, 72
	}
	s := fsk.NewSource(wave, fsk.Bits(seizure, mark, f.frame(m), 10))
	out := make([]int16, s.Len())
	s.Fill(out)
	return out
}

var forms = []struct {
	name string
	form Form
}{
	{"Bell", Form{Signal: Bell}},
	{"Bell SDMF", Form{Signal: Bell, Single: true}},
	{"V.23", Form{Signal: V23}},
	{"NTT", Form{Signal: V23JP}},
	{"DTMF D..C", Form{Signal: DTMF, Style: Style{'D', 'C'}}},
	{"DTMF A..C", Form{Signal: DTMF, Style: Style{'A', 'C'}}},
	{"DTMF A..#", Form{Signal: DTMF, Style: Style{'A', '#'}}},
	{"DTMF ..#", Form{Signal: DTMF, Style: Style{0, '#'}}},
}

// The requirement: -10 to -40 dBm0, 15 dB SNR, 6 dB of twist, ±1.5 % in baud,
// everything right.
func TestEveryFormOverABadLine(t *testing.T) {
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(4, 1))
			receiver := NewReceiver(HearAll)
			for i := range 50 {
				w := wire{level: -10 - float64(r.IntN(31)), snr: 15, ulaw: i%2 == 0, before: r.IntN(2000),
					twist: float64(r.IntN(13) - 6), baud: 1200 * (1 + 0.015*(2*r.Float64()-1))}
				if f.form.Signal == DTMF {
					w.level = max(w.level, -36)
				}
				m := randomMessage(r, f.form)
				receiver.Reset()
				got := messages(hear(receiver, w.carry(r, w.sound(f.form, m))))
				if len(got) != 1 || got[0] != m {
					t.Errorf("over %+v heard %+v, want %+v", w, got, m)
				}
			}
		})
	}
}

// However bad the line is: what is shown is right.
func TestNothingWrongIsShown(t *testing.T) {
	shown := 0
	for _, f := range forms {
		r := rand.New(rand.NewPCG(4, 2))
		receiver := NewReceiver(HearAll)
		for i := range 40 {
			w := wire{level: -20, snr: 2 + float64(i%10), twist: 3}
			m := randomMessage(r, f.form)
			receiver.Reset()
			for _, got := range messages(hear(receiver, w.carry(r, w.sound(f.form, m)))) {
				shown++
				if got != m {
					t.Errorf("%s over %+v heard %+v, want %+v", f.name, w, got, m)
				}
			}
		}
	}
	if shown == 0 {
		t.Error("nothing was shown at all")
	}
}

func TestEvents(t *testing.T) {
	m := Message{Number: "0223456789", Name: "Chen"}
	f := Form{Signal: Bell}
	good := f.Samples(m)
	bad := f.Samples(m)
	clear(bad[3500:3540]) // in the midst of the number
	short := f.Samples(m)[:3600]
	lead := f.Samples(m)[:1000]
	keys := Form{Signal: DTMF, Style: Style{'D', 'C'}}.Samples(m)
	missed := Form{Signal: DTMF, Style: Style{'D', 'C'}}.Samples(m)
	for i := range missed[3*1120 : 3*1120+560] {
		missed[3*1120+i] = int16(6000 * math.Sin(float64(i))) // a tone, and no digit
	}
	for _, c := range []struct {
		name  string
		sound []int16
		want  string
	}{
		{"nothing", nil, ""},
		{"modem", good, "begun complete"},
		{"twice", append(append(append([]int16{}, good...), make([]int16, 800)...), good...), "begun complete begun complete"},
		{"a gap in it", bad, "begun damaged"},
		{"cut short", short, "begun damaged"},
		{"only the beginning", lead, "begun damaged"},
		{"digits", keys, "begun complete"},
		{"digits without end", keys[:5*1120], "begun damaged"},
		{"an unknown tone between digits", missed, "begun damaged"},
		{"alert and modem", Form{Signal: V23, Warning: AlertTone}.Samples(m), "alerted begun complete"},
		{"in a call", sounds(f.Waiting(m)), "alerted begun complete"},
		{"after a ring", append(ring(1000), good...), "begun complete"},
		{"digits after a ring", append(ring(1000), keys...), "begun complete"},
		{"in mains hum", hum(good), "begun complete"},
		{"digits in mains hum", hum(keys), "begun complete"},
	} {
		var got []string
		for _, e := range hear(NewReceiver(HearAll), append(append(make([]int16, 777), c.sound...), make([]int16, 8000)...)) {
			got = append(got, e.Kind.String())
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", c.name, s, c.want)
		}
	}
}

// ring is what a line card hears of a ring of so many ms, 25 Hz and far too loud, of
// its end, a jump, and of the half second after it.
func ring(ms int) []int16 {
	out := make([]int16, (ms+500)*Rate/1000)
	for i := range out[:ms*Rate/1000] {
		out[i] = int16(max(-32768, min(32767, 200000*math.Sin(2*math.Pi*25*float64(i)/Rate))))
	}
	for i := range out[ms*Rate/1000:] {
		out[ms*Rate/1000+i] = int16(30000 * math.Exp(-float64(i)/60))
	}
	return out
}

// hum is sound at -30 dBm0 with 60 Hz and its fifth harmonic, together as loud.
func hum(sound []int16) []int16 {
	out := make([]int16, len(sound))
	for i, v := range sound {
		x := 2 * math.Pi * float64(i) / Rate
		out[i] = int16(float64(v)*0.15 + 650*math.Sin(60*x) + 250*math.Sin(300*x))
	}
	return out
}

// sounds is all that a plan plays.
func sounds(plan []Step) (all []int16) {
	for _, s := range plan {
		n := samples(s.Length)
		if s.Do == Play {
			n = s.Sound.Len()
		}
		out := make([]int16, n)
		s.Sound.Fill(out)
		all = append(all, out...)
	}
	return all
}

func TestBegunComesInTime(t *testing.T) {
	m := Message{Number: "0223456789"}
	for _, f := range forms {
		var begun, complete int64
		sound := f.form.Samples(m)
		for _, e := range hear(NewReceiver(HearAll), append(append(make([]int16, 800), sound...), make([]int16, 800)...)) {
			switch e.Kind {
			case Begun:
				begun = e.At
			case Complete:
				complete = e.At
			}
		}
		if f.form.Signal != V23JP && begun > 800+900 { // 110 ms after its begin
			t.Errorf("%s: begun after %d samples", f.name, begun-800)
		}
		if complete == 0 || complete > int64(800+len(sound)+320) {
			t.Errorf("%s: complete at %d of %d", f.name, complete-800, len(sound))
		}
	}
}

// The alerting tone: within 0.5 %, 75 to 110 ms, 6 dB of twist, from -40 dBm0
// (EN 300 659-1 5.2.1), and not other tones.
func TestAlertTone(t *testing.T) {
	at := func(low, high float64, d time.Duration, level, twist float64) []int16 {
		out := make([]int16, samples(d))
		newTones(level-twist/2, d, low).Fill(out)
		second := make([]int16, len(out))
		newTones(level+twist/2, d, high).Fill(second)
		for i := range out {
			out[i] += second[i]
		}
		return out
	}
	r := rand.New(rand.NewPCG(4, 3))
	for _, c := range []struct {
		name  string
		sound []int16
		snr   float64
		want  bool
	}{
		{"75 ms", at(2130, 2750, 75*time.Millisecond, -16, 0), 15, true},
		{"110 ms", at(2130, 2750, 110*time.Millisecond, -16, 0), 15, true},
		{"high tones", at(2141, 2764, 80*time.Millisecond, -16, 6), 15, true},
		{"low tones", at(2119, 2736, 80*time.Millisecond, -16, -6), 15, true},
		{"weak", at(2130, 2750, 100*time.Millisecond, -37, 6), 15, true},
		{"too short", at(2130, 2750, 40*time.Millisecond, -16, 0), 30, false},
		{"too long", at(2130, 2750, 200*time.Millisecond, -16, 0), 30, false},
		{"one tone", at(2130, 2130, 100*time.Millisecond, -16, 0), 30, false},
		{"other tones", at(2080, 2750, 100*time.Millisecond, -16, 0), 30, false},
		{"twisted", at(2130, 2750, 100*time.Millisecond, -16, 14), 30, false},
		{"fax", at(2100, 2100, 100*time.Millisecond, -16, 0), 30, false},
	} {
		for phase := range 20 {
			receiver := NewReceiver(HearAlert)
			level := -16.0
			if c.name == "weak" {
				level = -37
			}
			sound := wire{level: level, snr: c.snr, before: 333 + 7*phase}.carry(r, c.sound)
			if got := len(hear(receiver, sound)) == 1; got != c.want {
				t.Fatalf("%s: %v", c.name, got)
			}
		}
	}
}

// Nobody calls in spoken prompts, loud or soft.
func TestNoCallerInPrompts(t *testing.T) {
	receiver := NewReceiver(HearAll)
	n := 0
	err := fs.WalkDir(prompts.FS, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := fs.ReadFile(prompts.FS, name)
		sound := make([]int16, len(b))
		g711.ULaw().Decode(sound, b)
		n += len(sound)
		for _, e := range hear(receiver, sound) {
			if e.Kind == Complete || e.Kind == Alerted {
				t.Errorf("%s: %+v", name, e)
			}
		}
		return err
	})
	if err != nil || n < 60*Rate {
		t.Errorf("%d samples of speech: %v", n, err)
	}
}

func TestReceiverDoesNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	noise := wire{level: -30, snr: 1}.carry(r, make([]int16, 8000))
	receiver := NewReceiver(HearAll)
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		receiver.Hear(noise[i : i+160])
		i = (i + 160) % 8000
	}); n != 0 {
		t.Errorf("%v allocations in noise", n)
	}
	sound := Form{Signal: Bell}.Samples(Message{Number: "5551234"})
	frame := make([]int16, 160)
	s := Form{Signal: V23}.spill(Message{Number: "5551234"})
	if n := testing.AllocsPerRun(20, func() { s.Fill(frame) }); n != 0 {
		t.Errorf("%v allocations sending", n)
	}
	i = 0
	if n := testing.AllocsPerRun(10, func() {
		receiver.Hear(sound[i : i+160])
		i += 160
	}); n != 0 {
		t.Errorf("%v allocations in a message", n)
	}
}

func BenchmarkReceiver(b *testing.B) {
	r := rand.New(rand.NewPCG(4, 5))
	m := Message{Number: "0223456789", Name: "Chen"}
	for _, c := range []struct {
		name  string
		sound []int16
	}{
		{"silence", make([]int16, 8000)},
		{"noise", wire{level: -30, snr: 1}.carry(r, make([]int16, 8000))},
		{"modem", wire{level: -20, snr: 15}.carry(r, Form{Signal: Bell}.Samples(m))},
		{"digits", wire{level: -20, snr: 15}.carry(r, Form{Signal: DTMF, Style: Style{'D', 'C'}}.Samples(m))},
	} {
		b.Run(c.name, func(b *testing.B) {
			receiver := NewReceiver(HearAll)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				receiver.Hear(c.sound[i : i+160])
				if i += 160; i+160 > len(c.sound) {
					i = 0
				}
			}
		})
	}
}
