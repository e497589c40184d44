package board

import (
	"bytes"
	"testing"
	"time"

	"branchline/media"
	"branchline/media/g711"
	"branchline/media/plane"
)

func TestPlay(t *testing.T) {
	for _, c := range []struct {
		name    string
		codec   *media.Codec
		ptime   time.Duration
		samples int
		packets int
		fill    byte
		silence byte
	}{
		{"u-law", media.PCMU, 0, 8000, 50, 0x42, 0xff},
		{"A-law", media.PCMA, 0, 8000, 50, g711.UToA()[0x42], 0xd5},
		{"broken last frame", media.PCMU, 0, 8001, 51, 0x42, 0xff},
		{"30 ms", media.PCMU, 30 * time.Millisecond, 8000, 34, 0x42, 0xff},
		{"10 ms", media.PCMU, 10 * time.Millisecond, 800, 10, 0x42, 0xff},
		{"60 ms", media.PCMU, 60 * time.Millisecond, 8000, 17, 0x42, 0xff},
		{"nothing", media.PCMU, 0, 0, 0, 0x42, 0xff},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newExchange(t)
			a := x.phone(plane.Config{})
			w := a.flow(c.codec)
			w.Ptime = c.ptime
			a.apply(w)
			ptime := max(c.ptime, 20*time.Millisecond)
			if c.ptime > 0 {
				ptime = c.ptime
			}
			size := int(ptime.Milliseconds()) * 8
			a.party.Play(x.now, &media.Program{ID: 7, Source: &counter{left: c.samples}})
			x.run(time.Duration(c.packets-1)*ptime + ptime)
			if c.packets > 0 && a.happened() != "" {
				t.Error("done before the last frame was heard")
			}
			x.run(2 * ptime)
			got := a.take()
			if len(got) != c.packets || a.happened() != "done7/true " {
				t.Fatalf("%d packets, want %d", len(got), c.packets)
			}
			steady(t, got)
			sound := 0
			for i, p := range got {
				if len(p.Payload) != size || p.Timestamp-got[0].Timestamp != uint32(i*size) || p.Marker != (i == 0) || p.at-got[0].at != int64(i)*int64(ptime) {
					t.Errorf("packet %d: %v at %d ms", i, p.Header, (p.at-got[0].at)/ms)
				}
				sound += bytes.Count(p.Payload, []byte{c.fill})
				if n := bytes.Count(p.Payload, []byte{c.silence}); i < len(got)-1 && n > 0 || sound == c.samples && bytes.Count(p.Payload, []byte{c.fill})+n != size {
					t.Errorf("packet %d: %d samples of silence", i, n)
				}
			}
			if sound != c.samples {
				t.Errorf("%d samples, want %d", sound, c.samples)
			}
		})
	}
}

func TestPlayEndsOnce(t *testing.T) {
	x := newExchange(t)
	a := x.phone(plane.Config{})
	play := func(id uint64) {
		a.party.Play(x.now, &media.Program{ID: id, Source: &counter{left: 1600}})
	}
	play(1) // before negotiation: paced into nothing
	x.run(300 * time.Millisecond)
	if got := a.happened(); got != "done1/true " {
		t.Errorf("before negotiation: %q", got)
	}
	a.apply(a.flow(media.PCMU))
	play(2)
	play(3)
	a.party.Play(x.now, nil)
	a.party.Play(x.now, &media.Program{ID: 4})
	play(5)
	a.apply(a.flow(media.G722))
	play(6)
	if got := a.happened(); got != "done2/false done3/false done4/false done5/false done6/false " {
		t.Errorf("events %q", got)
	}
	x.run(time.Second)
	if len(a.take()) != 0 || a.happened() != "" {
		t.Error("something was played")
	}
}

// On hold, or with nowhere to send to, a programme takes its time all the same.
func TestPlayOnHold(t *testing.T) {
	x := newExchange(t)
	a := x.phone(plane.Config{})
	w := a.flow(media.PCMU)
	w.Send = false
	a.apply(w)
	a.party.Play(x.now, &media.Program{ID: 1, Source: &counter{left: 8000}})
	x.run(500 * time.Millisecond)
	if a.happened() != "" || len(a.take()) != 0 {
		t.Error("hold was not kept")
	}
	w.Send = true
	a.apply(w)
	x.run(600 * time.Millisecond)
	if n := len(a.take()); n < 24 || n > 26 || a.happened() != "done1/true " {
		t.Errorf("%d packets after hold", n)
	}
}

// A thread that was held up sends what is due at once, and in order; after a long
// time it starts anew instead.
func TestCatchUp(t *testing.T) {
	x := newExchange(t)
	a := x.phone(plane.Config{})
	a.apply(a.flow(media.PCMU))
	a.party.Play(x.now, &media.Program{Source: &counter{left: 1 << 20}})
	x.run(time.Second)
	before := len(a.take())
	x.now += 150 * ms
	x.run(850 * time.Millisecond)
	got := a.take()
	if len(got) != before {
		t.Errorf("%d packets in the second with a pause, %d in the one before", len(got), before)
	}
	steady(t, got)
	x.now += 10_000 * ms
	x.run(time.Second)
	if n := len(a.take()); n > before+2 {
		t.Errorf("%d packets after a long pause", n)
	}
}

func TestUnder(t *testing.T) {
	x := newExchange(t)
	a, b := x.phone(plane.Config{}), x.phone(plane.Config{})
	a.apply(a.flow(media.PCMU))
	b.apply(b.flow(media.PCMA))
	a.party.Join(b.party)
	a.talk(frame(0xff))
	b.take()
	b.party.Play(x.now, &media.Program{ID: 1, Under: true, Source: &counter{left: 800}})
	for range 10 { // with the peer's packets
		x.run(20 * time.Millisecond)
		a.talk(frame(g711.ULaw().Code(1000)))
	}
	got := b.take()
	if len(got) != 10 || b.happened() != "done1/true " {
		t.Fatalf("%d packets", len(got))
	}
	steady(t, got)
	beep, voice := int(g711.ULaw().Linear(0x42)), int(g711.ULaw().Linear(g711.ULaw().Code(1000)))
	for i, p := range got {
		want := voice
		if i < 5 {
			want += beep
		}
		if v := int(g711.ALaw().Linear(p.Payload[80])); v < want-want/16-16 && want > 0 || v > want+600 {
			t.Errorf("packet %d is %d, want about %d", i, v, want)
		}
	}
	x.run(time.Second)
	b.party.Play(x.now, &media.Program{ID: 2, Under: true, Source: &counter{left: 800}})
	x.run(200 * time.Millisecond) // and without, by itself
	if n := len(b.take()); n != 5 || b.happened() != "done2/true " {
		t.Errorf("%d packets without a peer speaking", n)
	}
}
