package console

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"branchline/pbx/console/client"
)

// openPTY gives both ends of a pseudo terminal of 80 columns.
func openPTY(t *testing.T) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(user.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		user.Close()
		program.Close()
	})
	return user, program
}

// reader collects what a terminal shows.
type reader struct {
	t    *testing.T
	from *os.File
	seen string
}

// until reads on until the text appears and forgets everything up to it.
func (r *reader) until(text string) (before string) {
	r.t.Helper()
	buf := make([]byte, 4096)
	for {
		if before, after, ok := strings.Cut(r.seen, text); ok {
			r.seen = after
			return before
		}
		n, err := r.from.Read(buf)
		if err != nil {
			r.t.Fatalf("waiting for %q: %v; so far %q", text, err, r.seen)
		}
		r.seen += string(buf[:n])
	}
}

// Seed: S-135, S-137.
func TestAtATerminal(t *testing.T) {
	b := newBench(t)
	user, program := openPTY(t)
	history := filepath.Join(t.TempDir(), "history")
	if err := os.WriteFile(history, []byte("say of old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	status := make(chan int, 1)
	go func() {
		status <- client.Attach(t.Context(), client.Options{Name: "Branchline", Socket: b.o.Socket, HistoryFile: history,
			Verbose: 3, In: program, Out: program, Err: program})
	}()
	host, _ := os.Hostname()
	prompt := host + "*CLI> "
	see := &reader{t: t, from: user}
	say := func(keys string) {
		t.Helper()
		if _, err := user.WriteString(keys); err != nil {
			t.Fatal(err)
		}
	}
	see.until("====\r\n")
	see.until(fmt.Sprintf("Connected to Branchline 1.2.3 currently running on %s (pid = %d)\r\n", host, os.Getpid()))
	see.until(prompt)
	// A command by completion: a unique word gets its blank, then the list.
	say("core sho\t")
	see.until(prompt + "core show \x1b[K")
	say("u\tse\t")
	see.until("core show uptime seconds \x1b[K")
	say("\r")
	see.until("System uptime: ")
	see.until(prompt + "\x1b[K")
	say("core set ")
	see.until("set ")
	say("?")
	see.until("\r\ndebug    verbose\r\n\r" + prompt + "core set ")
	say("v\t5\r")
	see.until("Console verbose was 3 and is now 5.\r\n\r" + prompt)
	// Lines of the daemon appear above the line being typed.
	say("say mid")
	see.until("say mid")
	b.out.Verbose(5, "deep")
	see.until("\r\x1b[K       > deep\r\n\r" + prompt + "say mid")
	b.out.Logger().Warn("beware")
	see.until("\x1b[33;1mWARNING\x1b[0m[")
	see.until(prompt + "say mid")
	// Output that does not end its line does not swallow the prompt.
	say("dle\r")
	see.until("\r\nmiddle\r\n\r" + prompt)
	say("\x1b[A\x1b[A\x1b[A\x1b[A")
	see.until("say of old")
	say("\x15!ls\r")
	see.until("This console starts no programs.")
	see.until(prompt)
	say("nonsense\r")
	see.until("No such command 'nonsense' (type 'core show help nonsense' for other possible commands)\r\n")
	see.until(prompt)
	say("exit\r")
	if s := <-status; s != 0 {
		t.Errorf("status %d", s)
	}
	kept, _ := os.ReadFile(history)
	if want := "say of old\ncore show uptime seconds\ncore set verbose 5\nsay middle\n!ls\nnonsense\nexit\n"; string(kept) != want {
		t.Errorf("history %q", kept)
	}
}

func TestTheDaemonGoesAway(t *testing.T) {
	b := newBench(t)
	user, program := openPTY(t)
	status := make(chan int, 1)
	go func() {
		status <- client.Attach(t.Context(), client.Options{Name: "Branchline", Socket: b.o.Socket, Quiet: true, In: program, Out: program, Err: program})
	}()
	see := &reader{t: t, from: user}
	see.until("*CLI> ")
	b.stop()
	see.until("Disconnected from Branchline server")
	if s := <-status; s != 1 {
		t.Errorf("status %d", s)
	}
}

func TestCtrlCLeavesEvenWhenACommandHangs(t *testing.T) {
	b := newBench(t)
	user, program := openPTY(t)
	status := make(chan int, 1)
	go func() {
		status <- client.Attach(t.Context(), client.Options{Name: "Branchline", Socket: b.o.Socket, Quiet: true, In: program, Out: program, Err: program})
	}()
	see := &reader{t: t, from: user}
	see.until("*CLI> ")
	for _, keys := range []string{"hang\r", "say typed ahead\r\x03"} {
		if _, err := user.WriteString(keys); err != nil {
			t.Fatal(err)
		}
		if keys == "hang\r" {
			see.until("hanging")
		}
	}
	if s := <-status; s != 0 {
		t.Errorf("status %d", s)
	}
}

func TestLinesFromAFile(t *testing.T) {
	b := newBench(t)
	file := filepath.Join(t.TempDir(), "in")
	if err := os.WriteFile(file, []byte("say one\n\nsay two\nquit\nsay three\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out strings.Builder
	if s := client.Attach(t.Context(), client.Options{Socket: b.o.Socket, In: in, Out: &out, Err: &out}); s != 0 || out.String() != "onetwo" {
		t.Errorf("%d %q", s, out.String())
	}
}

// What strangers send is shown by logs, traces and lists: a terminal must not obey it.
func TestEscapes(t *testing.T) {
	b := newBench(t)
	user, program := openPTY(t)
	status := make(chan int, 1)
	attach := func(o client.Options) {
		o.Name, o.Socket, o.In, o.Out, o.Err = "Branchline", b.o.Socket, program, program, program
		go func() { status <- client.Attach(t.Context(), o) }()
	}
	see := &reader{t: t, from: user}
	attach(client.Options{})
	see.until("*CLI> ")
	b.out.Logger().Warn("turned away", "who", "a\x1b]0;b\x07")
	see.until(`turned away who="a\x1b]0;b\a"` + "\r\n")
	b.out.Logger().Warn("turned away \x1b[2J")
	see.until("turned away ^[[2J\r\n")
	b.out.Say("From: \u009b31m\x7f\rTo: \"Zo\u00eb\"\t\r\n<sip:x>")
	see.until("From: ^[[31m^?^MTo: \"Zo\u00eb\"\t\r\n<sip:x>\r\n")
	see.until("*CLI> ")
	if _, err := user.WriteString("exit\r"); err != nil {
		t.Fatal(err)
	}
	<-status

	attach(client.Options{Once: true, Commands: []string{"say \x1b[2J"}})
	see.until("^[[2J")
	<-status
	// A script gets what was said.
	var out strings.Builder
	if s := client.Attach(t.Context(), client.Options{Socket: b.o.Socket, Once: true, Commands: []string{"say \x1b[2J"}, Out: &out, Err: &out}); s != 0 || out.String() != "\x1b[2J" {
		t.Errorf("%d %q", s, out.String())
	}
}
