package inorder

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/desk"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/link"
)

func TestOrder(t *testing.T) {
	for _, c := range []struct{ name, arrive, want string }{
		{"in order", "1 2 3", "1 2 3"},
		{"overtaken", "1 3 4 2", "1 2 3 4"},
		{"lost on the way", "1 4 3", "1 - 3 4"},
		{"twice", "1 2 2 3", "1 2 2:500 3"},
		{"left over", "1 3 !", "1 3:481"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := desk.NewInbox()
				d := &dialog.Dialog{}
				var got []string
				done := false
				l := &Line{
					Clock: &desk.Clock{In: in}, Over: func() bool { return done },
					Serve: func(d *dialog.Dialog, req *sip.Request, _ link.ServerTx) {
						d.Heard(req)
						got = append(got, fmt.Sprint(req.CSeq().SeqNo))
					},
					Refuse: func(req *sip.Request, _ link.ServerTx, status int) {
						got = append(got, fmt.Sprintf("%d:%d", req.CSeq().SeqNo, status))
					},
				}
				for w := range strings.FieldsSeq(c.arrive) {
					in.Put(func() {
						if w == "!" {
							l.Drop()
							return
						}
						req := sip.NewRequest(sip.INFO, sip.Uri{})
						var seq uint32
						if _, err := fmt.Sscan(w, &seq); err != nil {
							t.Fatal(err)
						}
						req.AppendHeader(&sip.CSeqHeader{SeqNo: seq, MethodName: sip.INFO})
						l.Take(d, req, nil)
					})
				}
				time.AfterFunc(gapWait/2, func() {
					in.Put(func() {
						if strings.Contains(c.want, "-") {
							got = append(got, "-")
						}
					})
				})
				time.AfterFunc(2*gapWait, func() { in.Put(func() { done = true }) })
				in.Work(func() bool { return done })
				if s := strings.Join(got, " "); s != c.want {
					t.Errorf("%s, want %s", s, c.want)
				}
			})
		})
	}
}

// No more than a few wait.
func TestBound(t *testing.T) {
	refused := 0
	in := desk.NewInbox()
	clock := desk.Clock{In: in}
	l := &Line{Clock: &clock, Refuse: func(*sip.Request, link.ServerTx, int) { refused++ }}
	d := &dialog.Dialog{RemoteSeq: 1, HeardSeq: true}
	for seq := range uint32(maxWaiting + 3) {
		req := sip.NewRequest(sip.INFO, sip.Uri{})
		req.AppendHeader(&sip.CSeqHeader{SeqNo: seq + 3, MethodName: sip.INFO})
		l.Take(d, req, nil)
	}
	if clock.StopAll(); refused != 3 {
		t.Errorf("%d refused", refused)
	}
}
