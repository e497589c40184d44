package show

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"branchline/media"
	"branchline/pbx/cli"
)

func (x view) techCommands() []cli.Command {
	names := func([]string) (out []string) {
		for _, t := range x.Techs() {
			out = append(out, t.Name())
		}
		return out
	}
	return []cli.Command{
		{Path: "core show channeltypes", Summary: "List available channel types",
			Usage: "Usage: core show channeltypes\n       Lists the channel technologies.\n", Run: x.showTechs},
		{Path: "core show channeltype", Summary: "Give more details on that channel type",
			Usage: "Usage: core show channeltype <name>\n       Shows what a channel technology can do.\n", Run: x.showTech, Complete: names},
		{Path: "local show channels", Summary: "List status of local channels",
			Usage: "Usage: local show channels\n       Lists the calls into the dialplan that are made of Local channels.\n", Run: x.showLocal},
		{Path: "features show", Summary: "Lists configured features",
			Usage: "Usage: features show\n       Lists what can be dialled in a call.\n", Run: x.showFeatures},
	}
}

func (x view) showTechs(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	t := cli.NewTable(w, "types", "%-15.15s  %-40.40s %-13.13s %-13.13s %-13.13s %-13.13s\n",
		"name,description,device_state,presence_state,indications,transfer")
	t.Head("Type", "Description", "Devicestate", "Presencestate", "Indications", "Transfer")
	const dashes = "-------------"
	t.Head(dashes, dashes, dashes, dashes, dashes, dashes)
	techs := x.Techs()
	for _, k := range techs {
		t.Row(k.Name(), k.Name()+" channels", "yes", "no", "yes", "yes")
	}
	fmt.Fprintf(w, "----------\n%d channel drivers registered.\n", len(techs))
	return nil
}

func (x view) showTech(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	k, ok := x.Tech(args[0])
	if !ok {
		fmt.Fprintf(w, "\n%s is not a registered channel driver.\n", args[0])
		return cli.ErrFailed
	}
	var codecs []string
	for _, c := range media.Codecs {
		codecs = append(codecs, c.Name)
	}
	cli.Show(w, "name", "-- Info about channel driver: %s --\n", k.Name())
	fmt.Fprintf(w, "  Device State: yes\nPresence State: no\n    Indication: yes\n     Transfer : yes\n  Capabilities: (%s)\n"+
		"   Digit Begin: yes\n     Digit End: yes\n    Send HTML : no\n Image Support: no\n  Text Support: no\n", strings.Join(codecs, "|"))
	cli.Put(w, "capabilities", codecs)
	return nil
}

// showLocal lists the Local channels by the half that walks the dialplan.
func (x view) showLocal(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	t := cli.NewTable(w, "channels", "%s -- %s@%s\n", "name,exten,context")
	n := 0
	for _, s := range x.Channels() {
		if strings.HasPrefix(s.Name, "Local/") && strings.HasSuffix(s.Name, ";2") {
			t.Row(s.Name, s.Exten, s.Context)
			n++
		}
	}
	if n == 0 {
		fmt.Fprintln(w, "No local channels in use")
	}
	return nil
}

func (x view) showFeatures(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 0 {
		return cli.ErrUsage
	}
	f := x.Bridges().Codes()
	code := func(s string) string {
		if s == "-" {
			return ""
		}
		return s
	}
	t := cli.NewTable(w, "features", "%-25s %-7s %-7s\n", "name,default,current")
	t.Head("Builtin Feature", "Default", "Current")
	t.Head("---------------", "-------", "-------")
	t.Row("Pickup", "*8", "") // what we lack has a default and no code
	t.Row("Blind Transfer", "#", code(f.BlindTransferCode()))
	t.Row("Attended Transfer", "", "")
	t.Row("Disconnect Call", "*", code(f.DisconnectCode()))
	t.Row("Park Call", "", "")
	t.Row("One Touch MixMonitor", "", f.Code("automixmon"))
	fmt.Fprint(w, "\nDynamic Feature           Default Current\n---------------           ------- -------\n(none)\n\nFeature Groups:\n---------------\n(none)\n")
	return nil
}

func codecCommands() []cli.Command {
	return []cli.Command{
		{Path: "core show codecs [audio|video|image|text]", Summary: "Displays a list of registered codecs",
			Usage: "Usage: core show codecs [audio|video|image|text]\n       Lists the codecs that can be negotiated.\n", Run: showCodecs},
		{Path: "core show codec", Summary: "Shows a specific codec",
			Usage: "Usage: core show codec <number>\n       Shows the codec of that number in the list.\n", Run: showCodec},
		{Path: "core show translation", Summary: "Display translation matrix",
			Usage: "Usage: core show translation [paths <codec>]\n       Shows between which codecs speech can be converted.\n", Run: showTranslation,
			Complete: func(args []string) []string {
				if len(args) == 1 {
					return []string{"paths"}
				}
				return []string{media.PCMU.Name, media.PCMA.Name}
			}},
	}
}

// showCodecs lists the codecs that can be negotiated: only G.711 is decoded, the
// others are passed on.
func showCodecs(_ context.Context, w io.Writer, args []string) error {
	if len(args) > 1 {
		return cli.ErrUsage
	}
	fmt.Fprintf(w, "Disclaimer: this command is for informational purposes only.\n\tIt does not indicate anything about your configuration.\n")
	t := cli.NewTable(w, "codecs", "%8v %-5s %-12s %-16s %7v %s\n", "id,type,name,format,quality,description")
	t.Head("ID", "TYPE", "NAME", "FORMAT", "QUALITY", "DESCRIPTION")
	fmt.Fprintf(w, "%s\n", strings.Repeat("-", 96))
	for i, c := range media.Codecs {
		kind, quality := "audio", 100
		if c.Video {
			kind, quality = "video", 0
		}
		if len(args) == 0 || strings.EqualFold(args[0], kind) {
			t.Row(i+1, kind, c.Name, c.Name, quality, "("+describeCodec(c)+")")
		}
	}
	return nil
}

func describeCodec(c *media.Codec) string {
	if c.G711() {
		return c.Encoding + ", relayed, played and converted"
	}
	return c.Encoding + ", relayed"
}

func showCodec(_ context.Context, w io.Writer, args []string) error {
	if len(args) != 1 {
		return cli.ErrUsage
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 1 || n > len(media.Codecs) {
		fmt.Fprintf(w, "Codec %s not found\n", args[0])
		return nil
	}
	c := media.Codecs[n-1]
	cli.Show(w, "id,description,name", "%11d %s (%s)\n", n, describeCodec(c), c.Name)
	return nil
}

// showTranslation tells the truth: there is one pair.
func showTranslation(_ context.Context, w io.Writer, args []string) error {
	pair := [...]*media.Codec{media.PCMU, media.PCMA}
	cli.Add(w, "paths", cli.Fields("from", "ulaw", "to", "alaw"), cli.Fields("from", "alaw", "to", "ulaw"))
	switch {
	case len(args) == 2 && strings.EqualFold(args[0], "paths"):
		from := media.CodecNamed(args[1])
		if from == nil {
			fmt.Fprintf(w, "Codec \"%s\" not found.\n", args[1])
			return nil
		}
		fmt.Fprintf(w, "--- Translation paths SRC Codec \"%s\" sample rate %d ---\n", from.Name, from.Rate)
		for _, to := range media.Codecs {
			if to == from || to.Video {
				continue
			}
			way := "No Translation Path"
			if from.G711() && to.G711() {
				way = fmt.Sprintf("(%s@%d)->(%s@%d)", from.Name, from.Rate, to.Name, to.Rate)
			}
			fmt.Fprintf(w, "\t%-16s To %-16s: %-60s\n", fmt.Sprintf("%s:%d", from.Name, from.Rate), fmt.Sprintf("%s:%d", to.Name, to.Rate), way)
		}
		return nil
	case len(args) > 0:
		return cli.ErrUsage
	}
	fmt.Fprintf(w, "         Translation times between formats (in microseconds) for one second of data\n")
	fmt.Fprintf(w, "          Source Format (Rows) Destination Format (Columns)\n\n")
	fmt.Fprintf(w, "%9s %5s %5s\n", "", pair[0].Name, pair[1].Name)
	fmt.Fprintf(w, "%9s %5s %5s\n%9s %5s %5s\n", pair[0].Name, "-", "<50", pair[1].Name, "<50", "-")
	fmt.Fprintf(w, "Other codecs are passed on between parties that share them, and never converted.\n")
	return nil
}
