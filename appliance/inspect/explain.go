package inspect

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"branchline/appliance/configuration"
	"branchline/pbx/cli"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/explain"
	"branchline/pbx/fn/office"
	"branchline/pbx/settings"
	"branchline/pbx/sip/dialog"
	"branchline/pbx/sip/identify"
	"branchline/pbx/sip/q850"
)

// errExplainUsage reports words that are no question.
var errExplainUsage = errors.New("usage: explain <endpoint> <number> [--from address] [--at \"Mon 08:59\"]")

// question reads <endpoint> <number> [--from address] [--at time]. The time may
// be two words.
func question(args []string) (explain.Question, error) {
	q := explain.Question{At: time.Now()}
	var plain []string
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		name, value, given := strings.Cut(word, "=")
		if name != "--from" && name != "--at" {
			if strings.HasPrefix(word, "--") {
				return q, errExplainUsage
			}
			plain = append(plain, word)
			continue
		}
		if !given {
			if len(args) == 0 {
				return q, errExplainUsage
			}
			value, args = args[0], args[1:]
		}
		var err error
		if name == "--from" {
			q.From, err = netip.ParseAddr(value)
		} else {
			if !strings.Contains(value, ":") && len(args) > 0 {
				value, args = value+" "+args[0], args[1:]
			}
			q.At, err = explain.ParseTime(value, time.Now())
		}
		if err != nil {
			return q, err
		}
	}
	if len(plain) != 2 {
		return q, errExplainUsage
	}
	q.Endpoint, q.Number = plain[0], plain[1]
	return q, nil
}

// World is what an explanation of this configuration is made from, without
// anything that only a running exchange knows.
func World(s *settings.Snapshot, plan *dialplan.Plan) explain.World {
	return explain.World{
		Settings: s, Plan: plan,
		Catalog: func(system *live.System) dialplan.Catalog {
			return configuration.Catalog(system, office.Deps{System: system})
		},
		Identify: identify.New(s).Guess, Status: q850.Status, Phrase: dialog.Phrase,
	}
}

// Explain says what would happen if a phone dialled a number, by the files of the
// configuration that -C names, as in Options: who is registered is not known.
func Explain(w io.Writer, config string, args []string) error {
	q, err := question(args)
	if err != nil {
		return err
	}
	p, _, _, err := configuration.Main(config)
	if err != nil {
		return err
	}
	if _, err := os.Stat(p.Directories.Etc); err != nil {
		return err
	}
	c, _ := configuration.Judge{Process: p}.Read()
	return World(c.Settings, c.Plan).Explain(w, q)
}

// ExplainCommands are the console's; live is the world of the exchange that runs.
func ExplainCommands(live func() explain.World) []cli.Command {
	return []cli.Command{{
		Path: "dialplan explain", Summary: "Say what would happen if a phone dialled a number",
		Usage: "Usage: dialplan explain <endpoint> <number> [--from <address>] [--at <time>]\n       Tells who the caller is taken for, which extension is chosen, what each step\n       does, whom Dial rings and how the call ends. Nothing is sent.\n       <time> is like 08:59, Mon 08:59 or 2026-12-24 08:59.",
		Run: func(_ context.Context, w io.Writer, args []string) error {
			q, err := question(args)
			if errors.Is(err, errExplainUsage) {
				return cli.ErrUsage
			}
			if err != nil {
				return err
			}
			return live().Explain(w, q)
		},
		Complete: func(args []string) []string {
			if len(args) != 1 {
				return nil
			}
			var out []string
			for id := range live().Settings.Endpoints {
				out = append(out, id)
			}
			return out
		},
	}}
}
