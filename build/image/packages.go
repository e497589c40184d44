package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"branchline/build/image/debian"
	"branchline/rootfs"
)

// fetch brings every locked package into the cache.
func (b *builder) fetch() error {
	lock, err := b.all()
	if err != nil {
		return err
	}
	gone, err := debian.Fetch(lock, b.cache)
	if err != nil || gone == nil {
		return err
	}
	names := strings.Join(gone, ", ")
	if !b.newest || b.release {
		return fmt.Errorf("no longer in Debian is what %s names; `make image-lock BOARD=%s` takes the newest instead: %s", b.lockFile(), b.board.Name, names)
	}
	fmt.Fprintf(os.Stderr, "image: no longer in Debian: %s\nimage: this one is of the newest packages, not of what %s names\n", names, b.lockFile())
	b.locks, b.newest = b.at("lock"), false
	if b.flavour == "" {
		_, _, err = b.relockBoard()
	} else {
		err = b.relock()
	}
	if err != nil {
		return err
	}
	return b.fetch()
}

// relock asks Debian's signed index what the newest versions are, for all flavours:
// what they are compiled with is of the same kernel.
func (b *builder) relock() error {
	a, kernel, err := b.relockBoard()
	if err != nil {
		return err
	}
	return b.relockDAHDI(a, kernel)
}

// relockBoard writes the lock file of every image for the board; the result is the
// index, and the kernel's package.
func (b *builder) relockBoard() (_ *debian.Index, kernel string, err error) {
	a, err := debian.NewIndex(b.board.Debian, filepath.Join(b.cache, "apt-"+b.board.Name))
	if err != nil {
		return nil, "", err
	}
	unwanted := map[string]bool{}
	for _, name := range rootfs.Unwanted {
		unwanted[name] = true
	}
	all, err := a.Closure(rootfs.Packages)
	if err != nil {
		return nil, "", err
	}
	var lock []debian.Package
	for _, l := range all {
		if !unwanted[l.Name] {
			l.Kind = "root"
			lock = append(lock, l)
		}
	}
	kernel, err = a.Dependency(b.board.Kernel, "linux-image-")
	if err != nil {
		return nil, "", err
	}
	parts := append([]string{kernel}, b.board.Firmware...)
	if b.board.Loader != "" {
		parts = append(parts, "u-boot-rpi")
	}
	for _, name := range parts {
		l, err := a.One(name)
		if err != nil {
			return nil, "", err
		}
		l.Kind = "kernel"
		lock = append(lock, l)
	}
	return a, kernel, debian.WriteLock(b.lockFile(), "packages of the "+b.board.Name+" image", b.board.Name, lock)
}

func (b *builder) lockFile() string { return filepath.Join(b.locks, b.board.Name+".lock") }

// readLock reads the lock file of every image for the board.
func (b *builder) readLock() ([]debian.Package, error) { return debian.ReadLock(b.lockFile()) }

// all is every locked package of this image and of what it is compiled with.
func (b *builder) all() ([]debian.Package, error) {
	lock, err := b.readLock()
	if err != nil || b.flavour == "" {
		return lock, err
	}
	more, err := debian.ReadLock(b.dahdiLockFile())
	return append(lock, more...), err
}
