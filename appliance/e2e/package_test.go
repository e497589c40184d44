//go:build e2e

package e2e

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// debian are its names of architectures.
var debian = map[string]string{"amd64": "amd64", "arm64": "arm64", "arm": "armhf"}

// TestPackage installs the package into an empty system, in place of the other asterisk, starts the exchange from what is there,
// under the name asterisk, and takes the package away again.
// Seed: S-027.
func TestPackage(t *testing.T) {
	t.Parallel()
	packages, err := filepath.Glob("../../bin/branchline_*_" + debian[runtime.GOARCH] + ".deb")
	if err != nil || len(packages) == 0 {
		t.Fatalf("no package: make deb (%v)", err)
	}
	root := t.TempDir()
	for _, dir := range []string{"info", "updates"} {
		if err := os.MkdirAll(filepath.Join(root, "var/lib/dpkg", dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	other := "Package: asterisk\nStatus: install ok installed\nMaintainer: x <x@localhost>\nArchitecture: amd64\nVersion: 1:22\nDescription: another\n"
	status := filepath.Join(root, "var/lib/dpkg/status")
	if err := os.WriteFile(status, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	dpkg := func(args ...string) (string, error) {
		out, err := exec.Command("dpkg", append([]string{"--root=" + root, "--force-script-chrootless"}, args...)...).CombinedOutput()
		return string(out), err
	}
	if out, err := dpkg("-i", packages[0]); err != nil {
		t.Fatalf("install: %v\n%s", err, out)
	}
	if out, err := dpkg("-l", "asterisk"); err == nil && strings.Contains(out, "ii  asterisk") {
		t.Errorf("both are installed, under one name:\n%s", out)
	}
	out, err := exec.Command("dpkg-query", "--admindir="+filepath.Join(root, "var/lib/dpkg"), "-W", "-f", "${Provides} ${Conflicts} ${db:Status-Status}", "branchline").Output()
	if err != nil || string(out) != "asterisk asterisk installed" {
		t.Errorf("the package is %q: %v", out, err)
	}
	if found, err := os.ReadDir(filepath.Join(root, "etc/asterisk")); err != nil || len(found) > 0 {
		t.Errorf("configuration: %v %v", found, err)
	}

	program := filepath.Join(root, "usr/sbin/asterisk")
	if out, err := exec.Command(program, "-V").Output(); err != nil || !strings.Contains(string(out), "Branchline") {
		t.Errorf("asterisk -V: %q %v", out, err)
	}
	conf := filepath.Join(root, "etc/asterisk")
	if err := os.CopyFS(conf, os.DirFS(filepath.Join(root, "usr/share/doc/branchline/examples/demo"))); err != nil {
		t.Fatal(err)
	}
	var main strings.Builder
	main.WriteString("[directories]\n")
	for option, dir := range map[string]string{
		"astetcdir": "etc/asterisk", "astvarlibdir": "var/lib/asterisk", "astdbdir": "var/lib/asterisk", "astdatadir": "usr/share/asterisk",
		"astspooldir": "var/spool/asterisk", "astrundir": "run/asterisk", "astlogdir": "var/log/asterisk",
	} {
		main.WriteString(option + " => " + filepath.Join(root, dir) + "\n")
	}
	file := filepath.Join(conf, "asterisk.conf")
	if err := os.WriteFile(file, []byte(main.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	ctx, stop := context.WithTimeout(r.ctx, 30*time.Second)
	defer stop()
	var daemon *exec.Cmd
	r.must(r.host(server3).Do(func() error {
		daemon = exec.Command(program, "-f", "-C", file)
		return daemon.Start()
	}))
	defer func() {
		_ = daemon.Process.Kill()
		_ = daemon.Wait()
	}()
	for {
		out, err := exec.CommandContext(ctx, program, "-C", file, "-rx", "core waitfullybooted").CombinedOutput()
		if err == nil && strings.Contains(string(out), "fully booted") {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("it does not come up: %v %s", err, out)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if out, err := exec.CommandContext(ctx, program, "-C", file, "-rx", "core stop now").CombinedOutput(); err != nil {
		t.Errorf("core stop now: %v %s", err, out)
	}
	r.must(daemon.Wait())

	if out, err := dpkg("-r", "branchline"); err != nil {
		t.Fatalf("remove: %v\n%s", err, out)
	}
	if _, err := os.Lstat(program); !os.IsNotExist(err) {
		t.Errorf("the program is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(conf, "pjsip.conf")); err != nil {
		t.Errorf("the configuration went with it: %v", err)
	}
	left := filepath.WalkDir(filepath.Join(root, "usr"), func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			t.Errorf("left behind: %s", name)
		}
		return err
	})
	if left != nil && !os.IsNotExist(left) {
		t.Error(left)
	}
}
