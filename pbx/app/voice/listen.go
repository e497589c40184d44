package voice

import (
	"context"
	"crypto/subtle"
	"errors"
	"strconv"
	"strings"
	"time"

	"branchline/pbx/app/form"
	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/prompt"
)

// digitOf makes a take function that stores the first digit c's party dials.
func digitOf(c *channel.Channel, into *byte) func(channel.Event) bool {
	return func(e channel.Event) bool {
		if e.Kind != channel.DigitEnded || e.Leg != c.Leg {
			return false
		}
		*into = e.Digit
		return true
	}
}

// wait is Wait(seconds).
func (a *calls) wait(ctx context.Context, c *channel.Channel, args string) error {
	text := form.Arg(argument.Split(args, 2), 0)
	d, ok := form.Seconds(text)
	if !ok {
		a.System.Warn(c, "Wait: not a number of seconds", "argument", text)
	}
	return c.Pause(ctx, d)
}

// waitDigit is WaitDigit([seconds][,digits]).
func (a *calls) waitDigit(ctx context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 3)
	d, _ := form.Seconds(form.Arg(p, 0))
	wanted := form.Arg(p, 1)
	form.Listen(c)
	var digit byte
	err := c.Wait(ctx, d, func(e channel.Event) bool {
		return digitOf(c, &digit)(e) && (wanted == "" || strings.IndexByte(wanted, digit) >= 0)
	})
	switch {
	case errors.Is(err, channel.ErrTimeout):
		c.SetVar("WAITDIGITSTATUS", "TIMEOUT")
		return nil
	case err != nil:
		return err
	}
	c.SetVar("WAITDIGITSTATUS", "DTMF")
	c.SetVar("WAITDIGITRESULT", string(rune(digit)))
	return nil
}

// waitExten is WaitExten([seconds][,options]).
func (a *calls) waitExten(ctx context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 3)
	d, ok := form.Seconds(form.Arg(p, 0))
	if !ok || d == 0 {
		d = c.ResponseTimeout
	}
	o := argument.ParseOptions(form.Arg(p, 1))
	switch name, tone := o.Arg('d'); {
	case tone:
		if name == "" {
			name = "dial"
		}
		if err := prompt.Start(c, name); err != nil {
			a.System.Warn(c, "WaitExten", "error", err)
		}
	case o.Has('m'):
		prompt.StartMusic(c)
	}
	form.Listen(c)
	var digit byte
	err := c.Wait(ctx, d, digitOf(c, &digit))
	if len(o) > 0 {
		prompt.Stop(c)
	}
	if errors.Is(err, channel.ErrTimeout) {
		return dialplan.ErrNoDigits
	}
	if err != nil {
		return err
	}
	return dialplan.Digits(string(rune(digit)))
}

// background is BackGround(file[&...][,options[,lang[,context]]]).
func (a *calls) background(ctx context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 5)
	o := argument.ParseOptions(form.Arg(p, 1))
	where := form.Arg(p, 3)
	if where == "" {
		where = c.Context
	}
	if c.State != channel.Up {
		if o.Has('s') {
			c.SetVar("BACKGROUNDSTATUS", "SUCCESS")
			return nil
		}
		if !o.Has('n') {
			form.PickUp(c)
		}
	}
	if lang := form.Arg(p, 2); lang != "" {
		before := c.Language
		c.Language = lang
		defer func() { c.Language = before }()
	}
	form.Listen(c)
	var digit byte
	var take func(channel.Event) bool
	if !o.Has('p') {
		take = func(e channel.Event) bool {
			if !digitOf(c, &digit)(e) {
				return false
			}
			if !o.Has('m') {
				return true
			}
			exists, _ := a.Exchange.Lookup(where, string(rune(digit)), c.Caller.Number)
			if !exists {
				digit = 0
			}
			return exists
		}
	}
	names := form.Files(form.Arg(p, 0))
	for _, n := range names {
		a.Tracef(3, "<%s> Playing '%s' (language '%s')", c.Name, n, c.Language)
	}
	ok, err := a.say(ctx, c, names, take)
	if err != nil {
		return err
	}
	c.SetVar("BACKGROUNDSTATUS", map[bool]string{true: "SUCCESS", false: "FAILED"}[ok])
	if digit != 0 {
		c.Context = where
		return dialplan.Digits(string(rune(digit)))
	}
	return nil
}

// reading is how a string of digits is collected.
type reading struct {
	first, next time.Duration
	max         int               // 0: no limit
	end         string            // digits that end the entry
	full        func(string) bool // entry needs no more digits; may be nil
}

// readEnd says how an entry ended.
type readEnd uint8

const (
	entered readEnd = iota
	timedOut
)

// collect plays names until the first digit and reads an entry.
func (a *calls) collect(ctx context.Context, c *channel.Channel, names []string, r reading) (string, readEnd, error) {
	form.Listen(c)
	var digit byte
	if _, err := a.say(ctx, c, names, digitOf(c, &digit)); err != nil {
		return "", entered, err
	}
	entry := ""
	for {
		if digit == 0 {
			d := r.next
			if entry == "" {
				d = r.first
			}
			err := c.Wait(ctx, max(d, time.Millisecond), digitOf(c, &digit))
			if errors.Is(err, channel.ErrTimeout) {
				return entry, timedOut, nil
			}
			if err != nil {
				return entry, entered, err
			}
		}
		if strings.IndexByte(r.end, digit) >= 0 {
			return entry, entered, nil
		}
		entry += string(rune(digit))
		digit = 0
		if r.max > 0 && len(entry) >= r.max || r.full != nil && r.full(entry) {
			return entry, entered, nil
		}
	}
}

// read is Read(var[,files[,max[,options[,attempts[,timeout]]]]]).
func (a *calls) read(ctx context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 7)
	name := form.Arg(p, 0)
	if name == "" {
		a.System.Warn(c, "Read: no variable given")
		return nil
	}
	o := argument.ParseOptions(form.Arg(p, 3))
	r := reading{first: c.ResponseTimeout, next: c.DigitTimeout, end: "#"}
	r.max, _ = strconv.Atoi(form.Arg(p, 2))
	if r.max <= 0 || r.max > 255 {
		r.max = 255
	}
	if t, ok := o.Arg('t'); ok {
		r.end = t
	}
	if d, ok := form.Seconds(form.Arg(p, 5)); ok && d > 0 {
		r.first, r.next = d, d
	}
	attempts, _ := strconv.Atoi(form.Arg(p, 4))
	done := func(status, entry string) error {
		c.SetVar("READSTATUS", status)
		return a.System.Assign(ctx, c, name, entry)
	}
	if c.State != channel.Up {
		if o.Has('s') {
			return done("SKIPPED", "")
		}
		if !o.Has('n') {
			form.PickUp(c)
		}
	}
	names := form.Files(form.Arg(p, 1))
	if o.Has('i') && len(names) > 0 {
		if err := prompt.Start(c, names[0]); err != nil {
			a.System.Warn(c, "Read", "error", err)
		}
		names = nil
		defer prompt.Stop(c)
	}
	for n := max(attempts, 1); ; n-- {
		entry, end, err := a.collect(ctx, c, names, r)
		if err != nil {
			if errors.Is(err, channel.ErrHangup) {
				_ = done("HANGUP", entry) // the hang-up is what counts
			}
			return err
		}
		if entry != "" || n <= 1 {
			if end == timedOut {
				return done("TIMEOUT", entry)
			}
			return done("OK", entry)
		}
		a.Tracef(3, "User entered nothing, %d chances left", n-1)
	}
}

// readExten is ReadExten(var[,file[,context[,options[,timeout]]]]).
func (a *calls) readExten(ctx context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 6)
	name, where := form.Arg(p, 0), form.Arg(p, 2)
	if name == "" {
		c.SetVar("READEXTENSTATUS", "ERROR")
		return nil
	}
	if where == "" {
		where = c.Context
	}
	o := argument.ParseOptions(form.Arg(p, 3))
	if c.State != channel.Up {
		if o.Has('s') {
			c.SetVar("READEXTENSTATUS", "SKIP")
			return a.System.Assign(ctx, c, name, "")
		}
		if !o.Has('n') {
			form.PickUp(c)
		}
	}
	r := reading{first: c.ResponseTimeout, next: c.DigitTimeout, end: "#"}
	if d, ok := form.Seconds(form.Arg(p, 4)); ok && d > 0 {
		r.first, r.next = d, d
	}
	r.full = func(n string) bool {
		_, more := a.Exchange.Lookup(where, n, c.Caller.Number)
		return !more
	}
	entry, end, err := a.collect(ctx, c, form.Files(form.Arg(p, 1)), r)
	if err != nil {
		return err
	}
	status := "OK"
	if exists, _ := a.Exchange.Lookup(where, entry, c.Caller.Number); entry == "" || !exists {
		status = "INVALID"
		if end == timedOut && entry == "" {
			status = "TIMEOUT"
		} else {
			c.SetVar("INVALID_EXTEN", entry)
		}
		entry = ""
	}
	c.SetVar("READEXTENSTATUS", status)
	return a.System.Assign(ctx, c, name, entry)
}

// authenticate is Authenticate(password[,options[,maxdigits[,prompt]]]): three
// tries, then the call ends. Passwords in files and in the database are refused.
func (a *calls) authenticate(ctx context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 5)
	o := argument.ParseOptions(form.Arg(p, 1))
	want := form.Arg(p, 0)
	if want == "" || want[0] == '/' || o.Has('d') || o.Has('m') || o.Has('r') {
		a.System.Warn(c, "Authenticate: only a password given in place is supported; the call ends")
		return dialplan.ErrHangup
	}
	ask := form.Arg(p, 3)
	if ask == "" {
		ask = "agent-pass"
	}
	r := reading{first: 10 * time.Second, next: 5 * time.Second, end: "#"}
	r.max, _ = strconv.Atoi(form.Arg(p, 2))
	form.PickUp(c)
	for range 3 {
		entry, _, err := a.collect(ctx, c, []string{ask}, r)
		if err != nil {
			return err
		}
		if subtle.ConstantTimeCompare([]byte(entry), []byte(want)) == 1 {
			if o.Has('a') {
				c.Account = entry
			}
			_, err := a.say(ctx, c, []string{"auth-thankyou"}, nil)
			return err
		}
		ask = "auth-incorrect"
	}
	if _, err := a.say(ctx, c, []string{"vm-goodbye"}, nil); err != nil {
		return err
	}
	return dialplan.ErrHangup
}

// sendDTMF is SendDTMF(digits[,gap_ms[,len_ms[,channel[,options]]]]).
func (a *calls) sendDTMF(ctx context.Context, c *channel.Channel, args string) error {
	p := argument.Split(args, 6)
	gap, length := milliseconds(form.Arg(p, 1), 250), milliseconds(form.Arg(p, 2), 100)
	to := c
	if name := form.Arg(p, 3); name != "" {
		other, ok := a.Exchange.Find(name)
		if !ok {
			a.System.Warn(c, "SendDTMF: no such channel", "wanted", name)
			return nil
		}
		to = other
	}
	return form.SendDigits(ctx, c, to, form.Arg(p, 0), gap, length)
}

func milliseconds(s string, otherwise int) time.Duration {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return time.Duration(n) * time.Millisecond
	}
	return time.Duration(otherwise) * time.Millisecond
}
