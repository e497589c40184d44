package update

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"aead.dev/minisign"

	"branchline/rootfs/slots"
)

var errCut = errors.New("power cut")

// A frailCard loses its power at one of its writes, which then is half done or not at
// all.
type frailCard struct {
	t       *testing.T
	boot    string // directory of slot.env and try.env
	running Release
	systems map[int][]byte
	writes  int // until the power is cut, -1: never
	half    bool
}

// write does one write, or the part of it that a power cut leaves.
func (c *frailCard) write(whole, part func() error) error {
	switch {
	case c.writes < 0:
	case c.writes == 0:
		return errCut
	default:
		if c.writes--; c.writes == 0 {
			if c.half {
				return errors.Join(errCut, part())
			}
			return errCut
		}
	}
	return whole()
}

// file rewrites a file of the boot partition.
func (c *frailCard) file(name string, text []byte) error {
	path := filepath.Join(c.boot, name)
	return c.write(func() error { return os.WriteFile(path, text, 0o600) }, func() error {
		old, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(path, append(bytes.Clone(text[:8]), old[8:]...), 0o600)
	})
}

func (c *frailCard) Release() Release            { return c.running }
func (c *frailCard) Idle(slot int) (Slot, error) { return frailSlot{c, slot}, nil }

func (c *frailCard) Try(slot int) error {
	return c.file(slots.TryFile, slots.State{Try: slot, Left: 1}.TryText())
}

// Commit writes what slots.Commit does, in its order, which is tested there.
func (c *frailCard) Commit(slot int) error {
	if err := c.file(slots.SlotFile, slots.State{Active: slot}.SlotText()); err != nil {
		return err
	}
	return c.file(slots.TryFile, slots.State{}.TryText())
}

type frailSlot struct {
	*frailCard
	slot int
}

func (s frailSlot) Flush() error { return nil }

func (s frailSlot) WriteAt(b []byte, at int64) (int, error) {
	put := func(n int) error { copy(s.systems[s.slot][at:], b[:n]); return nil }
	return len(b), s.write(func() error { return put(len(b)) }, func() error { return put(len(b) / 2) })
}

func (s frailSlot) ReadAt(b []byte, at int64) (int, error) {
	return bytes.NewReader(s.systems[s.slot]).ReadAt(b, at)
}

// start is the boot loader: it chooses a slot, and writes down that a trial has begun.
func (c *frailCard) start() {
	c.t.Helper()
	s, _ := slots.Read(os.DirFS(c.boot)) // what is torn is as if it were not there
	slot, trying, after := s.Next()
	if err := os.WriteFile(filepath.Join(c.boot, slots.TryFile), after.TryText(), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.running.Slot, c.running.Trying = slot, trying
}

// Wherever the power is cut, in the middle of whichever write: the card starts what ran
// before or the update, whole, and with the start after that one of them for good.
func TestCutAnywhere(t *testing.T) {
	pub, priv := keyPair(t)
	before, after := bytes.Repeat([]byte("old "), 2<<18), system(2<<20)
	whole := artefact(t, priv, after, nil)
	ended := map[string]int{}
	for from := 2; from <= 3; from++ {
		for _, half := range []bool{false, true} {
			for cut, done := 1, false; !done; cut++ {
				c := &frailCard{t: t, boot: t.TempDir(), writes: cut, half: half, running: Release{Board: "arm64", Version: "1.2.0", Counter: 6, Slot: from},
					systems: map[int][]byte{from: bytes.Clone(before), slots.Other(from): make([]byte, len(after))}}
				for name, text := range map[string][]byte{slots.SlotFile: slots.State{Active: from}.SlotText(), slots.TryFile: slots.State{}.TryText()} {
					if err := os.WriteFile(filepath.Join(c.boot, name), text, 0o600); err != nil {
						t.Fatal(err)
					}
				}
				works := func(where string) {
					t.Helper()
					now := c.systems[c.running.Slot]
					if !bytes.Equal(now, before) && !bytes.Equal(now, after) {
						t.Fatalf("from slot %d, write %d, half %v: %s starts slot %d, which is neither the old system nor the new one", from, cut, half, where, c.running.Slot)
					}
				}
				judge := func() error {
					good := func(context.Context) error { return nil }
					return Confirm(t.Context(), c, t.TempDir(), TrialTime, good, func() []string { return nil })
				}
				_, err := Install(t.Context(), c, []minisign.PublicKey{pub}, bytes.NewReader(whole), nil)
				if err == nil {
					c.start()
					works("the first start")
					if !c.running.Trying {
						t.Fatalf("installed, and not on trial")
					}
					err = judge()
				}
				done = err == nil // the cut would have come later
				c.writes = -1
				for range 2 { // a trial that the cut has left is decided by the first
					c.start()
					works("a start after the cut")
					if c.running.Trying {
						if err := judge(); err != nil {
							t.Fatal(err)
						}
					}
				}
				if c.running.Trying {
					t.Fatalf("from slot %d, write %d: on trial for ever", from, cut)
				}
				ended[map[bool]string{true: "new", false: "old"}[c.running.Slot != from]]++
			}
		}
	}
	t.Logf("%v", ended)
	if ended["old"] == 0 || ended["new"] == 0 {
		t.Errorf("ended: %v", ended)
	}
}
