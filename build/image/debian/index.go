package debian

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// suite is Debian's release that the userland is of.
const suite = "trixie"

// An Index is Debian's package index for one architecture, apart from the machine's
// own.
type Index struct{ config string }

// NewIndex reads the index into a directory of its own, from the mirrors that this
// machine uses anyway.
func NewIndex(arch, dir string) (*Index, error) {
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
	a := &Index{filepath.Join(dir, "apt.conf")}
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

func (a *Index) run(dir string, args ...string) (string, error) {
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

// Closure is the packages and what they depend on.
func (a *Index) Closure(names []string) ([]Package, error) {
	out, err := a.run("", append([]string{"apt-get", "install", "-y", "--print-uris"}, names...)...)
	if err != nil {
		return nil, err
	}
	return parseURIs(out)
}

// One is a single package, without what it depends on.
func (a *Index) One(name string) (Package, error) {
	out, err := a.run("", "apt-get", "download", "--print-uris", name)
	if err != nil {
		return Package{}, err
	}
	all, err := parseURIs(out)
	if err != nil || len(all) != 1 {
		return Package{}, fmt.Errorf("package %s: %w", name, errors.Join(err, fmt.Errorf("%d files", len(all))))
	}
	return all[0], nil
}

// Dependency is the package beginning with prefix that name depends on.
func (a *Index) Dependency(name, prefix string) (string, error) {
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
func parseURIs(out string) (all []Package, err error) {
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
		all = append(all, Package{Name: parts[0], Version: version, File: f[1], Size: size, SHA256: sum, Path: path.Base(mirror) + "/pool/" + rest})
	}
	return all, nil
}
