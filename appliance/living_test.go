package appliance

import (
	"context"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Under a service manager: its sockets are kept before it is ready, it is ready once
// it has called itself and left nothing of that behind, its watchdog is fed, and while
// it ends nothing is taken back, because the end may be a restart.
func TestLifeUnderAManager(t *testing.T) {
	dir, err := os.MkdirTemp("", "manager")
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
	t.Setenv("WATCHDOG_USEC", "200000")
	t.Setenv("WATCHDOG_PID", "")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	over := make(chan error, 1)
	go func() {
		over <- Run(ctx, Options{Config: site(t, map[string]string{"pjsip.conf": goodSIP}), Quiet: true})
		if c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"}); err == nil {
			_, _ = c.Write([]byte("OVER"))
			c.Close()
		}
	}()
	kept := map[string]bool{}
	var readyWith []string
	fed, stopping := 0, false
	buf, baggage := make([]byte, 4096), make([]byte, 4096)
	for last := false; !last; {
		n, on, _, _, err := l.ReadMsgUnix(buf, baggage)
		if err != nil {
			t.Fatal(err)
		}
		if messages, err := unix.ParseSocketControlMessage(baggage[:on]); err == nil {
			for _, m := range messages {
				fds, _ := unix.ParseUnixRights(&m)
				for _, fd := range fds {
					unix.Close(fd)
				}
			}
		}
		text := string(buf[:n])
		_, name, _ := strings.Cut(text, "FDNAME=")
		switch first, _, _ := strings.Cut(text, "\n"); first {
		case "FDSTORE=1":
			kept[name] = true
		case "FDSTOREREMOVE=1":
			if delete(kept, name); stopping {
				t.Errorf("%s is taken back at the end", name)
			}
		case "READY=1":
			readyWith = slices.Sorted(maps.Keys(kept))
		case "WATCHDOG=1":
			if fed++; fed > 2 && readyWith != nil {
				stop()
			}
		case "STOPPING=1":
			stopping = true
		case "OVER":
			last = true
		}
	}
	if err := <-over; err != nil {
		t.Error(err)
	}
	want := []string{"console", "sip-udp-" + ownHost + "_25060"}
	if got := slices.Sorted(maps.Keys(kept)); !slices.Equal(readyWith, want) || !slices.Equal(got, want) {
		t.Errorf("kept when ready %q, at the end %q, want %q", readyWith, got, want)
	}
	if !stopping {
		t.Error("the manager was not told of the end")
	}
}
