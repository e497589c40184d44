package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"branchline/rootfs"
)

// A locked is one line of a lock file: a package as this image has it.
type locked struct {
	Kind    string // "root": unpacked into the root; "kernel": only parts are taken; of a flavour: "headers", "tools", "source"
	Name    string
	Version string
	File    string
	Size    int64
	SHA256  string
	Path    string // where mirrors have it: debian/pool/..., debian-security/pool/...
}

func (l locked) String() string {
	return fmt.Sprintf("%s %s %s %s %d %s %s", l.Kind, l.Name, l.Version, l.File, l.Size, l.SHA256, l.Path)
}

// suite is Debian's release that the userland is of.
const suite = "trixie"

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
func (b *builder) relockBoard() (_ *apt, kernel string, err error) {
	a, err := newApt(b.board.Debian, filepath.Join(b.cache, "apt-"+b.board.Name))
	if err != nil {
		return nil, "", err
	}
	unwanted := map[string]bool{}
	for _, name := range rootfs.Unwanted {
		unwanted[name] = true
	}
	all, err := a.closure(rootfs.Packages)
	if err != nil {
		return nil, "", err
	}
	var lock []locked
	for _, l := range all {
		if !unwanted[l.Name] {
			l.Kind = "root"
			lock = append(lock, l)
		}
	}
	kernel, err = a.dependency(b.board.Kernel, "linux-image-")
	if err != nil {
		return nil, "", err
	}
	parts := append([]string{kernel}, b.board.Firmware...)
	if b.board.Loader != "" {
		parts = append(parts, "u-boot-rpi")
	}
	for _, name := range parts {
		l, err := a.one(name)
		if err != nil {
			return nil, "", err
		}
		l.Kind = "kernel"
		lock = append(lock, l)
	}
	return a, kernel, b.writeLock(b.lockFile(), "packages of the "+b.board.Name+" image", lock)
}

// writeLock writes a lock file.
func (b *builder) writeLock(file, what string, lock []locked) error {
	slices.SortFunc(lock, func(x, y locked) int {
		return strings.Compare(x.Kind+" "+x.Name, y.Kind+" "+y.Name)
	})
	var text strings.Builder
	fmt.Fprintf(&text, "# Debian %s %s: kind name version file size sha256 path.\n# Written by `make image-lock BOARD=%s`.\n", suite, what, b.board.Name)
	for _, l := range lock {
		fmt.Fprintln(&text, l)
	}
	if err := os.MkdirAll(b.locks, 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text.String()), 0o644)
}

func (b *builder) lockFile() string { return filepath.Join(b.locks, b.board.Name+".lock") }

// readLock reads the lock file of every image for the board.
func (b *builder) readLock() ([]locked, error) { return readLockFile(b.lockFile()) }

func readLockFile(file string) ([]locked, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseLock(file, text)
}

// all is every locked package of this image and of what it is compiled with.
func (b *builder) all() ([]locked, error) {
	lock, err := b.readLock()
	if err != nil || b.flavour == "" {
		return lock, err
	}
	more, err := readLockFile(b.dahdiLockFile())
	return append(lock, more...), err
}

func parseLock(name string, text []byte) (lock []locked, err error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 7 {
			return nil, fmt.Errorf("%s:%d: want kind, name, version, file, size, sha256, path", name, n)
		}
		size, err := strconv.ParseInt(f[4], 10, 64)
		if err != nil || len(f[5]) != 64 || strings.ContainsAny(f[3], "/\\") {
			return nil, fmt.Errorf("%s:%d: not a size, a sum or a file name", name, n)
		}
		lock = append(lock, locked{f[0], f[1], f[2], f[3], size, f[5], f[6]})
	}
	return lock, lines.Err()
}

// An apt is Debian's package index for one architecture, apart from the machine's
// own.
type apt struct{ config string }

// newApt reads the index from the mirrors that this machine uses anyway.
func newApt(arch, dir string) (*apt, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for _, d := range []string{"lists/partial", "cache/archives/partial", "none"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	at, err := mirrors()
	if err != nil {
		return nil, err
	}
	main, security := at["debian"], at["debian-security"]
	const signed = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
	release := signed + main + " " + suite + " main non-free-firmware\n"
	sources := release + signed + main + " " + suite + "-updates main non-free-firmware\n" +
		signed + security + " " + suite + "-security main non-free-firmware\n"
	config := fmt.Sprintf(`Dir::Etc::sourcelist "%[1]s/sources.list"; Dir::Etc::sourceparts "%[1]s/none"; Dir::Etc::parts "%[1]s/none";
Dir::Etc::preferencesparts "%[1]s/none"; Dir::Etc::trusted "%[1]s/none/no.gpg"; Dir::Etc::trustedparts "%[1]s/none";
Dir::State "%[1]s"; Dir::State::status "%[1]s/status"; Dir::State::lists "%[1]s/lists"; Dir::Cache "%[1]s/cache";
APT::Architecture "%[2]s"; APT::Architectures {"%[2]s";}; APT::Install-Recommends "0"; APT::Sandbox::User "root";
Acquire::Languages "none"; Acquire::ForceHash "SHA256"; Acquire::Retries "3"; Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
`, dir, arch)
	a := &apt{filepath.Join(dir, "apt.conf")}
	for file, text := range map[string]string{"sources.list": sources, "apt.conf": config, "status": ""} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	update := func() error {
		_, err := a.run("", "apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any")
		return err
	}
	if err = update(); err != nil {
		// A mirror in the midst of its own update: the release itself does not change.
		fmt.Fprintf(os.Stderr, "image: %v\nimage: going on without %[2]s-updates and %[2]s-security\n", err, suite)
		if err := os.WriteFile(filepath.Join(dir, "sources.list"), []byte(release), 0o644); err != nil {
			return nil, err
		}
		err = update()
	}
	return a, err
}

func (a *apt) run(dir string, args ...string) (string, error) {
	c := exec.Command(args[0], args[1:]...)
	c.Dir = dir
	c.Env = append(os.Environ(), "APT_CONFIG="+a.config, "LC_ALL=C")
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args[:2], " "), err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}

// closure is the packages and what they depend on.
func (a *apt) closure(names []string) ([]locked, error) {
	out, err := a.run("", append([]string{"apt-get", "install", "-y", "--print-uris"}, names...)...)
	if err != nil {
		return nil, err
	}
	return parseURIs(out)
}

// one is a single package, without what it depends on.
func (a *apt) one(name string) (locked, error) {
	out, err := a.run("", "apt-get", "download", "--print-uris", name)
	if err != nil {
		return locked{}, err
	}
	all, err := parseURIs(out)
	if err != nil || len(all) != 1 {
		return locked{}, fmt.Errorf("package %s: %w", name, errors.Join(err, fmt.Errorf("%d files", len(all))))
	}
	return all[0], nil
}

// dependency is the package beginning with prefix that name depends on.
func (a *apt) dependency(name, prefix string) (string, error) {
	out, err := a.run("", "apt-cache", "depends", name)
	if err != nil {
		return "", err
	}
	for _, line := range strings.Split(out, "\n") {
		if d, ok := strings.CutPrefix(strings.TrimSpace(line), "Depends: "); ok && strings.HasPrefix(d, prefix) {
			return d, nil
		}
	}
	return "", fmt.Errorf("%s depends on no %s*", name, prefix)
}

// parseURIs reads the lines that apt prints: 'uri' file size SHA256:sum.
func parseURIs(out string) (all []locked, err error) {
	for _, line := range strings.Split(out, "\n") {
		if !strings.HasPrefix(line, "'") {
			continue
		}
		f := strings.Fields(line)
		if len(f) != 4 {
			return nil, fmt.Errorf("apt printed %q", line)
		}
		sum, ok := strings.CutPrefix(f[3], "SHA256:")
		size, err := strconv.ParseInt(f[2], 10, 64)
		parts := strings.Split(strings.TrimSuffix(f[1], ".deb"), "_")
		if !ok || err != nil || len(parts) != 3 {
			return nil, fmt.Errorf("apt printed %q", line)
		}
		version, err := url.QueryUnescape(strings.ReplaceAll(parts[1], "+", "%2b"))
		if err != nil {
			return nil, fmt.Errorf("apt printed %q: %w", line, err)
		}
		mirror, rest, ok := strings.Cut(strings.Trim(f[0], "'"), "/pool/")
		if !ok {
			return nil, fmt.Errorf("apt printed %q", line)
		}
		all = append(all, locked{Name: parts[0], Version: version, File: f[1], Size: size, SHA256: sum, Path: path.Base(mirror) + "/pool/" + rest})
	}
	return all, nil
}
