// Package system is the console's commands about the daemon as such: version, settings,
// verbosity, logs, reload, stop, help, and the names that people look for.
package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"branchline/pbx/cli"
	"branchline/pbx/console/output"
)

// system carries out the commands about the daemon as such.
type system struct {
	Daemon
	out  *output.Output
	tree *cli.Tree

	mu   sync.Mutex
	logs map[string]*logFile // of `logger add channel`, by name; mu guards it
}

// Commands are the console commands about the daemon itself: version, settings,
// verbosity, reload, stop, help.
func Commands(d Daemon, out *output.Output, tree *cli.Tree) []cli.Command {
	s := &system{Daemon: d, out: out, tree: tree, logs: map[string]*logFile{}}
	var all []cli.Command
	all = append(all, s.facts()...)
	all = append(all, s.levels()...)
	all = append(all, s.logger()...)
	all = append(all, s.lifecycle()...)
	all = append(all, s.modules()...)
	return append(all, s.help()...)
}

// exactly refuses arguments of any other number than n.
func exactly(n int, run func(ctx context.Context, w io.Writer, args []string) error) func(context.Context, io.Writer, []string) error {
	return func(ctx context.Context, w io.Writer, args []string) error {
		if len(args) != n {
			return cli.ErrUsage
		}
		return run(ctx, w, args)
	}
}

func (s *system) facts() []cli.Command {
	return []cli.Command{
		{
			Path: "core show version", Summary: "Display version info",
			Usage: "Usage: core show version\n       Shows the version of the running program.",
			Run: exactly(0, func(_ context.Context, w io.Writer, _ []string) error {
				cli.Show(w, "name,version,speaks,compiler,architecture", "%s %s (%s) built by %s on a %s running Linux\n", s.Name, s.Version, s.Speaks, runtime.Version(), runtime.GOARCH)
				return nil
			}),
		},
		{
			Path: "core show uptime [seconds]", Summary: "Show uptime information",
			Usage: "Usage: core show uptime [seconds]\n       Shows how long the program has been running.\n       With 'seconds' the numbers are plain seconds.",
			Run:   s.uptime,
		},
		{
			Path: "core show settings", Summary: "Show some core settings",
			Usage: "Usage: core show settings\n       Shows limits, levels and directories as they are now.",
			Run:   exactly(0, func(ctx context.Context, w io.Writer, _ []string) error { return s.settings(ctx, w) }),
		},
		{
			Path: "core show sysinfo", Summary: "Show System Information",
			Usage: "Usage: core show sysinfo\n       Shows the machine's memory, load and uptime.",
			Run:   exactly(0, func(_ context.Context, w io.Writer, _ []string) error { return sysinfo(w) }),
		},
		{
			Path: "core show license", Summary: "Show the license(s) for this copy of " + s.Name,
			Usage: "Usage: core show license\n       Shows the licence of this program.",
			Run:   exactly(0, func(_ context.Context, w io.Writer, _ []string) error { return s.text(w, license) }),
		},
		{
			Path: "core show warranty", Summary: "Show the warranty (if any) for this copy of " + s.Name,
			Usage: "Usage: core show warranty\n       Shows what is (not) warranted.",
			Run:   exactly(0, func(_ context.Context, w io.Writer, _ []string) error { return s.text(w, warranty) }),
		},
		{
			Path: "core waitfullybooted", Summary: "Wait for " + s.Name + " to be fully booted",
			Usage: "Usage: core waitfullybooted\n       Answers once the configuration is loaded and every socket is bound whose address is up.",
			Run:   exactly(0, s.waitBooted),
		},
	}
}

const license = `
%[1]s is free software under the Apache License, version 2.0: you may use,
change and pass it on under the terms of that licence, which came with it in
the file LICENSE and stands at https://www.apache.org/licenses/LICENSE-2.0.

It contains Go packages of other authors under the MIT, BSD and Apache
licences.

`

const warranty = `
                            NO WARRANTY

%[1]s comes as it is. Unless the law or a written agreement says otherwise,
nobody warrants that it is fit for a purpose, free of faults, or yours to use
without infringing a right of others, and nobody is liable for damage that
comes from using it. Sections 7 and 8 of the Apache License, version 2.0, say
this in the words that count.

`

func (s *system) text(w io.Writer, format string) error {
	_, err := fmt.Fprintf(w, format, s.Name)
	return err
}

func (s *system) uptime(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 1 || len(args) == 1 && !strings.EqualFold(args[0], "seconds") {
		return cli.ErrUsage
	}
	up, since := time.Since(s.Started), time.Since(s.LastReload())
	cli.Put(w, "uptime_seconds", int64(up.Seconds()))
	cli.Put(w, "last_reload_seconds", int64(since.Seconds()))
	if len(args) == 1 {
		_, err := fmt.Fprintf(w, "System uptime: %d\nLast reload: %d\n", int64(up.Seconds()), int64(since.Seconds()))
		return err
	}
	_, err := fmt.Fprintf(w, "System uptime: %s\nLast reload: %s\n", spell(up), spell(since))
	return err
}

// spell writes a duration in words: "1 week, 3 hours, 8 seconds".
func spell(d time.Duration) string {
	rest := int64(d.Seconds())
	var parts []string
	for _, u := range [...]struct {
		seconds int64
		name    string
	}{{365 * 86400, "year"}, {7 * 86400, "week"}, {86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}} {
		n := rest / u.seconds
		rest %= u.seconds
		if n == 1 {
			parts = append(parts, "1 "+u.name)
		} else if n > 1 {
			parts = append(parts, fmt.Sprintf("%d %ss", n, u.name))
		}
	}
	if parts == nil {
		return "0 seconds"
	}
	return strings.Join(parts, ", ")
}

func (s *system) waitBooted(ctx context.Context, w io.Writer, _ []string) error {
	select {
	case <-s.Booted:
		_, err := fmt.Fprintf(w, "%s has fully booted.\n", s.Name)
		return err
	case <-ctx.Done():
		return errors.New("stopped before everything was up")
	}
}

func (s *system) settings(ctx context.Context, w io.Writer) error {
	var b strings.Builder
	line := func(name, value string) {
		if value == "" {
			value = "Not set"
		}
		fmt.Fprintf(&b, "  %-28s %s\n", name+":", value)
		cli.Put(w, fieldName.Replace(strings.ToLower(name)), value)
	}
	section := func(title string) { fmt.Fprintf(&b, "\n* %s\n  -------------\n", title) }
	number := func(n int) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	enabled := func(on bool) string {
		if on {
			return "Enabled"
		}
		return "Disabled"
	}
	set := s.Settings()
	current := 0
	if own := output.Of(ctx); own != nil {
		current = int(own.Verbose.Load())
	}
	b.WriteString("\nPBX Core settings\n-----------------\n")
	line("Version", s.Version+" ("+s.Speaks+")")
	line("Maximum calls", number(set.MaxCalls))
	line("Maximum open file handles", number(int(set.MaxFiles)))
	line("Root console verbosity", fmt.Sprint(s.out.Level()))
	line("Current console verbosity", fmt.Sprint(current))
	line("Debug level", fmt.Sprint(s.out.Debug()))
	line("Startup time", s.Started.Format(time.TimeOnly))
	line("Last reload time", s.LastReload().Format(time.TimeOnly))
	line("System", "Linux/"+runtime.GOARCH+" built by "+runtime.Version())
	line("System name", set.SystemName)
	line("Entity ID", set.EntityID)
	line("Default language", set.DefaultLanguage)
	line("User name and group", set.User+"/"+set.Group)
	line("Running directory", set.RunningDirectory)
	line("Executable includes", "Disabled")
	line("Shell on remote consoles", "Disabled")
	section("Subsystems")
	line("Manager (AMI)", enabled(set.Manager))
	line("Call data records", enabled(set.CallDetailRecords))
	section("Directories")
	line("Configuration file", set.ConfigFile)
	line("Configuration directory", set.ConfigDirectory)
	line("Module directory", set.ModuleDirectory)
	line("Spool directory", set.SpoolDirectory)
	line("Log directory", set.LogDirectory)
	line("Run/Sockets directory", set.RunDirectory)
	line("PID file", set.PIDFile)
	line("VarLib directory", set.VarLibDirectory)
	line("Data directory", set.DataDirectory)
	line("ASTDB", set.Database)
	b.WriteString("\n\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// fieldName makes the name of a value out of its label.
var fieldName = strings.NewReplacer(" ", "_", "/", "_", "(", "", ")", "")

func sysinfo(w io.Writer) error {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return os.NewSyscallError("sysinfo", err)
	}
	kib := func(n uint64) uint64 { return n * uint64(info.Unit) / 1024 }
	// The kernel's loads are fixed-point numbers with 16 bits of fraction.
	load := func(i int) float64 { return float64(uint64(info.Loads[i])) / 65536 }
	for name, n := range map[string]uint64{
		"total_ram_kib": kib(uint64(info.Totalram)), "free_ram_kib": kib(uint64(info.Freeram)), "total_swap_kib": kib(uint64(info.Totalswap)),
		"uptime_seconds": uint64(max(0, int64(info.Uptime))), "processes": uint64(info.Procs),
	} {
		cli.Put(w, name, n)
	}
	cli.Put(w, "load", []float64{load(0), load(1), load(2)})
	_, err := fmt.Fprintf(w, `
System Statistics
-----------------
  System Uptime:             %d hours
  Load Average:              %.2f, %.2f, %.2f
  Total RAM:                 %d KiB
  Free RAM:                  %d KiB
  Buffer RAM:                %d KiB
  Total Swap Space:          %d KiB
  Free Swap Space:           %d KiB

  Number of Processes:       %d

`, int64(info.Uptime)/3600, load(0), load(1), load(2),
		kib(uint64(info.Totalram)), kib(uint64(info.Freeram)), kib(uint64(info.Bufferram)),
		kib(uint64(info.Totalswap)), kib(uint64(info.Freeswap)), info.Procs)
	return err
}
