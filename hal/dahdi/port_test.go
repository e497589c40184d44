package dahdi_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"branchline/hal"
	"branchline/hal/dahdi"
)

// port is an open line in a test.
type port struct {
	hal.Line
	t    *testing.T
	name string
}

func open(t *testing.T, d *dahdi.Driver, channel int) *port {
	t.Helper()
	l, err := d.Open(context.Background(), strconv.Itoa(channel))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &port{l, t, l.Info().Kind.String() + " " + l.Info().Name}
}

// patience is in the time of the test.
const patience = 15 * time.Second

// see waits for events, all of them and nothing else.
func (p *port) see(kinds ...hal.EventKind) (last hal.Event) {
	p.t.Helper()
	for _, want := range kinds {
		select {
		case e, ok := <-p.Events():
			p.t.Logf("%s: %v at %d", p.name, e.Kind, e.At)
			if !ok || e.Kind != want {
				p.t.Fatalf("%s: %v (%v), want %v", p.name, e.Kind, ok, want)
			}
			last = e
		case <-time.After(patience):
			p.t.Fatalf("%s: no %v", p.name, want)
		}
	}
	return last
}

func (p *port) do(op hal.Op) {
	p.t.Helper()
	p.t.Logf("%s: do %v", p.name, op.Kind)
	if err := p.Do(context.Background(), op); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// carry sends frames from one port to the other, checks that each sample arrives in
// order, and returns when frames of them have.
func carry(t *testing.T, from, to *port, frames int) {
	t.Helper()
	a, err := from.Audio()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := to.Audio()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := to.Audio(); err != hal.ErrBusy {
		t.Errorf("a second audio: %v", err)
	}
	var sending sync.WaitGroup
	defer sending.Wait()
	defer a.Close()
	sending.Go(func() {
		var in, out hal.Frame
		for n := 0; a.Read(&in) == nil; n++ {
			for i := range out {
				out[i] = symbol(n*hal.FrameSize + i)
			}
			if a.Write(&out) != nil {
				return
			}
		}
	})
	var in, silence hal.Frame
	next, got, faults, gaps := -1, 0, 0, 0
	for got < frames*hal.FrameSize {
		if err := b.Read(&in); err != nil {
			t.Fatal(err)
		}
		if err := b.Write(&silence); err != nil {
			t.Fatal(err)
		}
		for i, v := range in {
			switch {
			case v == 0:
				if next >= 0 && (i == 0 || in[i-1] != 0) {
					gaps++
				}
			case next >= 0 && v != symbol(next):
				faults++
				fallthrough
			case next < 0:
				next = place(v)
				fallthrough
			default:
				next, got = next+1, got+1
			}
		}
	}
	t.Logf("%s to %s: %d samples, %d faults, %d gaps; sender %+v, receiver %+v", from.name, to.name, got, faults, gaps, a.Stats(), b.Stats())
	if faults > 0 || b.Stats().Overruns > 0 {
		t.Errorf("%s to %s: %d blocks were lost", from.name, to.name, faults)
	}
}

// symbols is how many different samples there are in what carry sends: a prime number,
// so that no block can be missing without being noticed.
const symbols = 101

// symbol is a sample that u-law carries unchanged, never zero.
func symbol(n int) int16 {
	code := 1 + n%symbols
	return int16((code&0xF<<3+0x84)<<(code>>4) - 0x84)
}

func place(v int16) int {
	for n := range symbols {
		if symbol(n) == v {
			return n
		}
	}
	return 0
}
