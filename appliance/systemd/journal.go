package systemd

import (
	"context"
	"log/slog"
	"strings"

	"github.com/coreos/go-systemd/v22/journal"
)

// InJournal reports whether what is written to standard error lands in the journal,
// so that Journal's records would replace those lines and not double them.
func InJournal() bool {
	ok, err := journal.StderrIsJournalStream()
	return ok && err == nil
}

// Journal is a handler that writes each record to the journal with its attributes as
// fields (CALL=, ENDPOINT=, CAUSE= ...), so that `journalctl CALL=...` finds all of a
// call. The message carries them too, for those who read lines.
func Journal() slog.Handler { return scribe{} }

type scribe struct {
	prefix string
	attrs  []slog.Attr
}

// Enabled leaves out what is only for the one who develops.
func (scribe) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }

func (s scribe) Handle(_ context.Context, r slog.Record) error {
	fields := map[string]string{"SYSLOG_IDENTIFIER": "branchline"}
	var line strings.Builder
	line.WriteString(r.Message)
	add := func(a slog.Attr) bool {
		a.Value = a.Value.Resolve()
		text := a.Value.String()
		if name := fieldName(s.prefix + a.Key); name != "" {
			fields[name] = text
		}
		line.WriteString(" " + a.Key + "=" + quoted(text))
		return true
	}
	for _, a := range s.attrs {
		add(a)
	}
	r.Attrs(add)
	return journal.Send(line.String(), priority(r.Level), fields)
}

func (s scribe) WithAttrs(attrs []slog.Attr) slog.Handler {
	s.attrs = append(s.attrs[:len(s.attrs):len(s.attrs)], attrs...)
	return s
}

func (s scribe) WithGroup(name string) slog.Handler {
	s.prefix += name + "_"
	return s
}

// fieldName is a key as the journal allows it (systemd.journal-fields(7)): upper
// case, digits and underscores, beginning with a letter; "" if nothing is left.
func fieldName(key string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, key)
	return strings.TrimLeft(name[:min(len(name), 64)], "_0123456789")
}

func quoted(s string) string {
	if s == "" || strings.ContainsAny(s, " \t\n\"") {
		return `"` + strings.NewReplacer(`"`, `\"`, "\n", `\n`).Replace(s) + `"`
	}
	return s
}

func priority(l slog.Level) journal.Priority {
	switch {
	case l >= slog.LevelError:
		return journal.PriErr
	case l >= slog.LevelWarn:
		return journal.PriWarning
	case l >= slog.LevelInfo:
		return journal.PriInfo
	}
	return journal.PriDebug
}
