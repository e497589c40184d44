package at_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/hal/modem/at"
)

// A bench is an engine and the device at the other end of its line.
type bench struct {
	*at.Engine
	t      *testing.T
	device net.Conn
	lines  chan string // what the device was sent, line by line
	news   []string    // unsolicited lines
	codes  []byte
}

// with runs f with a device that answers by the given function, "" not at all.
func with(t *testing.T, answer func(b *bench, line string) string, f func(b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		b := &bench{t: t, device: theirs, lines: make(chan string, 100)}
		b.Engine = at.New(ours, at.Options{
			Unsolicited: func(line, next string) { b.news = append(b.news, strings.TrimSpace(line+" "+next)) },
			Words:       []string{"RING", "+CMTI:", "NMBR", "NO CARRIER"},
			Pairs:       []string{"+CDS:"},
			Shielded:    func(c byte) { b.codes = append(b.codes, c) },
		})
		done := make(chan error, 1)
		go func() { done <- b.Run() }()
		// A device answers in order: while it is late everything waits.
		replies := make(chan string, 100)
		go func() {
			for reply := range replies {
				if wait, text, ok := strings.Cut(reply, "!"); ok {
					d, err := time.ParseDuration(wait)
					if err != nil {
						panic(err)
					}
					time.Sleep(d)
					reply = text
				}
				b.say(reply)
			}
		}()
		go func() {
			defer close(replies)
			r := bufio.NewReader(theirs)
			for {
				line, err := r.ReadString('\r')
				if err != nil {
					return
				}
				line = strings.Trim(line, "\r\x1b")
				if line == "" {
					continue
				}
				b.lines <- line
				if reply := answer(b, line); reply != "" {
					replies <- reply
				}
			}
		}()
		f(b)
		ours.Close()
		theirs.Close()
		<-done
	})
}

func (b *bench) say(text string) { _, _ = io.WriteString(b.device, text) }

// registers answers the questions by which the engine finds its place.
func registers(line string) string {
	switch line {
	case "ATS3?":
		return "\r\n013\r\n\r\nOK\r\n"
	case "ATS4?":
		return "\r\n010\r\n\r\nOK\r\n"
	case "ATS5?":
		return "\r\n008\r\n\r\nOK\r\n"
	}
	return ""
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name    string
		command at.Command
		answer  string
		lines   []string
		final   string
		news    []string
	}{
		{"OK", at.Command{Text: "AT"}, "\r\nOK\r\n", nil, "OK", nil},
		{"no line feeds", at.Command{Text: "AT"}, "\rOK\r", nil, "OK", nil},
		{"echo", at.Command{Text: "ATE0"}, "ATE0\r\r\nOK\r\n", nil, "OK", nil},
		{"echo with garbage before it", at.Command{Text: "ATI", Bare: true}, "\x00\xffxATI\r\r\nCX93010\r\n\r\nOK\r\n", []string{"CX93010"}, "OK", nil},
		{"garbage before OK", at.Command{Text: "AT"}, "\xff\xfe\x01OK\r\n", nil, "OK", nil},
		{"information", at.Command{Text: "AT+CSQ"}, "+CSQ: 20,99\r\nOK\r\n", []string{"20,99"}, "OK", nil},
		{"information and news", at.Command{Text: "AT+CSQ"}, "RING\r\n+CMTI: \"SM\",3\r\n+CSQ: 20,99\r\n+CREG: 1\r\nOK\r\n", []string{"20,99"}, "OK",
			[]string{"RING", `+CMTI: "SM",3`, "+CREG: 1"}},
		{"bare information and news", at.Command{Text: "AT+CGMM", Bare: true}, "RING\r\nEC25\r\n+CMTI: \"SM\",3\r\nOK\r\n", []string{"EC25"}, "OK",
			[]string{"RING", `+CMTI: "SM",3`}},
		{"news of two lines", at.Command{Text: "AT+CGMM", Bare: true}, "+CDS: 25\r\n0006\r\nEC25\r\nOK\r\n", []string{"EC25"}, "OK", []string{"+CDS: 25 0006"}},
		{"error", at.Command{Text: "AT+X"}, "ERROR\r\n", nil, "ERROR", nil},
		{"error with a number", at.Command{Text: "AT+CPIN?"}, "+CME ERROR: 10\r\n", nil, "+CME ERROR: 10", nil},
		{"result of a call", at.Command{Text: "ATDT1", Calls: true}, "BUSY\r\n", nil, "BUSY", nil},
		{"end of another call", at.Command{Text: "AT+CSQ"}, "NO CARRIER\r\n+CSQ: 1,1\r\nOK\r\n", []string{"1,1"}, "OK", []string{"NO CARRIER"}},
		{"line without end", at.Command{Text: "AT"}, strings.Repeat("x", 5000) + "\r\nOK\r\n", nil, "OK", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			with(t, func(_ *bench, line string) string { return c.answer }, func(b *bench) {
				reply, err := b.Do(b.t.Context(), c.command)
				var refused *at.Refusal
				if err != nil && (!errors.As(err, &refused) || refused.Final != c.final) {
					t.Fatal(err)
				}
				if (err == nil) != (c.final == "OK") {
					t.Errorf("final %q gives error %v", c.final, err)
				}
				if reply.Final != c.final || !slices.Equal(reply.Lines, c.lines) || !slices.Equal(b.news, c.news) {
					t.Errorf("reply %+v news %q", reply, b.news)
				}
			})
		})
	}
}

func TestALateAnswerIsNotTheNextCommands(t *testing.T) {
	for _, late := range []string{"5s", "5.5s", "6.5s", "7.5s"} {
		t.Run(late, func(t *testing.T) {
			with(t, func(b *bench, line string) string {
				switch line {
				case "AT+SLOW":
					return late + "!+SLOW: 1\r\nOK\r\n"
				case "AT+NEXT":
					return "+NEXT: 2\r\nERROR\r\n"
				}
				return registers(line)
			}, func(b *bench) {
				if _, err := b.Do(b.t.Context(), at.Command{Text: "AT+SLOW", Timeout: 4900 * time.Millisecond}); !errors.Is(err, at.ErrTimeout) {
					t.Fatal(err)
				}
				reply, err := b.Do(b.t.Context(), at.Command{Text: "AT+NEXT"})
				if err == nil || reply.Final != "ERROR" || !slices.Equal(reply.Lines, []string{"2"}) {
					t.Errorf("reply %+v, error %v", reply, err)
				}
			})
		})
	}
}

func TestASilentDevice(t *testing.T) {
	with(t, func(b *bench, line string) string { return "" }, func(b *bench) {
		if _, err := b.Do(b.t.Context(), at.Command{Text: "AT"}); !errors.Is(err, at.ErrTimeout) {
			t.Error(err)
		}
		if _, err := b.Do(b.t.Context(), at.Command{Text: "AT"}); !errors.Is(err, at.ErrSilent) {
			t.Error(err)
		}
	})
}

func TestAWrongSpeed(t *testing.T) {
	with(t, func(b *bench, line string) string { return "\xf8\x00\x80\xe6\x1e\xfe\x00" }, func(b *bench) {
		if _, err := b.Do(b.t.Context(), at.Command{Text: "AT"}); !errors.Is(err, at.ErrGarbled) {
			t.Error(err)
		}
		if _, err := b.Do(b.t.Context(), at.Command{Text: "AT"}); !errors.Is(err, at.ErrGarbled) {
			t.Error(err)
		}
	})
}

func TestAGoneDevice(t *testing.T) {
	with(t, func(b *bench, line string) string { b.device.Close(); return "" }, func(b *bench) {
		for range 2 {
			if _, err := b.Do(b.t.Context(), at.Command{Text: "AT"}); err == nil {
				t.Error("a command without a device")
			}
		}
	})
}

func TestPrompt(t *testing.T) {
	with(t, func(b *bench, line string) string {
		switch {
		case line == "AT+CMGS=3":
			return "\r\n> "
		case strings.HasPrefix(line, "0011"):
			return "" // its end is Ctrl-Z, seen below
		}
		return registers(line)
	}, func(b *bench) {
		go func() {
			// net.Pipe has no line end after Ctrl-Z, so the answer is timed.
			time.Sleep(time.Second)
			b.say("\r\n+CMGS: 7\r\n\r\nOK\r\n")
		}()
		reply, err := b.Do(b.t.Context(), at.Command{Text: "AT+CMGS=3", Body: "001100"})
		if err != nil || !slices.Equal(reply.Lines, []string{"7"}) {
			t.Errorf("reply %+v, error %v", reply, err)
		}
	})
}

func TestStream(t *testing.T) {
	with(t, func(b *bench, line string) string {
		switch {
		case line == "AT+VTR":
			return "\r\nCONNECT\r\nabc\nRING\r\n\x10b\x10\x03\r\nOK\r\nNMBR = 12\r\n"
		case strings.HasPrefix(line, "AT"):
			return "\r\nOK\r\n"
		}
		return ""
	}, func(b *bench) {
		var got []byte
		_, err := b.Do(b.t.Context(), at.Command{Text: "AT+VTR", Stream: func(p []byte) (int, bool) {
			for i, c := range p {
				if c == 3 {
					return i + 1, true
				}
				got = append(got, c)
			}
			return len(p), false
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Do(b.t.Context(), at.Command{Text: "AT"}); err != nil {
			t.Fatal(err)
		}
		if string(got) != "abc\nRING\r\n\x10b\x10" || !slices.Equal(b.news, []string{"NMBR = 12"}) {
			t.Errorf("stream %q, news %q", got, b.news)
		}
	})
}

func TestGivenUp(t *testing.T) {
	with(t, func(b *bench, line string) string { return registers(line) }, func(b *bench) {
		ctx, cancel := context.WithTimeout(b.t.Context(), time.Second)
		defer cancel()
		if _, err := b.Do(ctx, at.Command{Text: "ATDT5", Timeout: time.Minute, Abort: "\r"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestShielded(t *testing.T) {
	with(t, func(b *bench, line string) string { return "\x10R\r\n\x10RO\x10bK\r\n" }, func(b *bench) {
		if _, err := b.Do(b.t.Context(), at.Command{Text: "AT"}); err != nil || string(b.codes) != "RRb" {
			t.Errorf("%v, codes %q", err, b.codes)
		}
	})
}

func TestFields(t *testing.T) {
	got := at.Fields(`"ccinfo",1, 0,,"a,b",`)
	if !slices.Equal(got, []string{"ccinfo", "1", "0", "", "a,b", ""}) {
		t.Errorf("%q", got)
	}
}
