package dahdibuild

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Workshop is a directory with all that compiles the modules: the packages of
// compiler, headers, source and tools, unpacked. The compiler sees nothing else,
// neither this machine's files nor its network, so that what it makes is the same
// wherever it runs.
type Workshop struct {
	dir     string
	headers string // where the kernel's are, inside
}

// NewWorkshop makes the directory anew and unpacks packages into it.
func NewWorkshop(dir string, packages []string) (*Workshop, error) {
	w := &Workshop{dir: dir}
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	for _, d := range []string{"usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "dev", "tmp", "build"} {
		if err := os.MkdirAll(w.At(d), 0o755); err != nil {
			return nil, err
		}
	}
	for _, l := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.Symlink("usr/"+l, w.At(l)); err != nil {
			return nil, err
		}
	}
	for _, p := range packages {
		if out, err := exec.Command("dpkg-deb", "-x", p, dir).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w: %s", p, err, out)
		}
	}
	all, err := filepath.Glob(w.At("usr/src/linux-headers-*/.kernelvariables"))
	if err != nil || len(all) != 1 {
		return nil, errors.Join(err, fmt.Errorf("headers of %d kernels", len(all)))
	}
	w.headers = "/usr/src/" + filepath.Base(filepath.Dir(all[0]))
	// What maintainer scripts would do, and where /dev/null will be.
	return w, errors.Join(os.Symlink("mawk", w.At("usr/bin/awk")), os.WriteFile(w.At("dev/null"), nil, 0o666),
		os.WriteFile(w.At(ScriptFile), []byte(Script), 0o644))
}

// Files in a workshop: the script, and the one that runs it for a kernel and parts.
const (
	ScriptFile  = "build/modules.sh"
	CommandFile = "build/build.sh"
)

// At is a file in the workshop.
func (w *Workshop) At(file string) string { return filepath.Join(w.dir, file) }

// Release is the kernel's that the headers are of.
func (w *Workshop) Release() string {
	return strings.TrimPrefix(filepath.Base(w.headers), "linux-headers-")
}

// Compile compiles parts; the result is the modules' files. Whoever is not root here is
// root in there, which the kernel may forbid.
func (w *Workshop) Compile(parts ...[]string) ([]string, error) {
	line := strings.Join(Command("/"+ScriptFile, w.headers, "/build", parts...), " ")
	if err := os.WriteFile(w.At(CommandFile), []byte("#!/bin/sh\n"+line+"\n"), 0o644); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(w.dir)
	if err != nil {
		return nil, err
	}
	args := []string{"--mount", "--net"}
	if os.Getuid() != 0 {
		args = append(args, "--map-root-user")
	}
	args = append(args, "--", "sh", "-ec", `mount --bind /dev/null "$1/dev/null"; exec chroot "$1" /usr/bin/env -i PATH=/usr/bin:/usr/sbin sh "$2"`, "sh", dir, "/"+CommandFile)
	if out, err := exec.Command("unshare", args...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", CommandFile, err, out[max(0, len(out)-3000):])
	}
	made, err := filepath.Glob(w.At("build/made/*.ko"))
	if err == nil && len(made) == 0 {
		err = errors.New("no module was compiled")
	}
	return made, err
}
