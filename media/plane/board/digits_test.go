package board

import (
	"fmt"
	"testing"
	"time"

	pion "github.com/pion/rtp"

	"branchline/media"
	"branchline/media/dtmf"
	"branchline/media/g711"
	"branchline/media/plane"
)

const eventPT = 101

func withDigits(w media.Flow, m media.DigitMode) media.Flow {
	w.Digits = m
	if m == media.RFC4733 {
		w.EventPT = eventPT
	}
	return w
}

// event sends one telephone-event packet, n times.
func (f *phone) event(d byte, dur uint16, marker, end bool, n int) {
	for range n {
		e := dtmf.Event{Code: uint8(dtmf.Code(d)), End: end, Volume: 10, Duration: dur}
		var b [dtmf.EventLen]byte
		e.Put(b[:])
		p := pion.Packet{Header: pion.Header{Version: 2, Marker: marker, PayloadType: eventPT, SequenceNumber: f.seq, Timestamp: f.stamp, SSRC: f.ssrc}, Payload: b[:]}
		raw, err := p.Marshal()
		if err != nil {
			f.x.t.Fatal(err)
		}
		f.party.Receive(f.x.now, f.addr, raw)
		f.seq++
	}
}

// press sends a digit as a phone does it: a packet every 20 ms, the last thrice.
func (f *phone) press(d byte, length int) {
	for at := 20; at < length; at += 20 {
		f.event(d, uint16(at*8), at == 20, false, 1)
		f.x.run(20 * time.Millisecond)
	}
	f.event(d, uint16(length*8), false, true, 3)
	f.stamp += uint32(length*8) + 800
	f.x.run(120 * time.Millisecond)
}

// whistle sends a digit as tones, and then 100 ms of silence.
func (f *phone) whistle(d byte, length int) {
	var g dtmf.Tone
	g.Start(d)
	s := make([]int16, 160)
	law := lawOf(media.PCMU)
	for at := 0; at < length+100; at += 20 {
		clear(s)
		if at < length {
			g.Fill(s)
		}
		b := make([]byte, 160)
		law.Encode(b, s)
		f.talk(b)
		f.x.run(20 * time.Millisecond)
	}
}

// eventsIn reads the telephone-events in what was heard.
func eventsIn(got []heardPacket) (s string) {
	ends, last := 0, uint32(0)
	for _, p := range got {
		if p.PayloadType != eventPT {
			continue
		}
		var e dtmf.Event
		e.Parse(p.Payload)
		d, _ := e.Digit()
		if p.Timestamp == last && ends == 0 && p.Marker {
			s += "marker "
		}
		if p.Timestamp != last {
			ends = 0
			if !p.Marker {
				s += "unmarked "
			}
		}
		last = p.Timestamp
		if e.End {
			if ends++; ends == 3 {
				s += fmt.Sprintf("%c/%d ", d, e.Duration)
			}
		}
	}
	return s
}

// tonesIn is the digits to be heard as tones, by a detector, and how long.
func tonesIn(got []heardPacket, law *g711.Law) (s string) {
	det, buf := dtmf.NewDetector(), make([]int16, 160)
	hear := func(n int) {
		c := det.Hear(buf[:n])
		if c.Began != 0 {
			s += string(c.Began)
		}
	}
	for i, p := range got {
		if p.PayloadType == eventPT {
			continue
		}
		if i > 0 && p.at-got[i-1].at > 30*ms {
			clear(buf)
			hear(160)
			hear(160)
		}
		hear(law.Decode(buf, p.Payload))
	}
	clear(buf)
	hear(160)
	hear(160)
	return s
}

// compat/measured.md 3.7, each way in and each way out.
func TestConversion(t *testing.T) {
	modes := map[string]media.DigitMode{"rfc4733": media.RFC4733, "inband": media.Inband, "info": media.InSignalling, "none": media.DigitsNone}
	for _, c := range []struct {
		from, to string
		pressed  string // by which means the digits come
		reported bool
		events   bool
		tones    bool
	}{
		{"rfc4733", "rfc4733", "rfc4733", true, true, false},
		{"rfc4733", "inband", "rfc4733", true, false, true},
		{"rfc4733", "info", "rfc4733", true, false, false},
		{"rfc4733", "rfc4733", "inband", false, false, true}, // passed on as speech, not understood
		{"inband", "inband", "inband", true, false, true},
		{"inband", "rfc4733", "inband", true, true, false},
		{"inband", "info", "inband", true, false, true}, // whoever sends INFO keeps them
		{"inband", "inband", "rfc4733", false, false, false},
		{"info", "rfc4733", "inband", false, false, true},
		{"info", "inband", "rfc4733", false, false, false},
		{"none", "none", "inband", false, false, true},
	} {
		t.Run(c.from+" to "+c.to+" pressed "+c.pressed, func(t *testing.T) {
			x := newExchange(t)
			a, b := x.phone(plane.Config{}), x.phone(plane.Config{})
			a.apply(withDigits(a.flow(media.PCMU), modes[c.from]))
			b.apply(withDigits(b.flow(media.PCMA), modes[c.to]))
			a.party.Join(b.party)
			a.party.Watch(media.Digits{Report: true})
			a.talk(frame(0xff))
			for _, d := range []byte("159#") {
				if c.pressed == "inband" {
					a.whistle(d, 120)
				} else {
					a.press(d, 120)
				}
			}
			x.run(500 * time.Millisecond)
			got := b.take()
			steady(t, got)
			var began string
			for _, e := range a.events {
				if e.Kind == media.DigitBegin {
					began += string(e.Digit)
				} else if l := e.Length; e.Kind == media.DigitEnd && (l < 95*time.Millisecond || l > 145*time.Millisecond) {
					t.Errorf("%c lasted %v", e.Digit, l)
				}
			}
			if want := map[bool]string{true: "159#"}[c.reported]; began != want {
				t.Errorf("reported %q, want %q", began, want)
			}
			events := ""
			for _, p := range got {
				if p.PayloadType == eventPT {
					var e dtmf.Event
					if e.Parse(p.Payload); e.End && (events == "" || events[len(events)-1] != dtmf.Digits[e.Code]) {
						events += string(dtmf.Digits[e.Code])
					}
				}
			}
			if want := map[bool]string{true: "159#"}[c.events]; events != want {
				t.Errorf("events %q, want %q; %s", events, want, eventsIn(got))
			}
			if tones, want := tonesIn(got, g711.ALaw()), map[bool]string{true: "159#"}[c.tones]; tones != want {
				t.Errorf("tones %q, want %q", tones, want)
			}
		})
	}
}

func TestKeep(t *testing.T) {
	for _, m := range []media.DigitMode{media.RFC4733, media.Inband} {
		x := newExchange(t)
		a, b := x.phone(plane.Config{}), x.phone(plane.Config{})
		a.apply(withDigits(a.flow(media.PCMU), m))
		b.apply(withDigits(b.flow(media.PCMU), m))
		a.party.Join(b.party)
		a.party.Watch(media.Digits{Report: true, Keep: true})
		a.talk(frame(0xff))
		if m == media.RFC4733 {
			a.press('#', 100)
		} else {
			a.whistle('#', 100)
		}
		a.talk(frame(0xff))
		got := b.take()
		steady(t, got)
		if s := eventsIn(got) + tonesIn(got, g711.ULaw()); s != "" || a.happened() == "" {
			t.Errorf("mode %v: the peer got %q", m, s)
		}
	}
}

// RFC 4733 2.5.1: exact shape of a digit we send.
func TestSendDigit(t *testing.T) {
	x := newExchange(t)
	a := x.phone(plane.Config{})
	a.apply(withDigits(a.flow(media.PCMU), media.RFC4733))
	a.party.Join(a.party)
	a.talk(frame(1))
	a.party.SendDigit(x.now, '5', 100*time.Millisecond)
	a.party.SendDigit(x.now, 'd', 0)
	a.party.SendDigit(x.now, 'x', 0)
	a.party.SendDigit(x.now, '1', time.Millisecond)
	for range 40 {
		x.run(20 * time.Millisecond)
		a.talk(frame(1))
	}
	got := a.take()
	steady(t, got)
	if s := eventsIn(got); s != "5/800 D/800 1/320 " {
		t.Errorf("dialled %q", s)
	}
	var durations []uint16
	var ends, starts []int64
	for _, p := range got {
		if p.PayloadType != eventPT {
			continue
		}
		var e dtmf.Event
		e.Parse(p.Payload)
		if e.Code == 5 {
			durations = append(durations, e.Duration)
		}
		if p.Marker {
			starts = append(starts, p.at)
		}
		if e.End {
			ends = append(ends, p.at+20*ms) // what the last packet covers
		}
		if e.Volume != eventVolume {
			t.Errorf("volume %d", e.Volume)
		}
	}
	if want := []uint16{160, 320, 480, 640, 800, 800, 800}; fmt.Sprint(durations) != fmt.Sprint(want) {
		t.Errorf("durations %v, want %v", durations, want)
	}
	for i := 1; i < len(starts); i++ {
		if gap := starts[i] - ends[3*i-1]; gap < 50*ms || gap > 70*ms {
			t.Errorf("%d ms between digits", gap/ms)
		}
	}
}

func TestSendDigitAsTones(t *testing.T) {
	x := newExchange(t)
	a := x.phone(plane.Config{})
	a.apply(withDigits(a.flow(media.PCMA), media.Inband))
	a.party.SendDigit(x.now, '*', 110*time.Millisecond)
	a.party.SendDigit(x.now, '*', 40*time.Millisecond)
	x.run(time.Second)
	got := a.take()
	if s := tonesIn(got, g711.ALaw()); s != "**" || len(got) != 8 {
		t.Errorf("%q in %d packets", s, len(got))
	}
	if p := got[5].Payload; p[79] == g711.SilenceA && p[78] == g711.SilenceA || p[80] != g711.SilenceA || p[159] != g711.SilenceA {
		t.Error("the tone does not end where it should")
	}
	// Digits in signalling are not the plane's business, on hold nothing is sent.
	a.apply(withDigits(a.flow(media.PCMA), media.InSignalling))
	a.party.SendDigit(x.now, '1', 0)
	x.run(time.Second)
	w := withDigits(a.flow(media.PCMA), media.Inband)
	w.Send = false
	a.apply(w)
	a.party.SendDigit(x.now, '2', 0)
	x.run(time.Second)
	if n := len(a.take()); n != 0 || a.party.dial.n != 0 {
		t.Errorf("%d packets, %d digits left", n, a.party.dial.n)
	}
	for range 2 * dialQueue {
		a.party.SendDigit(x.now, '2', 0)
	}
	if a.party.dial.n != dialQueue {
		t.Error("queue overran")
	}
}

// What a receiver of events has to bear: every packet twice, the beginning or the
// end lost, an old packet late, a long digit in segments, another talker.
func TestHearingEvents(t *testing.T) {
	for _, c := range []struct {
		name string
		send func(f *phone)
		want string
	}{
		{"plain", func(f *phone) { f.press('1', 100) }, "+1 -1/100 "},
		{"only the ends", func(f *phone) { f.event('2', 800, false, true, 3) }, "+2 -2/100 "},
		{"end lost", func(f *phone) { f.event('3', 160, true, false, 1); f.event('3', 480, false, false, 1) }, "+3 -3/60 "},
		{"end lost, next digit", func(f *phone) {
			f.event('3', 160, true, false, 1)
			f.stamp += 800
			f.press('4', 100)
		}, "+3 -3/20 +4 -4/100 "},
		{"same digit twice", func(f *phone) { f.press('5', 60); f.press('5', 60) }, "+5 -5/60 +5 -5/60 "},
		{"late packet of the one before", func(f *phone) {
			f.press('6', 60)
			f.press('7', 60)
			f.seq, f.stamp = f.seq-8, f.stamp-2*(480+800)
			f.event('6', 160, false, false, 1)
		}, "+6 -6/60 +7 -7/60 "},
		{"segments", func(f *phone) {
			f.event('8', 0xffff, true, false, 1)
			f.stamp += 0xffff
			f.event('8', 160, false, false, 1)
			f.event('8', 800, false, true, 3)
		}, "+8 -8/8291 "},
		{"flash is no digit", func(f *phone) {
			p := pion.Packet{Header: pion.Header{Version: 2, PayloadType: eventPT, SSRC: f.ssrc}, Payload: []byte{16, 10, 0, 160}}
			raw, _ := p.Marshal()
			f.party.Receive(f.x.now, f.addr, raw)
		}, ""},
		{"too short", func(f *phone) {
			f.pt = eventPT
			f.talk([]byte{1, 2, 3})
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newExchange(t)
			a := x.phone(plane.Config{})
			a.apply(withDigits(a.flow(media.PCMU), media.RFC4733))
			a.happened()
			a.party.Watch(media.Digits{Report: true})
			c.send(a)
			x.run(500 * time.Millisecond)
			a.events = deleteLatched(a.events)
			if got := a.happened(); got != c.want {
				t.Errorf("heard %q, want %q", got, c.want)
			}
		})
	}
}

func deleteLatched(events []media.Event) (kept []media.Event) {
	for _, e := range events {
		if e.Kind != media.Latched {
			kept = append(kept, e)
		}
	}
	return kept
}

// While a programme is played to b, digits from a are sent to it anew.
func TestDigitsDuringAProgramme(t *testing.T) {
	x := newExchange(t)
	a, b := x.phone(plane.Config{}), x.phone(plane.Config{})
	a.apply(withDigits(a.flow(media.PCMU), media.RFC4733))
	b.apply(withDigits(b.flow(media.PCMU), media.RFC4733))
	a.party.Join(b.party)
	b.party.Play(x.now, &media.Program{Source: &counter{left: 1 << 20}})
	x.run(100 * time.Millisecond)
	a.press('3', 100)
	x.run(300 * time.Millisecond)
	got := b.take()
	steady(t, got)
	if s := eventsIn(got); s != "3/800 " {
		t.Errorf("dialled %q", s)
	}
}

// A digit whose sender is parted ends.
func TestPartingEndsADigit(t *testing.T) {
	x := newExchange(t)
	a, b := x.phone(plane.Config{}), x.phone(plane.Config{})
	a.apply(withDigits(a.flow(media.PCMU), media.RFC4733))
	b.apply(withDigits(b.flow(media.PCMU), media.Inband))
	a.party.Join(b.party)
	a.event('9', 160, true, false, 1)
	x.run(100 * time.Millisecond)
	a.party.Join(nil)
	x.run(time.Second)
	n := len(b.take())
	x.run(time.Second)
	if n == 0 || len(b.take()) != 0 || b.party.dial.n != 0 {
		t.Errorf("%d frames of tone, %d digits left", n, b.party.dial.n)
	}
}

// An event clock other than the other side's cannot be relayed as it is.
func TestEventClocks(t *testing.T) {
	x := newExchange(t)
	a, b := x.phone(plane.Config{}), x.phone(plane.Config{})
	w := withDigits(a.flow(media.Opus), media.RFC4733)
	w.EventClock = 48000
	a.apply(w)
	b.apply(withDigits(b.flow(media.PCMU), media.RFC4733))
	a.party.Join(b.party)
	a.party.Watch(media.Digits{Report: true})
	a.event('1', 960, true, false, 1)
	x.run(100 * time.Millisecond)
	a.event('1', 5760, false, true, 3)
	x.run(300 * time.Millisecond)
	if s := eventsIn(b.take()); s != "1/960 " {
		t.Errorf("dialled %q", s)
	}
	a.events = deleteLatched(a.events)
	if s := a.happened(); s != "+1 -1/120 " {
		t.Errorf("reported %q", s)
	}
}
