package voice

import (
	"log/slog"
	"strings"
	"testing"

	"branchline/hal"
	"branchline/hal/modem/duplex"
)

// FuzzNews lets a modem say anything unasked, as lines and behind DLE.
func FuzzNews(f *testing.F) {
	for _, s := range []string{
		"RING\nDATE = 1122\nTIME = 2026\nNMBR = 0912345678\nNAME = WANG", "RING\nNMBR=P\nNAME=P", "DATE=0229\nTIME=2460\nNMBR=", "NAME=x\nNMBR=O", "NO CARRIER\nRING",
	} {
		f.Add(s, "RRbbdrcaeflL/5~0")
	}
	f.Fuzz(func(t *testing.T, lines, codes string) {
		l := &Line{o: Options{Digits: true, Log: slog.New(slog.DiscardHandler)}, box: hal.NewOutbox(), clock: duplex.NewClock()}
		for line := range strings.SplitSeq(lines, "\n") {
			l.news(line, "")
		}
		l.path = duplex.NewPath(l.clock)
		for _, c := range []byte(codes) {
			l.code(c)
		}
		l.caller.stop()
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
			if e.Kind == hal.CallerID && e.Caller.Number != "" && (e.Caller.Withheld || e.Caller.Unavailable) && !strings.Contains(lines, "\nNMBR") {
				t.Fatalf("%+v", e.Caller)
			}
		}
	})
}

// FuzzFormats reads what a modem says of its formats.
func FuzzFormats(f *testing.F) {
	f.Add("+VSM: 131,Mu-Law,8,0,8000,0,0\n132,\"A-Law\",8,0,(7200,8000),0,0")
	f.Fuzz(func(t *testing.T, lines string) {
		chosen := choose(strings.Split(lines, "\n"))
		if chosen == nil {
			return
		}
		for c := range 256 {
			if got := chosen.encode(chosen.decode[c]); chosen.decode[got] != chosen.decode[c] {
				t.Fatalf("%s: %d is %d is %d", chosen.label, c, chosen.decode[c], got)
			}
		}
	})
}
