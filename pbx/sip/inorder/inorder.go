// Package inorder serves the requests within a dialog in the order of their CSeq
// (RFC 3261 12.2.2), although messages sent in a burst overtake each other on the
// way. It belongs to the goroutine of its clock.
package inorder

import (
	"sort"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/desk"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/link"
)

const (
	// gapWait is how long a request with a CSeq beyond the next one waits for those
	// it overtook.
	gapWait = 100 * time.Millisecond
	// maxWaiting bounds how many do so at a time.
	maxWaiting = 16
)

// A Line is the requests of one session, those that wait among them.
type Line struct {
	Clock  *desk.Clock
	Serve  func(d *dialog.Dialog, req *sip.Request, tx link.ServerTx)
	Refuse func(req *sip.Request, tx link.ServerTx, status int)
	Over   func() bool // the session is: nothing is served any more

	waiting []asked
	patient desk.Alarm
}

type asked struct {
	req *sip.Request
	tx  link.ServerTx
}

// Take serves a request of d in its turn, or refuses it.
func (l *Line) Take(d *dialog.Dialog, req *sip.Request, tx link.ServerTx) {
	switch d.OrderOf(req) {
	case dialog.Next:
		l.Serve(d, req, tx)
		l.overtaken(d, false)
	case dialog.Gap:
		if len(l.waiting) >= maxWaiting {
			l.Refuse(req, tx, 500)
			return
		}
		l.waiting = append(l.waiting, asked{req, tx})
		if len(l.waiting) == 1 {
			l.Clock.Set(&l.patient, gapWait, func() { l.overtaken(d, true) })
		}
	case dialog.Stale: // 12.2.2
		l.Refuse(req, tx, 500)
	}
}

// overtaken serves what waited, in order: as far as it now follows on, or all of
// it once the wait is over.
func (l *Line) overtaken(d *dialog.Dialog, all bool) {
	order := func(a, b asked) int {
		return int(int64(a.req.CSeq().SeqNo) - int64(b.req.CSeq().SeqNo))
	}
	sort.Slice(l.waiting, func(i, j int) bool { return order(l.waiting[i], l.waiting[j]) < 0 })
	for len(l.waiting) > 0 && !l.Over() {
		a := l.waiting[0]
		order := d.OrderOf(a.req)
		if order == dialog.Gap && !all {
			return
		}
		l.waiting = l.waiting[1:]
		if order == dialog.Stale {
			l.Refuse(a.req, a.tx, 500)
			continue
		}
		l.Serve(d, a.req, a.tx)
	}
	if len(l.waiting) == 0 {
		l.Clock.Stop(&l.patient)
	}
}

// Drop refuses what still waits when the session ends.
func (l *Line) Drop() {
	for _, a := range l.waiting {
		l.Refuse(a.req, a.tx, 481)
	}
	l.waiting = nil
}
