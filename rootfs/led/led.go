// Package led shows on the board's own lamp whether the exchange works. The kernel
// does the blinking: the lamp is given a trigger once, and nothing has to run.
package led

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// A Pattern is what a lamp shows.
type Pattern string

// The patterns.
const (
	Ready   Pattern = "ready"   // a heartbeat: phones can call
	Alarm   Pattern = "alarm"   // lit, dark for a moment every two seconds: they can, and somebody should look
	Trouble Pattern = "trouble" // five times a second: starting, or the exchange does not run
	// What the button says if it is let go now.
	SafeMode     Pattern = "safe-mode"     // once a second
	FactoryReset Pattern = "factory-reset" // lit
)

// names are what boards call the lamp that is free to use, the best first: Raspberry
// Pi with its own and with the mainline kernel's device tree, and others.
var names = []string{"ACT", "led0", "act", "*:green:activity", "green:activity", "status"}

// How long the lamp is on and off, in milliseconds.
const (
	blink     = 100  // both, in Trouble; off, in Alarm
	alarmedOn = 1900 // in Alarm
	slow      = 500  // both, in SafeMode
)

// Show has the lamp below sysfs (/sys) show a pattern. A board without a lamp shows
// nothing, which is no error.
func Show(sysfs string, p Pattern) error {
	lamp := find(sysfs)
	if lamp == "" {
		return nil
	}
	switch p {
	case Ready:
		return write(lamp, "trigger", "heartbeat")
	case Alarm:
		return blinks(lamp, alarmedOn, blink)
	case Trouble:
		return blinks(lamp, blink, blink)
	case SafeMode:
		return blinks(lamp, slow, slow)
	case FactoryReset:
		return errors.Join(write(lamp, "trigger", "none"), write(lamp, "brightness", "255"))
	}
	return fmt.Errorf("pattern %q: there are %s, %s, %s, %s and %s", p, Ready, Alarm, Trouble, SafeMode, FactoryReset)
}

func blinks(lamp string, on, off int) error {
	if err := write(lamp, "trigger", "timer"); err != nil {
		return err
	}
	// The two files are there once the trigger is.
	return errors.Join(write(lamp, "delay_on", strconv.Itoa(on)), write(lamp, "delay_off", strconv.Itoa(off)))
}

// find is the directory of the lamp, "" if there is none.
func find(sysfs string) string {
	for _, name := range names {
		found, err := filepath.Glob(filepath.Join(sysfs, "class/leds", name))
		if err == nil && len(found) > 0 {
			return found[0]
		}
	}
	return ""
}

func write(lamp, file, value string) error {
	// Without O_CREAT: what is not there is not made.
	f, err := os.OpenFile(filepath.Join(lamp, file), os.O_WRONLY|os.O_TRUNC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: the kernel has no %s for it", lamp, file)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}
