package explain

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"branchline/pbx/channel"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/argument"
	"branchline/pbx/dialplan/timespec"
)

// unknownMark begins a value that cannot be known.
const unknownMark = "‹"

func unknown(what string) string { return unknownMark + what + "›" }

// real are the applications that only change where the call stands and what it
// knows; they are run as they are.
const real = " goto gosub return stackpop macro set mset noop while endwhile exitwhile continuewhile if elseif else endif nocdr resetcdr "

// hears are applications that let the caller hear something; + means that they
// answer a call that is not answered yet.
var hears = map[string]string{
	"playback": "+hears %s", "controlplayback": "+hears %s", "background": "+hears %s, and may dial meanwhile",
	"saydigits": "hears the digits %s", "saynumber": "hears the number %s", "sayalpha": "hears %s, spelt",
	"sayphonetic": "hears %s, spelt", "sayunixtime": "hears the time", "echo": "hears himself, until he hangs up",
	"milliwatt": "+hears a test tone, until he hangs up", "musiconhold": "+hears music", "startmusiconhold": "hears music from now on",
	"playtones": "hears %s from now on", "progress": "may hear something now (183)", "ringing": "is told that it rings (180)",
}

// run does what one application does to the call.
func (w *walk) run(name, args string) error {
	c := w.c
	lower := strings.ToLower(name)
	switch lower {
	case "gotoif", "gosubif", "execif":
		return w.conditional(lower, args)
	case "gotoiftime", "execiftime":
		return w.timed(lower, args)
	case "while", "if", "elseif":
		truth, err := w.truth(args)
		if err != nil {
			return err
		}
		return w.really(name, truth)
	case "exec", "tryexec":
		return w.command(args)
	case "answer":
		if c.State != channel.Up {
			w.pickUp("    ")
		}
		return nil
	case "dial":
		return w.dial(args)
	case "hangup":
		if args != "" {
			if cause, ok := channel.CauseNamed(args); ok {
				c.Cause = cause
			}
		}
		if c.Cause == channel.NoCause {
			c.Cause = channel.NormalClearing
		}
		return dialplan.ErrHangup
	case "busy":
		w.told.line("    %s", w.tone("busy", channel.UserBusy))
		return dialplan.ErrHangup
	case "congestion":
		w.told.line("    %s", w.tone("congestion", channel.NormalCircuitCongestion))
		return dialplan.ErrHangup
	case "incomplete":
		c.Cause = channel.InvalidNumberFormat
		return dialplan.ErrHangup
	case "waitexten":
		return w.waitsForNumber()
	case "authenticate":
		if c.State != channel.Up {
			w.pickUp("    ")
		}
		way, err := w.decide("the password is right", "the password is wrong")
		if err == nil && way == 1 {
			return dialplan.ErrHangup
		}
		return err
	case "read", "readexten":
		if c.State != channel.Up {
			w.pickUp("    ")
		}
		variable, _, _ := strings.Cut(args, ",")
		c.SetVar(strings.TrimSpace(variable), unknown("what is dialled"))
		w.told.line("    %s gets what the caller dials", strings.TrimSpace(variable))
		return nil
	case "transfer":
		if c.State == channel.Up {
			w.told.line("=> %s is asked to call %s instead (REFER)", w.q.Endpoint, args)
		} else {
			w.told.line("=> %s gets 302 %s, to %s", w.q.Endpoint, w.Phrase(302), args)
		}
		return errEnd
	}
	if strings.Contains(real, " "+lower+" ") {
		return w.really(name, args)
	}
	if text, ok := hears[lower]; ok {
		return w.hears(lower, text, args)
	}
	return nil // it happens, and the call goes on
}

// really runs the application itself.
func (w *walk) really(name, args string) error {
	a, ok := w.system.Catalog.App(name)
	if !ok {
		return dialplan.ErrHangup
	}
	return a.Run(context.Background(), w.c, args)
}

// pickUp answers the call; the line about it begins with margin.
func (w *walk) pickUp(margin string) {
	w.c.State, w.c.Hearing = channel.Up, true
	if !w.answered {
		w.answered = true
		w.told.line("%s%s gets 200 %s", margin, w.q.Endpoint, w.Phrase(200))
	}
}

func (w *walk) hears(lower, text, args string) error {
	text, answers := strings.CutPrefix(text, "+")
	what, options, _ := strings.Cut(args, ",")
	quiet := strings.Contains(strings.ToLower(options), "noanswer") || lower == "background" && argument.ParseOptions(options).Has('n')
	if answers && w.c.State != channel.Up && !quiet {
		w.pickUp("    ")
	}
	if strings.Contains(text, "%s") {
		text = fmt.Sprintf(text, what)
	}
	w.told.line("    %s %s", w.q.Endpoint, text)
	if strings.HasSuffix(text, "until he hangs up") {
		w.told.line("=> the call lasts until %s hangs up", w.q.Endpoint)
		return errEnd
	}
	return nil
}

// waitsForNumber ends a walk where the caller has to dial on.
func (w *walk) waitsForNumber() error {
	names := w.Plan.Extensions(w.c.Context)
	if len(names) > 12 {
		names = append(names[:12:12], "...")
	}
	w.told.line("=> what follows depends on what %s dials now: %s", w.q.Endpoint, strings.Join(names, " "))
	return errEnd
}

// truth decides a condition: "1" or "0".
func (w *walk) truth(condition string) (string, error) {
	if w.unknown || strings.Contains(condition, unknownMark) {
		way, err := w.decide("if so", "if not")
		if err != nil {
			return "", err
		}
		w.unknown = false
		return []string{"1", "0"}[way], nil
	}
	if argument.Truth(argument.Unquote(strings.TrimSpace(condition))) {
		return "1", nil
	}
	return "0", nil
}

func (w *walk) conditional(name, args string) error {
	condition, yes, no := argument.ParseBranch(args)
	truth, err := w.truth(condition)
	if err != nil {
		return err
	}
	return w.branch(name, truth == "1", yes, no)
}

func (w *walk) timed(name, args string) error {
	spec, yes, no := argument.ParseBranch(args)
	when, err := timespec.Parse(spec)
	if err != nil {
		w.told.line("    note: %v; the call goes on with the next step", err)
		return nil
	}
	match := when.Match(w.q.At)
	w.told.line("    %s is %s this time", w.q.At.Format("Mon 15:04"), map[bool]string{true: "within", false: "outside"}[match])
	return w.branch(strings.Replace(name, "time", "", 1), match, yes, no)
}

// branch takes one side of a condition.
func (w *walk) branch(name string, truth bool, yes, no string) error {
	target := strings.TrimSpace(no)
	if truth {
		target = strings.TrimSpace(yes)
	}
	if target == "" {
		return nil
	}
	switch name {
	case "gotoif":
		return w.really("Goto", target)
	case "gosubif":
		return w.really("Gosub", target)
	}
	return w.command(target)
}

// command runs App(args) given as text.
func (w *walk) command(text string) error {
	name, args, _ := strings.Cut(strings.TrimSpace(text), "(")
	name, args = strings.TrimSpace(name), strings.TrimSuffix(args, ")")
	a, ok := w.system.Catalog.App(name)
	if !ok {
		w.told.line("    there is no application %s: the call ends here", name)
		return dialplan.ErrHangup
	}
	w.told.line("    that is %s(%s)", a.Name, args)
	return w.run(a.Name, args)
}

// A catalog lets functions be read as far as that has no effect, and marks what
// cannot be known.
type catalog struct {
	dialplan.Catalog
	w *walk
}

// Function finds a function, made harmless.
func (c catalog) Function(name string) (*dialplan.Function, bool) {
	f, ok := c.Catalog.Function(name)
	if !ok {
		return nil, false
	}
	safe := *f
	upper := strings.ToUpper(f.Name)
	if f.Read != nil {
		safe.Read = func(ctx context.Context, ch *channel.Channel, args string) (v string, err error) {
			defer func() {
				if recover() != nil || err != nil || v == "" && strings.Contains(fromTheParty, " "+upper+" ") {
					c.w.unknown = true
					v, err = unknown(f.Name+"("+args+")"), nil
				}
			}()
			switch {
			case strings.Contains(unknowable, " "+upper+" "), c.w.Contacts == nil && strings.Contains(liveOnly, " "+upper+" "):
				return "", errUnknown
			case upper == "IFTIME":
				return c.w.ifTime(args), nil
			}
			return f.Read(ctx, ch, args)
		}
	}
	if f.Write != nil && strings.Contains(stores, " "+upper+" ") {
		safe.Write = func(_ context.Context, _ *channel.Channel, args, value string) error {
			c.w.told.line("    %s(%s) would be set; it is not, this is an explanation", f.Name, args)
			return nil
		}
	}
	return &safe, true
}

var errUnknown = errors.New("not known")

const (
	// unknowable gives something else each time, needs a real call, or has an
	// effect when it is read.
	unknowable = " RAND UUID DB_DELETE GLOBAL_DELETE PJSIP_HEADER PJSIP_HEADERS SIP_HEADER SIP_HEADERS HANGUPCAUSE HANGUPCAUSE_KEYS CDR " +
		" PJSIP_PARSE_URI_FROM GROUP_COUNT GROUP_MATCH_COUNT LOCK TRYLOCK UNLOCK CURL ODBC SHELL "
	// liveOnly needs a running exchange.
	liveOnly = " DB DB_EXISTS DB_KEYS DB_KEYCOUNT BLACKLIST DEVICE_STATE EXTENSION_STATE CHANNELS CHANNEL_EXISTS PJSIP_CONTACT PJSIP_AOR PJSIP_DIAL_CONTACTS "
	// fromTheParty is known when the call is there.
	fromTheParty = " CHANNEL "
	// stores would change more than the call.
	stores = " DB DEVICE_STATE GROUP CDR PJSIP_HEADER LOCK ODBC ENV "
)

func (w *walk) ifTime(args string) string {
	spec, yes, no := argument.ParseBranch(args)
	when, err := timespec.Parse(spec)
	if err == nil && when.Match(w.q.At) {
		return yes
	}
	return no
}
