package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"branchline/build/image/modules"
	"branchline/build/image/tool"
	"branchline/rootfs"
)

// skeleton is the directories of a root; Debian's base-files would bring more.
var skeleton = []string{
	"usr/bin", "usr/sbin", "usr/lib", "etc/asterisk", "etc/ssl/certs", "etc/systemd/system/multi-user.target.wants", "etc/systemd/system/sysinit.target.wants",
	"proc", "sys", "dev", "run", "tmp", "var", "boot", "slot", "data", "root", "mnt",
}

// userland unpacks Debian's packages into the root and the kernel's beside it.
func (b *builder) userland() error {
	lock, err := b.readLock()
	if err != nil {
		return err
	}
	for _, dir := range skeleton {
		if err := os.MkdirAll(b.at("root", dir), 0o755); err != nil {
			return err
		}
	}
	// The merged /usr: packages that still bring /lib or /bin land where they belong.
	for _, l := range []string{"bin", "sbin", "lib"} {
		if err := os.Symlink("usr/"+l, b.at("root", l)); err != nil {
			return err
		}
	}
	if b.board.Debian == "amd64" { // where the program loader is looked for
		if err := errors.Join(os.MkdirAll(b.at("root/usr/lib64"), 0o755), os.Symlink("usr/lib64", b.at("root/lib64"))); err != nil {
			return err
		}
	}
	for _, l := range lock {
		into := b.at("root")
		if l.Kind == "kernel" {
			into = b.at("kernel")
		}
		if err := os.MkdirAll(into, 0o755); err != nil {
			return err
		}
		if err := tool.Run(nil, "dpkg-deb", "-x", filepath.Join(b.cache, l.File), into); err != nil {
			return fmt.Errorf("%s: %w", l.Name, err)
		}
	}
	for _, pattern := range dropped {
		found, err := filepath.Glob(b.at("root", pattern))
		if err != nil {
			return err
		}
		for _, f := range found {
			if err := os.RemoveAll(f); err != nil {
				return err
			}
		}
	}
	return b.copyrights()
}

// dropped is what packages bring and nobody here reads.
var dropped = []string{
	"usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian", "usr/share/bug", "usr/share/bash-completion",
	"usr/share/zsh", "usr/share/perl5", "usr/share/debconf", "usr/share/initramfs-tools", "usr/share/pixmaps", "usr/share/polkit-1",
	"usr/share/gcc", "usr/share/gdb", "usr/share/pam*", "usr/share/libc-bin", "usr/share/doc-base", "usr/share/apport",
	"usr/lib/*/gconv", "usr/lib/*/audit", "usr/lib/udev/hwdb.d", "usr/lib/udev/hwdb.bin", "usr/lib/*/perl*", "usr/bin/perl*",
	"usr/lib/systemd/catalog", "usr/lib/systemd/boot", "usr/lib/kernel", "usr/lib/pcrlock.d", "usr/lib/systemd/repart",
	"usr/lib/systemd/system-generators/systemd-gpt-auto-generator", "usr/lib/systemd/system-generators/systemd-hibernate-resume-generator",
	"usr/lib/systemd/system-generators/systemd-rc-local-generator", "usr/lib/systemd/system-generators/systemd-ssh-generator",
	"usr/lib/systemd/system-generators/systemd-system-update-generator", "usr/lib/systemd/system-generators/systemd-sysv-generator",
	"usr/lib/systemd/system-generators/systemd-tpm2-generator", "usr/lib/systemd/system-generators/systemd-getty-generator",
	"usr/lib/systemd/system-generators/systemd-*setup-generator", "usr/lib/systemd/system-generators/systemd-factory-reset-generator",
	"usr/share/zoneinfo/right", "usr/share/zoneinfo/posix",
	"etc/cron*", "etc/init.d", "etc/rc*.d", "etc/initramfs-tools", "etc/apt", "etc/dpkg", "etc/alternatives", "etc/logrotate.d", "etc/kernel",
	"etc/systemd/system/*.wants/*", "etc/systemd/user", "etc/ufw", "etc/perl", "etc/pam*", "etc/security", "etc/xdg", "etc/X11", "etc/profile.d",
	"usr/sbin/debugfs", "usr/sbin/e2image", "usr/sbin/e2undo", "usr/sbin/e4defrag", "usr/sbin/e2freefrag", "usr/sbin/filefrag", "usr/sbin/e2scrub*", "usr/sbin/e4crypt",
	"usr/sbin/losetup", "usr/lib/systemd/systemd-networkd*", "usr/lib/systemd/systemd-logind", "usr/lib/systemd/systemd-pcr*", "usr/lib/systemd/systemd-measure",
	"usr/lib/systemd/systemd-tpm2-setup", "usr/bin/networkctl", "usr/bin/loginctl", "usr/lib/*/libssl.so*", "usr/lib/*/engines-3", "usr/lib/*/ossl-modules",
	"usr/lib/*/libmvec.so*", "usr/lib/systemd/network", "usr/lib/systemd/ukify*",
	"var/*",
}

// modules takes the kernel's modules that the keep-list names, and what they need.
func (b *builder) modules() error {
	lib := b.at("kernel/usr/lib/modules")
	if _, err := os.Stat(lib); err != nil {
		lib = b.at("kernel/lib/modules")
	}
	versions, err := os.ReadDir(lib)
	if err != nil {
		return err
	}
	if len(versions) != 1 {
		return fmt.Errorf("%d kernels in %s", len(versions), lib)
	}
	version := versions[0].Name()
	from, to := filepath.Join(lib, version), b.at("root/usr/lib/modules", version)
	base := strings.TrimSuffix(lib, "/lib/modules")
	if err := tool.Run(nil, "depmod", "-b", base, version); err != nil {
		return err
	}
	tree, err := modules.Read(from)
	if err != nil {
		return err
	}
	for _, m := range tree.Closure(slices.Concat(modules.Kept, b.extra)) {
		if err := copyFile(filepath.Join(from, m), filepath.Join(to, m), 0o644); err != nil {
			return err
		}
	}
	for _, name := range []string{"modules.builtin", "modules.builtin.modinfo", "modules.order"} {
		if err := copyFile(filepath.Join(from, name), filepath.Join(to, name), 0o644); err != nil {
			return err
		}
	}
	if err := tool.Run(nil, "depmod", "-b", b.at("root/usr"), version); err != nil {
		return err
	}
	// For the initrd: the same modules, flat, in the order they are to be loaded.
	if err := os.MkdirAll(b.at("initrd/lib"), 0o755); err != nil {
		return err
	}
	var order strings.Builder
	for _, m := range tree.Closure(modules.Early) {
		name := "lib/" + filepath.Base(m)
		fmt.Fprintln(&order, "/"+name)
		if err := copyFile(filepath.Join(from, m), b.at("initrd", name), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(b.at("initrd/modules"), []byte(order.String()), 0o644)
}

func copyFile(from, to string, mode fs.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return write(to, data, mode)
}

func write(to string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(to, data, mode); err != nil {
		return err
	}
	return os.Chmod(to, mode)
}

// modes of our files that are not 0644.
var modes = map[string]fs.FileMode{"etc/shadow": 0o600}

// lay puts files of ours over Debian's.
func (b *builder) lay(files fs.FS) error {
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if m, ok := modes[name]; ok {
			mode = m
		}
		if err := os.Remove(b.at("root", name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return write(b.at("root", name), data, mode)
	})
}

// ours puts our files, links and binaries over Debian's.
func (b *builder) ours() error {
	links := rootfs.Links()
	if err := b.lay(rootfs.Tree()); err != nil {
		return err
	}
	if b.flavour == rootfs.DAHDI {
		links = append(links, rootfs.DAHDILinks()...)
		if err := b.lay(rootfs.DAHDITree()); err != nil {
			return err
		}
	}
	if err := b.compile("./cmd/branchline", b.at("root/usr/sbin/branchline")); err != nil {
		return err
	}
	if err := copyFile("appliance/systemd/branchline.service", b.at("root/etc/systemd/system/branchline.service"), 0o644); err != nil {
		return err
	}
	if err := b.identity(); err != nil {
		return err
	}
	if err := b.certificates(); err != nil {
		return err
	}
	for _, a := range rootfs.Applets {
		links = append(links, rootfs.Link{Path: "usr/bin/" + a, Target: "busybox"})
	}
	for _, l := range links {
		at := b.at("root", l.Path)
		if s, err := os.Lstat(at); err == nil {
			if strings.HasPrefix(l.Path, "usr/bin/") || s.IsDir() {
				continue // Debian's own is better
			}
			if err := os.Remove(at); err != nil {
				return err
			}
		}
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(l.Target, at); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// compile builds one of our programs for the board.
func (b *builder) compile(pkg, to string) error {
	abs, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	return tool.Run([]string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + b.board.Go, "GOARM=" + b.board.ARM, "GOFLAGS="},
		"go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", abs, pkg)
}

// certificates joins the trusted roots into the one file that everybody reads.
func (b *builder) certificates() error {
	var files []string
	err := filepath.WalkDir(b.at("root/usr/share/ca-certificates"), func(p string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(p, ".crt") {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		return err
	}
	sort.Strings(files)
	var all []byte
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		all = append(all, data...)
	}
	return errors.Join(write(b.at("root/etc/ssl/certs/ca-certificates.crt"), all, 0o644), os.RemoveAll(b.at("root/usr/share/ca-certificates")))
}
