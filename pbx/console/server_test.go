package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"branchline/pbx/cli"
	"branchline/pbx/console/client"
	"branchline/pbx/console/output"
	"branchline/pbx/console/protocol"
	"branchline/pbx/console/system"
)

// bench is a running server with the commands of this package and a few more.
type bench struct {
	*Server
	out    *output.Output
	booted chan struct{}
	asked  chan system.Shutdown
	stop   func()
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{out: output.New(), booted: make(chan struct{}), asked: make(chan system.Shutdown, 8)}
	tree := cli.NewTree()
	started := time.Now().Add(-26*time.Hour - 5*time.Second)
	d := system.Daemon{
		Name: "Branchline", Version: "1.2.3", Speaks: "speaks Asterisk 22 configuration",
		Started: started, Booted: b.booted,
		LastReload: func() time.Time { return started },
		Shutdown:   func(s system.Shutdown) { b.asked <- s },
		Abort:      func() bool { return false },
		Settings:   func() system.Settings { return system.Settings{ConfigDirectory: "/etc/asterisk"} },
		Reload: func(_ context.Context, w io.Writer, part string) error {
			if part == "broken" {
				fmt.Fprintln(w, "pjsip.conf:7: error: no such option")
				return errors.New("1 error")
			}
			return nil
		},
		Modules: []system.Module{{Name: "chan_pjsip.so", Description: "PJSIP Channel Driver", Support: "core", Part: "pjsip", Uses: func() int { return 13 }},
			{Name: "res_broken.so", Part: "broken"}},
	}
	if err := errors.Join(tree.Add(system.Commands(d, b.out, tree)...), system.AddNames(tree)); err != nil {
		t.Fatal(err)
	}
	if err := tree.Add(cli.Command{Path: "say", Run: func(_ context.Context, w io.Writer, args []string) error {
		fmt.Fprint(w, strings.Join(args, " "))
		return nil
	}}, cli.Command{Path: "hang", Run: func(ctx context.Context, w io.Writer, _ []string) error {
		fmt.Fprintln(w, "hanging")
		<-ctx.Done()
		return ctx.Err()
	}}); err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: a socket's path may have 107 bytes.
	dir, err := os.MkdirTemp("", "ctl")
	if err != nil {
		t.Fatal(err)
	}
	b.Server = NewServer(ServerOptions{Socket: filepath.Join(dir, "asterisk.ctl"), PIDFile: filepath.Join(dir, "asterisk.pid"),
		Version: "Branchline 1.2.3", Tree: tree, Output: b.out})
	if err := b.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	<-b.Ready()
	b.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		b.stop()
		left, _ := filepath.Glob(dir + "/*")
		if len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		os.RemoveAll(dir)
	})
	return b
}

// rx runs lines as -rx does.
func (b *bench) rx(t *testing.T, strict bool, lines ...string) (status int, out string) {
	t.Helper()
	var stdout, stderr strings.Builder
	status = client.Attach(t.Context(), client.Options{Name: "Branchline", Socket: b.o.Socket, Once: true, Commands: lines, Strict: strict, Out: &stdout, Err: &stderr})
	if stderr.Len() > 0 {
		t.Errorf("%q: stderr %q", lines, stderr.String())
	}
	return status, stdout.String()
}

// Seed: S-168.
func TestOneCommand(t *testing.T) {
	for _, strict := range []bool{false, true} {
		oneCommand(t, strict)
	}
}

func oneCommand(t *testing.T, strict bool) {
	b := newBench(t)
	close(b.booted)
	tests := []struct {
		line   string
		strict int
		want   string
	}{
		{"core waitfullybooted", 0, "Branchline has fully booted.\n"},
		{"core show uptime", 0, "System uptime: 1 day, 2 hours, 5 seconds\nLast reload: 1 day, 2 hours, 5 seconds\n"},
		{"core show uptime seconds", 0, "System uptime: 93605\nLast reload: 93605\n"},
		{"core show uptime seconds x", 3, "Usage: core show uptime [seconds]\n       Shows how long the program has been running.\n       With 'seconds' the numbers are plain seconds.\n"},
		{"foo bar", 2, "No such command 'foo bar' (type 'core show help foo bar' for other possible commands)\n"},
		{"core set verbose 3", 0, "Console verbose was OFF and is now 3.\n"},
		{"core set verbose off", 0, "Console verbose is still OFF.\n"},
		{"core set verbose 3 silent", 0, ""},
		{"core set debug 3", 0, "Core debug was OFF and is now 3.\n"},
		{"core set debug atleast 2", 0, "Core debug is still 3.\n"},
		{"core set debug 0", 0, "Core debug was 3 and is now OFF.\n"},
		{"core set debug 2 res_pjsip.so", 3, "Debug messages of one module only ('res_pjsip.so') are not supported by this product.\nCommand 'core set debug 2 res_pjsip.so' failed.\n"},
		{"module show like chan_", 0, "Module                         Description                              Use Count  Status      Support Level\n" +
			"chan_pjsip.so                  PJSIP Channel Driver                     13         Running              core\n1 modules loaded\n"},
		{"module reload chan_pjsip foo.so", 0, "Module 'chan_pjsip.so' reloaded successfully.\nNo such module 'foo.so'\n"},
		{"module reload res_broken.so", 3, "pjsip.conf:7: error: no such option\nNothing was changed: 1 error\nCommand 'module reload res_broken.so' failed.\n"},
		{"core reload", 0, ""},
		{"reload chan_pjsip", 0, "Module 'chan_pjsip.so' reloaded successfully.\n"},
		{"iax2 set debug on", 2, "'iax2' is not supported by this product: other trunk protocols are not spoken, only SIP.\n"},
		{"help core show profile", 0, "No such command 'core show profile'.\n"},
		{"dialplan reload", 0, "Dialplan reloaded.\n"},
		{"core stop now", 0, ""},
		{"core stop now x", 3, "Usage: core stop now\n       Ends all calls and the program.\n"},
		{"logger mute", 0, "Console is muted.\n"},
		{"", 0, ""},
	}
	for _, tt := range tests {
		want := 0
		if strict {
			want = tt.strict
		}
		if status, out := b.rx(t, strict, tt.line); out != tt.want || status != want {
			t.Errorf("%q strict %v: %d %q, want %d %q", tt.line, strict, status, out, want, tt.want)
		}
	}
	if got := <-b.asked; got != (system.Shutdown{}) {
		t.Errorf("asked for %+v", got)
	}
	if status, out := b.rx(t, true, "say a", "nope", "core stop x", "say b"); status != 2 || !strings.HasPrefix(out, "aNo such") || !strings.HasSuffix(out, "b") {
		t.Errorf("four commands: %d %q", status, out)
	}
}

// Seed: S-140.
func TestLongListingsInTheirShape(t *testing.T) {
	b := newBench(t)
	for line, wants := range map[string][]string{
		"core show version":    {"Branchline 1.2.3 (speaks Asterisk 22 configuration) built by go"},
		"core show settings":   {"\nPBX Core settings\n-----------------\n  Version:                     1.2.3", "  Maximum calls:               Not set\n", "  Configuration directory:     /etc/asterisk\n"},
		"core show sysinfo":    {"\nSystem Statistics\n-----------------\n  System Uptime:             ", "  Number of Processes:       "},
		"core show license":    {"Apache License"},
		"core show warranty":   {"NO WARRANTY"},
		"logger show channels": {"\nChannel                             Type     Formatter  Status    Configuration\n-------                             ----     ---------  ------    -------------\n"},
		"cli show aliases":     {"Alias Command                                      Real Command                                      \nhangup request                                     channel request hangup                            \n"},
		"core show help core stop": {"core stop gracefully           -- Gracefully shut down Branchline\n" +
			"core stop now                  -- Shut down Branchline immediately\n" +
			"core stop when convenient      -- Shut down Branchline at empty call volume\n"},
	} {
		_, out := b.rx(t, false, line)
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%q lacks %q:\n%s", line, want, out)
			}
		}
	}
}

func TestWaitFullyBootedWaits(t *testing.T) {
	b := newBench(t)
	got := make(chan string)
	go func() {
		_, out := b.rx(t, false, "core waitfullybooted")
		got <- out
	}()
	b.rx(t, false, "core show version")
	select {
	case out := <-got:
		t.Fatalf("answered early: %q", out)
	default:
	}
	close(b.booted)
	if out := <-got; out != "Branchline has fully booted.\n" {
		t.Errorf("%q", out)
	}
}

func TestUnreachable(t *testing.T) {
	var stderr strings.Builder
	socket := filepath.Join(t.TempDir(), "none.ctl")
	if status := client.Attach(t.Context(), client.Options{Socket: socket, Err: &stderr}); status != 1 {
		t.Errorf("status %d", status)
	}
	if want := "Unable to connect to remote asterisk (does " + socket + " exist?)\n"; stderr.String() != want {
		t.Errorf("%q", stderr.String())
	}
}

// Seed: S-039.
func TestSecondInstanceAndStaleSocket(t *testing.T) {
	b := newBench(t)
	for _, o := range []ServerOptions{b.o, {Socket: b.o.Socket, PIDFile: b.o.PIDFile + "2"}} {
		if err := NewServer(o).Listen(); !errors.Is(err, ErrRunning) {
			t.Errorf("second instance: %v", err)
		}
	}
	os.Remove(b.o.PIDFile + "2")
	b.stop()
	// What a killed daemon leaves behind.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: b.o.Socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if err := os.WriteFile(b.o.PIDFile, []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	o := b.o
	o.Permissions = 0o600
	again := NewServer(o)
	if err := again.Listen(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(o.Socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v %v", info, err)
	}
	if pid, _ := os.ReadFile(o.PIDFile); string(pid) != fmt.Sprintln(os.Getpid()) {
		t.Errorf("pid file: %q", pid)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := again.Run(ctx); err != nil {
		t.Error(err)
	}
}

// Seed: S-039.
func TestSocketOwnerMustExist(t *testing.T) {
	s := NewServer(ServerOptions{Socket: filepath.Join(t.TempDir(), "x"), Group: "no-such-group-here"})
	if err := s.Listen(); err == nil || !strings.Contains(err.Error(), "no-such-group-here") {
		t.Errorf("%v", err)
	}
}

// watcher is a console that watches, without a terminal.
func watcher(t *testing.T, b *bench, h protocol.Greeting) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", b.o.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := protocol.WriteHello(conn, h); err != nil {
		t.Fatal(err)
	}
	return conn
}

func welcomed(t *testing.T, conn net.Conn) {
	t.Helper()
	var w protocol.Welcome
	if err := protocol.ReadHello(conn, &w); err != nil {
		t.Fatal(err)
	}
}

func wantFrame(t *testing.T, conn net.Conn, kind byte, text string) {
	t.Helper()
	f, err := protocol.Read(conn, protocol.MaxReply)
	if err != nil || f.Kind != kind || string(f.Payload) != text {
		t.Fatalf("%c %q %v, want %c %q", f.Kind, f.Payload, err, kind, text)
	}
}

func request(t *testing.T, conn net.Conn, kind byte, text string) {
	t.Helper()
	if err := protocol.Write(conn, kind, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestConsolesHaveTheirOwnVerbosity(t *testing.T) {
	b := newBench(t)
	one := watcher(t, b, protocol.Greeting{Protocol: protocol.Version, Watch: true, Verbose: 1, Debug: 2})
	welcomed(t, one)
	request(t, one, protocol.Run, "core set verbose 4")
	wantFrame(t, one, protocol.Output, "Console verbose was 1 and is now 4.\n")
	wantFrame(t, one, protocol.Done, "\x00")
	if b.out.Debug() != 2 || b.out.Level() != 4 {
		t.Errorf("debug %d, level %d", b.out.Debug(), b.out.Level())
	}
	two := watcher(t, b, protocol.Greeting{Protocol: protocol.Version, Watch: true, Verbose: 2})
	welcomed(t, two)
	wantFrame(t, one, protocol.Log, "    -- Remote UNIX connection\n")
	request(t, two, protocol.Run, "say hi")
	wantFrame(t, two, protocol.Output, "hi")
	wantFrame(t, two, protocol.Done, "\x00")
	b.out.Verbose(3, "three")
	b.out.Verbose(2, "two")
	wantFrame(t, one, protocol.Log, "    -- three\n")
	wantFrame(t, one, protocol.Log, "  == two\n")
	wantFrame(t, two, protocol.Log, "  == two\n")
	two.Close()
	wantFrame(t, one, protocol.Log, "    -- Remote UNIX connection disconnected\n")
	request(t, one, protocol.Complete, "core show up")
	wantFrame(t, one, protocol.Candidates, "uptime")
}

func TestAConsoleThatIsNotReadHoldsNothingUp(t *testing.T) {
	b := newBench(t)
	idle := watcher(t, b, protocol.Greeting{Protocol: protocol.Version, Watch: true, Verbose: 5})
	welcomed(t, idle)
	request(t, idle, protocol.Run, "say")
	wantFrame(t, idle, protocol.Done, "\x00")
	line := strings.Repeat("x", 1000)
	for range 4000 { // far beyond the socket's and the queue's buffers
		b.out.Verbose(1, "%s", line)
	}
	b.stop()
}

func TestStopLeavesNobodyHanging(t *testing.T) {
	b := newBench(t)
	busy := watcher(t, b, protocol.Greeting{Protocol: protocol.Version})
	welcomed(t, busy)
	request(t, busy, protocol.Run, "hang")
	wantFrame(t, busy, protocol.Output, "hanging\n")
	b.stop()
	wantFrame(t, busy, protocol.Output, "context canceled\n")
	wantFrame(t, busy, protocol.Done, "\x03")
	wantFrame(t, busy, protocol.Bye, "")
	if _, err := protocol.Read(busy, 10); !errors.Is(err, io.EOF) {
		t.Errorf("after the goodbye: %v", err)
	}
}

func TestStrangersAreSentAway(t *testing.T) {
	b := newBench(t)
	other := watcher(t, b, protocol.Greeting{Protocol: 99})
	welcomed(t, other)
	wantFrame(t, other, protocol.Bye, "the daemon speaks console protocol 1, this program 99")
	for _, bytes := range []string{"GET / HTTP/1.1\r\n\r\n", "h\x7f\xff\xff\xff", "r\x00\x00\x00\x01x", "h\x00\x00\x00\x01{"} {
		conn, err := net.Dial("unix", b.o.Socket)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, bytes); err != nil {
			t.Error(err)
		}
		if rest, _ := io.ReadAll(conn); len(rest) > 0 {
			t.Errorf("%q: answered %q", bytes, rest)
		}
		conn.Close()
	}
}

func FuzzSession(f *testing.F) {
	f.Add([]byte("r\x00\x00\x00\x05say x"))
	f.Add([]byte("c\x00\x00\x00\x02sa"))
	f.Add([]byte("z\xff\xff\xff\xff"))
	tree := cli.NewTree()
	s := NewServer(ServerOptions{Tree: tree, Output: output.New()})
	f.Fuzz(func(t *testing.T, in []byte) {
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.Serve(t.Context(), theirs)
		}()
		if err := protocol.WriteHello(ours, protocol.Greeting{Protocol: protocol.Version, Watch: true}); err != nil {
			t.Fatal(err)
		}
		welcomed(t, ours)
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			io.Copy(io.Discard, ours)
		}()
		ours.Write(in)
		ours.Close()
		<-done
		<-drained
	})
}
