// Package hardware opens the telephone lines of this machine: ports of cards, modems
// and cellular modules, with what the configuration and DAHDI's system.conf say of them.
package hardware

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"branchline/hal"
	"branchline/hal/dahdi"
	"branchline/hal/dahdi/sysconf"
	"branchline/hal/modem"
	"branchline/media/tone"
	"branchline/pbx/line/dahdizone"
	"branchline/pbx/line/lineconf"
)

// Hardware is what opens telephone lines on this machine.
type Hardware struct {
	ports       *dahdi.Driver
	voice, cell *modem.Driver
	log         *slog.Logger
	etc         string
	tones       func() *tone.Book
	told        bool // the kernel has been told what system.conf says
}

// systemConf is where DAHDI keeps its configuration; one beside ours comes first.
const systemConf = "/etc/dahdi/system.conf"

// New makes the drivers; etc is the directory a system.conf may lie in. They touch nothing before a line is opened, but
// for the modems', which keep a few low descriptors.
func New(log *slog.Logger, etc string, tones func() *tone.Book, settings func() lineconf.Config) *Hardware {
	return &Hardware{
		log: log, etc: etc, tones: tones, voice: modem.New(modem.Voice, log), cell: modem.New(modem.Cell, log),
		ports: dahdi.New(dahdi.Config{Log: log, Settings: func(channel int) dahdi.Settings {
			c := settings()
			l := c.Find("DAHDI", strconv.Itoa(channel))
			if l == nil {
				return dahdi.Settings{}
			}
			return dahdi.Settings{EchoTaps: l.EchoTaps, RxGain: l.Hardware.RxGain, TxGain: l.Hardware.TxGain, RxFlash: l.Hardware.RxFlash, Flash: l.FlashLength}
		}}),
	}
}

// Drivers are the kinds of lines there are, by the name in lineconf.Line.Driver.
func (h *Hardware) Drivers() map[string]hal.Driver {
	return map[string]hal.Driver{"dahdi": h.ports, "modem": h.voice, "cell": h.cell}
}

// Configure tells the drivers which lines there are.
func (h *Hardware) Configure(c lineconf.Config) {
	var voice, cell []modem.Options
	cards := false
	for _, l := range c.Lines {
		switch l.Driver {
		case "dahdi":
			cards = true
		case "modem":
			voice = append(voice, modemOptions(l))
		case "cell":
			cell = append(cell, modemOptions(l))
		}
	}
	h.voice.Configure(voice)
	h.cell.Configure(cell)
	if cards && !h.told {
		h.told = true
		h.tellKernel()
	}
}

func modemOptions(l *lineconf.Line) modem.Options {
	o := modem.Options{Name: l.Name, Data: l.Data, Audio: l.Audio, Blind: l.WaitForDialTone == 0}
	for _, d := range l.Device {
		switch name, value, _ := strings.Cut(d, "="); name {
		case "baud":
			o.Baud, _ = strconv.Atoi(value) // the reader lets only numbers through
		case "pin":
			o.PIN = value
		case "init":
			o.Init = append(o.Init, value)
		}
	}
	return o
}

// readSystem reads system.conf; nil if there is none.
func readSystem(etc string) (*sysconf.Config, []sysconf.Diag, error) {
	for _, name := range []string{filepath.Join(etc, "system.conf"), systemConf} {
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		conf, diags := sysconf.Parse(name, text)
		return conf, diags, nil
	}
	return nil, nil, nil
}

// PortsOf tells what the system.conf in a directory, or DAHDI's own, says of channels; nil if there is none.
func PortsOf(etc string) func(channel int) (lineconf.Signalling, bool) {
	conf, _, err := readSystem(etc)
	if conf == nil || err != nil || len(conf.Channels) == 0 {
		return nil
	}
	return func(channel int) (lineconf.Signalling, bool) {
		c := conf.Channels[channel]
		switch {
		case c == nil:
			return lineconf.Auto, false
		case c.Signalling.TowardsPhone():
			return lineconf.FXS, true
		}
		return lineconf.FXO, true
	}
}

// tellKernel carries out system.conf, as dahdi_cfg would.
func (h *Hardware) tellKernel() {
	conf, diags, err := readSystem(h.etc)
	if err != nil {
		h.log.Error("telephone cards", "error", err)
		return
	}
	if conf == nil {
		return
	}
	diags = append(diags, conf.Apply(sysconf.Means{Zone: dahdizone.In(h.tones()), Digit: 100 * time.Millisecond})...)
	for _, d := range diags {
		level := slog.LevelWarn
		if d.Error {
			level = slog.LevelError
		}
		h.log.Log(context.Background(), level, d.String())
	}
}

// Close puts the drivers away.
func (h *Hardware) Close() error {
	h.voice.Close()
	h.cell.Close()
	return h.ports.Close()
}
