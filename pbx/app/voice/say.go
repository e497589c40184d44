package voice

import (
	"context"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/app/form"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/prompt"
)

// spell plays prompts as the Say family does: it does not answer, and digits
// stop it only where SAY_DTMF_INTERRUPT allows it and a one-digit extension
// waits for them.
func (a *calls) spell(ctx context.Context, c *channel.Channel, names []string) error {
	var digit byte
	var take func(channel.Event) bool
	if v, _ := c.Var("SAY_DTMF_INTERRUPT"); argument.Truth(v) {
		take = func(e channel.Event) bool {
			if e.Kind != channel.DigitEnded || e.Leg != c.Leg {
				return false
			}
			exists, _ := a.Exchange.Lookup(c.Context, string(rune(e.Digit)), c.Caller.Number)
			if exists {
				digit = e.Digit
			}
			return exists
		}
	}
	if _, err := a.say(ctx, c, names, take); err != nil {
		return err
	}
	if digit != 0 {
		return dialplan.Digits(string(rune(digit)))
	}
	return nil
}

func (a *calls) sayDigits(ctx context.Context, c *channel.Channel, args string) error {
	return a.spell(ctx, c, prompt.Digits(form.Arg(argument.Split(args, 2), 0)))
}

func (a *calls) sayAlpha(ctx context.Context, c *channel.Channel, args string) error {
	return a.spell(ctx, c, prompt.Letters(args))
}

func (a *calls) sayPhonetic(ctx context.Context, c *channel.Channel, args string) error {
	return a.spell(ctx, c, prompt.Phonetics(args))
}

// sayNumber is SayNumber(n[,gender]); the gender matters in no language spoken yet.
func (a *calls) sayNumber(ctx context.Context, c *channel.Channel, args string) error {
	text := form.Arg(argument.Split(args, 3), 0)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		a.System.Warn(c, "SayNumber: not a number", "argument", text)
		return nil
	}
	return a.spell(ctx, c, prompt.Number(n))
}

// sayUnixTime is SayUnixTime([epoch][,tz[,format[,options]]]); the format
// defaults to weekday, date, year and time of day.
func (a *calls) sayUnixTime(ctx context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 5)
	when := time.Now()
	if t := form.Arg(p, 0); t != "" {
		sec, err := strconv.ParseInt(t, 10, 64)
		if err != nil {
			a.System.Warn(c, "SayUnixTime: not a time", "argument", t)
			return nil
		}
		when = time.Unix(sec, 0)
	}
	if zone := form.Arg(p, 1); zone != "" {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			a.System.Warn(c, "SayUnixTime: no such time zone", "timezone", zone)
		} else {
			when = when.In(loc)
		}
	}
	format := form.Arg(p, 2)
	if format == "" {
		format = "ABdY 'digits/at' IMp"
	}
	return a.spell(ctx, c, clockPrompts(when, format))
}

// clockPrompts turns a format of SayUnixTime into prompts.
func clockPrompts(t time.Time, format string) []string {
	var out []string
	number := func(n int) { out = append(out, prompt.Number(int64(n))...) }
	for i := 0; i < len(format); i++ {
		switch format[i] {
		case '\'':
			name, _, _ := strings.Cut(format[i+1:], "'")
			out = append(out, name)
			i += len(name) + 1
		case 'A', 'a':
			out = append(out, "digits/day-"+strconv.Itoa(int(t.Weekday())))
		case 'B', 'b', 'h':
			out = append(out, "digits/mon-"+strconv.Itoa(int(t.Month())-1))
		case 'm':
			out = append(out, prompt.Ordinal(int(t.Month()))...)
		case 'd', 'e':
			out = append(out, prompt.Ordinal(t.Day())...)
		case 'Y':
			number(t.Year())
		case 'I', 'l':
			number((t.Hour()+11)%12 + 1)
		case 'H', 'k':
			if t.Hour() < 10 && format[i] == 'H' {
				out = append(out, "digits/oh")
			}
			number(t.Hour())
		case 'M':
			switch m := t.Minute(); {
			case m == 0:
				out = append(out, "digits/oclock")
			case m < 10:
				out = append(out, "digits/oh")
				number(m)
			default:
				number(m)
			}
		case 'S':
			number(t.Second())
		case 'P', 'p':
			out = append(out, map[bool]string{true: "digits/a-m", false: "digits/p-m"}[t.Hour() < 12])
		case 'Q', 'q':
			out = append(out, clockPrompts(t, "ABdY")...)
		case 'R':
			out = append(out, clockPrompts(t, "HM")...)
		case 'T':
			out = append(out, clockPrompts(t, "HMS")...)
		}
	}
	return out
}
