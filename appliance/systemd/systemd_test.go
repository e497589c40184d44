package systemd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"branchline/pbx/astconf"
)

// S-035, S-036: what the service manager hears.
func TestNotify(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Notify(Ready); err != nil {
		t.Errorf("without a service manager: %v", err)
	}
	dir, err := os.MkdirTemp("", "notify")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	if err := Notify(Ready, Status("%d calls\nup", 2)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, err := l.Read(buf)
	if got := string(buf[:n]); err != nil || got != "READY=1\nSTATUS=2 calls up" {
		t.Errorf("%q %v", got, err)
	}
	for _, bad := range []string{path + "/nobody", "relative"} {
		t.Setenv("NOTIFY_SOCKET", bad)
		if Notify(Stopping) == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

// manager is a service manager's end of the protocol.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); os.RemoveAll(dir) })
	if err := l.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", path)
	return l
}

// hear is the next thing the manager is told, and the descriptors that came along.
func hear(t *testing.T, l *net.UnixConn) (string, []int) {
	t.Helper()
	buf, oob := make([]byte, 1000), make([]byte, 1000)
	n, on, _, _, err := l.ReadMsgUnix(buf, oob)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:on])
	if err != nil {
		t.Fatal(err)
	}
	var fds []int
	for _, m := range messages {
		got, err := unix.ParseUnixRights(&m)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, got...)
	}
	return string(buf[:n]), fds
}

// The watchdog is fed while every part works, and only then: four times in its time,
// by parts that take no more than half of it.
func TestWatchdog(t *testing.T) {
	l := manager(t)
	fed := func() (times int) {
		raw, err := l.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		err = raw.Read(func(fd uintptr) bool {
			for buf := make([]byte, 100); ; times++ {
				n, err := unix.Read(int(fd), buf)
				if err != nil {
					return true // nothing more
				}
				if string(buf[:n]) != "WATCHDOG=1" {
					t.Errorf("%q", buf[:n])
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return times
	}
	t.Setenv("WATCHDOG_USEC", "8000000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		type manner struct {
			takes time.Duration
			fails error
		}
		var now atomic.Pointer[manner]
		now.Store(&manner{})
		over := make(chan error)
		go func() {
			over <- Watch(ctx, slog.New(slog.DiscardHandler), Pulse{"a", func(context.Context) error {
				m := now.Load()
				time.Sleep(m.takes)
				return m.fails
			}})
		}()
		time.Sleep(time.Second) // off the beat
		if n := fed(); n != 1 {
			t.Errorf("fed %d times at once", n)
		}
		for _, c := range []struct {
			manner
			times int
		}{
			{manner{0, nil}, 10},
			{manner{0, errors.New("not now")}, 0},
			{manner{0, nil}, 10},
			{manner{3900 * time.Millisecond, nil}, 5},
			{manner{4100 * time.Millisecond, nil}, 0},
		} {
			now.Store(&c.manner)
			time.Sleep(20 * time.Second)
			// One more or less is what was under way before.
			if n := fed(); n < c.times-1 || n > c.times+1 {
				t.Errorf("%v, %v: fed %d times in 20 s, want %d", c.takes, c.fails, n, c.times)
			}
		}
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute) // what takes long ends
	})
	t.Setenv("WATCHDOG_USEC", "often")
	if Watch(t.Context(), slog.New(slog.DiscardHandler)) == nil {
		t.Error("a watchdog that nobody understands is fed")
	}
}

// Without a watchdog there is nothing to feed until the end.
func TestNoWatchdog(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "")
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		over := false
		go func() {
			if err := Watch(ctx, slog.New(slog.DiscardHandler)); err != nil {
				t.Error(err)
			}
			over = true
		}()
		synctest.Wait()
		if over {
			t.Error("over before the end")
		}
		stop()
		synctest.Wait()
		if !over {
			t.Error("not over at the end")
		}
	})
}

// A pulse is waited for, but not for ever.
func TestPulses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := errors.New("dead")
		good := Pulse{"good", func(context.Context) error { return nil }}
		for _, c := range []struct {
			pulses []Pulse
			want   error
		}{
			{[]Pulse{good, good}, nil},
			{[]Pulse{good, {"bad", func(context.Context) error { return dead }}}, dead},
			{[]Pulse{good, {"late", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}}, context.DeadlineExceeded},
			{[]Pulse{good, {"deaf", func(context.Context) error { time.Sleep(time.Hour); return nil }}}, context.DeadlineExceeded},
		} {
			if err := feel(t.Context(), time.Second, c.pulses); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", c.pulses[len(c.pulses)-1].Name, err, c.want)
			}
		}
		time.Sleep(time.Hour)
	})
}

func TestReloading(t *testing.T) {
	if !regexp.MustCompile(`^RELOADING=1\nMONOTONIC_USEC=\d+$`).MatchString(Reloading()) {
		t.Errorf("%q", Reloading())
	}
}

func TestJournalFields(t *testing.T) {
	for key, want := range map[string]string{"call": "CALL", "_x": "X", "rtp,dest": "RTP_DEST", "9a": "A", "é": "", "": ""} {
		if got := fieldName(key); got != want {
			t.Errorf("%q became %q, want %q", key, got, want)
		}
	}
	for in, want := range map[string]string{"a": "a", "": `""`, "a b": `"a b"`, "a\"b\nc": `"a\"b\nc"`} {
		if got := quoted(in); got != want {
			t.Errorf("%q became %s, want %s", in, got, want)
		}
	}
	h := Journal().WithAttrs([]slog.Attr{slog.String("call", "1")}).WithGroup("sip")
	if h.Enabled(t.Context(), slog.LevelDebug) || !h.Enabled(t.Context(), slog.LevelInfo) {
		t.Error("which levels")
	}
}

// S-034 to S-038: the unit can be started, stopped, asked, restarted, masked and
// unmasked under the name asterisk, and runs the daemon as the daemon expects.
func TestUnit(t *testing.T) {
	f, diags := astconf.Load(os.DirFS("."), "branchline.service")
	if astconf.Failed(diags) {
		t.Fatal(diags)
	}
	have := map[string]string{}
	for _, s := range f.Sections {
		for _, e := range s.Entries {
			have[s.Name+"."+e.Name] = e.Value
		}
	}
	for key, want := range map[string]string{
		"Service.Type": "notify-reload", "Service.KillMode": "mixed", "Service.Restart": "always",
		"Install.WantedBy": "multi-user.target", "Install.Alias": "asterisk.service",
	} {
		if have[key] != want {
			t.Errorf("%s=%s, want %s", key, have[key], want)
		}
	}
	if !strings.HasPrefix(have["Service.ExecStart"], "/usr/sbin/asterisk -f ") {
		t.Error(have["Service.ExecStart"])
	}
}
