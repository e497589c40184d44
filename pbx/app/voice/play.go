package voice

import (
	"context"
	"errors"
	"strings"

	"branchline/media"
	"branchline/media/tone"
	"branchline/pbx/app/form"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/prompt"
)

// say plays prompts in order and waits for their end. Missing ones are warned
// about and left out; ok is false if there were any.
func (a *calls) say(ctx context.Context, c *channel.Channel, names []string, take func(channel.Event) bool) (ok bool, err error) {
	if len(names) == 0 {
		return true, nil
	}
	if c.State == channel.Up {
		c.Reply(200)
	}
	_, missing, err := a.Booth.Files(ctx, c, c, names, take)
	for _, m := range missing {
		a.System.Warn(c, "no such sound", "file", m, "language", c.Language)
	}
	return len(missing) == 0, err
}

// playback is Playback(file[&file...][,skip|noanswer|say|mix]).
func (a *calls) playback(ctx context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 3)
	var skip, early bool
	for _, o := range strings.FieldsFunc(form.Arg(p, 1), func(r rune) bool { return r == ',' || r == '|' || r == '&' }) {
		switch strings.ToLower(strings.TrimSpace(o)) {
		case "skip":
			skip = true
		case "noanswer":
			early = true
		case "":
		default:
			a.System.Warn(c, "Playback: option not supported", "option", o)
		}
	}
	names := form.Files(form.Arg(p, 0))
	if len(names) == 0 {
		a.System.Warn(c, "Playback: no file given")
		c.SetVar("PLAYBACKSTATUS", "FAILED")
		return nil
	}
	if c.State != channel.Up {
		if skip {
			c.SetVar("PLAYBACKSTATUS", "SUCCESS")
			return nil
		}
		if !early {
			form.PickUp(c)
		}
	}
	for _, n := range names {
		a.Tracef(3, "<%s> Playing '%s' (language '%s')", c.Name, n, c.Language)
	}
	ok, err := a.say(ctx, c, names, nil)
	if err != nil {
		return err
	}
	c.SetVar("PLAYBACKSTATUS", map[bool]string{true: "SUCCESS", false: "FAILED"}[ok])
	return nil
}

// controlPlayback is ControlPlayback with its stop and restart keys; files
// cannot be wound, so the other keys are said to be without effect.
func (a *calls) controlPlayback(ctx context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 10)
	stop, restart := form.Arg(p, 4), form.Arg(p, 6)
	if form.Arg(p, 2)+form.Arg(p, 3)+form.Arg(p, 5) != "" {
		a.System.Warn(c, "ControlPlayback: forward, rewind and pause keys have no effect yet")
	}
	names := form.Files(form.Arg(p, 0))
	if len(names) == 0 {
		c.SetVar("CPLAYBACKSTATUS", "ERROR")
		return nil
	}
	form.PickUp(c)
	for {
		var key byte
		ok, err := a.say(ctx, c, names, func(e channel.Event) bool {
			if e.Kind != channel.DigitEnded || e.Leg != c.Leg || strings.IndexByte(stop+restart, e.Digit) < 0 {
				return false
			}
			key = e.Digit
			return true
		})
		switch {
		case err != nil:
			return err
		case key != 0 && strings.IndexByte(restart, key) >= 0:
			continue
		case key != 0:
			c.SetVar("CPLAYBACKSTATUS", "USERSTOPPED")
			c.SetVar("CPLAYBACKSTOPKEY", string(rune(key)))
		case ok:
			c.SetVar("CPLAYBACKSTATUS", "SUCCESS")
		default:
			c.SetVar("CPLAYBACKSTATUS", "ERROR")
		}
		return nil
	}
}

// echo is Echo(): what the caller says comes back to him until he dials #.
func (a *calls) echo(ctx context.Context, c *channel.Channel, _ string) error {
	c.Reply(200)
	s := c.Leg.Media()
	s.Join(s)
	s.Watch(media.Digits{Report: true})
	defer s.Join(nil)
	return c.Wait(ctx, 0, func(e channel.Event) bool {
		return e.Kind == channel.DigitEnded && e.Leg == c.Leg && e.Digit == '#'
	})
}

// playTones is PlayTones(name or definition).
func (a *calls) playTones(ctx context.Context, c *channel.Channel, args string) error {
	if err := prompt.Start(c, strings.TrimSpace(args)); err != nil {
		a.System.Warn(c, "PlayTones", "error", err)
	}
	return c.Poll(ctx, nil)
}

func (a *calls) stopTones(ctx context.Context, c *channel.Channel, _ string) error {
	prompt.Stop(c)
	return c.Poll(ctx, nil)
}

// milliwatt is Milliwatt(): 1004 Hz at 0 dBm0 less one, the digital milliwatt
// of US practice, until the caller hangs up.
func (a *calls) milliwatt(ctx context.Context, c *channel.Channel, _ string) error {
	form.PickUp(c)
	_, err := prompt.Play(ctx, c, c, tone.Milliwatt(), nil)
	return err
}

// musicOnHold is MusicOnHold([class[,duration]]).
func (a *calls) musicOnHold(ctx context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 3)
	d, _ := form.Seconds(form.Arg(p, 1))
	form.PickUp(c)
	if err := a.startMusic(ctx, c, form.Arg(p, 0)); err != nil {
		return err
	}
	err := c.Wait(ctx, d, nil)
	if errors.Is(err, channel.ErrTimeout) {
		return a.stopMusic(ctx, c, "")
	}
	return err
}

// startMusic is StartMusicOnHold([class]). Music files are not played yet: what
// is heard is a soft beep every ten seconds, which says that the line is alive.
func (a *calls) startMusic(ctx context.Context, c *channel.Channel, class string) error {
	if class = strings.TrimSpace(class); class == "" {
		class = "default"
	}
	a.Tracef(3, "Started music on hold, class '%s', on channel '%s'", class, c.Name)
	prompt.StartMusic(c)
	return c.Poll(ctx, nil)
}

func (a *calls) stopMusic(ctx context.Context, c *channel.Channel, _ string) error {
	prompt.Stop(c)
	a.Tracef(3, "Stopped music on hold on %s", c.Name)
	return c.Poll(ctx, nil)
}
