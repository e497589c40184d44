package cell

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"branchline/hal"
	"branchline/hal/modem/at"
	"branchline/hal/modem/cell/phrase"
)

// A network is what is known of SIM and network; under the line's lock but for what
// is set before the line is up.
type network struct {
	firmware, imei, imsi string

	sim      string // what it lacks, "" ready
	ready    bool   // settings were made since the SIM was there
	circuit  int    // +CREG's state (3GPP TS 27.007, 7.2), for calls of old
	packet   int    // +CEREG's (10.1.22), for calls over LTE
	access   int    // radio technology
	operator string
	signal   int // +CSQ's
	alarm    string
}

// Describe tells what is known of module and network.
func (l *Line) Describe() []hal.Fact {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := &l.net
	sim := n.sim
	if sim == "" {
		sim = "ready"
	}
	signal := "unknown"
	if n.signal >= 0 && n.signal <= 31 {
		signal = fmt.Sprintf("%d dBm", 2*n.signal-113)
	}
	registered := n.lacks()
	if registered == "" {
		registered = "registered"
		if n.circuit == 5 || n.circuit != 1 && n.packet == 5 {
			registered = "registered, roaming"
		}
	}
	return []hal.Fact{{Name: "model", Value: l.info.Model}, {Name: "firmware", Value: n.firmware}, {Name: "IMEI", Value: n.imei}, {Name: "IMSI", Value: n.imsi},
		{Name: "SIM", Value: sim}, {Name: "network", Value: registered}, {Name: "operator", Value: n.operator},
		{Name: "access", Value: phrase.Access(n.access)}, {Name: "signal", Value: signal}}
}

// lacks says why there is no network, "" if there is.
func (n *network) lacks() string {
	registered := func(s int) bool { return s == 1 || s == 5 }
	if registered(n.circuit) || registered(n.packet) {
		return ""
	}
	for _, s := range []int{n.circuit, n.packet} {
		switch s {
		case 3:
			return "not registered: denied by the network"
		case 6, 7:
			return "registered for messages only"
		case 8:
			return "not registered: emergency calls only"
		}
	}
	if n.circuit == 2 || n.packet == 2 {
		return "not registered: searching"
	}
	return "not registered"
}

// judge tells when there begins or ceases to be a network. The caller holds the lock.
func (l *Line) judge() {
	alarm := l.net.sim
	if alarm == "" {
		alarm = l.net.lacks()
	}
	was := l.net.alarm
	l.net.alarm = alarm
	switch {
	case alarm == was:
	case alarm == "":
		l.put(hal.Event{Kind: hal.AlarmEnd})
	default:
		l.put(hal.Event{Kind: hal.AlarmBegin, Err: errors.New(alarm)})
	}
}

// check looks for the SIM, the network and its signal.
func (l *Line) check(ctx context.Context) error {
	sim, err := l.checkSIM(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.net.sim = sim
	settle := sim == "" && !l.net.ready
	l.net.ready = sim == ""
	l.mu.Unlock()
	if settle {
		if err := l.simUp(ctx); err != nil {
			return err
		}
	}
	if sim == "" {
		err = l.checkNetwork(ctx)
	}
	l.mu.Lock()
	l.judge()
	l.mu.Unlock()
	return err
}

// checkSIM gives what the SIM lacks.
func (l *Line) checkSIM(ctx context.Context) (string, error) {
	lines, err := l.command(ctx, "AT+CPIN?", false)
	var refused *at.Refusal
	if errors.As(err, &refused) {
		// 3GPP TS 27.007, 9.2.
		switch refused.Final {
		case "+CME ERROR: 10":
			return "no SIM", nil
		case "+CME ERROR: 14":
			return "the SIM is busy", nil
		}
		return "the SIM does not work: " + refused.Final, nil
	}
	if err != nil {
		return "", err
	}
	switch state := phrase.Value(lines); state {
	case "READY":
		return "", nil
	case "SIM PIN":
		if l.o.PIN == "" {
			return "the SIM wants its PIN", nil
		}
		_, err := l.command(ctx, `AT+CPIN="`+l.o.PIN+`"`, true)
		if err == nil {
			return "", nil
		}
		if !errors.As(err, &refused) {
			return "", err
		}
		l.o.PIN = ""
		if l.o.Refused != nil {
			l.o.Refused()
		}
		return "the SIM refuses the PIN; it is not tried again", nil
	default:
		return "the SIM wants " + state, nil
	}
}

// checkNetwork asks for registration, operator and signal.
func (l *Line) checkNetwork(ctx context.Context) error {
	for _, q := range []struct{ ask, name string }{{"AT+CREG?", "+CREG:"}, {"AT+CEREG?", "+CEREG:"}} {
		lines, err := l.command(ctx, q.ask, false)
		var refused *at.Refusal
		if err != nil && !errors.As(err, &refused) {
			return err
		}
		for _, line := range lines {
			l.registered(q.name, line)
		}
	}
	for _, ask := range []string{"AT+CSQ", "AT+COPS?"} {
		lines, err := l.command(ctx, ask, false)
		var refused *at.Refusal
		if err != nil && !errors.As(err, &refused) {
			return err
		}
		if len(lines) == 0 {
			continue
		}
		f := at.Fields(lines[0])
		l.mu.Lock()
		if ask == "AT+CSQ" {
			l.net.signal = phrase.Number(f, 0)
		} else if len(f) > 2 {
			l.net.operator = phrase.Text(f[2])
		}
		l.mu.Unlock()
	}
	return nil
}

// registered takes the values of +CREG or +CEREG. Asked for, the setting comes
// first; unasked it is left out, and what follows the state is in quotes.
func (l *Line) registered(name, line string) {
	f := at.Fields(line)
	state := 0
	if raw := strings.Split(line, ","); len(raw) > 1 && !strings.Contains(raw[1], `"`) {
		state = 1
	}
	n := phrase.Number(f, state)
	if n < 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if name == "+CREG:" {
		l.net.circuit = n
	} else {
		l.net.packet = n
	}
	if act := phrase.Number(f, state+3); act >= 0 {
		l.net.access = act
	}
}
