package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"branchline/build/dahdibuild"
	"branchline/build/image/debian"
	"branchline/build/image/modules"
	"branchline/build/image/tool"
	"branchline/rootfs"
)

// The flavour with telephone cards: DAHDI's kernel modules, compiled for just the
// image's kernel with Debian's compiler for its architecture. Compiler, headers and
// source are locked like everything else.

// compilerArch is what the compilers run on.
const compilerArch = "amd64"

// compilers are the ends of the names of Debian's compilers for a board.
var compilers = map[string]string{"amd64": "", "arm64": "-aarch64-linux-gnu", "armhf": "-arm-linux-gnueabihf"}

// tools are what the kernel's makefiles and our script want besides a compiler;
// base-files has the licence's text.
var tools = []string{
	"base-files", "bzip2", "coreutils", "dash", "diffutils", "findutils", "grep", "libelf1t64", "make", "mawk", "sed", "tar",
}

func (b *builder) dahdiLockFile() string {
	return filepath.Join(b.locks, b.board.Name+"-"+rootfs.DAHDI+".lock")
}

// relockDAHDI locks what the modules for a kernel are compiled from and with; a is
// the index of the board's packages.
func (b *builder) relockDAHDI(a *debian.Index, kernel string) error {
	here, err := debian.NewIndex(compilerArch, filepath.Join(b.cache, "apt-tools"))
	if err != nil {
		return err
	}
	headers := strings.Replace(kernel, "linux-image-", "linux-headers-", 1)
	depends := map[string]string{}
	for _, prefix := range []string{"linux-headers-", "linux-kbuild-", "gcc-"} {
		if depends[prefix], err = a.Dependency(headers, prefix); err != nil {
			return err
		}
	}
	var lock []debian.Package
	add := func(kind string, all ...debian.Package) {
		for _, l := range all {
			l.Kind = kind
			lock = append(lock, l)
		}
	}
	one := func(kind string, a *debian.Index, name string) {
		if err == nil {
			var l debian.Package
			if l, err = a.One(name); err == nil {
				add(kind, l)
			}
		}
	}
	one("headers", a, headers)
	one("headers", a, depends["linux-headers-"])
	one("tools", here, depends["linux-kbuild-"])
	one("source", here, "dahdi-source")
	if err != nil {
		return err
	}
	all, err := here.Closure(append([]string{depends["gcc-"] + compilers[b.board.Debian]}, tools...))
	if err != nil {
		return err
	}
	add("tools", all...)
	return debian.WriteLock(b.dahdiLockFile(), "packages that the modules of the "+b.board.Name+" image's flavour dahdi are compiled from and with", b.board.Name, lock)
}

// dahdi compiles the modules, puts them with the kernel's own, and their source
// beside the image.
func (b *builder) dahdi() error {
	if runtime.GOARCH != compilerArch {
		return fmt.Errorf("the flavour %s is compiled on a machine of the kind %s, this is %s", rootfs.DAHDI, compilerArch, runtime.GOARCH)
	}
	lock, err := debian.ReadLock(b.dahdiLockFile())
	if err != nil {
		return err
	}
	var packages []string
	for _, l := range lock {
		packages = append(packages, filepath.Join(b.cache, l.File))
	}
	w, err := dahdibuild.NewWorkshop(b.at("workshop"), packages)
	if err != nil {
		return err
	}
	dir := b.at("kernel/usr/lib/modules", w.Release())
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("%s is of the kernel %s, the image of another: `make image-lock BOARD=%s`", b.dahdiLockFile(), w.Release(), b.board.Name)
	}
	parts := [][]string{dahdibuild.Loops, dahdibuild.Cards}
	if b.board.Debian != "amd64" { // the kernel for virtual machines knows no USB
		parts = append(parts, dahdibuild.Astribanks)
	}
	made, err := w.Compile(parts...)
	if err != nil {
		return err
	}
	for _, m := range made {
		if err := copyFile(m, filepath.Join(dir, "updates/dahdi", filepath.Base(m)), 0o644); err != nil {
			return err
		}
		b.extra = append(b.extra, modules.Name(m))
	}
	return errors.Join(b.sources(w, lock), os.RemoveAll(b.at("workshop")))
}

// sources lays the licence, and whose work the modules are, into the image, and writes
// the archive that goes with it wherever it goes.
func (b *builder) sources(w *dahdibuild.Workshop, lock []debian.Package) error {
	doc := b.at("root", rootfs.DAHDIDocuments)
	if err := errors.Join(
		copyFile(w.At("usr/share/doc/dahdi-source/copyright"), filepath.Join(doc, "copyright"), 0o644),
		copyFile(w.At("usr/share/common-licenses/GPL-2"), filepath.Join(doc, "GPL-2"), 0o644),
	); err != nil {
		return err
	}
	files := map[string]string{"packages.lock": b.dahdiLockFile(), "README": filepath.Join("rootfs/tree-dahdi", rootfs.DAHDIDocuments, "README")}
	for _, name := range []string{"copyright", "GPL-2"} {
		files[name] = filepath.Join(doc, name)
	}
	for _, file := range []string{dahdibuild.ScriptFile, dahdibuild.CommandFile} {
		files[filepath.Base(file)] = w.At(file)
	}
	for _, l := range lock {
		if l.Kind == "source" {
			files[l.File] = filepath.Join(b.cache, l.File)
		}
	}
	dir := "branchline-" + b.name() + "-source"
	return dahdibuild.Archive(b.at(dir+".tar"), dir, files, tool.Epoch)
}
