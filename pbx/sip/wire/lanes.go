package wire

import (
	"fmt"
	"hash/maphash"
	"runtime"
	"runtime/debug"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/transaction"
)

// An arrival is a parsed message with the way it came.
type arrival struct {
	msg sip.Message
	transaction.Origin
}

// startLanes starts as many lanes as there are processors, at most four: the
// exchange behind them is never the bottleneck of an office.
func (w *Wire) startLanes() {
	w.lanes = make([]chan *arrival, min(4, runtime.GOMAXPROCS(0)))
	for i := range w.lanes {
		lane := make(chan *arrival, w.c.Limits.Queue)
		w.lanes[i] = lane
		w.wait.Add(1)
		go func() {
			defer w.wait.Done()
			for {
				select {
				case <-w.done:
					return
				case a := <-lane:
					w.deliver(*a)
				}
			}
		}()
	}
}

var laneSeed = maphash.MakeSeed()

// dispatch puts a message into its Call-ID's lane. When the lane is full, what
// would begin something new is answered 503 at once; all else waits, which lets
// the kernel's buffer (or TCP's window) hold back the sender.
func (w *Wire) dispatch(a arrival) {
	lane := w.lanes[0]
	if id := a.msg.CallID(); id != nil && len(w.lanes) > 1 {
		lane = w.lanes[maphash.String(laneSeed, id.Value())%uint64(len(w.lanes))]
	}
	select {
	case lane <- &a:
		return
	default:
	}
	if r, ok := a.msg.(*sip.Request); ok && transaction.Begins(r) {
		w.layer.Overloaded(r, a.Origin)
		return
	}
	select {
	case lane <- &a:
	case <-w.done:
	}
}

// deliver is the boundary that a panic does not cross: one message of a hostile
// sender must not end everybody's calls.
func (w *Wire) deliver(a arrival) {
	defer func() {
		if p := recover(); p != nil {
			w.counts.Panics.Add(1)
			w.c.Log.Error("message dropped after a panic", "transport", w.String(), "source", a.From,
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	switch m := a.msg.(type) {
	case *sip.Request:
		w.layer.Request(m, a.Origin)
	case *sip.Response:
		m.SetSource(a.From.String())
		w.layer.Response(m)
	}
}

// note logs an error that nobody else will hear of.
func (w *Wire) note(err error, doing string) {
	if err != nil {
		w.c.Log.Debug(doing, "transport", w.String(), "error", err)
	}
}
