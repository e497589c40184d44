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

// findTries is how often a module is asked whether it is there, a second each.
const findTries = 2

// A profile is how a family of modules does what the standards leave open.
type profile struct {
	names    []string // parts of the model's name
	set      []string // settings that need no SIM
	speak    string   // lets speech flow
	mute     string
	speakUp  bool   // speak is for calls that are up only
	vts      string // sends a digit
	hangUp   string // with a cause and the call's number, "" there is no such thing
	callList bool   // states of calls come as +CLCC
}

// profiles are the families known. Quectel: EC2x&EG2x-G AT commands manual; SIMCom:
// SIM7500_SIM7600 series AT command manual.
func profiles() []*profile {
	return []*profile{{
		names: []string{"EC20", "EC21", "EC25", "EG21", "EG25", "EG91", "EG95"},
		set:   []string{`AT+QURCCFG="urcport","usbat"`, `AT+QINDCFG="ccinfo",1`, "AT+QTONEDET=1"},
		speak: "AT+QPCMV=1,0", mute: "AT+QPCMV=0", vts: `AT+VTS="%c"`, hangUp: "AT+QHUP=%d,%d",
	}, {
		names: []string{"SIM7500", "SIM7600"},
		set:   []string{"AT+CLCC=1", "AT+DDET=1", "AT+CPCMFRM=0"},
		speak: "AT+CPCMREG=1", mute: "AT+CPCMREG=0", speakUp: true, vts: "AT+VTS=%c", callList: true,
	}}
}

func profileOf(model string) *profile {
	for _, p := range profiles() {
		for _, name := range p.names {
			if strings.Contains(strings.ToUpper(model), name) {
				return p
			}
		}
	}
	return nil
}

// words are the beginnings of what a module says unasked.
func words() []string {
	return []string{"RING", "+CRING:", "+CLIP:", "+QIND:", "+CLCC:", "+CREG:", "+CEREG:", "+CPIN:", "+QUSIM:", "+CMTI:", "+CDSI:", "+QTONEDET:",
		"+RXDTMF:", "+DTMF:", "NO CARRIER", "BUSY", "NO ANSWER", "VOICE CALL:", "MISSED_CALL:", "RDY", "+CFUN:", "^DSCI:", "+CSSI:", "+CSSU:",
		"+CCWA:", "SMS DONE", "PB DONE", "+CTZV:", "+QSIMSTAT:", "POWERED DOWN", "NORMAL POWER DOWN"}
}

// prepare brings the module from whatever state it is in to one that waits.
func (l *Line) prepare(ctx context.Context) error {
	if err := l.engine.Find(ctx, findTries); err != nil {
		return err
	}
	for _, text := range []string{"ATE0", "AT+CMEE=1"} {
		if _, err := l.command(ctx, text, true); err != nil {
			return err
		}
	}
	model, err := l.ask(ctx, "AT+CGMM", "AT+GMM", "ATI")
	if err != nil {
		return err
	}
	if l.profile = profileOf(model); l.profile == nil {
		return fmt.Errorf("a module of model %q is not known here: EC25, EG25, SIM7600 and their kin are", model)
	}
	l.net.firmware, err = l.ask(ctx, "AT+CGMR")
	if err == nil {
		l.net.imei, err = l.ask(ctx, "AT+CGSN")
	}
	if err != nil {
		return err
	}
	l.info = hal.Info{Name: l.o.Name, Driver: Driver, Kind: hal.Cellular, Model: model, EchoDelay: echoDelay,
		Caps: hal.ReportsCallerID | hal.ReportsDigits | hal.ReportsTones | hal.ReportsAnswer | hal.ReportsHangup | hal.ReportsBattery |
			hal.Dials | hal.SignalsDigits | hal.SendsText}
	// A call that a crash left behind, and its speech.
	for _, text := range append([]string{"AT+CHUP", l.profile.mute, "AT+CREG=2", "AT+CEREG=2", `AT+CSCS="UCS2"`}, l.profile.set...) {
		if err := l.try(ctx, text); err != nil {
			return err
		}
	}
	for _, text := range l.o.Init {
		if _, err := l.command(ctx, text, true); err != nil {
			return err
		}
	}
	return l.check(ctx)
}

// try sends a command that may be refused.
func (l *Line) try(ctx context.Context, text string) error {
	_, err := l.command(ctx, text, true)
	var refused *at.Refusal
	if errors.As(err, &refused) {
		l.o.Log.Debug("module does not take a setting", "line", l.o.Name, "error", err)
		return nil
	}
	return err
}

// ask gives the first answer to one of some questions, "" if all are refused.
func (l *Line) ask(ctx context.Context, questions ...string) (string, error) {
	for _, text := range questions {
		lines, err := l.command(ctx, text, true)
		var refused *at.Refusal
		switch {
		case errors.As(err, &refused):
		case err != nil:
			return "", err
		case len(lines) > 0:
			return phrase.Value(lines), nil
		}
	}
	return "", nil
}

// simUp makes the settings that live in or need the SIM.
func (l *Line) simUp(ctx context.Context) error {
	for _, text := range []string{"AT+CLIP=1", "AT+CRC=1", "AT+CSSN=1,1", "AT+CMGF=0", "AT+CNMI=2,1,0,1,0"} {
		if err := l.try(ctx, text); err != nil {
			return err
		}
	}
	_, err := l.command(ctx, `AT+CPMS="ME","ME","ME"`, true)
	var refused *at.Refusal
	if errors.As(err, &refused) {
		err = l.try(ctx, `AT+CPMS="SM","SM","SM"`)
	}
	if err != nil {
		return err
	}
	imsi, err := l.ask(ctx, "AT+CIMI")
	l.mu.Lock()
	l.net.imsi = imsi
	l.mu.Unlock()
	return err
}
