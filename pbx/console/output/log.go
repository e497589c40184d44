package output

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Logger gives a logger that speaks through the Output. On consoles its lines
// have Asterisk's form,
//
//	[Nov 22 15:16:14] WARNING[4711]: walk.go:33 run: no such label label=x
//
// in a journal just "WARNING: no such label label=x". slog's Error, Warn and
// Info are ERROR, WARNING and NOTICE. Debug needs a debug level of 1, each slog
// level below it one more.
func (o *Output) Logger() *slog.Logger { return slog.New(&scribe{out: o}) }

type scribe struct {
	out   *Output
	attrs string // " key=value" of WithAttrs
	group string // "name." of WithGroup
}

func (h *scribe) Enabled(_ context.Context, l slog.Level) bool {
	if l >= slog.LevelInfo {
		return true
	}
	return int(slog.LevelDebug-l)+1 <= h.out.Debug()
}

func (h *scribe) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	b.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		appendAttr(&b, h.group, a)
		return true
	})
	text, level := b.String(), levelName(r.Level)
	var console, journal string // made when the first screen wants them
	h.out.each(func(s *Screen) {
		if s.Hides(level) {
			return
		}
		if s.Plain {
			if journal == "" {
				journal = indent("", level+": "+text)
			}
			s.Put(journal)
			return
		}
		if console == "" {
			console = indent("", fmt.Sprintf("[%s] %s[%d]: %s%s", stamp(r.Time), level, os.Getpid(), source(r.PC), text))
		}
		s.Put(console)
	})
	return nil
}

func (h *scribe) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	b.WriteString(h.attrs)
	for _, a := range attrs {
		appendAttr(&b, h.group, a)
	}
	return &scribe{out: h.out, attrs: b.String(), group: h.group}
}

func (h *scribe) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &scribe{out: h.out, attrs: h.attrs, group: h.group + name + "."}
}

func appendAttr(b *strings.Builder, group string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			group += a.Key + "."
		}
		for _, inner := range v.Group() {
			appendAttr(b, group, inner)
		}
		return
	}
	if a.Key == "" {
		return
	}
	s := v.String()
	if s == "" || strings.ContainsAny(s, " \"=") || strings.ContainsFunc(s, unicode.IsControl) {
		s = strconv.Quote(s)
	}
	fmt.Fprintf(b, " %s%s=%s", group, a.Key, s)
}

func levelName(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARNING"
	case l >= slog.LevelInfo:
		return "NOTICE"
	default:
		return "DEBUG"
	}
}

func stamp(t time.Time) string { return t.Format("Jan _2 15:04:05") }

// source names the place that logged: "walk.go:33 run: ", "" if unknown.
func source(pc uintptr) string {
	if pc == 0 {
		return ""
	}
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	if f.File == "" {
		return ""
	}
	name := f.Function[strings.LastIndexByte(f.Function, '.')+1:]
	return fmt.Sprintf("%s:%d %s: ", path.Base(f.File), f.Line, name)
}
