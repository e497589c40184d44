package voice

import (
	"context"
	"path/filepath"
	"strconv"

	"branchline/pbx/app/form"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/recording"
)

// mixMonitor is MixMonitor(file.format[,options[,command]]): what the channel's
// party says and hears goes into a file from now on, until StopMixMonitor or the
// end of the call.
func (a *calls) mixMonitor(_ context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 3)
	o := argument.ParseOptions(form.Arg(p, 1))
	if form.Arg(p, 2) != "" {
		a.System.Warn(c, "MixMonitor: programs are never started from a call; the recording itself goes on", "command", form.Arg(p, 2))
	}
	for letter := range o {
		switch letter {
		case 'a', 'i', 'r', 't', 'v', 'V', 'W', 'n', 'S':
		default:
			a.System.Warn(c, "MixMonitor: option has no effect yet", "option", string(rune(letter)))
		}
	}
	if a.Bridges.Studio == nil {
		a.System.Warn(c, "MixMonitor: there is no place for recordings")
		return nil
	}
	said, _ := o.Arg('r')
	heard, _ := o.Arg('t')
	order := recording.Order{Mixed: sounding(form.Arg(p, 0)), Said: sounding(said), Heard: sounding(heard), Append: o.Has('a')}
	order.HeardGain = a.gain(c, o, 'v')
	order.SaidGain = a.gain(c, o, 'V')
	if both := a.gain(c, o, 'W'); both != 0 {
		order.SaidGain, order.HeardGain = both, both
	}
	if order.Mixed == "" && order.Said == "" && order.Heard == "" {
		a.System.Warn(c, "MixMonitor: a file is needed")
		return nil
	}
	id, err := a.Bridges.Studio.Start(c, order)
	if err != nil {
		a.System.Warn(c, "MixMonitor: nothing is recorded", "error", err)
		return nil
	}
	if order.Mixed != "" {
		c.SetVar("MIXMONITOR_FILENAME", a.Bridges.Studio.Path(order.Mixed))
	}
	if name, ok := o.Arg('i'); ok && name != "" {
		c.SetVar(name, id)
	}
	return nil
}

// stopMixMonitor is StopMixMonitor([id]).
func (a *calls) stopMixMonitor(_ context.Context, c *channel.Channel, args string) error {
	if a.Bridges.Studio != nil {
		a.Bridges.Studio.Stop(c, form.Arg(argument.Split(args, 1), 0))
	}
	return nil
}

// sounding is the name of a file; without an ending it is linear without a header.
func sounding(name string) string {
	if name != "" && filepath.Ext(name) == "" {
		return name + ".raw"
	}
	return name
}

// gain reads a volume option, -4 to 4: so many times as loud, or as soft; 0 if it
// is not there.
func (a *calls) gain(c *channel.Channel, o argument.Options, letter byte) float64 {
	text, ok := o.Arg(letter)
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil || n < -4 || n > 4:
		a.System.Warn(c, "MixMonitor: a volume from -4 to 4 is wanted", "volume", text)
		return 0
	case n < 0:
		return 1 / float64(-n)
	}
	return float64(n)
}
