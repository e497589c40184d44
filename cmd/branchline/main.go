// Command branchline is a telephone exchange: a SIP registrar and back-to-back
// user agent that reads Asterisk's configuration files. Under the name asterisk,
// or with -r, it is also the console of one that runs. The way of a call begins
// in appliance.Run.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"branchline/appliance"
	"branchline/appliance/systemd"
	"branchline/pbx/console"
)

func main() {
	// Nobody asks for a profile of the heap, and its tables cost a megabyte.
	runtime.MemProfileRate = 0
	inv, err := parse(os.Args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v\nTry -h for the options there are.\n", err)
		os.Exit(2)
	}
	// One more than there are cores: the media thread keeps its P while it
	// sleeps, and must not take it from everything else.
	runtime.GOMAXPROCS(runtime.NumCPU() + 1)
	os.Exit(run(inv))
}

// run does what the command line asks for and gives the exit status.
func run(inv *invocation) int {
	switch inv.mode {
	case showVersion:
		fmt.Println(versionLine())
		return 0
	case showHelp:
		fmt.Print(usage(inv.program))
		return 0
	case remote:
		return inv.attach(context.Background())
	case word:
		return inv.word()
	}
	return inv.daemon()
}

// daemon is the exchange itself, in the background unless told otherwise.
func (inv *invocation) daemon() int {
	o := inv.options
	p, _, _, err := appliance.ReadMain(o)
	if err != nil {
		return inv.status(err)
	}
	if !p.Foreground && !inBackground(&o, p.Directories.Log) {
		return background()
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if p.Console {
		o.Quiet = true // the console shows it all
		o.Booted = func() {
			go func() {
				inv.attach(ctx)
				stop()
			}()
		}
	}
	err = appliance.Run(ctx, o)
	if errors.Is(err, appliance.ErrRestart) {
		if systemd.Managed() {
			// It holds the sockets, and hands them only to what it starts itself.
			return restartStatus
		}
		err = syscall.Exec("/proc/self/exe", os.Args, os.Environ())
	}
	return inv.status(err)
}

// restartStatus asks the service manager to start the exchange again, as
// branchline.service has it (sysexits.h: EX_TEMPFAIL).
const restartStatus = 75

// status tells why things ended and gives the exit status for it.
func (inv *invocation) status(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, console.ErrRunning):
		fmt.Fprintf(os.Stderr, "%s is already running. Use '%s -r' to connect.\n", appliance.Name, inv.program)
	default:
		fmt.Fprintf(os.Stderr, "%s: %v\n", inv.program, err)
	}
	return 1
}

// versionLine is what -V prints; scripts read its first two words.
func versionLine() string {
	return fmt.Sprintf("%s %s (%s)", appliance.Name, appliance.Version, appliance.Speaks)
}
