// Command pins is the only process of a guest: it reads the button and lights the lamp
// as a starting board does, once for each line on the console.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"branchline/rootfs/button"
	"branchline/rootfs/led"
)

func main() {
	if err := run(); err != nil {
		fmt.Println("pins:", err)
	}
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
}

func run() error {
	for kind, at := range map[string]string{"devtmpfs": "/dev", "sysfs": "/sys"} {
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(kind, at, kind, 0, ""); err != nil && err != unix.EBUSY {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	modules, err := filepath.Glob("/modules/*")
	if err != nil {
		return err
	}
	for _, m := range modules {
		f, err := os.Open(m)
		if err != nil {
			return err
		}
		const compressed = 4 // MODULE_INIT_COMPRESSED_FILE
		if err := unix.FinitModule(int(f.Fd()), "", compressed); err != nil {
			return fmt.Errorf("%s: %w", m, err)
		}
	}
	for range 100 {
		if _, err := os.Stat("/sys/class/leds/ACT"); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	place, err := button.Parse("GPIO4")
	if err != nil {
		return err
	}
	b, err := button.Open(place)
	if err != nil {
		return err
	}
	_, err = button.Open(place)
	fmt.Println("pins: twice:", err)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		pressed, err := b.Pressed()
		fmt.Println("pins: pressed", pressed, err)
		if err := led.Show("/sys", led.Pattern(lines.Text())); err != nil {
			return err
		}
		wish, err := button.Await(context.Background(), b.Pressed, func(w button.Wish) {
			pattern := map[button.Wish]led.Pattern{button.None: led.Trouble, button.SafeMode: led.SafeMode, button.FactoryReset: led.FactoryReset}[w]
			fmt.Printf("pins: stage %q %v\n", w, led.Show("/sys", pattern))
		})
		fmt.Printf("pins: wish %q %v\n", wish, err)
	}
	return nil
}
