package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"branchline/build/dahdibuild"
)

// A kernel is one that can be booted here: the image, and the modules made for it.
type kernel struct {
	release string // as uname -r says it
	image   string
	modules []module // in the order of loading
}

// A module is a kernel module and what it is loaded with.
type module struct{ File, Options string }

// wanted are the modules, each after those it needs. Without auto_assign_spans the
// spans would wait for somebody to give their channels numbers; echo cancellers
// register by name.
var wanted = []module{
	{"crc-ccitt", ""},
	{"dahdi", "auto_assign_spans=1"},
	{"dahdi_dynamic", ""},
	{"dahdi_dynamic_loc", ""},
	{"dahdi_echocan_mg2", ""},
}

// build makes a bootable kernel with DAHDI out of Debian's packages: the image is
// fetched and unpacked, not installed; the modules are compiled from dahdi-source.
// What is there already is kept.
func build(ctx context.Context, work string) (*kernel, error) {
	headers, err := filepath.Glob("/usr/src/linux-headers-*-cloud-amd64")
	if err != nil || len(headers) == 0 {
		return nil, errors.New("no kernel headers: apt-get install linux-headers-cloud-amd64")
	}
	slices.SortFunc(headers, byVersion)
	last := headers[len(headers)-1]
	k := &kernel{release: strings.TrimPrefix(last, "/usr/src/linux-headers-")}
	k.image = filepath.Join(work, k.release, "boot", "vmlinuz-"+k.release)
	if _, err := os.Stat(k.image); err != nil {
		if err := fetch(ctx, work, k.release); err != nil {
			return nil, err
		}
	}
	made := filepath.Join(work, k.release, "dahdi")
	if _, err := os.Stat(filepath.Join(made, "dahdi_dynamic_loc.ko")); err != nil {
		if err := compile(ctx, filepath.Join(work, "src"), last, made); err != nil {
			return nil, err
		}
	}
	for _, m := range wanted {
		file, err := find(filepath.Join(work, k.release), m.File)
		if err != nil {
			return nil, err
		}
		if file == "" && strings.HasPrefix(m.File, "dahdi") {
			return nil, fmt.Errorf("no module %s was built", m.File)
		}
		if file != "" { // what is missing is built into the kernel
			k.modules = append(k.modules, module{file, m.Options})
		}
	}
	return k, nil
}

var number = regexp.MustCompile(`\d+`)

// byVersion orders names by the numbers in them.
func byVersion(a, b string) int {
	na, nb := number.FindAllString(a, -1), number.FindAllString(b, -1)
	return slices.CompareFunc(na, nb, func(x, y string) int {
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		return strings.Compare(x, y)
	})
}

// fetch unpacks the kernel's own package into work.
func fetch(ctx context.Context, work, release string) error {
	dir, err := os.MkdirTemp(work, "fetch")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := do(ctx, dir, "apt-get", "-q", "download", "linux-image-"+release); err != nil {
		return err
	}
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(debs) != 1 {
		return fmt.Errorf("apt-get download linux-image-%s left %d packages", release, len(debs))
	}
	return do(ctx, dir, "dpkg-deb", "-x", debs[0], filepath.Join(work, release))
}

// compile builds the modules from the source archive that dahdi-source installs.
func compile(ctx context.Context, src, headers, made string) error {
	if err := os.MkdirAll(src, 0o755); err != nil {
		return err
	}
	script := filepath.Join(src, "modules.sh")
	if err := os.WriteFile(script, []byte(dahdibuild.Script), 0o644); err != nil {
		return err
	}
	if err := do(ctx, src, dahdibuild.Command(script, headers, src, dahdibuild.Loops, dahdibuild.Canceller)...); err != nil {
		return err
	}
	if err := os.RemoveAll(made); err != nil {
		return err
	}
	return os.Rename(filepath.Join(src, "made"), made)
}

// find looks for a module below dir, compressed or not; "" if there is none.
func find(dir, name string) (string, error) {
	found := ""
	err := filepath.WalkDir(dir, func(at string, e fs.DirEntry, err error) error {
		if base, rest, _ := strings.Cut(filepath.Base(at), "."); err == nil && base == name && strings.HasPrefix(rest, "ko") {
			found = at
		}
		return err
	})
	return found, err
}

// do runs a command of this machine; its output is the error's text.
func do(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}
