package cell

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"branchline/hal"
	"branchline/hal/modem/at"
	"branchline/hal/modem/cell/phrase"
	"branchline/hal/modem/duplex"
)

// Causes of ITU-T Q.850.
const (
	normalClearing    = 16
	userBusy          = 17
	noAnswer          = 19
	networkOutOfOrder = 38
	temporaryFailure  = 41
)

// States of a call (3GPP TS 27.007, 7.18); modems add ones for its end.
const (
	active   = 0
	held     = 1
	dialing  = 2
	alerting = 3
	incoming = 4
	waiting  = 5
)

// burst is how long a ring is said to last: modules tell of its beginning only.
const burst = time.Second

// A call is the one call a module has.
type call struct {
	index    int // 0: not told yet
	incoming bool
	known    bool // the caller was told
	rings    bool // the far phone rings, which was told
	active   bool
	over     bool // the far side has gone
	cause    int  // as far as known when it went
	why      error
	path     *duplex.Path
	speaking bool // the module was told to let speech flow
	begun    bool // samples were sent
	last     int64
	stalls   int
}

// news takes a line that nobody asked for.
func (l *Line) news(line, next string) {
	l.mu.Lock()
	up := l.up
	l.mu.Unlock()
	name, rest, _ := strings.Cut(line, ":")
	rest = strings.TrimSpace(rest)
	switch name {
	case "+CREG", "+CEREG":
		l.registered(name+":", rest)
		if up {
			l.mu.Lock()
			l.judge()
			l.mu.Unlock()
		}
		return
	}
	if !up {
		return // it is asked for all of this when it is
	}
	switch name {
	case "RING", "+CRING":
		l.rings()
	case "+CLIP":
		l.calls(at.Fields(rest))
	case "+QIND":
		if f := at.Fields(rest); len(f) > 3 && f[0] == "ccinfo" {
			l.state(f[1:], 5)
		}
	case "+CLCC":
		l.state(at.Fields(rest), 5)
	case "VOICE CALL":
		if strings.HasPrefix(rest, "END") {
			l.ended(0)
		} else {
			l.connected()
		}
	case "MISSED_CALL", "NO CARRIER":
		l.ended(0)
	case "BUSY":
		l.ended(userBusy)
	case "NO ANSWER":
		l.ended(noAnswer)
	case "+QTONEDET":
		if n, err := strconv.Atoi(rest); err == nil && n >= 0 && n < 128 {
			l.hears(byte(n))
		}
	case "+RXDTMF", "+DTMF":
		if rest = strings.Trim(rest, "\""); len(rest) == 1 {
			l.hears(rest[0])
		}
	case "+CPIN", "+QUSIM", "+QSIMSTAT":
		l.do(check)
	case "+CMTI", "+CDSI", "SMS DONE":
		l.do(sweep)
	case "+CMT":
		l.arrives(next)
	case "+CDS":
		l.reported(next)
	case "RDY":
		l.lose(errors.New("the module has restarted"))
	case "POWERED DOWN", "NORMAL POWER DOWN":
		l.lose(errors.New("the module has switched itself off"))
	}
}

// rings begins an incoming call, or goes on with it.
func (l *Line) rings() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.call == nil {
		l.call = &call{incoming: true}
	}
	l.ring()
}

// ring tells of a burst. The caller holds the lock.
func (l *Line) ring() {
	c := l.call
	if !c.incoming || c.active || c.over || c.path != nil {
		return
	}
	if l.ringing != nil {
		l.ringing.Stop()
	} else {
		l.put(hal.Event{Kind: hal.RingBegin})
	}
	l.ringing = time.AfterFunc(burst, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.ringing != nil {
			l.ringing = nil
			l.put(hal.Event{Kind: hal.RingEnd})
		}
	})
}

// quiet ends a burst. The caller holds the lock.
func (l *Line) quiet() {
	if l.ringing != nil {
		l.ringing.Stop()
		l.ringing = nil
		l.put(hal.Event{Kind: hal.RingEnd})
	}
}

// calls takes +CLIP: number, type, subaddress, its type, name, validity.
func (l *Line) calls(f []string) {
	l.rings()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.call.incoming || l.call.known {
		return
	}
	who := hal.Caller{Number: phrase.International(phrase.Caller(f[0]), phrase.Number(f, 1))}
	if len(f) > 4 {
		who.Name = phrase.Text(f[4])
	}
	switch phrase.Number(f, 5) {
	case 1:
		who.Withheld = true
	case 2:
		who.Unavailable = true
	default:
		if who.Number == "" {
			who.Withheld = true
		}
	}
	l.call.known = true
	l.put(hal.Event{Kind: hal.CallerID, Caller: who})
}

// state takes the state of one call: index, direction, state, mode, multiparty,
// number, type.
func (l *Line) state(f []string, at int) {
	index, dir, mode := phrase.Number(f, 0), phrase.Number(f, 1), phrase.Number(f, 3)
	if index < 0 || mode > 0 {
		return // packet data is a call, too
	}
	state, err := strconv.Atoi(f[min(2, len(f)-1)])
	if err != nil || len(f) < 3 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.call
	if c != nil && state != waiting {
		if c.index == 0 && state >= active && state <= incoming {
			c.index = index
		}
		if c.index != 0 && c.index != index {
			return // a second call comes and goes
		}
	}
	switch state {
	case active:
		l.isActive()
	case alerting:
		if c != nil && !c.rings {
			c.rings = true
			l.put(hal.Event{Kind: hal.Progress, Tone: hal.Ringback})
		}
	case incoming:
		if dir != 1 {
			return
		}
		if c == nil {
			c = &call{index: index, incoming: true}
			l.call = c
			l.ring()
		}
		if !c.known && at < len(f) && f[at] != "" {
			c.known = true
			l.put(hal.Event{Kind: hal.CallerID, Caller: hal.Caller{Number: phrase.International(phrase.Caller(f[at]), phrase.Number(f, at+1))}})
		}
	case waiting:
		l.todo |= refuse
		l.nudge()
	case held, dialing:
	default: // 6: SIMCom's end; -1, 7: Quectel's
		l.isOver(0, nil)
	}
}

func (l *Line) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// connected notes that the call is up.
func (l *Line) connected() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isActive()
}

// isActive notes that the call is up. The caller holds the lock.
func (l *Line) isActive() {
	c := l.call
	if c == nil || c.active || c.over {
		return
	}
	c.active = true
	if !c.incoming {
		l.put(hal.Event{Kind: hal.Answered})
	}
	l.todo |= speak
	l.nudge()
}

func (l *Line) over(cause int, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isOver(cause, why)
}

// ended takes a message that some call has ended, and not which.
func (l *Line) ended(cause int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.call == nil:
	case l.call.active:
		l.todo |= look
		l.nudge()
	default:
		l.isOver(cause, nil)
	}
}

// isOver notes that the far side has gone. The worker asks why, and tells. The
// caller holds the lock.
func (l *Line) isOver(cause int, why error) {
	c := l.call
	if c == nil {
		return
	}
	if c.cause == 0 {
		c.cause, c.why = cause, why
	}
	if !c.over {
		c.over = true
		l.quiet()
		l.todo |= cleared
		l.nudge()
	}
}

// clear ends a call that the far side has ended.
func (l *Line) clear(ctx context.Context) error {
	l.mu.Lock()
	c := l.call
	over := c != nil && c.over
	l.mu.Unlock()
	if !over {
		return nil
	}
	report, err := l.ask(ctx, "AT+CEER")
	if err != nil {
		report = ""
	}
	cause := phrase.Cause(report)
	l.mu.Lock()
	if c.cause != 0 {
		cause = c.cause
	} else if cause == 0 {
		cause = normalClearing
	}
	mine := l.call == c // Clear may have been quicker
	if mine {
		l.call = nil
		l.put(hal.Event{Kind: hal.Cleared, Cause: cause, Err: c.why})
	}
	l.mu.Unlock()
	if !mine {
		return nil
	}
	return l.silence(ctx, c)
}

// silence ends the speech of a call that is over.
func (l *Line) silence(ctx context.Context, c *call) error {
	l.clock.Flow(false)
	if c.path != nil {
		c.path.End()
	}
	if c.speaking {
		return l.try(ctx, l.profile.mute)
	}
	return nil
}

// refuseWaiting tells a second caller that we are busy.
func (l *Line) refuseWaiting(ctx context.Context) error { return l.try(ctx, "AT+CHLD=0") }

// look asks for the states of calls: messages about them may have been lost.
func (l *Line) look(ctx context.Context) error {
	l.mu.Lock()
	asked := l.call
	placing := l.dialing != nil
	l.mu.Unlock()
	if asked == nil || placing {
		return nil
	}
	lines, err := l.command(ctx, "AT+CLCC", false)
	if err != nil {
		return err
	}
	here := false
	l.mu.Lock()
	index := asked.index
	l.mu.Unlock()
	for _, line := range lines {
		f := at.Fields(line)
		here = here || phrase.Number(f, 3) == 0 && (index == 0 || index == phrase.Number(f, 0))
		l.state(f, 5)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !here && l.call == asked && l.dialing == nil {
		l.isOver(0, nil)
	}
	return l.stalled()
}

// hears tells of a digit.
func (l *Line) hears(d byte) {
	if strings.IndexByte("0123456789*#ABCD", d) >= 0 {
		l.put(hal.Event{Kind: hal.Digit, Digit: d})
	}
}

// Do carries out an operation.
func (l *Line) Do(ctx context.Context, op hal.Op) error {
	if op.Kind == hal.Clear {
		l.mu.Lock()
		cancel := l.dialing
		l.mu.Unlock()
		if cancel != nil {
			cancel()
		}
	}
	if op.Kind == hal.SendText { // it does not wait for a call, nor a call for it
		return l.wrap(op, l.send(ctx, op.Message))
	}
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-l.gone:
		return hal.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	return l.wrap(op, l.operate(ctx, op))
}

// wrap says whose error it is, and what a fatal one means.
func (l *Line) wrap(op hal.Op, err error) error {
	select {
	case <-l.gone:
		return hal.ErrClosed
	default:
	}
	if err == nil {
		return nil
	}
	if fatal(err) {
		l.lose(fmt.Errorf("%s: %w", op.Kind, err))
	}
	return fmt.Errorf("%s: %s: %w", l.o.Name, op.Kind, err)
}

func (l *Line) operate(ctx context.Context, op hal.Op) error {
	switch op.Kind {
	case hal.Seize:
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.call != nil {
			return hal.ErrBusy
		}
		return nil
	case hal.Dial:
		return l.dial(ctx, op.Digits)
	case hal.Answer:
		return l.answer(ctx)
	case hal.SendDigit:
		return l.digits(ctx, op.Digits)
	case hal.Clear:
		return l.hangUp(ctx, op.Cause)
	}
	return &hal.Unsupported{Driver: Driver, Op: op.Kind}
}

// dial places a call. What becomes of it comes as events.
func (l *Line) dial(ctx context.Context, to string) error {
	if to == "" || strings.Trim(to, "+0123456789*#") != "" {
		return fmt.Errorf("%q cannot be dialled", to)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.mu.Lock()
	if l.call != nil {
		l.mu.Unlock()
		return hal.ErrBusy
	}
	c := &call{path: duplex.NewPath(l.clock)}
	l.call, l.dialing = c, cancel
	l.mu.Unlock()
	err := error(nil)
	if !l.profile.speakUp {
		err = l.open(ctx, c)
	}
	if err == nil {
		_, err = l.engine.Do(ctx, at.Command{Text: "ATD" + to + ";", Calls: true, Timeout: 30 * time.Second, Abort: "\r"})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dialing = nil
	var refused *at.Refusal
	if errors.As(err, &refused) {
		cause := map[string]int{"BUSY": userBusy, "NO ANSWER": noAnswer, "NO CARRIER": 0}
		n, ok := cause[refused.Final]
		if !ok {
			n = networkOutOfOrder
		}
		l.isOver(n, errors.New(strings.ToLower(refused.Final)))
		return nil
	}
	if err != nil {
		l.isOver(temporaryFailure, err)
		return err
	}
	l.put(hal.Event{Kind: hal.DialDone})
	return nil
}

func (l *Line) answer(ctx context.Context) error {
	l.mu.Lock()
	c := l.call
	if c == nil || !c.incoming || c.over || c.path != nil {
		l.mu.Unlock()
		return errors.New("nobody calls")
	}
	l.quiet()
	c.path = duplex.NewPath(l.clock)
	l.mu.Unlock()
	if !l.profile.speakUp {
		if err := l.open(ctx, c); err != nil {
			return err
		}
	}
	if _, err := l.engine.Do(ctx, at.Command{Text: "ATA", Calls: true, Timeout: 15 * time.Second}); err != nil {
		return err
	}
	l.mu.Lock()
	l.isActive()
	l.mu.Unlock()
	return nil
}

func (l *Line) digits(ctx context.Context, digits string) error {
	for _, d := range []byte(digits) {
		if d == 'w' {
			select {
			case <-time.After(500 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
			continue
		}
		if strings.IndexByte("0123456789*#ABCD", d) < 0 {
			return fmt.Errorf("%q is no digit", d)
		}
		if _, err := l.command(ctx, fmt.Sprintf(l.profile.vts, d), true); err != nil {
			return err
		}
	}
	return nil
}

// hangUp ends the call, if there is one.
func (l *Line) hangUp(ctx context.Context, cause int) error {
	l.mu.Lock()
	c := l.call
	l.call = nil
	l.quiet()
	l.mu.Unlock()
	if c == nil {
		return nil
	}
	err := error(nil)
	if !c.over {
		text := "AT+CHUP"
		if cause > 0 && cause < 128 && l.profile.hangUp != "" {
			text = fmt.Sprintf(l.profile.hangUp, cause, max(c.index, 1))
		}
		_, err = l.command(ctx, text, true)
		var refused *at.Refusal
		if errors.As(err, &refused) {
			// Not every cause is taken, and the call may just have ended.
			err = l.try(ctx, "AT+CHUP")
		}
	}
	if e := l.silence(ctx, c); err == nil {
		err = e
	}
	return err
}
