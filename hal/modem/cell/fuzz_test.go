package cell

import (
	"io"
	"log/slog"
	"strings"
	"testing"

	"branchline/hal"
	"branchline/hal/modem/at"
	"branchline/hal/modem/duplex"
)

type mute struct{}

func (mute) Read([]byte) (int, error)    { return 0, io.EOF }
func (mute) Write(b []byte) (int, error) { return len(b), nil }
func (mute) Close() error                { return nil }

// FuzzNews lets a module say anything unasked, in any state of a call.
func FuzzNews(f *testing.F) {
	for _, s := range []string{
		"+CRING: VOICE\n+CLIP: \"0912345678\",129,,,,0", "+QIND: \"ccinfo\",1,1,4,0,0,\"+886912345678\",145\n+QIND: \"ccinfo\",1,1,-1,0,0,\"\",129",
		"+CLCC: 1,0,3,0,0,\"123\",129\n+CLCC: 1,0,0,0,0,\"123\",129\nVOICE CALL: BEGIN\nVOICE CALL: END: 000010\nNO CARRIER",
		"+CREG: 1,\"1A2B\",\"01C3D4E5\",7\n+CEREG: 0\n+CREG: 2,5", "+QTONEDET: 53\n+RXDTMF: #\n+DTMF: \"1\"",
		"+CMTI: \"ME\",3", "+CMT: ,24\v07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37",
		"+CDS: 25\v00062A0A819021436587621122206250236211222072502300", "RDY", "+CLIP:", "+CLIP: ,,,,,", "+CLCC: 1,1,5,0,0", "BUSY", "RING",
	} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, script string, calling bool) {
		l := &Line{o: Options{Log: slog.New(slog.DiscardHandler)}, box: hal.NewOutbox(), clock: duplex.NewClock(), data: mute{}, sound: mute{},
			gone: make(chan struct{}), turn: make(chan struct{}, 1), wake: make(chan struct{}, 1), up: true}
		l.engine = at.New(mute{}, at.Options{})
		l.profile = profiles()[0]
		if calling {
			l.call = &call{index: 1, path: duplex.NewPath(l.clock)}
		}
		for line := range strings.SplitSeq(script, "\n") {
			line, next, _ := strings.Cut(line, "\v")
			l.news(line, next)
		}
		l.mu.Lock()
		if l.ringing != nil {
			l.ringing.Stop()
		}
		l.mu.Unlock()
		l.box.End()
		for e := range l.box.Events() {
			if e.Kind == hal.Digit && strings.IndexByte("0123456789*#ABCD", e.Digit) < 0 {
				t.Fatalf("digit %q", e.Digit)
			}
		}
	})
}
