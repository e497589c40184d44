package callerid

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"branchline/media/callerid/fsk"
)

// Frames as the standards' examples and other senders have them.
func TestFramesOfOthers(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes string
		want  Message
		ok    bool
	}{
		{"SDMF", "\x04\x1209301224" + "6095551212" + "Q", Message{Number: "6095551212", Stamp: Stamp{9, 30, 12, 24}}, true},
		{"SDMF withheld", sealed("\x04\x0909301224P"), Message{Withheld: true, Stamp: Stamp{9, 30, 12, 24}}, true},
		{"SDMF out of area", sealed("\x04\x0909301224O"), Message{Unavailable: true, Stamp: Stamp{9, 30, 12, 24}}, true},
		{"MDMF", sealed("\x80\x21\x01\x0810131425\x02\x0a6095551212\x07\x09Joe Smith"),
			Message{Number: "6095551212", Name: "Joe Smith", Stamp: Stamp{10, 13, 14, 25}}, true},
		{"grouped number, padded name", sealed("\x80\x19\x02\x0c609-555-1212\x07\x09Joe      "), Message{Number: "6095551212", Name: "Joe"}, true},
		{"both absent", sealed("\x80\x06\x04\x01P\x08\x01O"), Message{Withheld: true, NameUnavailable: true}, true},
		{"coin telephone", sealed("\x80\x03\x04\x01C"), Message{Unavailable: true}, true},
		{"redirected in North America", sealed("\x80\x0d\x02\x03123\x03\x03456\x05\x011"), Message{Number: "123", Dialled: "456", Diverted: DivertedBusy}, true},
		{"redirected in Europe", sealed("\x80\x10\x11\x01\x01\x02\x03123\x1a\x03789\x15\x01\x03"),
			Message{Number: "123", Redirect: "789", CallType: 1, Diverted: DivertedAlways}, true},
		{"Latin name", sealed("\x80\x06\x07\x04J\xf6rg"), Message{Name: "Jörg", Unavailable: true}, true},
		{"name with controls", sealed("\x80\x06\x07\x04A\x1b\x08B"), Message{Name: "AB", Unavailable: true}, true},
		{"lamp on, SDMF", sealed("\x06\x03BBB"), Message{Lamp: LampOn}, true},
		{"lamp off, SDMF", sealed("\x06\x03ooo"), Message{Lamp: LampOff}, true},
		{"lamp on, MDMF", sealed("\x82\x03\x0b\x01\xff"), Message{Lamp: LampOn}, true},
		{"lamp off, MDMF", sealed("\x82\x03\x0b\x01\x00"), Message{Lamp: LampOff}, true},
		{"messages", sealed("\x82\x06\x0b\x01\xff\x13\x01\x05"), Message{Lamp: LampOn, Messages: 5}, true},
		{"impossible time", sealed("\x80\x0a\x01\x0813991425"), Message{Unavailable: true}, true},
		{"unknown parameter", sealed("\x80\x08\x55\x01x\x02\x03123"), Message{Number: "123"}, true},

		{"wrong checksum", "\x04\x1209301224" + "6095551212" + "R", Message{}, false},
		{"parameter longer than the frame", sealed("\x80\x04\x02\x0512"), Message{}, false},
		{"half a parameter", sealed("\x80\x01\x02"), Message{}, false},
		{"SDMF without number", sealed("\x04\x0809301224"), Message{}, false},
		{"lamp without lamp", sealed("\x82\x03\x13\x01\x05"), Message{}, false},
		{"unknown type", sealed("\x89\x03abc"), Message{}, false},
		{"empty", "", Message{}, false},
		{"shorter than it says", sealed("\x80\x05\x02\x011"), Message{}, false},
	} {
		got, ok := parse([]byte(c.bytes))
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%s: %+v %v, want %+v", c.name, got, ok, c.want)
		}
	}
}

// sealed is a frame with its checksum.
func sealed(s string) string {
	return s + string([]byte{-sum([]byte(s))})
}

// What we send, we read.
func TestFramesThereAndBack(t *testing.T) {
	stamp := Stamp{2, 29, 23, 59}
	long := strings.Repeat("LONGNAME ", 6)
	for _, c := range []struct {
		form       Form
		send, want Message
	}{
		{Form{}, Message{Number: "0912345678", Name: "A. Chen", Stamp: stamp}, Message{Number: "0912345678", Name: "A. Chen", Stamp: stamp}},
		{Form{}, Message{Number: "1", Dialled: "2", Diverted: DivertedNoAnswer}, Message{Number: "1", Dialled: "2", Diverted: DivertedNoAnswer}},
		{Form{}, Message{Name: long}, Message{Name: long[:15], Unavailable: true}},
		{Form{}, Message{Number: "123", Withheld: true, Name: "X", NameWithheld: true}, Message{Withheld: true, NameWithheld: true}},
		{Form{}, Message{Number: "alice"}, Message{Name: "alice", Unavailable: true}},
		{Form{}, Message{Number: "123456789012345678901", Name: "B"}, Message{Name: "B", Unavailable: true}},
		{Form{}, Message{Number: "123", Name: "陳"}, Message{Number: "123"}},
		{Form{Single: true}, Message{Number: "123", Stamp: stamp}, Message{Number: "123", Stamp: stamp}},
		{Form{Single: true}, Message{Withheld: true, Stamp: stamp}, Message{Withheld: true, Stamp: stamp}},
		{Form{Single: true}, Message{Name: "C"}, Message{Unavailable: true}},
		{Form{Single: true}, Message{Lamp: LampOn}, Message{Lamp: LampOn}},
		{Form{Single: true}, Message{Lamp: LampOff}, Message{Lamp: LampOff}},
		{Form{}, Message{Lamp: LampOff}, Message{Lamp: LampOff}},
		{Form{Signal: V23}, Message{Lamp: LampOn, Messages: 300}, Message{Lamp: LampOn, Messages: 255}},
		{Form{Signal: V23}, Message{Number: "+49301", Name: "Jörg", CallType: 1, Redirect: "77", Diverted: DivertedBusy},
			Message{Number: "+49301", Name: "Jörg", CallType: 1, Redirect: "77", Diverted: DivertedBusy}},
		{Form{Signal: V23}, Message{Name: long}, Message{Name: strings.TrimRight(long[:50], " "), Unavailable: true}},
	} {
		if got, ok := parse(c.form.frame(c.send)); !ok || got != c.want {
			t.Errorf("%+v came back as %+v %v, want %+v", c.send, got, ok, c.want)
		}
	}
	for _, c := range []struct{ send, want Message }{
		{Message{Number: "0312345678"}, Message{Number: "0312345678"}},
		{Message{Number: "03123456789012"}, Message{Number: "03123456789012"}}, // its length is a DLE
		{Message{Number: "0312345678901234", Dialled: "5"}, Message{Number: "0312345678901234", Dialled: "5"}},
		{Message{Withheld: true}, Message{Withheld: true}},
		{Message{}, Message{Unavailable: true}},
	} {
		if got, ok := parseJP(frameJP(c.send.sendable())); !ok || got != c.want {
			t.Errorf("%+v came back from Japan as %+v %v", c.send, got, ok)
		}
	}
}

// One damaged character, or two bits anywhere in NTT's frame, and nothing is shown.
func TestDamagedFramesAreRefused(t *testing.T) {
	m := Message{Number: "0312345678", Name: "Sato"}
	good := Form{}.frame(m)
	for i := range good {
		for v := range 256 {
			if bad := bytes.Clone(good); byte(v) != good[i] {
				bad[i] = byte(v)
				if got, ok := parse(bad); ok {
					t.Errorf("character %d as %#x: %+v", i, v, got)
				}
			}
		}
	}
	good = frameJP(m)
	for i := range 8 * len(good) {
		for j := range i {
			bad := bytes.Clone(good)
			bad[i/8] ^= 1 << (i % 8)
			bad[j/8] ^= 1 << (j % 8)
			if got, ok := parseJP(bad); ok {
				t.Errorf("bits %d and %d turned: %+v", i, j, got)
			}
		}
	}
}

func TestKeys(t *testing.T) {
	ac, ah, dc, plain := Style{'A', 'C'}, Style{'A', '#'}, Style{'D', 'C'}, Style{0, '#'}
	for _, c := range []struct {
		style Style
		send  Message
		keys  string
		want  Message
	}{
		{ac, Message{Number: "123"}, "A123C", Message{Number: "123"}},
		{ac, Message{Number: "+886223"}, "A886223C", Message{Number: "886223"}},
		{ac, Message{Number: "123", Redirect: "45"}, "A123D45C", Message{Number: "123", Redirect: "45"}},
		{ac, Message{Withheld: true, Number: "1"}, "B10C", Message{Withheld: true}},
		{ac, Message{Unavailable: true}, "B00C", Message{Unavailable: true}},
		{ac, Message{Number: "*31"}, "B00C", Message{Unavailable: true}},
		{ah, Message{Number: "123"}, "A123#", Message{Number: "123"}},
		{ah, Message{Withheld: true}, "D1#", Message{Withheld: true}},
		{ah, Message{}, "D3#", Message{Unavailable: true}},
		{dc, Message{Number: "0223456789"}, "D0223456789C", Message{Number: "0223456789"}},
		{dc, Message{Number: "1"}, "D1C", Message{Number: "1"}},
		{dc, Message{Withheld: true}, "", Message{}},
		{plain, Message{Number: "5"}, "5#", Message{Number: "5"}},
		{plain, Message{}, "", Message{}},
	} {
		keys := c.style.keys(c.send)
		if keys != c.keys {
			t.Errorf("%v: %+v is %q, want %q", c.style, c.send, keys, c.keys)
		}
		if keys == "" {
			continue
		}
		c.want.Signal = DTMF
		if got, ok := parseKeys([]byte(keys)); !ok || got != c.want {
			t.Errorf("%q is %+v %v", keys, got, ok)
		}
	}
	for keys, want := range map[string]Message{
		"D2#":        {Unavailable: true},
		"A12B10C":    {Withheld: true},
		"A12D34B00C": {Number: "12", Redirect: "34", Unavailable: true},
		"AC":         {Unavailable: true},
	} {
		want.Signal = DTMF
		if got, ok := parseKeys([]byte(keys)); !ok || got != want {
			t.Errorf("%q is %+v %v", keys, got, ok)
		}
	}
	for _, keys := range []string{"", "#", "C", "12C", "D#", "DC", "D12#", "D9#", "A1*2C", "B11C", "ABC", "1A2C", "A1DC", "*1#"} {
		if got, ok := parseKeys([]byte(keys)); ok {
			t.Errorf("%q is %+v", keys, got)
		}
	}
}

func TestStamp(t *testing.T) {
	now := time.Date(2027, 1, 1, 0, 5, 30, 0, time.UTC)
	for _, c := range []struct {
		stamp Stamp
		want  time.Time
	}{
		{Stamp{12, 31, 23, 58}, time.Date(2026, 12, 31, 23, 58, 0, 0, time.UTC)},
		{Stamp{1, 1, 0, 6}, time.Date(2027, 1, 1, 0, 6, 0, 0, time.UTC)},
		{Stamp{}, time.Time{}},
		{Stamp{13, 1, 0, 0}, time.Time{}},
	} {
		if got := c.stamp.Time(now); !got.Equal(c.want) {
			t.Errorf("%v is %v, want %v", c.stamp, got, c.want)
		}
	}
	if got := StampOf(now); got != (Stamp{1, 1, 0, 5}) {
		t.Error(got)
	}
}

func TestPlans(t *testing.T) {
	m := Message{Number: "123"}
	for _, c := range []struct {
		name string
		plan []Step
		want string
	}{
		{"us", formFor(t, "us").Plan(m), "ring, await burst, silence 500ms, play, silence 250ms"},
		{"uk", formFor(t, "uk").Plan(m), "reverse, silence 250ms, play, silence 100ms, play, silence 250ms, ring, await burst, restore"},
		{"dk", formFor(t, "dk").Plan(m), "reverse, silence 250ms, play, silence 250ms, ring, await burst, restore"},
		{"jp", formFor(t, "jp").Plan(m), "reverse, silence 250ms, short rings, silence 250ms, play, await on hook, silence 250ms, ring, await burst, restore"},
		{"ring pulse", Form{Signal: V23, Warning: RingPulse}.Plan(m), "ring pulse 250ms, silence 500ms, play, silence 250ms, ring"},
		{"bare DTMF", Form{Signal: DTMF, Warning: NoWarning, Style: Style{'D', 'C'}}.Plan(m), "play, silence 250ms, ring"},
		{"no words", Form{Signal: DTMF, Warning: Reversal, Style: Style{'D', 'C'}}.Plan(Message{Withheld: true}), "ring"},
		{"lamp us", formFor(t, "us").Plan(Message{Lamp: LampOn}), "play, silence 250ms"},
		{"lamp de", formFor(t, "de").Plan(Message{Lamp: LampOn}), "play, silence 100ms, play, silence 250ms"},
		{"lamp uk", formFor(t, "uk").Plan(Message{Lamp: LampOff}), "reverse, silence 250ms, play, silence 100ms, play, silence 250ms, restore"},
		{"lamp dk", formFor(t, "dk").Plan(Message{Lamp: LampOff}), ""},
		{"waiting us", formFor(t, "us").Waiting(m), "play, play, await acknowledgement, silence 60ms, play"},
		{"waiting dk", formFor(t, "dk").Waiting(m), ""},
	} {
		var got []string
		for _, s := range c.plan {
			word := s.Do.String()
			if s.Do == Silence || s.Do == Pulse {
				word += " " + s.Length.String()
			}
			got = append(got, word)
			if (s.Do == Play) != (s.Sound.Len() > 0) {
				t.Errorf("%s: %s with %d samples", c.name, s.Do, s.Sound.Len())
			}
		}
		if g := strings.Join(got, ", "); g != c.want {
			t.Errorf("%s: %s\nwant %s", c.name, g, c.want)
		}
	}
}

func formFor(t *testing.T, country string) Form {
	f, ok := FormFor(country)
	if !ok {
		t.Errorf("%s is unknown", country)
	}
	return f
}

func TestFormOf(t *testing.T) {
	for _, c := range []struct {
		signalling, start, country string
		want                       string
	}{
		{"", "", "", "Bell 202, after the first ring"},
		{"auto", "auto", "uk", "V.23, after a reversal and an alerting tone"},
		{"bell", "ring", "uk", "Bell 202, after the first ring"},
		{"v23", "", "us", "V.23, after the first ring"},
		{"v23", "polarity", "us", "V.23, after a reversal and an alerting tone"},
		{"dtmf", "", "tw", "DTMF D...C, after a reversal"},
		{"dtmf", "dtmf", "se", "DTMF A...C, without warning"},
		{"v23_jp", "ring", "us", "V.23 (Japan), after short rings"},
		{"smdi", "", "us", "no"},
		{"bell", "usehist", "us", "no"},
	} {
		f, ok := FormOf(c.signalling, c.start, c.country)
		got := fmt.Sprint(f)
		if !ok {
			got = "no"
		}
		if got != c.want {
			t.Errorf("%s %s %s: %s, want %s", c.signalling, c.start, c.country, got, c.want)
		}
	}
	if _, ok := FormFor("xx"); ok {
		t.Error("xx is known")
	}
}

// A spill fits into the two seconds of quiet between the rings of Taiwan.
func TestSpillFitsBetweenRings(t *testing.T) {
	f := formFor(t, "tw")
	var took time.Duration
	for _, s := range f.Plan(Message{Number: "0223456789", Name: "Fifteen letters", Stamp: Stamp{1, 1, 1, 1}})[2:] {
		took += s.Length + time.Duration(s.Sound.Len())*time.Second/Rate
	}
	if took > 2*time.Second {
		t.Error(took)
	}
}

func FuzzFrame(f *testing.F) {
	f.Add(Form{}.frame(Message{Number: "123", Name: "Chen", Stamp: Stamp{1, 2, 3, 4}}))
	f.Add(Form{Single: true}.frame(Message{Number: "123"}))
	f.Add(Form{Signal: V23}.frame(Message{Lamp: LampOn, Messages: 3}))
	f.Add(frameJP(Message{Number: "03123456789012"}))
	f.Add([]byte("A123D45C"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, ok := parse(b)
		if sum(b) != 0 && ok {
			t.Errorf("wrong checksum: %+v", m)
		}
		// With the sum put right it may be anything, but no control characters come out.
		if len(b) > 3 {
			b[1] = byte(len(b) - 3)
			b[len(b)-1] -= sum(b)
			m, _ = parse(b)
		}
		jp, _ := parseJP(b)
		keys, ok := parseKeys(b)
		if !ok {
			keys = Message{}
		}
		for _, m := range []Message{m, jp, keys} {
			v := reflect.ValueOf(m)
			for i := range v.NumField() {
				if v.Field(i).Kind() == reflect.String {
					for _, r := range v.Field(i).String() {
						if r < ' ' || r >= 0x7f && r < 0xa0 {
							t.Errorf("%+v", m)
						}
					}
				}
			}
		}
	})
}

// FuzzSound makes sound of a script: each byte is a signal and how long it lasts, in
// bits.
func FuzzSound(f *testing.F) {
	signals := [8][2]float64{{1200}, {2200}, {1300}, {2100}, {}, {2130, 2750}, {941, 1633}, {697, 1209}}
	script := func(bits []bool) (b []byte) {
		for _, mark := range bits {
			c := byte(1)
			if mark {
				c = 0
			}
			if n := len(b); n > 0 && b[n-1]&7 == c {
				b[n-1] += 8
			} else {
				b = append(b, c)
			}
		}
		return b
	}
	f.Add(script(fsk.Bits(40, 20, Form{}.frame(Message{Number: "12"}), 4)))
	f.Add(script(fsk.Bits(0, 72, frameJP(Message{Number: "12"}), 4)))
	f.Add([]byte("\xfe\xfe\xfc\xfc\xff\xff\xfc\xfc\xff\xff\xfc\xfc"))
	f.Add([]byte("\xfd\xfd\xfd\x4c"))
	receiver := NewReceiver(HearAll)
	f.Fuzz(func(t *testing.T, b []byte) {
		var sound []int16
		for i, c := range b[:min(len(b), 400)] {
			part := make([]int16, (int(c>>3)+1)*20/3)
			for _, hz := range signals[c&7] {
				for j := range part {
					part[j] += int16(6000 * math.Sin(2*math.Pi*hz/Rate*float64(j+17*i)))
				}
			}
			sound = append(sound, part...)
		}
		receiver.Reset()
		begun := false
		for _, e := range hear(receiver, append(sound, make([]int16, Rate)...)) {
			switch e.Kind {
			case Begun:
				if begun {
					t.Error("begun twice")
				}
				begun = true
			case Complete, Damaged:
				if !begun {
					t.Error("ended without having begun")
				}
				begun = false
			}
		}
		if begun {
			t.Error("begun and never ended")
		}
	})
}
