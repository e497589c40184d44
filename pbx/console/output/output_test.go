package output

import (
	"errors"
	"log/slog"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// paper is a screen that keeps what it was shown.
type paper struct {
	Screen
	mu   sync.Mutex
	text strings.Builder
}

func newPaper(out *Output, verbose int) *paper {
	p := &paper{}
	p.Screen.Verbose.Store(int32(verbose))
	p.Put = func(lines string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.text.WriteString(lines)
	}
	out.Add(&p.Screen)
	return p
}

func (p *paper) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func TestVerboseReachesThoseWhoWantIt(t *testing.T) {
	out := New()
	if out.Level() != 0 {
		t.Errorf("level %d with nobody there", out.Level())
	}
	out.Verbose(1, "lost")
	quiet, three, five := newPaper(out, 0), newPaper(out, 3), newPaper(out, 5)
	timed := newPaper(out, 1)
	timed.Times = true
	out.Verbose(1, "one %d", 1)
	if !regexp.MustCompile(`^\[... .\d \d\d:\d\d:\d\d\]  one 1\n$`).MatchString(timed.String()) {
		t.Errorf("with the time: %q", timed.String())
	}
	out.Remove(&timed.Screen)
	out.Verbose(2, "two")
	out.Trace(3, "Executing [1@default:1] NoOp")
	out.Trace(4, "four\nlines")
	out.Trace(6, "six")
	five.Muted.Store(true)
	out.Retune()
	if out.Level() != 3 {
		t.Errorf("level %d after muting", out.Level())
	}
	out.Verbose(5, "unseen")
	out.Say("trace\n\nof a message\n")
	out.Remove(&three.Screen)
	if out.Level() != 0 {
		t.Errorf("level %d in the end", out.Level())
	}
	said := "trace\n\nof a message\n"
	upTo3 := " one 1\n  == two\n    -- Executing [1@default:1] NoOp\n"
	for _, tt := range []struct {
		p    *paper
		want string
	}{{quiet, said}, {three, upTo3 + said}, {five, upTo3 + "       > four\n       > lines\n"}} {
		if got := tt.p.String(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestLogLines(t *testing.T) {
	out := New()
	console := newPaper(out, 0)
	var journal strings.Builder
	detach := out.Attach("stderr", &journal, 0)
	log := out.Logger().With("call", 7).WithGroup("sip")
	log.Error("no answer", "to", "sip:1001@198.51.100.1", "why", errors.New("timed out"))
	log.Info("registered", slog.Group("contact", "uri", "sip:x", "q", ""))
	log.Debug("unseen")
	out.SetDebug(1)
	log.Debug("seen")
	log.Log(t.Context(), slog.LevelDebug-1, "unseen")
	detach()
	log.Warn("late")
	want := `ERROR: no answer call=7 sip.to=sip:1001@198.51.100.1 sip.why="timed out"
NOTICE: registered call=7 sip.contact.uri=sip:x sip.contact.q=""
DEBUG: seen call=7
`
	if journal.String() != want {
		t.Errorf("journal:\n%s", journal.String())
	}
	first, _, _ := strings.Cut(console.String(), "\n")
	form := regexp.MustCompile(`^\[[A-Z][a-z][a-z] [ 0-9][0-9] \d\d:\d\d:\d\d\] ERROR\[` + strconv.Itoa(os.Getpid()) +
		`\]: output_test\.go:\d+ TestLogLines: no answer call=7 sip\.to=sip:1001@198\.51\.100\.1 sip\.why="timed out"$`)
	if !form.MatchString(first) {
		t.Errorf("console: %s", first)
	}
	if n := strings.Count(console.String(), "\n"); n != 4 {
		t.Errorf("%d console lines", n)
	}
}
