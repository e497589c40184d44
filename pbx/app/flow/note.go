package flow

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"branchline/pbx/app/form"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan/argument"
)

// set is Set(name=value); everything after the first = is the value.
func (a *calls) set(ctx context.Context, c *channel.Channel, args string) error {
	name, value, ok := cutAssignment(args)
	if !ok {
		a.System.Warn(c, "Set: no = given", "argument", args)
		return nil
	}
	a.assign(ctx, c, name, value)
	return nil
}

// cutAssignment cuts at the first = that is not inside a function's parentheses.
func cutAssignment(s string) (name, value string, ok bool) {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		case '=':
			if depth <= 0 {
				return strings.TrimSpace(s[:i]), s[i+1:], true
			}
		}
	}
	return strings.Cut(s, "=")
}

func (a *calls) assign(ctx context.Context, c *channel.Channel, name, value string) {
	if err := a.System.Assign(ctx, c, name, value); err != nil {
		a.System.Warn(c, "Set", "error", err)
	}
}

// mset is MSet(a=1,b=2...).
func (a *calls) mset(ctx context.Context, c *channel.Channel, args string) error {
	for _, p := range argument.Split(args, 0) {
		name, value, ok := cutAssignment(p)
		if !ok {
			a.System.Warn(c, "MSet: no = given", "argument", p)
			continue
		}
		a.assign(ctx, c, name, value)
	}
	return nil
}

// verbose is Verbose([level,]text).
func (a *calls) verbose(_ context.Context, _ *channel.Channel, args string) error {
	level := 0
	if first, rest, ok := strings.Cut(args, ","); ok {
		if n, err := strconv.Atoi(strings.TrimSpace(first)); err == nil {
			level, args = n, rest
		}
	}
	a.Tracef(level, "%s", args)
	return nil
}

// log is Log(level,text).
func (a *calls) log(ctx context.Context, c *channel.Channel, args string) error {
	level, text, ok := strings.Cut(args, ",")
	if !ok {
		a.System.Warn(c, "Log: level and text are required", "argument", args)
		return nil
	}
	var l slog.Level
	switch strings.ToUpper(strings.TrimSpace(level)) {
	case "ERROR":
		l = slog.LevelError
	case "WARNING":
		l = slog.LevelWarn
	case "NOTICE":
		l = slog.LevelInfo
	case "DEBUG", "DTMF":
		l = slog.LevelDebug
	case "VERBOSE":
		a.Tracef(0, "%s", text)
		return nil
	default:
		a.System.Warn(c, "Log: no such level", "level", level)
		return nil
	}
	a.Log.Log(ctx, l, text, "call", c.Name, "at", fmt.Sprintf("%s@%s:%d", c.Exten, c.Context, c.Priority))
	return nil
}

// userEvent is UserEvent(name[,key:value...]).
func (a *calls) userEvent(_ context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 0)
	attrs := []any{"event", form.Arg(p, 0), "call", c.Name}
	for _, kv := range p[1:] {
		k, v, _ := strings.Cut(kv, ":")
		attrs = append(attrs, strings.TrimSpace(k), strings.TrimSpace(v))
	}
	a.Log.Info("user event", attrs...)
	return nil
}

// dumpChan is DumpChan([level]).
func (a *calls) dumpChan(_ context.Context, c *channel.Channel, args string) error {
	level, _ := strconv.Atoi(strings.TrimSpace(args))
	if a.Trace == nil || a.Trace.Level() < level {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Dumping Info For Channel: %s:\n", c.Name)
	for _, l := range [...][2]string{
		{"Name", c.Name}, {"UniqueID", c.UniqueID}, {"LinkedID", c.LinkedID},
		{"CallerIDNum", c.Caller.Number}, {"CallerIDName", c.Caller.Name}, {"DNIDDigits", c.Dialed},
		{"Context", c.Context}, {"Extension", c.Exten}, {"Priority", strconv.Itoa(c.Priority)},
		{"Language", c.Language}, {"State", c.State.String()}, {"Application", c.App}, {"Data", c.AppData},
	} {
		fmt.Fprintf(&b, "%s = %s\n", l[0], l[1])
	}
	b.WriteString("Variables:\n")
	vars := c.Vars()
	for _, k := range slices.Sorted(maps.Keys(vars)) {
		fmt.Fprintf(&b, "%s=%s\n", k, vars[k])
	}
	a.Tracef(level, "%s", b.String())
	return nil
}

// noCDR is NoCDR and ResetCDR: call records are not written yet, so there is
// nothing to leave out.
func (a *calls) noCDR(_ context.Context, c *channel.Channel, _ string) error {
	a.Log.Debug("call records are not written yet", "call", c.Name)
	return nil
}

// dbDel is DBdel(family/key).
func (a *calls) dbDel(_ context.Context, c *channel.Channel, args string) error {
	family, key, ok := strings.Cut(strings.TrimSpace(args), "/")
	if !ok || a.Store == nil {
		a.System.Warn(c, "DBdel: wants family/key", "argument", args)
		return nil
	}
	if _, err := a.Store.Del(family, key); err != nil {
		return fmt.Errorf("DBdel: %w", err)
	}
	return nil
}

// dbDelTree is DBdeltree(family[/keytree]).
func (a *calls) dbDelTree(_ context.Context, c *channel.Channel, args string) error {
	family, key, _ := strings.Cut(strings.TrimSpace(args), "/")
	if family == "" || a.Store == nil {
		a.System.Warn(c, "DBdeltree: wants family[/keytree]", "argument", args)
		return nil
	}
	if _, err := a.Store.DelTree(family, key); err != nil {
		return fmt.Errorf("DBdeltree: %w", err)
	}
	return nil
}
