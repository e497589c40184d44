package voice

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"branchline/hal"
	"branchline/hal/modem/at"
	"branchline/hal/modem/dle"
)

// findTries is how often a modem is asked whether it is there, a second each.
const findTries = 2

// A step of the set-up is one setting, in the words of different makers: the first
// that the modem accepts is used.
type step struct {
	ways []string
	must bool
}

// prepare brings the modem from whatever state it is in to one that waits for calls.
func (l *Line) prepare(ctx context.Context) error {
	// It may be in the stream of a call that a crash left behind.
	if err := l.engine.Send([]byte{dle.DLE, dle.ETX, dle.DLE, '^', '\r'}); err != nil {
		return err
	}
	if err := l.engine.Find(ctx, findTries); err != nil {
		return err
	}
	for _, text := range []string{"ATZ", "ATE0V1", "ATH"} {
		if _, err := l.command(ctx, text); err != nil {
			return err
		}
	}
	l.identify(ctx)
	if err := l.chooseFormat(ctx); err != nil {
		return err
	}
	if err := l.configure(ctx); err != nil {
		return err
	}
	l.info = hal.Info{Name: l.o.Name, Driver: Driver, Kind: hal.FXO, Model: l.info.Model, EchoDelay: echoDelay,
		Caps: l.info.Caps | hal.Dials | hal.DialsPulses | hal.Flashes}
	if l.o.Digits {
		l.info.Caps |= hal.ReportsDigits
	}
	if l.o.Prove || !duplexKnown(l.info.Model) {
		return l.prove(ctx)
	}
	return nil
}

func (l *Line) command(ctx context.Context, text string) (at.Reply, error) {
	return l.engine.Do(ctx, at.Command{Text: text, Bare: true})
}

// identify asks for the model. A modem that does not say is not worse for it.
func (l *Line) identify(ctx context.Context) {
	for _, text := range []string{"ATI3", "AT+FMM?", "AT+GMM"} {
		r, err := l.command(ctx, text)
		if err != nil || len(r.Lines) == 0 {
			continue
		}
		model := value(r.Lines[0])
		if l.info.Model == "" || duplexKnown(model) {
			l.info.Model = model
		}
		if duplexKnown(model) {
			break
		}
	}
	if r, err := l.command(ctx, "AT+FMR?"); err == nil && len(r.Lines) > 0 {
		l.firm = value(r.Lines[0])
	}
}

// value is a line of information without its name and quotes.
func value(line string) string {
	if strings.HasPrefix(line, "+") {
		if _, rest, ok := strings.Cut(line, ":"); ok {
			line = rest
		}
	}
	return strings.Trim(line, " \"")
}

// duplexKnown are the models that were found to be full duplex (Conexant CX93001,
// CX93010 and their kin). AT+VTR=? says nothing: they answer ERROR to it.
func duplexKnown(model string) bool { return strings.Contains(model, "CX930") }

// chooseFormat selects voice and how samples look.
func (l *Line) chooseFormat(ctx context.Context) error {
	r, err := l.command(ctx, "AT+FCLASS=?")
	if err != nil {
		return err
	}
	classes := strings.Join(r.Lines, ",")
	if !slices.Contains(strings.FieldsFunc(value(classes), func(c rune) bool { return strings.ContainsRune(", ()\"", c) }), "8") {
		return fmt.Errorf("this modem has no voice: it lists classes %s, not 8", value(classes))
	}
	if err := l.accept(ctx, step{[]string{"AT+FCLASS=8"}, true}); err != nil {
		return err
	}
	r, err = l.command(ctx, "AT+VSM=?")
	if err != nil {
		return err
	}
	if l.format = choose(r.Lines); l.format == nil {
		return fmt.Errorf("this modem has no format for samples that we know: it lists %s", strings.Join(r.Lines, "; "))
	}
	return l.accept(ctx, step{[]string{
		fmt.Sprintf("AT+VSM=%d,8000", l.format.number), fmt.Sprintf("AT+VSM=%d,8000,0,0", l.format.number)}, true})
}

// configure makes the rest of the settings.
func (l *Line) configure(ctx context.Context) error {
	dial := "ATX4"
	if l.o.Blind {
		dial = "ATX3"
	}
	for _, s := range []step{
		{[]string{"ATS0=0"}, true},                      // it answers when told to
		{[]string{dial}, false},                         // busy is always told, dial tone waited for or not
		{[]string{"ATS8=1"}, false},                     // a pause is as short as it can be
		{[]string{"ATM0"}, false},                       // no loudspeaker
		{[]string{"AT+VSD=0,0", "AT+VSD=128,0"}, false}, // silence does not end the stream
		{[]string{"AT+VIT=0"}, false},                   // nor does time
		{[]string{"AT+VPR=0"}, false},
	} {
		if err := l.accept(ctx, s); err != nil {
			return err
		}
	}
	if n := len(l.setup); l.accept(ctx, step{[]string{"AT+VCID=1", "AT#CID=1"}, true}) == nil && len(l.setup) > n {
		l.info.Caps |= hal.ReportsCallerID
	}
	for _, text := range l.o.Init {
		if err := l.accept(ctx, step{[]string{text}, true}); err != nil {
			return err
		}
	}
	return nil
}

// accept makes one setting, and remembers how.
func (l *Line) accept(ctx context.Context, s step) error {
	var err error
	for _, text := range s.ways {
		if _, err = l.command(ctx, text); err == nil {
			l.setup = append(l.setup, text)
			return nil
		}
		var refused *at.Refusal
		if !errors.As(err, &refused) {
			return err
		}
	}
	if s.must {
		return err
	}
	l.o.Log.Debug("modem does not know a setting", "line", l.o.Name, "command", s.ways[0])
	return nil
}

// prove goes off hook for a moment to see whether the modem is full duplex: nothing
// else tells.
func (l *Line) prove(ctx context.Context) error {
	err := l.enter(ctx)
	if e := l.hangUp(ctx); err == nil {
		err = e
	}
	return err
}

// hangUp ends a call and makes the modem ready for the next.
func (l *Line) hangUp(ctx context.Context) error {
	err := l.leave(ctx)
	l.mu.Lock()
	path := l.path
	l.path = nil
	l.mu.Unlock()
	if path != nil {
		path.End()
	}
	for _, text := range append([]string{"AT+VLS=0", "ATH"}, l.setup...) {
		_, e := l.engine.Do(ctx, at.Command{Text: text, Bare: true, Timeout: 3 * time.Second})
		var refused *at.Refusal
		if e == nil || errors.As(e, &refused) {
			continue
		}
		if errors.Is(e, at.ErrTimeout) {
			// It is late; the next command waits for it.
			continue
		}
		return e
	}
	return err
}
