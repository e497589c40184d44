//go:build dahdi

package looped_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"branchline/hal"
	"branchline/media/callerid"
	"branchline/media/dtmf"
)

// soon says how long something took, in the time of the guest, which does not depend on
// how busy this machine is, and that it must not take longer than 200 ms.
func soon(t *testing.T, what string, took time.Duration) {
	t.Helper()
	t.Logf("%s: %v", what, took.Round(time.Millisecond))
	if took > 200*time.Millisecond {
		t.Errorf("%s: %v", what, took)
	}
}

// A call from the public exchange rings the SIP telephone with the caller's number; the
// exchange hangs up.
func TestCallFromTheLine(t *testing.T) {
	o := openOffice(t)
	pstn := open(t, 1)
	d := desk(t)
	time.Sleep(2200 * time.Millisecond) // in which the kernel hears no ringing
	form, _ := callerid.FormFor("tw")
	send(pstn, form.Plan(callerid.Message{Number: "0912345678", Stamp: callerid.Stamp{Month: 11, Day: 22, Hour: 8, Minute: 5}}))
	sent := time.Now()
	pstn.see(hal.OffHook)
	soon(t, "from the caller ID to the INVITE", d.when("INVITE ").Sub(sent))
	if from := d.header("From"); !strings.Contains(from, "sip:0912345678@") {
		t.Errorf("the telephone was told of a call from %q", from)
	}
	o.await("core show channels", "2 active channels")
	sound(t, pstn)
	if back := echoed(pstn, "159#"); back != "159#" {
		t.Errorf("of the digits 159# came back %q", back)
	}
	cleared := time.Now()
	pstn.do(hal.Op{Kind: hal.Clear}) // the battery goes for half a second
	pstn.see(hal.OnHook)
	d.end()
	soon(t, "from the loss of battery to the BYE", d.when("BYE ").Sub(cleared))
	o.await("core show channels", "0 active channels")
}

// A call from the SIP telephone over the line; it hangs up itself.
func TestCallToTheLine(t *testing.T) {
	o := openOffice(t)
	pstn := open(t, 1)
	d := dial(t, "0912345678", 5*time.Second)
	pstn.see(hal.OffHook)
	if got := digits(pstn, 10, 10*time.Second); got != "0912345678" {
		t.Errorf("the exchange was dialled %q", got)
	}
	o.await("core show channels", "2 active channels")
	sound(t, pstn)
	d.end()
	pstn.see(hal.OnHook)
	o.await("core show channels", "0 active channels")
}

// The office's telephone is lifted, hears dial tone, and calls the SIP telephone.
func TestCallFromTheTelephone(t *testing.T) {
	o := openOffice(t)
	phone := open(t, 6)
	d := desk(t)
	phone.do(hal.Op{Kind: hal.Seize})
	if !hears(phone, 350, 440) {
		t.Error("the telephone hears no dial tone")
	}
	press(phone, "100")
	o.await("core show channels", "2 active channels")
	sound(t, phone)
	if from := d.header("From"); !strings.Contains(from, `"Workshop" <sip:200@`) {
		t.Errorf("the SIP telephone was told of a call from %q", from)
	}
	phone.do(hal.Op{Kind: hal.Clear})
	d.end()
	o.await("core show channels", "0 active channels")
}

// The SIP telephone calls the office's telephone, which rings and shows who calls; the
// SIP telephone hangs up.
func TestCallToTheTelephone(t *testing.T) {
	o := openOffice(t)
	phone := open(t, 6)
	time.Sleep(2200 * time.Millisecond)
	d := dial(t, "200", 8*time.Second)
	phone.see(hal.RingBegin)
	heard := make(chan callerid.Message, 1)
	stop := make(chan struct{})
	go phone.exchange(hear(heard, stop))
	select {
	case m := <-heard:
		t.Logf("caller ID: %+v", m)
	case <-time.After(patience):
		t.Error("the telephone was told nothing of the caller")
	}
	close(stop)
	phone.do(hal.Op{Kind: hal.Answer})
	o.await("core show channels", "2 active channels")
	sound(t, phone)
	d.end()
	phone.see(hal.Cleared)
	phone.do(hal.Op{Kind: hal.Clear})
	o.await("core show channels", "0 active channels")
}

// The telephone flashes: the other side is held, and comes back with the next flash.
func TestFlash(t *testing.T) {
	o := openOffice(t)
	phone := open(t, 6)
	time.Sleep(2200 * time.Millisecond)
	d := dial(t, "200", 12*time.Second)
	phone.see(hal.RingBegin)
	phone.do(hal.Op{Kind: hal.Answer})
	o.await("core show channels", "2 active channels")
	time.Sleep(time.Second)
	for round := range 2 {
		phone.do(hal.Op{Kind: hal.Flash, Length: 400 * time.Millisecond})
		time.Sleep(time.Second)
		if held := round == 0; hears(phone, 300) != held { // recall tone, as in Taiwan
			t.Errorf("after flash %d: that there is a recall tone is not %v", round+1, held)
		}
	}
	sound(t, phone)
	d.end()
	phone.see(hal.Cleared)
	phone.do(hal.Op{Kind: hal.Clear})
	o.await("core show channels", "0 active channels")
}

// The office's telephone calls out over the line, and the exchange hangs up.
func TestTelephoneToLine(t *testing.T) {
	o := openOffice(t)
	pstn, phone := open(t, 1), open(t, 6)
	phone.do(hal.Op{Kind: hal.Seize})
	if !hears(phone, 350, 440) {
		t.Error("the telephone hears no dial tone")
	}
	press(phone, "0912345678")
	pstn.see(hal.OffHook)
	if got := digits(pstn, 10, 10*time.Second); got != "0912345678" {
		t.Errorf("the exchange was dialled %q", got)
	}
	o.await("core show channels", "2 active channels")
	time.Sleep(time.Second)
	for _, way := range []struct{ from, to *port }{{pstn, phone}, {phone, pstn}} {
		got := make(chan string)
		go func() { got <- digits(way.to, 3, 4*time.Second) }()
		press(way.from, "147")
		if heard := <-got; heard != "147" {
			t.Errorf("from %s to %s: heard %q", way.from.name, way.to.name, heard)
		}
	}
	pstn.do(hal.Op{Kind: hal.Clear})
	phone.see(hal.Cleared)
	phone.do(hal.Op{Kind: hal.Clear})
	o.await("core show channels", "0 active channels")
}

// The lists of the console know the ports.
func TestConsole(t *testing.T) {
	o := openOffice(t)
	for command, want := range map[string]string{
		"dahdi show channels": "pstn",
		"dahdi show status":   "Dynamic 'loc' span at '1:0'",
		"dahdi show version":  "MG2",
		"line show":           "DAHDI/5",
	} {
		t.Logf("%s\n%s", command, o.await(command, want))
	}
}

// sound sends a chirp into a line and waits until the telephone at the other end of the
// call has sent it back: twice 100 ms from line to SIP and a little are the most.
func sound(t *testing.T, p *port) {
	t.Helper()
	const begin, frames = 25, 100
	chirp := make([]int16, 5*hal.FrameSize)
	for i := range chirp {
		at := float64(i) / hal.Rate
		chirp[i] = int16(6000 * math.Sin(2*math.Pi*(600+9000*at)*at)) // 600 to 2400 Hz
	}
	var all []int16
	n := 0
	p.exchange(func(heard, said *hal.Frame) bool {
		all = append(all, heard[:]...)
		if n >= begin && n < begin+len(chirp)/hal.FrameSize {
			copy(said[:], chirp[(n-begin)*hal.FrameSize:])
		}
		n++
		return n < frames
	})
	best, at := 0.0, 0
	for i := begin * hal.FrameSize; i+len(chirp) <= len(all); i++ {
		if like := likeness(all[i:i+len(chirp)], chirp); like > best {
			best, at = like, i
		}
	}
	delay := time.Duration(at-begin*hal.FrameSize) * time.Second / hal.Rate
	t.Logf("%s: speech came back after %v, likeness %.2f", p.name, delay, best)
	if best < 0.8 || delay > 250*time.Millisecond {
		t.Errorf("%s: what was said came back after %v with likeness %.2f", p.name, delay, best)
	}
}

// likeness is the correlation of two sounds, 1 when one is the other made louder.
func likeness(a, b []int16) float64 {
	var ab, aa, bb float64
	for i, v := range a {
		x, y := float64(v), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if aa < float64(len(a))*100*100 { // nothing but noise
		return 0
	}
	return math.Abs(ab) / math.Sqrt(aa*bb)
}

// digits listens for as many digits.
func digits(p *port, count int, limit time.Duration) string {
	var got []byte
	d := dtmf.NewDetector()
	frames := int(limit / (20 * time.Millisecond))
	p.exchange(func(in, _ *hal.Frame) bool {
		if c := d.Hear(in[:]); c.Ended != 0 {
			got = append(got, c.Ended)
		}
		frames--
		return len(got) < count && frames > 0
	})
	return string(got)
}

// echoed sends digits and listens for them coming back.
func echoed(p *port, row string) string {
	var s dtmf.Sender
	s.Start(row, dtmf.Form{})
	d := dtmf.NewDetector()
	var got []byte
	left := 150 // frames
	p.exchange(func(in, said *hal.Frame) bool {
		s.Fill(said[:])
		if c := d.Hear(in[:]); c.Ended != 0 {
			got = append(got, c.Ended)
		}
		left--
		return left > 0
	})
	return string(got)
}

// press dials on a telephone.
func press(p *port, row string) {
	var s dtmf.Sender
	s.Start(row, dtmf.Form{})
	p.exchange(func(_, said *hal.Frame) bool {
		s.Fill(said[:])
		return !s.Done()
	})
}

// hears listens for a tone of some frequencies, for two seconds.
func hears(p *port, tone ...float64) bool {
	frames, loud := 0, 0
	p.exchange(func(in, _ *hal.Frame) bool {
		if !slices.ContainsFunc(tone, func(hz float64) bool { return amplitude(in, hz) < 300 }) {
			loud++
		}
		frames++
		return frames < 100 && loud < 20
	})
	return loud >= 20
}

// amplitude is that of a frequency in a frame.
func amplitude(f *hal.Frame, hz float64) float64 {
	w := 2 * math.Cos(2*math.Pi*hz/hal.Rate)
	var a, b float64
	for _, v := range f {
		a, b = float64(v)+w*a-b, a
	}
	return 2 * math.Sqrt(a*a+b*b-w*a*b) / hal.FrameSize
}
