package systemd

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A socket that is kept is the very socket: what was sent to it before is read by
// who takes it over.
func TestStoreKeepsSockets(t *testing.T) {
	l := manager(t)
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f, err := c.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := &Store{}
	if err := s.Keep("sip-udp-[::1]:5060", f.Fd()); err != nil {
		t.Fatal(err)
	}
	text, fds := hear(t, l)
	if text != "FDSTORE=1\nFDNAME=sip-udp-[__1]_5060" || len(fds) != 1 {
		t.Fatalf("%q %v", text, fds)
	}
	from, err := net.DialUDP("udp4", nil, c.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if _, err := from.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	s.files = []handed{{os.NewFile(uintptr(fds[0]), "sip-udp-[__1]_5060"), ""}}
	taken := s.Take("sip-udp-[::1]:5060", "udp", "[::1]:5060")
	if taken == nil || s.Take("sip-udp-[::1]:5060", "udp", "[::1]:5060") != nil {
		t.Fatal("taken none, or twice")
	}
	defer taken.Close()
	again, err := net.FilePacketConn(taken)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	buf := make([]byte, 10)
	if n, _, err := again.ReadFrom(buf); err != nil || string(buf[:n]) != "hello" {
		t.Errorf("%q %v", buf[:n], err)
	}
	if name := fdName(strings.Repeat("x", 300)); len(name) != 255 {
		t.Errorf("a name of %d characters", len(name))
	}
}

// What nobody takes is given back, and the manager has let go when Drop and Tidy
// return: an address is free then.
func TestStoreLetsGo(t *testing.T) {
	l := manager(t)
	s := &Store{}
	letsGo := func(name string, do func() error) {
		t.Helper()
		done := make(chan error)
		go func() { done <- do() }()
		if text, _ := hear(t, l); text != "FDSTOREREMOVE=1\nFDNAME="+name {
			t.Errorf("%q", text)
		}
		text, fds := hear(t, l)
		if text != "BARRIER=1" || len(fds) != 1 {
			t.Fatalf("%q %v", text, fds)
		}
		if err := unix.Close(fds[0]); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	w := os.NewFile(uintptr(p[1]), "w")
	defer w.Close()
	s.files = []handed{{os.NewFile(uintptr(p[0]), "old"), ""}}
	letsGo("old", s.Tidy)
	if _, err := w.WriteString("x"); err == nil {
		t.Error("what nobody took is still open")
	}
	if len(s.files) != 0 {
		t.Error("it may still be taken")
	}
	letsGo("x_1", func() error { return s.Drop("x:1") })

	// A manager that does not close the barrier's descriptor has not read it.
	done := make(chan error)
	go func() { done <- barrier(10) }()
	_, fds := hear(t, l)
	if err := <-done; err == nil {
		t.Error("nobody has come to the barrier, and it is passed")
	}
	if err := unix.Close(fds[0]); err != nil {
		t.Error(err)
	}

	// Without a manager there is nothing to wait for; one that is gone is told.
	t.Setenv("NOTIFY_SOCKET", "")
	if err := s.Drop("x"); err != nil {
		t.Error(err)
	}
	if err := s.Keep("x", 0); err != nil {
		t.Error(err)
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "nobody"))
	if s.Drop("x") == nil || s.Keep("x", 0) == nil {
		t.Error("nobody listens, and nobody says so")
	}
}

// TestHandedOver is a process that is started as the manager starts it: with sockets
// of its own keeping, and with those of a .socket unit, which all have one name.
func TestHandedOver(t *testing.T) {
	if wanted := os.Getenv("WANTED"); wanted != "" {
		s := NewStore()
		open := 0
		for fd := 3; fd < 3+strings.Count(os.Getenv("NAMES"), ":")+1; fd++ {
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
				open++
			}
		}
		fmt.Println("open", open)
		for _, w := range strings.Split(wanted, "\n") {
			f := strings.Split(w, " ")
			took := s.Take(f[0], f[1], f[2])
			fmt.Println("took", w, took != nil)
			if took != nil && f[1] == "udp" {
				c, err := net.FilePacketConn(took)
				if err != nil {
					t.Fatal(err)
				}
				buf := make([]byte, 100)
				n, _, err := c.ReadFrom(buf)
				fmt.Println("read", string(buf[:n]), err)
			}
		}
		for _, h := range s.files {
			fmt.Println("left", h.Name(), h.is)
		}
		fmt.Println("environment", os.Getenv("LISTEN_PID")+os.Getenv("LISTEN_FDS")+os.Getenv("LISTEN_FDNAMES"))
		return
	}
	var files []*os.File
	var names []string
	add := func(name string, c any, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		f, err := c.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close(); c.(io.Closer).Close() })
		files, names = append(files, f), append(names, name)
		switch c := c.(type) {
		case net.Listener:
			return c.Addr().String()
		case net.PacketConn:
			to := c.LocalAddr().String()
			from, err := net.Dial("udp", to)
			if err != nil {
				t.Fatal(err)
			}
			defer from.Close()
			if _, err := fmt.Fprintf(from, "to %s", to); err != nil {
				t.Fatal(err)
			}
			return to
		}
		return ""
	}
	const unit = "branchline.socket"
	home := net.IPv4(127, 0, 0, 1)
	u4, err := net.ListenUDP("udp4", &net.UDPAddr{IP: home})
	udp4 := add(unit, u4, err)
	u6, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	udp6 := add(unit, u6, err)
	t4, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: home})
	tcp4 := add(unit, t4, err)
	dir := t.TempDir()
	path, linked := filepath.Join(dir, "c"), filepath.Join(dir, "link", "c")
	if err := os.Symlink(".", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	ux, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	add(unit, ux, err)
	own, err := net.ListenUDP("udp4", &net.UDPAddr{IP: home})
	kept := add("sip-udp-192.0.2.1_5060", own, err)
	add("sip-udp-192.0.2.1_5060", own, nil) // kept twice
	// Not to be taken: no listener, and one that takes IPv4 as well.
	out, err := net.Dial("tcp4", tcp4)
	if err != nil {
		t.Fatal(err)
	}
	add(unit, out, nil)
	dual, err := net.ListenTCP("tcp", &net.TCPAddr{})
	add(unit, dual, err)
	_, dualPort, _ := net.SplitHostPort(dual.Addr().String())

	var wanted, want []string
	wants := func(name, network, address string, reads string, taken bool) {
		w := name + " " + network + " " + address
		wanted, want = append(wanted, w), append(want, fmt.Sprint("took ", w, " ", taken))
		if reads != "" {
			want = append(want, "read to "+reads+" <nil>")
		}
	}
	wants("sip-udp-"+udp4, "udp", udp4, udp4, true)
	wants("sip-udp-"+udp4, "udp", udp4, "", false) // gone
	wants("sip-udp-"+udp6, "udp", udp6, udp6, true)
	wants("sip-udp-"+tcp4, "udp", tcp4, "", false)
	wants("sip-tcp-"+tcp4, "tcp", tcp4, "", true)
	wants("console", "unix", dir, "", false)
	wants("console", "unix", path+"x", "", false)
	wants("console", "unix", linked, "", true)
	wants("sip-udp-192.0.2.1:5060", "udp", "192.0.2.1:5060", kept, true)
	wants("sip-tcp-x", "tcp", "[::]:"+dualPort, "", false)
	wants("sip-tcp-x", "tcp", out.LocalAddr().String(), "", false)
	want = append(append([]string{"open 7"}, want...), "left "+unit+" ", "left "+unit+" ", "environment ")

	// Only the process itself knows its number.
	c := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" -test.run='^TestHandedOver$' -test.v`, os.Args[0])
	c.ExtraFiles = files
	c.Env = append(os.Environ(), fmt.Sprintf("LISTEN_FDS=%d", len(files)), "LISTEN_FDNAMES="+strings.Join(names, ":"), "NAMES="+strings.Join(names, ":"), "WANTED="+strings.Join(wanted, "\n"))
	said, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	got := slices.DeleteFunc(strings.Split(string(said), "\n"), func(line string) bool {
		word, _, _ := strings.Cut(line, " ")
		return !slices.Contains([]string{"open", "took", "read", "left", "environment"}, word)
	})
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
