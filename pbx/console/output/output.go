// Package output is the daemon's voice: log records, verbose lines and traces on their way
// to every place where somebody reads them.
package output

import (
	"context"
	"fmt"
	"io"
	"maps"
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
	screens map[*Screen]struct{}
}

// Levels are the log levels by number, as `logger show levels` lists them.
var Levels = [...]string{"DEBUG", "TRACE", "NOTICE", "WARNING", "ERROR", "VERBOSE", "DTMF"}

// Backlog is how many octets of lines may wait for a console before further ones are left
// out. It bounds the memory of a console whose user pressed Ctrl-S and went home.
const Backlog = 256 << 10

// A Screen is one place where lines appear. After Verbose or Muted was changed, Retune.
type Screen struct {
	Name    string             // as `logger show channels` lists it
	Put     func(lines string) // complete lines; must not block
	Verbose atomic.Int32
	Muted   atomic.Bool
	Plain   bool // a log of its own: no time, no source position
	Times   bool // verbose lines with the time
	File    bool // not a console, though its lines look the same
	// Hidden is what `logger set level` switched off, a bit for each entry of
	// Levels.
	Hidden atomic.Uint32
}

// Hides reports whether lines of a level do not appear.
func (s *Screen) Hides(level string) bool {
	i := slices.Index(Levels[:], level)
	return i >= 0 && s.Hidden.Load()&(1<<i) != 0
}

type screenKey struct{}

// With says in the context of a command which screen it was given at.
func With(ctx context.Context, s *Screen) context.Context {
	return context.WithValue(ctx, screenKey{}, s)
}

// Of is the screen of the console that gave the command, nil if it came from elsewhere.
func Of(ctx context.Context) *Screen {
	s, _ := ctx.Value(screenKey{}).(*Screen)
	return s
}

// New gives an Output that nobody hears yet.
func New() *Output { return &Output{screens: map[*Screen]struct{}{}} }

// Attach sends log lines, and verbose lines up to the given level, to w in the
// plain form for a journal: no time, no source position. Call detach to stop.
// Writes to w are made by whoever speaks.
func (o *Output) Attach(name string, w io.Writer, verbose int) (detach func()) {
	s := ToWriter(name, w, verbose)
	o.Add(s)
	return func() { o.Remove(s) }
}

// ToWriter is a plain screen that is written to w by whoever speaks.
func ToWriter(name string, w io.Writer, verbose int) *Screen {
	var one sync.Mutex
	s := &Screen{Name: name, Plain: true, Put: func(lines string) {
		one.Lock()
		defer one.Unlock()
		// A journal that is gone must not take the exchange with it.
		_, _ = io.WriteString(w, lines)
	}}
	s.Verbose.Store(int32(verbose))
	return s
}

// Add makes s one of those who hear.
func (o *Output) Add(s *Screen) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.screens[s] = struct{}{}
	o.listen()
}

// Remove takes it back.
func (o *Output) Remove(s *Screen) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.screens, s)
	o.listen()
}

// Retune is called after the verbosity or the muting of a screen was changed.
func (o *Output) Retune() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.listen()
}

// Screens are those who hear at present.
func (o *Output) Screens() []*Screen {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return slices.Collect(maps.Keys(o.screens))
}

func (o *Output) listen() {
	var loudest int32
	for s := range o.screens {
		if !s.Muted.Load() {
			loudest = max(loudest, s.Verbose.Load())
		}
	}
	o.loudest.Store(loudest)
}

// each runs show for every screen that is not muted.
func (o *Output) each(show func(*Screen)) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for s := range o.screens {
		if !s.Muted.Load() {
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
	o.each(func(s *Screen) {
		switch {
		case int(s.Verbose.Load()) < level, s.Hides("VERBOSE"):
		case s.Times:
			if timed == "" {
				timed = indent("["+stamp(time.Now())+"] "+verbosePrefix(level), text)
			}
			s.Put(timed)
		default:
			if bare == "" {
				bare = indent(verbosePrefix(level), text)
			}
			s.Put(bare)
		}
	})
}

// Say shows text on every console whatever its verbosity: message traces that
// somebody asked for.
func (o *Output) Say(text string) {
	lines := indent("", text)
	o.each(func(s *Screen) { s.Put(lines) })
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
