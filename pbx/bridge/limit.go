package bridge

import (
	"context"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/prompt"
)

// A Limit ends a bridge after some time, with warnings before; zero is none.
type Limit struct {
	Max        time.Duration
	Warn       time.Duration // this long before the end
	Repeat     time.Duration // and again every so often
	PlayCaller bool          // who hears the warning
	PlayCallee bool
	WarnFile   string // the warning; "" is "beep"
	EndFile    string // played to both at the end; may be ""
}

type limit struct {
	Limit
	end, warn time.Time
}

func (l Limit) start(now time.Time) limit {
	out := limit{Limit: l}
	if l.Max > 0 {
		out.end = now.Add(l.Max)
		if l.Warn > 0 && l.Warn < l.Max {
			out.warn = out.end.Add(-l.Warn)
		}
	}
	return out
}

// active: the exchange has to speak to the parties, so their media must pass it.
func (l *limit) active() bool { return !l.warn.IsZero() }

func (l *limit) next() time.Time {
	if !l.warn.IsZero() {
		return l.warn
	}
	return l.end
}

// due does what is to be done at now.
func (l *limit) due(ctx context.Context, t *talk, now time.Time) {
	if !l.warn.IsZero() && !now.Before(l.warn) {
		l.warn = time.Time{}
		if w := now.Add(l.Repeat); l.Repeat > 0 && w.Before(l.end) {
			l.warn = w
		}
		t.announce(l.PlayCaller, l.PlayCallee, l.WarnFile)
	}
	if l.end.IsZero() || now.Before(l.end) {
		return
	}
	if l.EndFile != "" {
		t.lastWords(ctx, l.EndFile)
	}
	t.end(Result{Outcome: LimitReached})
}

// announce plays a prompt to the parties while they may go on talking.
func (t *talk) announce(caller, callee bool, file string) {
	if file == "" {
		file = "beep"
	}
	for _, p := range [...]struct {
		on bool
		c  *channel.Channel
	}{{caller, t.a.c}, {callee, t.b.c}} {
		if !p.on {
			continue
		}
		src, missing := t.Booth.Open(p.c.Language, []string{file})
		if src == nil {
			t.Log.Warn("time limit: no such prompt", "call", p.c.Name, "files", missing)
			continue
		}
		prompt.Begin(p.c, src)
	}
}

// lastWords plays a prompt to the caller before both are parted.
func (t *talk) lastWords(ctx context.Context, file string) {
	_, missing, err := t.Booth.Files(ctx, t.a.c, t.a.c, []string{file}, func(e channel.Event) bool {
		return e.Kind == channel.Gone
	})
	if len(missing) > 0 || err != nil {
		t.Log.Warn("time limit: last words", "call", t.a.c.Name, "missing", missing, "error", err)
	}
}
