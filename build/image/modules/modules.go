// Package modules chooses a kernel's modules: what an image keeps of them, and what is
// needed to load those.
package modules

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Early are the modules without which the card is not found, for the initrd. A name
// that a kernel has built in, or has not at all, is left out.
var Early = []string{
	"virtio_mmio", "virtio_pci", "virtio_blk", "sdhci_iproc", "bcm2835", "bcm2835_sdhost", "sdhci_brcmstb",
	// The supplies of a Pi 4's card slot are modules in Debian's kernel.
	"fixed", "gpio_regulator",
	"usb_storage", "uas", "squashfs", "loop", "vfat", "nls_cp437", "nls_ascii", "ext4", "crc32c_generic",
	"ramoops",
}

// Kept are the modules in the root: names, or directories ending in a slash.
var Kept = []string{
	// Networks.
	"virtio_net", "net_failover", "drivers/net/usb/", "drivers/net/ethernet/broadcom/genet/", "drivers/net/ethernet/cadence/",
	"drivers/net/mdio/", "drivers/net/phy/", "8021q", "bridge", "dummy", "veth",
	"nf_tables", "nft_ct", "nft_limit", "nft_log", "nft_masq", "nft_nat", "nft_reject_inet", "nf_conntrack", "sch_fq_codel", "sch_prio",
	// Modems and what they are plugged into.
	"drivers/usb/serial/", "drivers/usb/class/", "drivers/usb/dwc2/", "drivers/usb/dwc3/", "drivers/usb/host/", "drivers/usb/phy/", "drivers/usb/roles/",
	"extcon_core", "extcon_usb_gpio",
	// Cards and sticks.
	"drivers/usb/storage/", "drivers/mmc/", "virtio_blk", "virtio_mmio", "virtio_pci", "loop", "squashfs", "ext4", "vfat", "nls_cp437", "nls_ascii", "nls_utf8",
	// The board.
	"bcm2835_wdt", "bcm2835_thermal", "bcm2711_thermal", "raspberrypi_cpufreq", "raspberrypi_hwmon", "clk_raspberrypi", "reset_raspberrypi",
	"gpio_raspberrypi_exp", "i2c_bcm2835", "spi_bcm2835", "rtc_ds1307", "rtc_pcf8523", "leds_gpio", "ledtrig_timer", "ledtrig_heartbeat",
	"bcm2835_rng", "iproc_rng200", "virtio_rng", "fixed", "gpio_regulator", "i6300esb", "softdog", "crc_ccitt", "autofs4",
}

// A Tree is a kernel's modules: file names below its directory.
type Tree struct {
	files []string
	named map[string]string   // module's name to its file
	needs map[string][]string // file to the files it depends on
}

// Read reads what depmod wrote.
func Read(dir string) (*Tree, error) {
	text, err := os.ReadFile(filepath.Join(dir, "modules.dep"))
	if err != nil {
		return nil, err
	}
	t := &Tree{named: map[string]string{}, needs: map[string][]string{}}
	for _, line := range strings.Split(string(text), "\n") {
		file, needs, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		t.files = append(t.files, file)
		t.named[Name(file)] = file
		t.needs[file] = strings.Fields(needs)
	}
	if len(t.files) == 0 {
		return nil, fmt.Errorf("%s: no modules", dir)
	}
	slices.Sort(t.files)
	return t, nil
}

// Name is what modprobe calls a file.
func Name(file string) string {
	name, _, _ := strings.Cut(path.Base(file), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// Closure is the files that wanted names, each after the ones it depends on.
func (t *Tree) Closure(wanted []string) (out []string) {
	seen := map[string]bool{}
	var take func(file string)
	take = func(file string) {
		if seen[file] {
			return
		}
		seen[file] = true
		for _, n := range t.needs[file] {
			take(n)
		}
		out = append(out, file)
	}
	for _, w := range wanted {
		if !strings.HasSuffix(w, "/") {
			if file, ok := t.named[w]; ok {
				take(file)
			}
			continue
		}
		for _, file := range t.files {
			if strings.HasPrefix(file, "kernel/"+w) {
				take(file)
			}
		}
	}
	return out
}
