package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"branchline/appliance/inspect"
	"branchline/rootfs"
	"branchline/rootfs/backup"
	"branchline/rootfs/button"
	"branchline/rootfs/card"
	"branchline/rootfs/firstboot"
	"branchline/rootfs/led"
)

const firstbootUsage = `usage: branchline firstboot          take over what lies on the boot partition (run at every start, before the exchange)
       branchline firstboot sheet    write the phones' sheet again once the network has given an address`

// Where the appliance keeps things.
const (
	zoneInfo   = "/usr/share/zoneinfo"
	buttonFile = card.DataDir + "/button"
	localtime  = card.DataDir + "/etc/localtime"
	safeDir    = "/run/branchline-safe-mode"
	restoreDir = card.DataDir + "/restore"
)

// firstboot is `firstboot ...`, on the appliance's own image.
func (inv *invocation) firstboot(ctx context.Context, args []string) error {
	sheet := len(args) == 1 && args[0] == "sheet"
	if len(args) > 0 && !sheet {
		return errors.New(firstbootUsage)
	}
	c, err := card.Open()
	if err != nil {
		return err
	}
	m := &firstboot.Machine{
		Boot: card.BootDir, WriteBoot: c.WriteBoot, Etc: card.EtcOrigin, Localtime: localtime, ZoneInfo: zoneInfo,
		Button: buttonFile, State: filepath.Join(card.DataDir, "refused-folder"),
		Wipe:   []string{card.DataDir + "/lib/asterisk", card.DataDir + "/spool/asterisk", card.DataDir + "/log", restoreDir},
		Check:  func(dir string, w io.Writer) error { return inspect.Check(ctx, w, inspect.Options{Dir: dir}) },
		Device: func() string { return awaitWired(ctx) },
		Random: rand.Reader, Owner: rootfs.User,
	}
	if sheet {
		return putAddress(ctx, m)
	}
	err = backup.Settle(restoreDir, places())
	if err != nil {
		err = fmt.Errorf("restore: %w", err)
	}
	wish, e := awaitButton(ctx)
	err = errors.Join(err, e)
	switch {
	case wish == button.FactoryReset:
		err = errors.Join(err, m.AskReset())
	case wish == button.SafeMode || m.Safe():
		fmt.Println("safe mode: the default configuration, in memory; yours is untouched")
		back := "Delete the file " + firstboot.SafeFile + " and start again to have it back."
		if !m.Safe() {
			back = "Start again without the button to have it back."
		}
		return errors.Join(err, m.Safety(safeDir, back), card.Bind(safeDir, card.EtcDir))
	}
	said, e := m.Run()
	for _, line := range said {
		fmt.Println(line)
	}
	return errors.Join(err, e, card.Bind(card.EtcOrigin, card.EtcDir))
}

// awaitButton is what somebody wishes who holds the box's button, if it has one. The
// lamp shows how far it is.
func awaitButton(ctx context.Context) (button.Wish, error) {
	where, err := os.ReadFile(buttonFile)
	if errors.Is(err, fs.ErrNotExist) {
		return button.None, nil
	}
	if err != nil {
		return button.None, err
	}
	place, err := button.Parse(strings.TrimSpace(string(where)))
	if err != nil {
		return button.None, fmt.Errorf("%s: %w", buttonFile, err)
	}
	b, err := button.Open(place)
	if err != nil {
		return button.None, err
	}
	if held, err := b.Pressed(); held && err == nil {
		// The lamp's driver may still be on its way; without a lamp it works as well.
		_ = exec.CommandContext(ctx, "udevadm", "settle", "--timeout=10").Run()
	}
	wish, err := button.Await(ctx, b.Pressed, func(w button.Wish) {
		pattern := led.Trouble
		switch w {
		case button.SafeMode:
			pattern = led.SafeMode
		case button.FactoryReset:
			pattern = led.FactoryReset
		}
		if err := led.Show("/sys", pattern); err != nil {
			fmt.Println(err)
		}
		if w != button.None {
			fmt.Printf("the button at %v is held: let go now, it means %s\n", place, w)
		}
	})
	if wish != button.None {
		err = errors.Join(err, led.Show("/sys", led.Trouble))
	}
	return wish, errors.Join(err, b.Close())
}

// places are what a backup holds, where the appliance has it.
func places() backup.Places {
	return backup.Places{
		Etc: card.EtcOrigin, Lib: card.DataDir + "/lib/asterisk", Spool: card.DataDir + "/spool/asterisk",
		Localtime: localtime, ZoneInfo: zoneInfo, Owner: rootfs.User,
	}
}

// awaitWired waits for a network device: USB may take a while to find one.
func awaitWired(ctx context.Context) string {
	for deadline := time.Now().Add(10 * time.Second); ; {
		if name := card.Wired("/sys"); name != "" || time.Now().After(deadline) {
			return name
		}
		select {
		case <-ctx.Done():
			return ""
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// putAddress waits for an address from the network and puts it on the sheet.
func putAddress(ctx context.Context, m *firstboot.Machine) error {
	for m.Waits() {
		if host := ownAddress(); host != "" {
			fmt.Println("the exchange is at " + host)
			return m.PutBack(host)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Second):
		}
	}
	return nil
}

// ownAddress is the address that phones in the house reach this machine at, "" while
// there is none.
func ownAddress() string {
	found, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	var all []netip.Addr
	for _, a := range found {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && p.Addr().IsGlobalUnicast() {
			all = append(all, p.Addr())
		}
	}
	if len(all) == 0 {
		return ""
	}
	return slices.MinFunc(all, netip.Addr.Compare).String()
}
