package system

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"branchline/pbx/cli"
	"branchline/pbx/console/output"
)

func (s *system) levels() []cli.Command {
	return []cli.Command{
		{
			Path: "core set verbose", Summary: "Set level of verbose chattiness",
			Usage: "Usage: core set verbose [atleast] <level> [silent]\n       core set verbose off\n\n" +
				"       Sets how much of what happens in calls this console shows, 0 or off\n" +
				"       for nothing. Other consoles keep their level. With 'atleast' the\n" +
				"       level is only raised, with 'silent' nothing is answered.",
			Run:      s.setVerbose,
			Complete: func([]string) []string { return []string{"atleast", "off", "0", "1", "2", "3", "4", "5"} },
		},
		{
			Path: "core set debug", Summary: "Set level of debug chattiness",
			Usage: "Usage: core set debug [atleast] <level>\n       core set debug off\n\n" +
				"       Sets how many debug messages the whole program logs, 0 or off for\n" +
				"       none. With 'atleast' the level is only raised.",
			Run:      s.setDebug,
			Complete: func([]string) []string { return []string{"atleast", "off", "0", "1", "2", "3", "4", "5"} },
		},
		{
			Path: "logger mute", Summary: "Toggle logging output to a console",
			Usage: "Usage: logger mute [silent]\n       Stops log and verbose lines on this console, or lets them through again.",
			Run:   s.mute,
			Complete: func([]string) []string {
				return []string{"silent"}
			},
		},
	}
}

// levelArgs reads [atleast] <level> | off and what follows.
func levelArgs(args []string) (level int, atLeast bool, rest []string, err error) {
	if len(args) > 0 && strings.EqualFold(args[0], "atleast") {
		atLeast, args = true, args[1:]
	}
	if len(args) == 0 {
		return 0, false, nil, cli.ErrUsage
	}
	if strings.EqualFold(args[0], "off") {
		return 0, atLeast, args[1:], nil
	}
	n, err := strconv.ParseInt(args[0], 10, 32)
	if err != nil || n < 0 {
		return 0, false, nil, cli.ErrUsage
	}
	return int(n), atLeast, args[1:], nil
}

func levelWord(n int) string {
	if n == 0 {
		return "OFF"
	}
	return strconv.Itoa(n)
}

func reportLevel(w io.Writer, what string, was, now int) error {
	if was == now {
		_, err := fmt.Fprintf(w, "%s is still %s.\n", what, levelWord(now))
		return err
	}
	_, err := fmt.Fprintf(w, "%s was %s and is now %s.\n", what, levelWord(was), levelWord(now))
	return err
}

func (s *system) setVerbose(ctx context.Context, w io.Writer, args []string) error {
	level, atLeast, rest, err := levelArgs(args)
	if err != nil {
		return err
	}
	silent := len(rest) == 1 && strings.EqualFold(rest[0], "silent")
	if len(rest) > 0 && !silent {
		return cli.ErrUsage
	}
	was := 0
	if own := output.Of(ctx); own != nil {
		was = int(own.Verbose.Load())
		if atLeast {
			level = max(level, was)
		}
		own.Verbose.Store(int32(level))
		s.out.Retune()
	}
	if silent {
		return nil
	}
	return reportLevel(w, "Console verbose", was, level)
}

func (s *system) setDebug(_ context.Context, w io.Writer, args []string) error {
	level, atLeast, rest, err := levelArgs(args)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		fmt.Fprintf(w, "Debug messages of one module only ('%s') are not supported by this product.\n", rest[0])
		return cli.ErrFailed
	}
	if atLeast {
		level = max(level, s.out.Debug())
	}
	return reportLevel(w, "Core debug", s.out.SetDebug(level), level)
}

func (s *system) mute(ctx context.Context, w io.Writer, args []string) error {
	silent := len(args) == 1 && strings.EqualFold(args[0], "silent")
	if len(args) > 0 && !silent {
		return cli.ErrUsage
	}
	own := output.Of(ctx)
	if own == nil {
		return cli.ErrUsage
	}
	now := !own.Muted.Load()
	own.Muted.Store(now)
	s.out.Retune()
	if silent {
		return nil
	}
	text := "Console is not muted anymore.\n"
	if now {
		text = "Console is muted.\n"
	}
	_, err := io.WriteString(w, text)
	return err
}
