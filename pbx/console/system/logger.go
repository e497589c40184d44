package system

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"sync"

	"branchline/pbx/cli"
	"branchline/pbx/console/output"
)

func (s *system) logger() []cli.Command {
	return []cli.Command{
		{
			Path: "logger show channels", Summary: "List configured log channels",
			Usage: "Usage: logger show channels\n       Lists where log lines go.",
			Run:   exactly(0, s.showChannels),
		},
		{
			Path: "logger show levels", Summary: "List configured log levels",
			Usage: "Usage: logger show levels\n       Lists the kinds of log lines.",
			Run: exactly(0, func(_ context.Context, w io.Writer, _ []string) error {
				t := cli.NewTable(w, "levels", "%5v %s\n", "level,name")
				t.Head("Level", "Name")
				t.Head("-----", "----")
				for i, n := range output.Levels {
					t.Row(i, n)
				}
				_, err := fmt.Fprintln(w)
				return err
			}),
		},
		{
			Path: "logger set level {" + strings.Join(output.Levels[:], "|") + "} {on|off}", Summary: "Enables/Disables a specific logging level for this console",
			Usage: "Usage: logger set level {" + strings.Join(output.Levels[:], "|") + "} {on|off}\n" +
				"       Shows or hides one kind of log lines on this console. Debug lines are\n       there only with 'core set debug'.",
			Run: exactly(0, setLevel),
		},
		{
			Path: "logger add channel", Summary: "Adds a new logging channel",
			Usage: "Usage: logger add channel <name> <levels>\n" +
				"       Writes log lines to a file in the log directory, too, until the channel is\n" +
				"       removed or the program ends. Levels are a comma-separated list of\n       debug, notice, warning, error and verbose, or *.",
			Run: exactly(2, s.addChannel),
		},
		{
			Path: "logger remove channel", Summary: "Removes a logging channel",
			Usage:    "Usage: logger remove channel <name>\n       Ends what 'logger add channel' began. The file stays.",
			Run:      exactly(1, s.removeChannel),
			Complete: func([]string) []string { return s.logNames() },
		},
		{
			Path: "logger rotate", Summary: "Rotates and reopens the log files",
			Usage: "Usage: logger rotate\n       Puts the log files aside and begins new ones.",
			Run:   exactly(0, s.eachLog((*logFile).rotate)),
		},
		{
			Path: "logger reload", Summary: "Reopens the log files",
			Usage: "Usage: logger reload\n       Opens the log files anew, after another program has put them aside.",
			Run:   exactly(0, s.eachLog((*logFile).reopen)),
		},
	}
}

func (s *system) showChannels(_ context.Context, w io.Writer, _ []string) error {
	type row struct{ name, kind, status, levels string }
	var rows []row
	for _, sc := range s.out.Screens() {
		var levels []string
		for _, l := range [...]string{"DEBUG", "NOTICE", "WARNING", "ERROR", "VERBOSE"} {
			if !sc.Hides(l) && (l != "DEBUG" || s.out.Debug() > 0) && (l != "VERBOSE" || sc.Verbose.Load() > 0) {
				levels = append(levels, l)
			}
		}
		r := row{sc.Name, "File", "Enabled", strings.Join(levels, " ") + " "}
		if sc.Muted.Load() {
			r.status = "Disabled"
		}
		if !sc.Plain && !sc.File {
			r.name, r.kind = "", "Console"
		}
		rows = append(rows, r)
	}
	sort.Slice(rows, func(i, j int) bool {
		return cmp.Or(strings.Compare(rows[j].kind, rows[i].kind), strings.Compare(rows[i].name, rows[j].name)) < 0
	})
	fmt.Fprintf(w, "Logger queue limit: %d\n\n", output.Backlog)
	t := cli.NewTable(w, "channels", "%-35.1024s %-8s %-10s %-9s %s\n", "name,type,formatter,status,levels")
	t.Head("Channel", "Type", "Formatter", "Status", "Configuration")
	t.Head("-------", "----", "---------", "------", "-------------")
	for _, r := range rows {
		t.Row(r.name, r.kind, "default", r.status, " - "+r.levels)
	}
	_, err := fmt.Fprintln(w)
	return err
}

func setLevel(ctx context.Context, w io.Writer, _ []string) error {
	words := cli.Words(ctx)
	level, on := strings.ToUpper(words[len(words)-2]), strings.ToLower(words[len(words)-1])
	own := output.Of(ctx)
	if own == nil {
		return cli.ErrUsage
	}
	bit := uint32(1) << slices.Index(output.Levels[:], level)
	if on == "on" {
		own.Hidden.And(^bit)
	} else {
		own.Hidden.Or(bit)
	}
	_, err := fmt.Fprintf(w, "Logger status for '%s' has been set to '%s'.\n", level, on)
	return err
}

// maxLogFile is the size at which a log file is put aside: flash is small.
const maxLogFile = 4 << 20

// A logFile is a file that `logger add channel` writes to.
type logFile struct {
	path   string
	detach func()

	mu   sync.Mutex
	file *os.File
	size int64
}

func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size+int64(len(p)) > maxLogFile {
		if err := l.putAside(); err != nil {
			return 0, err
		}
	}
	n, err := l.file.Write(p)
	l.size += int64(n)
	return n, err
}

// rotate renames the file to .1, in place of an older one, and begins anew.
func (l *logFile) rotate() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.putAside()
}

func (l *logFile) putAside() error {
	if err := os.Rename(l.path, l.path+".1"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return l.open()
}

func (l *logFile) reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open()
}

func (l *logFile) open() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	if l.file != nil {
		l.file.Close()
	}
	l.file, l.size = f, 0
	if i, err := f.Stat(); err == nil {
		l.size = i.Size()
	}
	return nil
}

func (s *system) logNames() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for n := range s.logs {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

func (s *system) addChannel(_ context.Context, w io.Writer, args []string) error {
	name := args[0]
	if name == "" || name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		fmt.Fprintf(w, "'%s' is no file name; log files are in the log directory only\n", name)
		return cli.ErrFailed
	}
	hidden, verbose := uint32(1<<len(output.Levels)-1), 0
	for l := range strings.SplitSeq(strings.ToUpper(args[1]), ",") {
		i := slices.Index(output.Levels[:], strings.TrimSpace(l))
		switch {
		case l == "*":
			hidden, verbose = 0, 5
		case i < 0:
			fmt.Fprintf(w, "'%s' is no log level\n", l)
			return cli.ErrFailed
		default:
			hidden &^= 1 << i
			if output.Levels[i] == "VERBOSE" {
				verbose = 5
			}
		}
	}
	if slices.Contains(s.logNames(), name) {
		fmt.Fprintf(w, "Logger channel '%s' already exists\n", name)
		return cli.ErrFailed
	}
	dir := s.Settings().LogDirectory
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	l := &logFile{path: filepath.Join(dir, name)}
	if err := l.open(); err != nil {
		return err
	}
	sc := output.ToWriter(l.path, l, verbose)
	sc.Plain, sc.Times = false, true
	sc.Hidden.Store(hidden)
	sc.File = true
	s.out.Add(sc)
	l.detach = func() { s.out.Remove(sc) }
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs[name] = l
	return nil
}

func (s *system) removeChannel(_ context.Context, w io.Writer, args []string) error {
	s.mu.Lock()
	l := s.logs[args[0]]
	delete(s.logs, args[0])
	s.mu.Unlock()
	if l == nil {
		fmt.Fprintf(w, "Unable to find dynamic logger channel '%s'\n", args[0])
		return cli.ErrFailed
	}
	l.detach()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.file.Close(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "Removed dynamic logger channel '%s'\n", args[0])
	return err
}

// eachLog does something with every log file. The journal looks after itself.
func (s *system) eachLog(do func(*logFile) error) func(context.Context, io.Writer, []string) error {
	return func(context.Context, io.Writer, []string) error {
		var all []*logFile
		s.mu.Lock()
		for _, l := range s.logs {
			all = append(all, l)
		}
		s.mu.Unlock()
		var errs []error
		for _, l := range all {
			errs = append(errs, do(l))
		}
		return errors.Join(errs...)
	}
}
