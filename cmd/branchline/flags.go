package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"branchline/appliance"
	"branchline/appliance/inspect"
)

// A mode is what the program was started for.
type mode uint8

const (
	daemon      mode = iota
	remote           // -r, -R, -x: a console of a running daemon
	showVersion      // -V
	showHelp         // -h
	word             // a first argument that is no flag: selftest, check, ...
)

// An invocation is the command line, understood.
type invocation struct {
	program string // what we were called, for messages
	mode    mode
	args    []string // what is no flag; args[0] is the word of mode word
	options appliance.Options

	// For mode remote.
	socket    string   // -s, "" is asterisk.conf's
	commands  []string // -x; nil is an interactive console
	reconnect bool     // -R
	strict    bool     // --strict

	// For the word check.
	checking inspect.Options
}

// ownOptions are the words that read their options themselves.
var ownOptions = []string{"explain", "update", "backup", "restore"}

// errFlag reports a command line that cannot be understood; status 2.
var errFlag = errors.New("invalid option")

// parse reads a command line as Asterisk does: one-letter flags that may stand
// together, a value in the same word or the next one.
func parse(argv []string) (*invocation, error) {
	inv := &invocation{program: "branchline"}
	if len(argv) > 0 {
		inv.program = filepath.Base(argv[0])
		argv = argv[1:]
	}
	if inv.program == "rasterisk" {
		inv.mode = remote
	}
	for len(argv) > 0 {
		arg := argv[0]
		argv = argv[1:]
		switch {
		case arg == "--":
			inv.args = append(inv.args, argv...)
			argv = nil
		case strings.HasPrefix(arg, "--") && len(inv.args) > 0 && slices.Contains(ownOptions, inv.args[0]):
			inv.args = append(inv.args, arg) // the word's own
		case strings.HasPrefix(arg, "--"):
			if err := inv.long(arg); err != nil {
				return nil, err
			}
		case len(arg) > 1 && arg[0] == '-':
			rest, err := inv.short(arg[1:], argv)
			if err != nil {
				return nil, err
			}
			argv = rest
		default:
			inv.args = append(inv.args, arg)
		}
	}
	if len(inv.args) > 0 && inv.mode == daemon {
		inv.mode = word
	}
	c := inv.checking
	if (c.Fix || c.JSON || c.DNS) && (inv.mode != word || inv.args[0] != "check") {
		return nil, fmt.Errorf("%w: --fix, --json and --dns belong to the command check", errFlag)
	}
	return inv, nil
}

func (inv *invocation) long(arg string) error {
	switch arg {
	case "--help":
		inv.mode = showHelp
	case "--version":
		inv.enter(showVersion)
	case "--strict":
		inv.strict = true
	case "--lenient":
		inv.options.Lenient = true
	case "--fix":
		inv.checking.Fix = true
	case "--json":
		inv.checking.JSON = true
	case "--dns":
		inv.checking.DNS = true
	default:
		rules, ok := strings.CutPrefix(arg, "--fix=")
		if !ok {
			return fmt.Errorf("%w '%s'", errFlag, arg)
		}
		inv.checking.Fix = true
		inv.checking.Rules = append(inv.checking.Rules, strings.Split(rules, ",")...)
	}
	return nil
}

// enter changes the mode; asking for help or the version outdoes the rest.
func (inv *invocation) enter(m mode) {
	if inv.mode != showHelp && inv.mode != showVersion {
		inv.mode = m
	}
}

// short reads the letters of one word. A letter that takes a value takes the
// rest of the word, or the next word of argv; what is left of argv is returned.
func (inv *invocation) short(letters string, argv []string) ([]string, error) {
	for i := 0; i < len(letters); i++ {
		c := letters[i]
		if inv.flag(c) {
			continue
		}
		if !strings.ContainsRune(valued, rune(c)) {
			return nil, fmt.Errorf("%w -- '%c'", errFlag, c)
		}
		value := letters[i+1:]
		if value == "" {
			if len(argv) == 0 {
				return nil, fmt.Errorf("%w: -%c needs a value", errFlag, c)
			}
			value, argv = argv[0], argv[1:]
		}
		return argv, inv.value(c, value)
	}
	return argv, nil
}

// flag sets a letter that stands alone; false if it does not.
func (inv *invocation) flag(c byte) bool {
	o := &inv.options
	switch c {
	case 'f':
		o.Foreground = true
	case 'F':
		o.AlwaysFork = true
	case 'c':
		o.Console = true
	case 'r':
		inv.enter(remote)
	case 'R':
		inv.enter(remote)
		inv.reconnect = true
	case 'v':
		o.Verbose++
	case 'd':
		o.Debug++
	case 'V':
		inv.enter(showVersion)
	case 'h':
		inv.enter(showHelp)
	case 'n':
		o.NoColour = true
	case 'T':
		o.Timestamps = true
	case 'q':
		o.Quiet = true
	case 'm':
		o.Mute = true
	case 'p':
		o.RealTime = true
	case 'g', 'i', 'I', 't', 'B', 'W', 'X':
		// Core dumps, key passphrases, sound caches, colours and #exec are
		// nothing we have; start scripts give these flags all the same.
	default:
		return false
	}
	return true
}

// valued are the letters that take a value.
const valued = "CGUxsLMe"

func (inv *invocation) value(c byte, s string) (err error) {
	o := &inv.options
	switch c {
	case 'C':
		o.Config, err = filepath.Abs(s)
	case 'G':
		o.Group = s
	case 'U':
		o.User = s
	case 'x':
		inv.enter(remote)
		inv.commands = append(inv.commands, s)
	case 's':
		inv.socket, err = filepath.Abs(s)
	case 'L': // a call is refused by what it needs, not by what the machine does
		_, err = strconv.ParseFloat(s, 64)
	case 'M':
		o.MaxCalls, err = strconv.Atoi(s)
	case 'e':
		_, err = strconv.Atoi(s)
	}
	if err != nil {
		return fmt.Errorf("%w: -%c %s: %w", errFlag, c, s, err)
	}
	return nil
}

// usage is the text of -h.
func usage(program string) string {
	return fmt.Sprintf(`%s %s (%s)
Usage: %s [OPTIONS]            run the exchange
       %[4]s -r [OPTIONS]         console of a running exchange
       %[4]s -rx 'COMMAND'        one console command
       %[4]s remote HOST [COMMAND]
                              the same of an exchange elsewhere
       %[4]s selftest             call yourself and report
       %[4]s explain ENDPOINT NUMBER [--from ADDRESS] [--at "Mon 08:59"]
                              what would happen; nothing is sent
       %[4]s check [DIR]          say what is wrong with a configuration
       %[4]s update FILE|URL      install a signed update; also: update show
       %[4]s backup FILE          everything in one file; --plain, --messages
       %[4]s restore FILE         put it back

Valid Options:
   -C <file>       asterisk.conf to use, or a directory that may hold one
   -G <group>      Run as this group once everything is bound
   -U <user>       Run as this user once everything is bound
   -c              Console on this terminal; leaving it ends the exchange
   -d              One more level of debug messages
   -f              Stay in the foreground
   -F              Go to the background, whatever else is said
   -g -i -t -X -W -B -L <load> -e <MiB>
                   Accepted, without effect
   -h              This text
   -M <value>      Refuse calls above this number
   -m              Show no log lines on the console
   -n              No colours on the console
   -p              Real-time scheduling for the media
   -q              No banner
   -r              Connect to the exchange on this machine
   -R              The same, and again whenever it comes back
   -s <socket>     Control socket to connect to (with -r)
   -T              The time on every line of the console
   -V              Version
   -v              One more level of verbosity
   -x <cmd>        Run one console command (implies -r)
   --strict        With -x: exit 2 if the command is unknown, 3 if it failed
   --lenient       Start even if an object of the configuration is broken
   --fix[=RULE,..] With check: repair what is safe, and what these rules found
   --json          With check: report for programs
   --dns           With check: look up host names too
`, appliance.Name, appliance.Version, appliance.Speaks, program)
}
