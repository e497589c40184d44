package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"branchline/build/image/debian"
	"branchline/build/licences"
)

// documents is where an image says whose work it is.
const documents = "usr/share/doc"

// copyrights leaves of the packages' documents who wrote them and under which terms,
// and takes the same of the kernel's packages, of which only parts are in the image.
func (b *builder) copyrights() error {
	if err := prune(b.at("root", documents)); err != nil {
		return err
	}
	found, err := filepath.Glob(b.at("kernel", documents, "*", "copyright"))
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return errors.New("the kernel has no copyright file")
	}
	for _, f := range found {
		if err := copyFile(f, b.at("root", documents, filepath.Base(filepath.Dir(f)), "copyright"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// prune removes what is below a directory of documents but copyright files, and the
// links to directories that have one.
func prune(dir string) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "copyright" {
			return err
		}
		if s, err := os.Stat(p); err == nil && s.IsDir() {
			return nil
		}
		return os.Remove(p)
	})
}

// terms writes what our program is made of, and where the source of Debian's packages is.
func (b *builder) terms() error {
	own, err := licences.Text(b.at("root/usr/sbin/branchline"))
	if err != nil {
		return err
	}
	lock, err := b.readLock()
	if err != nil {
		return err
	}
	licence, err := os.ReadFile("LICENSE")
	if err != nil {
		return err
	}
	at := func(name string) string { return b.at("root", documents, "branchline", name) }
	return errors.Join(
		write(at("LICENSE"), licence, 0o644),
		write(at("licences.txt"), own, 0o644),
		write(at("sources.txt"), []byte(sources(lock)), 0o644),
	)
}

// sources tells which packages an image is made of.
func sources(lock []debian.Package) string {
	var s strings.Builder
	s.WriteString(`Branchline is under the Apache License, version 2.0 (LICENSE beside this file); what
it is made of, under the licences in licences.txt.

The rest of this image is Debian's, unchanged: the packages below, of which some files
were left out. Whose work each is and under which terms is in its directory beside this
one. Many are under the GNU General Public License or the Lesser one. The source of each,
in just this version, is in Debian's archive and stays in its archive of snapshots
("apt-get source PACKAGE=VERSION").

Whoever got this image, or a device with it, may have these sources from the one who
gave it, for three years from that day at least, on a medium customary for software
interchange and for no more than the cost of giving them. Whoever gives the image to
others takes on this offer.

`)
	for _, l := range lock {
		fmt.Fprintf(&s, "%s %s\n", l.Name, l.Version)
	}
	return s.String()
}
