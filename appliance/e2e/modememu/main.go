// Command modememu is a modem or a cellular module made of text, for tests with the
// finished program. It prints the names of its serial ports and then what happens to
// it, a line each, and takes commands as lines:
//
//	ring [NUMBER [NAME]]   one burst of ringing; a voice modem tells the number after it
//	code X                 voice: hear X ('b' busy, 'd' dial tone, 'l' loop interrupted)
//	alert, answer          cell: the far phone rings, is lifted
//	hangup [REPORT]        cell: the far side hangs up, for a reason as +CEER tells it
//	digit D                cell: a digit from the far side
//	sms FROM TEXT          cell: a short message comes
//	register N             cell: state of registration
//	result TEXT            what the next numbers dialled end with: BUSY, NO ANSWER, "" OK
//	tone HZ, loop, count,  what the far side says: a tone, what it hears, a sequence in
//	quiet                  which a lost sample shows, nothing
//	heard HZ               tells how much of what was heard in the last second is that tone
//	verdict                tells what was heard of such a sequence
//	unplug, replug, stick, late MS [N], garbage
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"branchline/hal/haltest/wire"
)

func main() {
	kind := flag.String("kind", "cx93010", "cx93010, usr5637, halfduplex, pretender, dataonly, ec25 or sim7600")
	dir := flag.String("dir", ".", "where the serial ports appear")
	speed := flag.Float64("speed", 1, "how fast the line's clock runs")
	flag.Parse()
	if err := run(*kind, *dir, *speed); err != nil {
		fmt.Fprintln(os.Stderr, "modememu:", err)
		os.Exit(1)
	}
}

func run(kind, dir string, speed float64) error {
	out := make(chan string, 1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for line := range out {
			fmt.Println(line)
		}
	}()
	say := func(text string) {
		select {
		case out <- text:
		default: // nobody reads
		}
	}
	d, err := newDevice(kind, speed, say)
	if err != nil {
		return err
	}
	s, err := wire.Plug(dir, d.device())
	if err != nil {
		return err
	}
	say("data " + s.Data)
	if s.Audio != "" {
		say("audio " + s.Audio)
	}
	say("ready")
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	lines := make(chan string)
	go func() {
		defer close(lines)
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			lines <- in.Text()
		}
	}()
	plugged := true
	for {
		var (
			line string
			more bool
		)
		select {
		case line, more = <-lines:
		case <-stop:
		}
		if !more {
			break
		}
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case word == "":
		case word == "unplug" && plugged:
			plugged = false
			s.Unplug()
		case word == "replug" && !plugged:
			plugged = true
			if err := s.Replug(); err != nil {
				return err
			}
		default:
			if err := d.obey(word, rest); err != nil {
				say("error " + err.Error())
				continue
			}
		}
		say("done " + word)
	}
	if plugged {
		s.Unplug()
	}
	close(out)
	<-done
	return nil
}
