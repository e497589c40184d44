//go:build image

package guest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"branchline/rootfs"
)

// Lines of QEMU's GPIO chip: what is on them is put into the device tree, and moved,
// from outside.
const (
	buttonLine = 4
	lampLine   = 5
	gpioBase   = 0x9030000 // of the PL061, whose data register shows the lines that the address names
)

// wires are the pins of a guest, as somebody sees and touches them who has the board in
// hand.
type wires struct {
	t       *testing.T
	c       net.Conn
	answers *bufio.Reader
	chip    string
}

func dial(t *testing.T, socket string) net.Conn {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("unix", socket)
		if err == nil {
			t.Cleanup(func() { c.Close() })
			return c
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// touch connects to the pins: which of the machine's devices the chip is, the monitor
// tells.
func touch(t *testing.T, monitor, qtest string) *wires {
	t.Helper()
	m := dial(t, monitor)
	if _, err := fmt.Fprintln(m, "info qom-tree\ninfo version"); err != nil {
		t.Fatal(err)
	}
	device := regexp.MustCompile(`/(device\[\d+\]) \(pl061\)`)
	w := &wires{t: t, c: dial(t, qtest)}
	for lines := bufio.NewScanner(m); w.chip == "" && lines.Scan(); {
		if found := device.FindStringSubmatch(lines.Text()); found != nil {
			w.chip = "/machine/unattached/" + found[1]
		}
	}
	if w.chip == "" {
		t.Fatal("the machine has no GPIO chip")
	}
	w.answers = bufio.NewReader(w.c)
	return w
}

func (w *wires) ask(format string, args ...any) string {
	w.t.Helper()
	if _, err := fmt.Fprintf(w.c, format+"\n", args...); err != nil {
		w.t.Fatal(err)
	}
	answer, err := w.answers.ReadString('\n')
	if answer = strings.TrimSpace(answer); err != nil || !strings.HasPrefix(answer, "OK") {
		w.t.Fatalf("%s: %q %v", format, answer, err)
	}
	return strings.TrimSpace(strings.TrimPrefix(answer, "OK"))
}

// press pulls the button's line to ground; letGo lets what pulls it up win. A machine
// that starts again finds it down.
func (w *wires) press() { w.ask("set_irq_in %s unnamed-gpio-in %d 0", w.chip, buttonLine) }
func (w *wires) letGo() { w.ask("set_irq_in %s unnamed-gpio-in %d 1", w.chip, buttonLine) }

// lamp watches the lamp's pin: for how much of the time it was lit, and how often it
// changed.
func (w *wires) lamp(for_ time.Duration) (lit float64, changes int) {
	w.t.Helper()
	on, looks, last := 0, 0, ""
	for end := time.Now().Add(for_); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		now := w.ask("readb 0x%x", gpioBase+(1<<lampLine)<<2)
		level, err := strconv.ParseUint(strings.TrimPrefix(now, "0x"), 16, 64)
		if err != nil {
			w.t.Fatal(err)
		}
		if level != 0 {
			on++
		}
		if looks++; looks > 1 && now != last {
			changes++
		}
		last = now
	}
	return float64(on) / float64(looks), changes
}

// board is the machine's own description with a lamp at a pin, as boards have it.
func board(t *testing.T, o Options) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "board.dtb")
	do := func(name string, args ...string) string {
		t.Helper()
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	do("qemu-system-aarch64", "-M", "virt,dumpdtb="+file, "-cpu", "cortex-a53", "-m", "512", "-smp", "1", "-nographic")
	chip := do("fdtget", "-t", "x", file, fmt.Sprintf("/pl061@%x", gpioBase), "phandle")
	do("fdtput", "-c", file, "/leds", "/leds/led")
	do("fdtput", "-t", "s", file, "/leds", "compatible", "gpio-leds")
	do("fdtput", "-t", "s", file, "/leds/led", "label", "ACT")
	do("fdtput", "-t", "x", file, "/leds/led", "gpios", chip, strconv.Itoa(lampLine), "0")
	return file
}

// TestPins is the button and the lamp with the image's kernel and modules, and nothing
// else: everything from the GPIO chip's driver on is what a board runs.
func TestPins(t *testing.T) {
	o := card(t, "arm64")
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(root, "init"), "./testdata/pins")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+o.Board.Go)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Mkdir(filepath.Join(root, "modules"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"leds-gpio", "trigger/ledtrig-timer"} {
		found, err := filepath.Glob(filepath.Join(o.Dir, "root/usr/lib/modules/*/kernel/drivers/leds", name+".ko.xz"))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s in the image: %v %v", name, found, err)
		}
		data, err := os.ReadFile(found[0])
		if err == nil {
			err = os.WriteFile(filepath.Join(root, "modules", filepath.Base(name)), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	o.Initrd, o.Kernel = filepath.Join(dir, "initrd"), filepath.Join(o.Dir, rootfs.KernelFile)
	pack := exec.Command("sh", "-c", `cd "$0" && find . | cpio -o -H newc --quiet > "$1"`, root, o.Initrd)
	if out, err := pack.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	o.Monitor = filepath.Join(dir, "monitor")
	qtest := filepath.Join(dir, "qtest")
	o.Extra = []string{"-dtb", board(t, o), "-qtest", "unix:" + qtest + ",server,nowait", "-qtest-log", "none"}
	g := start(t, o)
	pins := touch(t, o.Monitor, qtest)
	expect := func(pattern string) {
		t.Helper()
		if _, err := g.Expect(pattern, 3*time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	// round has the lamp show a pattern and the button looked at.
	round := func(pattern string) {
		t.Helper()
		if err := g.Type(pattern); err != nil {
			t.Fatal(err)
		}
	}
	pins.letGo()
	expect(`pins: twice: button GPIO4: device or resource busy`)
	for _, p := range []struct {
		name        string
		least, most int
		low, high   float64
	}{
		{"trouble", 20, 70, 0.3, 0.7}, {"ready", 6, 40, 0.02, 0.5}, {"alarm", 2, 8, 0.8, 1}, {"safe-mode", 6, 16, 0.3, 0.7}, {"factory-reset", 0, 0, 1, 1},
	} {
		round(p.name)
		expect(`pins: pressed false <nil>\s+pins: wish "" <nil>`)
		lit, changes := pins.lamp(6 * time.Second)
		t.Logf("%s: lit for %.0f %% of the time, %d changes in 6 s", p.name, lit*100, changes)
		if changes < p.least || changes > p.most || lit < p.low || lit > p.high {
			t.Errorf("want %d to %d changes, lit for %v to %v", p.least, p.most, p.low, p.high)
		}
	}
	pins.press()
	round("trouble")
	expect(`pins: pressed true <nil>`)
	pins.letGo()
	expect(`pins: wish "" <nil>`)
	pins.press()
	round("trouble")
	expect(`pins: stage "safe mode" <nil>`)
	pins.letGo()
	expect(`pins: wish "safe mode" <nil>`)
	pins.press()
	round("trouble")
	expect(`pins: stage "factory reset" <nil>`)
	if lit, changes := pins.lamp(time.Second); lit != 1 || changes != 0 {
		t.Errorf("factory reset: lit for %v of the time, %d changes", lit, changes)
	}
	pins.letGo()
	expect(`pins: wish "factory reset" <nil>`)
	pins.press()
	round("trouble")
	expect(`pins: wish "" button: held for 30 seconds`)
}

// The button of a whole board, from branchline.txt to what holding it does.
func TestButton(t *testing.T) {
	o := card(t, "arm64")
	put(t, o, "branchline.txt", "button = GPIO4\nphones = 4\nfirst extension = 201\n")
	dir := t.TempDir()
	o.Monitor = filepath.Join(dir, "monitor")
	qtest := filepath.Join(dir, "qtest")
	o.Extra = []string{"-dtb", board(t, o), "-qtest", "unix:" + qtest + ",server,nowait", "-qtest-log", "none"}
	o.Shell, o.Restarts = true, true
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	g, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Kill()
	pins := touch(t, o.Monitor, qtest)
	pins.letGo()
	run := func(command string) string {
		t.Helper()
		out, err := g.Run(command, 10*time.Minute)
		if err != nil {
			t.Error(err)
		}
		return console.ReplaceAllString(out, "")
	}
	expect := func(pattern string) {
		t.Helper()
		if _, err := g.Expect(pattern, 10*time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	// again starts the machine again, with the button down until letGo.
	again := func() {
		t.Helper()
		if err := g.Type("sync; echo b > /proc/sysrq-trigger"); err != nil {
			t.Fatal(err)
		}
		expect(`Linux version`)
	}
	// over waits until what the button may have asked for is done, and is what there is
	// then: the first phone in force, the user's own first phone, a mark in his data.
	over := func() string {
		t.Helper()
		run("until systemctl show -p ExecMainExitTimestampMonotonic --value branchline-firstboot | grep -qv '^0*$'; do sleep 0.5; done")
		out := run("grep -o '^.[0-9]*](phone)' /etc/asterisk/pjsip.conf | head -1; grep -o '^.[0-9]*](phone)' /data/etc/asterisk/pjsip.conf | head -1; cat /data/lib/asterisk/mark /data/button 2>/dev/null; ls /boot | grep -x 'safe-mode\\|factory-reset'; true")
		return strings.Join(strings.Fields(out), " ")
	}
	const mine = "[201](phone) [201](phone) marked GPIO4"
	pattern := func(least, most int, low, high float64, within time.Duration) {
		t.Helper()
		lit, changes := pins.lamp(within)
		t.Logf("the lamp: lit for %.0f %% of the time, %d changes in %v", lit*100, changes, within)
		if changes < least || changes > most || lit < low || lit > high {
			t.Errorf("want %d to %d changes, lit for %v to %v", least, most, low, high)
		}
	}

	expect(`branchline.txt is turned into a configuration for 4 phones, 0 complaints`)
	run("mkdir -p /data/lib/asterisk; echo marked > /data/lib/asterisk/mark")
	if got := over(); got != mine {
		t.Fatalf("%q, want %q", got, mine)
	}
	t.Run("not held", func(t *testing.T) {
		again()
		pins.letGo()
		expect(`# `)
		if got := over(); got != mine {
			t.Errorf("%q, want %q", got, mine)
		}
	})
	t.Run("safe mode", func(t *testing.T) {
		again()
		expect(`let go now, it means safe mode`)
		pattern(2, 12, 0.2, 0.8, 3*time.Second)
		pins.letGo()
		expect(`safe mode: the default configuration`)
		if got := over(); got != "[1001](phone) [201](phone) marked GPIO4" {
			t.Errorf("%q", got)
		}
		if sheet := run("cat /boot/branchline-safe-mode.txt"); !strings.Contains(sheet, "without the button") {
			t.Errorf("%q", sheet)
		}
	})
	t.Run("stuck", func(t *testing.T) {
		again()
		expect(`let go now, it means factory reset`)
		expect(`stuck`)
		if got := over(); got != mine {
			t.Errorf("%q, want %q", got, mine)
		}
	})
	t.Run("factory reset", func(t *testing.T) {
		again()
		expect(`let go now, it means factory reset`)
		pattern(0, 0, 1, 1, time.Second)
		pins.letGo()
		expect(`factory reset: configuration, database, messages and logs are gone`)
		if got := over(); got != "[1001](phone) [1001](phone) GPIO4" {
			t.Errorf("%q", got)
		}
	})
	t.Run("ready", func(t *testing.T) {
		run("i=0; until systemctl is-active -q branchline-led || test $i = 300; do sleep 1; i=$((i+1)); done")
		if out := run("cat /sys/class/leds/ACT/trigger"); !strings.Contains(out, "[heartbeat]") {
			t.Errorf("the lamp's trigger: %s\n%s", out, run("ls /sys/class/leds; systemctl status --no-pager -l branchline branchline-led"))
		}
		pattern(4, 80, 0.02, 0.6, 6*time.Second)
	})
}
