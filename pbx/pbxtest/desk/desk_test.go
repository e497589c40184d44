package desk_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"branchline/media/plane/planetest"
	"branchline/pbx/pbxtest"
	"branchline/pbx/pbxtest/desk"
)

// One phone calls another, and each hears the other.
func TestTwoPhones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plane := planetest.New()
		defer plane.Close()
		o := pbxtest.Open(t, "[office]\nexten => b,1,Dial(PJSIP/b)\n")
		d := desk.New(o.Exchange, plane)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		a, err := d.Phone("a").Dial(ctx, "office", "b")
		if err != nil {
			t.Fatal(err)
		}
		b, err := d.Phone("b").Called(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if b.Caller.Number != "a" {
			t.Errorf("the display shows %q", b.Caller.Number)
		}
		b.PickUp()
		for _, what := range []string{"ringing", "answered"} {
			if err := a.Await(ctx, what); err != nil {
				t.Error(err)
			}
		}
		for _, way := range [][2]*desk.Call{{a, b}, {b, a}} {
			way[0].Say(func(frame []int16) { frame[7] = 8000 })
			heard := make(chan []int16, 1000)
			way[1].Hear(func(frame []int16) { heard <- slices.Clone(frame) })
			time.Sleep(100 * time.Millisecond)
			way[1].Hear(nil)
			synctest.Wait()
			if n := len(heard); n < 4 || n > 5 {
				t.Errorf("%d frames in 100 ms", n)
			}
			for f := (<-heard); len(heard) > 0; f = <-heard {
				if f[7] < 7000 || f[8] != 0 {
					t.Error("the frame is not what was said")
				}
			}
			way[0].Say(nil)
		}
		b.HangUp(16)
		if err := a.Await(ctx, "hung up 16"); err != nil {
			t.Error(err)
		}
		o.Close()
	})
}
