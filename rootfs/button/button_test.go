package button

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

// board is a kernel with GPIO chips.
type board struct {
	names []string // devices, in order
	labels,
	taken map[string]string // label; who has line 5
	lines  int
	low    map[string]bool // "device line" that is pulled to ground
	open_  map[int]string
	next   int
	broken request
}

func newBoard(chips ...string) *board {
	b := &board{labels: map[string]string{}, taken: map[string]string{}, lines: 32, low: map[string]bool{}, open_: map[int]string{}}
	for i, label := range chips {
		device := fmt.Sprintf("/dev/gpiochip%d", i)
		b.names = append(b.names, device)
		b.labels[device] = label
	}
	return b
}

func (b *board) chips() ([]string, error) { return b.names, nil }

func (b *board) add(what string) int {
	b.next++
	b.open_[b.next] = what
	return b.next
}

func (b *board) open(device string) (int, error) {
	if !slices.Contains(b.names, device) {
		return -1, fs.ErrNotExist
	}
	return b.add(device), nil
}

func (b *board) close(fd int) error {
	if b.open_[fd] == "" {
		return unix.EBADF
	}
	delete(b.open_, fd)
	return nil
}

// ioctl reads and writes the kernel's structures, field by field as linux/gpio.h has
// them.
func (b *board) ioctl(fd int, r request, arg []byte) error {
	what := b.open_[fd]
	order := binary.NativeEndian
	switch {
	case what == "":
		return unix.EBADF
	case r == b.broken:
		return unix.EIO
	case r == 0x8044b401 && b.labels[what] != "": // name[32], label[32], lines
		copy(arg, strings.TrimPrefix(what, "/dev/"))
		copy(arg[32:], b.labels[what])
		order.PutUint32(arg[64:], uint32(b.lines))
		return nil
	case r == 0xc250b407 && b.labels[what] != "":
		// offsets[64], consumer[32], config {flags u64, num_attrs u32, padding[5], attrs[10] of 24},
		// num_lines, event_buffer_size, padding[5], fd
		line := order.Uint32(arg)
		if flags := order.Uint64(arg[288:]); flags != 1<<1|1<<2|1<<8 || order.Uint32(arg[296:]) != 0 || order.Uint32(arg[560:]) != 1 {
			return unix.EINVAL
		}
		for _, zero := range append(append(slices.Clone(arg[4:256]), arg[300:560]...), arg[564:588]...) {
			if zero != 0 {
				return unix.EINVAL
			}
		}
		at := fmt.Sprintf("%s %d", what, line)
		if b.taken[at] != "" {
			return unix.EBUSY
		}
		consumer, _, _ := strings.Cut(string(arg[256:288]), "\x00")
		b.taken[at] = consumer
		order.PutUint32(arg[588:], uint32(b.add(at)))
		return nil
	case r == 0xc010b40e && b.labels[what] == "": // bits, mask
		if order.Uint64(arg[8:]) != 1 {
			return unix.EINVAL
		}
		order.PutUint64(arg, 0)
		if b.low[what] { // active low
			order.PutUint64(arg, 1)
		}
		return nil
	}
	return unix.ENOTTY
}

func TestParse(t *testing.T) {
	for in, want := range map[string]Place{
		"GPIO17": {"", 17}, "gpio0": {"", 0}, "gpiochip1:4": {"gpiochip1", 4}, "9030000.pl061:7": {"9030000.pl061", 7},
	} {
		if got, err := Parse(in); err != nil || got != want {
			t.Errorf("%q: %+v %v", in, got, err)
		}
		if again, err := Parse(want.String()); err != nil || again != want {
			t.Errorf("%v: %+v %v", want, again, err)
		}
	}
	for _, in := range []string{"", "17", "GPIO", "GPIO17 ", "GPIO-1", "GPIO1234", "a/b:1", "../x:1", "x:", "GPIO17\n"} {
		if got, err := Parse(in); err == nil {
			t.Errorf("%q: %+v", in, got)
		}
	}
}

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		chips []string
		place string
		want  string // device and line
		err   error
	}{
		{[]string{"raspberrypi-exp-gpio", "pinctrl-bcm2835"}, "GPIO17", "/dev/gpiochip1 17", nil},
		{[]string{"pinctrl-bcm2711", "pinctrl-bcm2835"}, "GPIO4", "/dev/gpiochip0 4", nil},
		{[]string{"9030000.pl061", "other"}, "GPIO4", "/dev/gpiochip0 4", nil},
		{[]string{"a", "b"}, "gpiochip1:3", "/dev/gpiochip1 3", nil},
		{[]string{"a", "b", "c"}, "b:3", "/dev/gpiochip1 3", nil},
		{[]string{"a", "b"}, "c:3", "", ErrNoLine},
		{[]string{"a"}, "GPIO32", "", ErrNoLine},
		{nil, "GPIO1", "", ErrNoLine},
		{[]string{"a"}, "GPIO5", "", unix.EBUSY},
	} {
		b := newBoard(c.chips...)
		b.taken["/dev/gpiochip0 5"] = "keys"
		p, err := Parse(c.place)
		if err != nil {
			t.Fatal(err)
		}
		got, err := open(b, p)
		if !errors.Is(err, c.err) {
			t.Errorf("%v %s: %v, want %v", c.chips, c.place, err, c.err)
		}
		if err == nil {
			for _, low := range []bool{false, true} {
				b.low[c.want] = low
				if pressed, err := got.Pressed(); err != nil || pressed != low {
					t.Errorf("%v %s: pressed %v %v, want %v", c.chips, c.place, pressed, err, low)
				}
			}
			if b.taken[c.want] != "branchline" {
				t.Errorf("%v %s: nobody knows who has %s", c.chips, c.place, c.want)
			}
			b.broken = lineValues
			if _, err := got.Pressed(); !errors.Is(err, unix.EIO) {
				t.Errorf("a line that cannot be read: %v", err)
			}
			if err := got.Close(); err != nil {
				t.Error(err)
			}
		}
		if len(b.open_) > 0 {
			t.Errorf("%v %s: left open: %v", c.chips, c.place, b.open_)
		}
	}
	for _, r := range []request{chipInfo, lineRequest} {
		b := newBoard("a")
		b.broken = r
		if _, err := open(b, Place{"", 1}); !errors.Is(err, unix.EIO) || len(b.open_) > 0 {
			t.Errorf("%x: %v, open %v", r, err, b.open_)
		}
	}
	// Whatever this machine has, line 999 is not there.
	if _, err := Open(Place{"", 999}); err == nil {
		t.Error("a line that is not there")
	}
}

// What is wished is what the lamp said when the button was let go; a line that stays
// down, or has not been down from the start, is no wish.
func TestAwait(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name   string
		from   time.Duration // down
		to     time.Duration // up again
		bounce time.Duration // after to, up and down for so long
		loose  bool          // the contact is lost for a moment every second
		fails  error
		want   Wish
		err    error
		stages []Wish
		by     time.Duration // when it is over at the latest
	}{
		{name: "up", want: None, by: 0},
		{name: "pressed later", from: time.Second, to: 20 * time.Second, want: None, by: 0},
		{name: "short", to: 2900 * time.Millisecond, want: None, by: 3 * time.Second},
		{name: "safe mode", to: 3100 * time.Millisecond, want: SafeMode, stages: []Wish{SafeMode}, by: 3300 * time.Millisecond},
		{name: "still safe mode", to: 9900 * time.Millisecond, want: SafeMode, stages: []Wish{SafeMode}, by: 10 * time.Second},
		{name: "bounces", to: 9900 * time.Millisecond, bounce: 90 * time.Millisecond, want: SafeMode, stages: []Wish{SafeMode}, by: 10100 * time.Millisecond},
		{name: "factory reset", to: 11 * time.Second, want: FactoryReset, stages: []Wish{SafeMode, FactoryReset}, by: 11200 * time.Millisecond},
		{name: "late factory reset", to: 29 * time.Second, want: FactoryReset, stages: []Wish{SafeMode, FactoryReset}, by: 30 * time.Second},
		{name: "a loose contact", to: 11 * time.Second, loose: true, want: FactoryReset, stages: []Wish{SafeMode, FactoryReset}, by: 11200 * time.Millisecond},
		{name: "stuck", to: time.Hour, want: None, err: ErrStuck, stages: []Wish{SafeMode, FactoryReset, None}, by: 30 * time.Second},
		{name: "breaks", to: time.Hour, fails: broken, want: None, err: broken, stages: []Wish{SafeMode, FactoryReset}, by: 15 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			pressed := func() (bool, error) {
				at := time.Since(began)
				if c.fails != nil && at > 15*time.Second-look {
					return false, c.fails
				}
				if c.loose && at > time.Second && at%time.Second < 3*look {
					return false, nil
				}
				return at >= c.from && at < c.to || at >= c.to && at < c.to+c.bounce && at/look%2 == 0, nil
			}
			if c.to == 0 {
				pressed = func() (bool, error) { return false, nil }
			}
			var stages []Wish
			got, err := Await(t.Context(), pressed, func(w Wish) { stages = append(stages, w) })
			if got != c.want || !errors.Is(err, c.err) || !slices.Equal(stages, c.stages) {
				t.Errorf("%s: %q %v, stages %q", c.name, got, err, stages)
			}
			if took := time.Since(began); took > c.by {
				t.Errorf("%s: took %v, want %v", c.name, took, c.by)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		got, err := Await(ctx, func() (bool, error) { return true, nil }, func(Wish) {})
		if got != None || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended from outside: %q %v", got, err)
		}
	})
}
