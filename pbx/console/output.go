package console

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// An Output is the daemon's voice. Log records, verbose lines and traces go in;
// every console, and whatever was attached, hears them according to its own
// verbosity. Speaking never waits for a listener that is slow.
type Output struct {
	loudest atomic.Int32 // highest verbosity among the screens
	debug   atomic.Int32

	mu      sync.RWMutex
	screens map[*screen]struct{}
}

// A screen is one place where lines appear.
type screen struct {
	name    string             // as `logger show channels` lists it
	put     func(lines string) // complete lines; must not block
	verbose atomic.Int32
	muted   atomic.Bool
	plain   bool // a log of its own: no time, no source position
	times   bool // verbose lines with the time
	file    bool // not a console, though its lines look the same
	// hidden is what `logger set level` switched off, a bit for each entry of
	// levelNames.
	hidden atomic.Uint32
}

func (s *screen) hides(level string) bool {
	i := slices.Index(levelNames, level)
	return i >= 0 && s.hidden.Load()&(1<<i) != 0
}

// NewOutput gives an Output that nobody hears yet.
func NewOutput() *Output { return &Output{screens: map[*screen]struct{}{}} }

// Attach sends log lines, and verbose lines up to the given level, to w in the
// plain form for a journal: no time, no source position. Call detach to stop.
// Writes to w are made by whoever speaks.
func (o *Output) Attach(name string, w io.Writer, verbose int) (detach func()) {
	s := writerScreen(name, w, verbose)
	o.attach(s)
	return func() { o.detach(s) }
}

func writerScreen(name string, w io.Writer, verbose int) *screen {
	var one sync.Mutex
	s := &screen{name: name, plain: true, put: func(lines string) {
		one.Lock()
		defer one.Unlock()
		// A journal that is gone must not take the exchange with it.
		_, _ = io.WriteString(w, lines)
	}}
	s.verbose.Store(int32(verbose))
	return s
}

func (o *Output) attach(s *screen) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.screens[s] = struct{}{}
	o.listen()
}

func (o *Output) detach(s *screen) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.screens, s)
	o.listen()
}

// retune is called after the verbosity or the muting of a screen was changed.
func (o *Output) retune() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.listen()
}

func (o *Output) listen() {
	var loudest int32
	for s := range o.screens {
		if !s.muted.Load() {
			loudest = max(loudest, s.verbose.Load())
		}
	}
	o.loudest.Store(loudest)
}

// each runs show for every screen that is not muted.
func (o *Output) each(show func(*screen)) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for s := range o.screens {
		if !s.muted.Load() {
			show(s)
		}
	}
}

// Level is the highest verbosity of any listener, 0 when nobody listens: a
// caller may save the work of making a line that nobody would see.
func (o *Output) Level() int { return int(o.loudest.Load()) }

// Verbose shows a line on every console whose verbosity is at least level (1
// and up). It costs one atomic load when there is none.
func (o *Output) Verbose(level int, format string, args ...any) {
	if level <= o.Level() {
		o.Trace(level, fmt.Sprintf(format, args...))
	}
}

// Trace is Verbose for a ready text.
func (o *Output) Trace(level int, text string) {
	if level > o.Level() {
		return
	}
	var bare, timed string // made when the first screen wants them
	o.each(func(s *screen) {
		switch {
		case int(s.verbose.Load()) < level, s.hides("VERBOSE"):
		case s.times:
			if timed == "" {
				timed = indent("["+stamp(time.Now())+"] "+verbosePrefix(level), text)
			}
			s.put(timed)
		default:
			if bare == "" {
				bare = indent(verbosePrefix(level), text)
			}
			s.put(bare)
		}
	})
}

// Say shows text on every console whatever its verbosity: message traces that
// somebody asked for.
func (o *Output) Say(text string) {
	lines := indent("", text)
	o.each(func(s *screen) { s.put(lines) })
}

// SetDebug sets the level of debug messages, 0 for none, and gives the old one.
func (o *Output) SetDebug(level int) (was int) { return int(o.debug.Swap(int32(level))) }

// Debug is the level of debug messages, 0 when there are none.
func (o *Output) Debug() int { return int(o.debug.Load()) }

// verbosePrefix is the indentation by which a reader tells the levels apart.
func verbosePrefix(level int) string {
	switch {
	case level <= 1:
		return " "
	case level == 2:
		return "  == "
	case level == 3:
		return "    -- "
	default:
		return "       > "
	}
}

// indent makes complete lines of text, each with the prefix.
func indent(prefix, text string) string {
	text = strings.TrimSuffix(text, "\n")
	if prefix != "" {
		text = prefix + strings.ReplaceAll(text, "\n", "\n"+prefix)
	}
	return text + "\n"
}
