package card

import (
	"errors"
	"testing"

	"branchline/rootfs/update"
)

const (
	mounts  = "29 1 7:0 / / ro,relatime - squashfs /dev/loop0 ro\n35 29 179:3 / /slot ro,relatime - vfat /dev/mmcblk0p3 ro,fmask=0077\n"
	release = "board arm64\nversion 1.2.3\ncounter 42\n"
)

func TestParse(t *testing.T) {
	c, err := parse("console=tty0 branchline.slot=3 branchline.trying=1 branchline.failed=2 x=y\n", []byte(mounts), release)
	if err != nil {
		t.Fatal(err)
	}
	if want := (update.Release{Board: "arm64", Version: "1.2.3", Counter: 42, Slot: 3, Trying: true}); c.Release() != want || c.Failed() != 2 {
		t.Errorf("%+v, failed %d", c.Release(), c.Failed())
	}
	if got := c.partition(2); got != "/dev/mmcblk0p2" {
		t.Error(got)
	}
	if _, err := c.Idle(3); err == nil {
		t.Error("the running slot may be written")
	}
	for name, bad := range map[string][3]string{
		"no slot":    {"quiet", mounts, release},
		"bad slot":   {"branchline.slot=4", mounts, release},
		"no mount":   {"branchline.slot=3", "", release},
		"no release": {"branchline.slot=3", mounts, ""},
	} {
		if _, err := parse(bad[0], []byte(bad[1]), bad[2]); !errors.Is(err, ErrNone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := parse("branchline.slot=3", []byte(mounts), "board a\ncounter x\n"); err == nil {
		t.Error("a counter that is none")
	}
}
