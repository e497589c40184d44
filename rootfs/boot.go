package rootfs

import (
	_ "embed" // the boot loader's script
	"fmt"
	"strings"
)

//go:embed boot.cmd
var bootScript string

// arguments are what every kernel is started with: silent, and started again five
// seconds after it has died.
const arguments = "quiet panic=5 fsck.mode=skip"

// OopsSize is how many bytes of memory keep the last words of a kernel over the next
// start.
const OopsSize = 1 << 20

// BootScript is U-Boot's script for the board.
func (b Board) BootScript() string {
	boot := "booti"
	if b.Go == "arm" {
		boot = "bootz"
	}
	return strings.NewReplacer("@ARGUMENTS@", b.Arguments+" "+arguments, "@BOOT@", boot, "@OOPS@", fmt.Sprintf("%#x", OopsSize)).Replace(bootScript)
}

// FirmwareConfig is the Raspberry Pi firmware's config.txt.
func (b Board) FirmwareConfig() string {
	config := "kernel=u-boot.bin\nenable_uart=1\ngpu_mem=16\nupstream_kernel=1\n"
	if b.Go == "arm64" {
		config = "arm_64bit=1\n" + config
	}
	return config
}
