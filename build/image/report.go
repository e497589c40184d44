package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"branchline/build/image/tool"
	"branchline/rootfs"
)

// compressedName is the image as it is downloaded.
func (b *builder) compressedName() string { return b.imageName() + ".zst" }

// press makes what is given away, the update and the compressed image, at once: each
// keeps one processor busy.
func (b *builder) press() error {
	update := make(chan error)
	go func() { update <- b.artefact() }()
	// One thread and no file's name or time: the same bytes everywhere.
	err := tool.Run(nil, "zstd", "-q", "-f", "-9", "--single-thread", b.at(b.imageName()), "-o", b.at(b.compressedName()))
	return errors.Join(<-update, err)
}

// A bar is what a part of an image may not grow beyond.
type bar struct {
	what       string
	size, most int64 // bytes
}

const (
	mebi = 1 << 20
	mega = 1000 * 1000
)

// amount is a size as people say it.
func amount(bytes, most int64) string {
	if most%mega == 0 {
		return fmt.Sprintf("%.1f MB", float64(bytes)/mega)
	}
	return fmt.Sprintf("%.1f MiB", float64(bytes)/mebi)
}

func (r bar) String() string {
	return fmt.Sprintf("%s: %s of at most %s", r.what, amount(r.size, r.most), amount(r.most, r.most))
}

// broken is an error that names every bar that is broken.
func broken(bars []bar) error {
	var all []error
	for _, r := range bars {
		if r.size > r.most {
			all = append(all, fmt.Errorf("too large: %v", r))
		}
	}
	return errors.Join(all...)
}

// bars measures this image.
func (b *builder) bars() ([]bar, error) {
	root := bar{what: "root, unpacked", most: 60 * mebi}
	err := filepath.WalkDir(b.at("root"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			root.size += info.Size()
		}
		return err
	})
	files := map[string]bar{
		b.artefactName():   {what: "update", most: 36 * mega},
		b.compressedName(): {what: "compressed image", most: 75 * mega},
	}
	if b.board.Go == "arm64" {
		files[program] = bar{what: "program", most: 15*mebi - 1}
	}
	bars := []bar{root}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		info, e := os.Stat(b.at(name))
		if e != nil {
			return nil, errors.Join(err, e)
		}
		r := files[name]
		r.size = info.Size()
		bars = append(bars, r)
	}
	return bars, err
}

// program is our own in the root.
const program = "root/usr/sbin/branchline"

// report prints the sizes, and the sums that two builds must share. An image over one
// of its bars is an error.
func (b *builder) report() error {
	for _, name := range []string{program, rootfs.KernelFile, rootfs.InitrdFile, rootfs.RootFile, "slot.fat", b.imageName(), b.compressedName(), b.artefactName()} {
		f, err := os.Open(b.at(name))
		if err != nil {
			return err
		}
		h := sha256.New()
		n, err := io.Copy(h, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		fmt.Printf("%10d %x %s\n", n, h.Sum(nil)[:8], name)
	}
	bars, err := b.bars()
	if err != nil {
		return err
	}
	for _, r := range bars {
		fmt.Println(r)
	}
	return broken(bars)
}
