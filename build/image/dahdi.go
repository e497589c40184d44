package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"branchline/build/dahdibuild"
	"branchline/rootfs"
)

// The flavour with telephone cards: DAHDI's kernel modules, compiled for just the
// image's kernel with Debian's compiler for its architecture. Compiler, headers and
// source are locked like everything else, and unpacked into a directory that is the
// compiler's whole world: it sees neither this machine's files nor its network, and
// gives the same bytes wherever it runs.

// compilerArch is what the compilers run on.
const compilerArch = "amd64"

// compilers are the ends of the names of Debian's compilers for a board.
var compilers = map[string]string{"amd64": "", "arm64": "-aarch64-linux-gnu", "armhf": "-arm-linux-gnueabihf"}

// tools are what the kernel's makefiles and our script want besides a compiler;
// base-files has the licence's text.
var tools = []string{
	"base-files", "bzip2", "coreutils", "dash", "diffutils", "findutils", "grep", "libelf1t64", "make", "mawk", "sed", "tar",
}

// here tells whether a package is for the machine that compiles.
func (l locked) here() bool { return l.Kind == "tools" || l.Kind == "source" }

func (b *builder) hereApt() (*apt, error) {
	return newApt(compilerArch, filepath.Join(b.cache, "apt-tools"))
}

func (b *builder) dahdiLockFile() string {
	return filepath.Join(b.locks, b.board.Name+"-"+rootfs.DAHDI+".lock")
}

// relockDAHDI locks what the modules for a kernel are compiled from and with; a is
// the index of the board's packages.
func (b *builder) relockDAHDI(a *apt, kernel string) error {
	here, err := b.hereApt()
	if err != nil {
		return err
	}
	headers := strings.Replace(kernel, "linux-image-", "linux-headers-", 1)
	depends := map[string]string{}
	for _, prefix := range []string{"linux-headers-", "linux-kbuild-", "gcc-"} {
		if depends[prefix], err = a.dependency(headers, prefix); err != nil {
			return err
		}
	}
	var lock []locked
	add := func(kind string, all ...locked) {
		for _, l := range all {
			l.Kind = kind
			lock = append(lock, l)
		}
	}
	one := func(kind string, a *apt, name string) {
		if err == nil {
			var l locked
			if l, err = a.one(name); err == nil {
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
	all, err := here.closure(append([]string{depends["gcc-"] + compilers[b.board.Debian]}, tools...))
	if err != nil {
		return err
	}
	add("tools", all...)
	return b.writeLock(b.dahdiLockFile(), "packages that the modules of the "+b.board.Name+" image's flavour dahdi are compiled from and with", lock)
}

// workshop is the compiler's world, and where things are in it.
func (b *builder) workshop(elem ...string) string {
	return b.at(append([]string{"workshop"}, elem...)...)
}

// dahdi compiles the modules and puts them with the kernel's own.
func (b *builder) dahdi() error {
	if runtime.GOARCH != compilerArch {
		return fmt.Errorf("the flavour %s is compiled on a machine of the kind %s, this is %s", rootfs.DAHDI, compilerArch, runtime.GOARCH)
	}
	lock, err := readLockFile(b.dahdiLockFile())
	if err != nil {
		return err
	}
	headers, err := b.unpackWorkshop(lock)
	if err != nil {
		return err
	}
	kernels, err := filepath.Glob(b.at("kernel/usr/lib/modules/*"))
	if err != nil || len(kernels) != 1 || filepath.Base(kernels[0]) != strings.TrimPrefix(filepath.Base(headers), "linux-headers-") {
		return errors.Join(err, fmt.Errorf("%s is not of the kernel %s: `make image-lock BOARD=%s`", b.dahdiLockFile(), kernels, b.board.Name))
	}
	parts := [][]string{dahdibuild.Loops, dahdibuild.Cards}
	if b.board.Debian != "amd64" { // the kernel for virtual machines knows no USB
		parts = append(parts, dahdibuild.Astribanks)
	}
	line := dahdibuild.Line(dahdibuild.Command("/build/modules.sh", headers, "/build", parts...))
	if err := errors.Join(
		write(b.workshop("build/modules.sh"), []byte(dahdibuild.Script), 0o644),
		write(b.workshop("build/build.sh"), []byte("#!/bin/sh\n"+line+"\n"), 0o644),
	); err != nil {
		return err
	}
	if err := b.compileAlone("/build/build.sh"); err != nil {
		return err
	}
	made, err := filepath.Glob(b.workshop("build/made/*.ko"))
	if err != nil || len(made) == 0 {
		return errors.Join(err, errors.New("no module was compiled"))
	}
	for _, m := range made {
		if err := copyFile(m, filepath.Join(kernels[0], "updates/dahdi", filepath.Base(m)), 0o644); err != nil {
			return err
		}
		b.extra = append(b.extra, moduleName(m))
	}
	if err := b.documents(); err != nil {
		return err
	}
	if err := b.sources(lock); err != nil {
		return err
	}
	return os.RemoveAll(b.workshop())
}

// unpackWorkshop makes the compiler's world; the result is where it has the kernel's
// headers.
func (b *builder) unpackWorkshop(lock []locked) (headers string, err error) {
	if err := os.RemoveAll(b.workshop()); err != nil {
		return "", err
	}
	for _, dir := range []string{"usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "dev", "tmp", "build"} {
		if err := os.MkdirAll(b.workshop(dir), 0o755); err != nil {
			return "", err
		}
	}
	for _, l := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.Symlink("usr/"+l, b.workshop(l)); err != nil {
			return "", err
		}
	}
	for _, l := range lock {
		if err := run(nil, "dpkg-deb", "-x", filepath.Join(b.cache, l.File), b.workshop()); err != nil {
			return "", fmt.Errorf("%s: %w", l.Name, err)
		}
		if l.Kind == "headers" && !strings.HasSuffix(l.Name, "-common") {
			headers = "/usr/src/" + l.Name
		}
	}
	// What maintainer scripts would do.
	return headers, errors.Join(os.Symlink("mawk", b.workshop("usr/bin/awk")), write(b.workshop("dev/null"), nil, 0o666))
}

// compileAlone runs a script in the workshop: its root is the workshop, and there is
// no network. Whoever is not root is, there.
func (b *builder) compileAlone(script string) error {
	dir, err := filepath.Abs(b.workshop())
	if err != nil {
		return err
	}
	args := []string{"--mount", "--net"}
	if os.Getuid() != 0 {
		args = append(args, "--map-root-user")
	}
	args = append(args, "--", "sh", "-ec", `mount --bind /dev/null "$1/dev/null"; exec chroot "$1" /usr/bin/env -i PATH=/usr/bin:/usr/sbin sh "$2"`, "sh", dir, script)
	c := exec.Command("unshare", args...)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out[max(0, len(out)-3000):])
	}
	return nil
}

// documents lays the licence and whose work it is into the image, beside our text
// (rootfs/tree-dahdi).
func (b *builder) documents() error {
	doc := b.at("root", rootfs.DAHDIDocuments)
	return errors.Join(
		copyFile(b.workshop("usr/share/doc/dahdi-source/copyright"), filepath.Join(doc, "copyright"), 0o644),
		copyFile(b.workshop("usr/share/common-licenses/GPL-2"), filepath.Join(doc, "GPL-2"), 0o644),
	)
}

// sources writes the source of the modules, to go with the image wherever it goes.
func (b *builder) sources(lock []locked) error {
	files := map[string]string{
		"modules.sh":    b.workshop("build/modules.sh"),
		"build.sh":      b.workshop("build/build.sh"),
		"packages.lock": b.dahdiLockFile(),
		"GPL-2":         b.workshop("usr/share/common-licenses/GPL-2"),
		"copyright":     b.workshop("usr/share/doc/dahdi-source/copyright"),
	}
	for _, l := range lock {
		if l.Kind == "source" {
			files[l.File] = filepath.Join(b.cache, l.File)
		}
	}
	text, err := fs.ReadFile(rootfs.DAHDITree(), rootfs.DAHDIDocuments+"/README")
	if err != nil {
		return err
	}
	files["README"] = b.workshop("build/README")
	if err := write(files["README"], text, 0o644); err != nil {
		return err
	}
	return archive(b.at(b.sourceName()), strings.TrimSuffix(b.sourceName(), ".tar"), files)
}

func (b *builder) sourceName() string { return "branchline-" + b.name() + "-source.tar" }

// archive writes a tar file with files (name to source) below a directory.
func archive(to, dir string, files map[string]string) error {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	w := tar.NewWriter(out)
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err = pack(w, dir+"/"+name, files[name]); err != nil {
			break
		}
	}
	return errors.Join(err, w.Close(), out.Close())
}

func pack(w *tar.Writer, name, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	s, err := f.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: s.Size(), ModTime: epoch, Format: tar.FormatUSTAR}); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}
