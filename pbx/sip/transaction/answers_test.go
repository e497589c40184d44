package transaction

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestAnswers: what is answered is found again until it is due, however many
// there are, and the bounds hold.
func TestAnswers(t *testing.T) {
	response := []byte("SIP/2.0 200 OK\r\n" + strings.Repeat("x", 400))
	for _, c := range []struct {
		name          string
		limit, octets int
		added         int
		kept          func(n int) bool
	}{
		{"all", 16384, 2 << 20, 1000, func(n int) bool { return n == 1000 }},
		{"too many", 100, 2 << 20, 1000, func(n int) bool { return n == 100 }},
		{"too long", 16384, 2 << 20, 10000, func(n int) bool { return n > 4000 && n < 5000 }},
		{"less than a block", 16384, 1, 1000, func(n int) bool { return n > 0 && n <= block/len(response) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := answers{limit: c.limit, octets: c.octets, life: 32 * time.Second, began: time.Now()}
				for i := range c.added {
					a.add(fmt.Sprint("key", i), fmt.Append(nil, i, string(response)), uint16(i))
					time.Sleep(time.Millisecond)
				}
				kept := 0
				for i := range c.added {
					b, port, ok := a.find(fmt.Sprint("key", i))
					if !ok {
						if kept > 0 {
							t.Fatalf("%d is lost, an older one is not", i)
						}
						continue
					}
					kept++
					if want := fmt.Sprint(i) + string(response); string(b) != want || port != uint16(i) {
						t.Fatalf("%d: %d octets, port %d", i, len(b), port)
					}
				}
				if !c.kept(kept) || kept != a.n || len(a.index) != kept {
					t.Errorf("%d kept, %d counted, %d in the index", kept, a.n, len(a.index))
				}
				if _, _, ok := a.find("another"); ok {
					t.Error("found what was never there")
				}
				time.Sleep(a.expire())
				a.expire()
				if _, _, ok := a.find(fmt.Sprint("key", c.added-kept)); ok {
					t.Error("the oldest outlived its time")
				}
				time.Sleep(32 * time.Second)
				if wait := a.expire(); wait != 0 || a.n != 0 || a.blocks != nil || len(a.index) != 0 {
					t.Errorf("%d left, next in %v, %d blocks", a.n, wait, len(a.blocks))
				}
				a.add("again", response, 1)
				if _, _, ok := a.find("again"); !ok {
					t.Error("empty once, empty for ever")
				}
			})
		})
	}
}
