package orders_test

import (
	"slices"
	"sync"
	"testing"

	"branchline/pbx/line/orders"
)

// TestInOrder: nothing is lost or overtaken, whoever adds, and what is added while
// orders are carried out comes after them.
func TestInOrder(t *testing.T) {
	const each = 1000
	q := orders.New[*[]int]()
	var running sync.WaitGroup
	for who := range 3 {
		running.Go(func() {
			for n := range each {
				q.Add(func(done *[]int) { *done = append(*done, who*each+n) })
			}
		})
	}
	q.Add(func(*[]int) { q.Add(func(done *[]int) { *done = append(*done, -1) }) })
	var done []int
	for len(done) < 3*each+1 {
		<-q.Ready()
		q.Obey(&done)
	}
	running.Wait()
	for who := range 3 {
		var mine []int
		for _, n := range done {
			if n >= who*each && n < (who+1)*each {
				mine = append(mine, n)
			}
		}
		if len(mine) != each || !slices.IsSorted(mine) {
			t.Errorf("%d: %d orders, sorted %v", who, len(mine), slices.IsSorted(mine))
		}
	}
	if !slices.Contains(done, -1) {
		t.Error("an order given by an order was lost")
	}
}
