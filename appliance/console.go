package appliance

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"branchline/appliance/configuration"
	"branchline/media/sound"
	"branchline/pbx/cli"
	"branchline/pbx/probe"
	"branchline/pbx/prompt"
	"branchline/pbx/settings"
)

// smallCommands are the console commands that need parts of several packages,
// or only a few lines.
func (d *daemon) smallCommands() []cli.Command {
	rtp := func() settings.RTP { return d.agent.Snapshot().RTP }
	sounds := configuration.Sounds(d.process.Directories)
	out := append(append(d.devices.Commands(), d.presences.Commands()...), d.fileCommands()...)
	out = append(out, probe.New(d.plane, d.out.Say, rtp).Commands()...)
	return append(out, prompt.Commands(sounds, sounds.Names, sound.Formats(), d.tones.Load)...)
}

func (d *daemon) fileCommands() []cli.Command {
	return []cli.Command{
		{Path: "config list", Summary: "Show all files that have loaded a configuration file",
			Usage: "Usage: config list\n       Lists the configuration files that are read, and whose they are.\n",
			Run: func(_ context.Context, w io.Writer, args []string) error {
				if len(args) > 0 {
					return cli.ErrUsage
				}
				t := cli.NewTable(w, "files", "%-20.20s %-50s\n", "module,file")
				for _, name := range configuration.Names() {
					if _, err := os.Stat(filepath.Join(d.process.Directories.Etc, name)); err == nil {
						t.Row(readerOf(name), filepath.Join(d.process.Directories.Etc, name))
					}
				}
				if d.mainFile != "" {
					t.Row("core", d.mainFile)
				}
				return nil
			}},
		{Path: "config reload", Summary: "Force a reload on modules using a particular configuration file",
			Usage:    "Usage: config reload <filename>\n       Reads the configuration anew; all files are checked together.\n",
			Complete: func([]string) []string { return configuration.Names() },
			Run: func(ctx context.Context, w io.Writer, args []string) error {
				if len(args) != 1 {
					return cli.ErrUsage
				}
				if !slices.Contains(configuration.Names(), filepath.Base(args[0])) {
					fmt.Fprintf(w, "'%s' is no file that can be read again; there are %s\n", args[0], strings.Join(configuration.Names(), ", "))
					return cli.ErrFailed
				}
				if err := d.force.ReloadFor(ctx, w, ""); err != nil {
					fmt.Fprintf(w, "Nothing was changed: %v\n", err)
					return cli.ErrFailed
				}
				return nil
			}},
	}
}

// readerOf is the module of Asterisk's that reads a file, for those who know it.
func readerOf(file string) string {
	switch file {
	case "pjsip.conf":
		return "res_pjsip"
	case "sip.conf":
		return "chan_sip"
	case "rtp.conf":
		return "res_rtp_asterisk"
	case "extensions.conf":
		return "pbx_config"
	}
	return "core"
}
