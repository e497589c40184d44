package memory

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// bringIn maps the whole program into memory, code and constants: otherwise the
// first call of its kind (the first transcoded one, say) would wait in the middle
// for flash storage, the media thread included, and the exchange would seem to
// grow with every part it uses for the first time. The pages are the file's own
// and cost no memory that the system could not take back. maps is
// /proc/self/maps, or a file like it.
func bringIn(maps string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := os.ReadFile(maps)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		// 00400000-0091d000 r-xp 00000000 fe:00 1234   /usr/sbin/branchline
		f := strings.Fields(line)
		if len(f) < 6 || f[5] != program || strings.Contains(f[1], "w") {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		start, err1 := strconv.ParseUint(from, 16, strconv.IntSize)
		end, err2 := strconv.ParseUint(to, 16, strconv.IntSize)
		if err := errors.Join(err1, err2); err != nil {
			return fmt.Errorf("%s: %w", maps, err)
		}
		if err := populate(uintptr(start), uintptr(end)-uintptr(start)); err != nil {
			return fmt.Errorf("madvise: %w", err)
		}
	}
	return nil
}

// populate asks for the pages. Linux before 5.14 knows only how to read them
// ahead.
func populate(start, length uintptr) error {
	_, _, errno := unix.Syscall(unix.SYS_MADVISE, start, length, unix.MADV_POPULATE_READ)
	if errno == unix.EINVAL {
		_, _, errno = unix.Syscall(unix.SYS_MADVISE, start, length, unix.MADV_WILLNEED)
	}
	if errno != 0 {
		return errno
	}
	return nil
}
