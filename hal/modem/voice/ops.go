package voice

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"branchline/hal"
	"branchline/hal/modem/at"
)

// Do carries out an operation. Dial goes on after it returns; Clear stops it.
func (l *Line) Do(ctx context.Context, op hal.Op) error {
	if op.Kind == hal.Clear {
		l.stopDialing()
	}
	select {
	case l.turn <- struct{}{}:
	case <-l.gone:
		return hal.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	busy, err := false, error(nil)
	if op.Kind == hal.Dial {
		busy, err = l.dial(ctx, op)
	} else {
		err = l.do(ctx, op)
	}
	if !busy {
		<-l.turn
	}
	select {
	case <-l.gone:
		return hal.ErrClosed
	default:
	}
	if err == nil {
		return nil
	}
	if fatal(err) {
		l.suspect(err)
		l.abandon(fmt.Errorf("%s: %w", op.Kind, err))
	}
	return fmt.Errorf("%s: %s: %w", l.o.Name, op.Kind, err)
}

// fatal reports whether a modem with this error must be opened again to be of use.
func fatal(err error) bool {
	return errors.Is(err, at.ErrSilent) || errors.Is(err, at.ErrGarbled) || errors.Is(err, ErrHalfDuplex)
}

func (l *Line) suspect(err error) {
	if errors.Is(err, ErrHalfDuplex) && l.o.Doubt != nil {
		l.o.Doubt()
	}
}

func (l *Line) do(ctx context.Context, op hal.Op) error {
	switch op.Kind {
	case hal.Answer, hal.Seize:
		l.quiet()
		l.mu.Lock()
		busy := l.path != nil
		l.mu.Unlock()
		if busy {
			return hal.ErrBusy
		}
		err := l.enter(ctx)
		if err != nil {
			err = errors.Join(err, l.hangUp(context.WithoutCancel(ctx)))
		}
		return err
	case hal.Flash:
		return l.flash(ctx)
	case hal.Clear:
		l.quiet()
		return l.hangUp(ctx)
	}
	why := ""
	if op.Kind == hal.SendDigit {
		why = "digits go into the audio"
	}
	return &hal.Unsupported{Driver: Driver, Op: op.Kind, Why: why}
}

func (l *Line) stopDialing() {
	l.mu.Lock()
	cancel := l.dialing
	l.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// dialString makes V.250's of ours: 'w', half a second, is the shortest pause there
// is, a second by S8.
func dialString(digits string) (string, error) {
	for _, c := range digits {
		if !strings.ContainsRune("0123456789*#ABCDw", c) {
			return "", fmt.Errorf("%q cannot be dialled", c)
		}
	}
	if digits == "" {
		return "", errors.New("nothing to dial")
	}
	return strings.ReplaceAll(digits, "w", ","), nil
}

// dial leaves the stream and begins to dial. If it returns true a goroutine goes on
// with it and has the turn.
func (l *Line) dial(ctx context.Context, op hal.Op) (bool, error) {
	digits, err := dialString(op.Digits)
	if err != nil {
		return false, err
	}
	if err := l.leave(ctx); err != nil {
		return false, err
	}
	text, each := "ATDT", 300*time.Millisecond
	if op.Pulse {
		text, each = "ATDP", 2*time.Second
	}
	long, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.mu.Lock()
	l.dialing = cancel
	l.mu.Unlock()
	go func() {
		defer func() { <-l.turn }()
		defer cancel()
		l.dialled(long, text+digits, 15*time.Second+time.Duration(len(digits))*each)
	}()
	return true, nil
}

// dialled dials, and goes into the stream to hear what comes of it.
func (l *Line) dialled(ctx context.Context, text string, timeout time.Duration) {
	// With a semicolon the modem does not wait for an answer, which it can't hear
	// any better than we. One that does not know it waits.
	_, err := l.engine.Do(ctx, at.Command{Text: text + ";", Bare: true, Calls: true, Timeout: timeout, Abort: "\r"})
	var refused *at.Refusal
	if errors.As(err, &refused) && refused.Final == "ERROR" {
		_, err = l.engine.Do(ctx, at.Command{Text: text, Bare: true, Calls: true, Timeout: timeout + time.Minute, Abort: "\r"})
	}
	if err == nil {
		err = l.connect(ctx)
	}
	l.mu.Lock()
	l.dialing = nil
	l.mu.Unlock()
	switch {
	case err == nil:
		l.put(hal.Event{Kind: hal.DialDone})
	case ctx.Err() != nil:
	case errors.As(err, &refused):
		e := hal.Event{Kind: hal.Cleared, Cause: outOfOrder, Err: errors.New(strings.ToLower(refused.Final))}
		switch refused.Final {
		case "BUSY":
			l.put(hal.Event{Kind: hal.Progress, Tone: hal.Busy})
			e.Cause = userBusy
		case "NO ANSWER":
			e.Cause = noAnswer
		case "NO CARRIER":
			e.Cause = normalClearing
		}
		l.put(e)
	case fatal(err):
		l.suspect(err)
		l.abandon(err)
	default:
		l.put(hal.Event{Kind: hal.Cleared, Cause: temporaryFailure, Err: err})
	}
}

// flash breaks the loop for as long as the modem's country has it.
func (l *Line) flash(ctx context.Context) error {
	l.mu.Lock()
	talking := l.path != nil
	l.mu.Unlock()
	if !talking {
		return errors.New("no call")
	}
	if err := l.leave(ctx); err != nil {
		return err
	}
	_, err := l.command(ctx, "AT+VTS=!")
	var refused *at.Refusal
	if errors.As(err, &refused) {
		_, err = l.command(ctx, "ATD!;")
	}
	return errors.Join(err, l.connect(ctx))
}
