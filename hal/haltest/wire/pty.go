package wire

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// A pair is a pseudo terminal: the driver opens the slave, by a name that stays the
// same when another pair takes its place, and the emulator has the master.
type pair struct {
	*os.File
	slave *os.File // keeps what is written before anybody opens the port
	link  string
}

// openPair makes a pair and puts its slave at the name link.
func openPair(link string) (*pair, error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/ptmx: %w", err)
	}
	master := os.NewFile(uintptr(fd), "/dev/ptmx")
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	name := "/dev/pts/" + strconv.Itoa(n)
	var slave *os.File
	if err == nil {
		slave, err = os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err == nil {
		err = raw(slave)
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(link), 0o755)
	}
	if err == nil {
		err = os.Symlink(name, link+".new")
	}
	if err == nil {
		err = os.Rename(link+".new", link)
	}
	if err != nil {
		master.Close()
		if slave != nil {
			slave.Close()
		}
		return nil, fmt.Errorf("pseudo terminal: %w", err)
	}
	return &pair{File: master, slave: slave, link: link}, nil
}

// raw turns off what a terminal does for people, before anybody talks.
func raw(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := conn.Control(func(fd uintptr) {
		var t *unix.Termios
		if t, inner = unix.IoctlGetTermios(int(fd), unix.TCGETS); inner != nil {
			return
		}
		t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
		t.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200
		t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
		inner = unix.IoctlSetTermios(int(fd), unix.TCSETS, t)
	}); err != nil {
		return err
	}
	return inner
}

// Baud is what the driver has set, in baud; 0 if that is none of the usual.
func (p *pair) Baud() int {
	conn, err := p.SyscallConn()
	if err != nil {
		return 0
	}
	speed := 0
	_ = conn.Control(func(fd uintptr) {
		t, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		if err != nil {
			return
		}
		for baud, code := range map[int]uint32{9600: unix.B9600, 19200: unix.B19200, 38400: unix.B38400, 57600: unix.B57600,
			115200: unix.B115200, 230400: unix.B230400, 460800: unix.B460800, 921600: unix.B921600} {
			if t.Cflag&unix.CBAUD == code {
				speed = baud
			}
		}
	})
	return speed
}

// Close takes the terminal away: whoever has the slave open sees it hang up.
func (p *pair) Close() error {
	_ = os.Remove(p.link) // another may be there already
	p.slave.Close()
	return p.File.Close()
}
