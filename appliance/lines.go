package appliance

import (
	"branchline/appliance/hardware"
	"branchline/hal/dahdi/cards"
	"branchline/pbx/cli"
	"branchline/pbx/line"
	"branchline/pbx/line/lineconf"
	"branchline/pbx/line/show"
)

// addLines makes the bank of telephone lines, and the technologies that lead there.
func (d *daemon) addLines() {
	drivers := d.options.Drivers
	if drivers == nil {
		d.hardware = hardware.New(d.log, d.process.Directories.Etc, d.tones.Load, func() lineconf.Config { return d.bank.Config() })
		drivers = d.hardware.Drivers()
	}
	d.bank = line.New(line.Options{Drivers: drivers, Plane: d.plane, Exchange: d.exchange, Tones: d.tones.Load, Changed: d.extensions.Changed, Waiting: d.waiting, Log: d.log})
	for _, t := range d.bank.Techs() {
		d.exchange.AddTech(t)
	}
}

// waiting reports whether new messages wait in a mailbox.
func (d *daemon) waiting(mailbox string) bool {
	c, _ := d.mailboxes.Of(mailbox)
	return c.New > 0
}

// configureLines puts lines into force.
func (d *daemon) configureLines(c lineconf.Config) {
	if d.hardware != nil {
		d.hardware.Configure(c)
	}
	d.bank.Configure(c)
}

// lineCommands are the console's about lines.
func (d *daemon) lineCommands() []cli.Command {
	deps := show.Deps{Lines: d.bank}
	if d.hardware != nil {
		deps.Cards = cards.Cards{}
	}
	return show.Commands(deps)
}

// callsOver counts the calls over lines of one driver.
func (d *daemon) callsOver(driver string) (n int) {
	for _, l := range d.bank.Lines() {
		if l.Settings.Driver == driver {
			n += len(l.Calls)
		}
	}
	return n
}
