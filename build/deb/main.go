// Command deb packs the program for Debian and its relatives, without their
// tools: the binary, the name asterisk for it, the unit, the samples as examples,
// and the directories. It installs no configuration: /etc/asterisk belongs to
// whoever runs the exchange.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"

	"branchline/appliance"
	"branchline/build/licences"
	"branchline/configs"
)

func main() {
	binary := flag.String("binary", "bin/branchline", "the program")
	arch := flag.String("arch", "amd64", "Debian's name of the architecture: amd64, arm64, armhf")
	out := flag.String("out", "", "the package; default bin/branchline_VERSION_ARCH.deb")
	flag.Parse()
	if *out == "" {
		*out = fmt.Sprintf("bin/branchline_%s_%s.deb", appliance.Version, *arch)
	}
	if err := run(*binary, *arch, *out); err != nil {
		fmt.Fprintf(os.Stderr, "deb: %v\n", err)
		os.Exit(1)
	}
	fmt.Println(*out)
}

func run(binary, arch, out string) error {
	if arch != "amd64" && arch != "arm64" && arch != "armhf" {
		return fmt.Errorf("architecture %s is not built", arch)
	}
	files, err := contents(binary)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := write(&b, arch, files); err != nil {
		return err
	}
	return os.WriteFile(out, b.Bytes(), 0o644)
}

// A file of the package; a directory if link and body are nil and mode says so.
type file struct {
	name string // without the leading slash
	mode fs.FileMode
	body []byte
	link string
}

const (
	doc  = "usr/share/doc/branchline"
	unit = "appliance/systemd/branchline.service"
)

// contents are the files of the package, parents before children.
func contents(binary string) ([]file, error) {
	var errs []error
	read := func(name string) []byte {
		b, err := os.ReadFile(name)
		errs = append(errs, err)
		return b
	}
	terms, err := licences.Text(binary)
	errs = append(errs, err)
	files := []file{
		{name: "usr/sbin/branchline", mode: 0o755, body: read(binary)},
		{name: "usr/sbin/asterisk", link: "branchline"},
		{name: "usr/lib/systemd/system/branchline.service", mode: 0o644, body: read(unit)},
		{name: "usr/lib/sysusers.d/branchline.conf", mode: 0o644, body: []byte(sysusers)},
		{name: "etc/asterisk", mode: fs.ModeDir | 0o755},
		{name: "var/lib/asterisk", mode: fs.ModeDir | 0o750},
		{name: "var/log/asterisk", mode: fs.ModeDir | 0o750},
		{name: "var/spool/asterisk", mode: fs.ModeDir | 0o750},
		{name: doc + "/copyright", mode: 0o644, body: []byte(copyright)},
		{name: doc + "/licences.txt", mode: 0o644, body: terms},
		{name: doc + "/README.md", mode: 0o644, body: read("README.md")},
		{name: doc + "/changelog.gz", mode: 0o644, body: packed(read("CHANGELOG.md"))},
	}
	errs = append(errs, fs.WalkDir(configs.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(configs.FS, name)
		files = append(files, file{name: path.Join(doc, "examples", name), mode: 0o644, body: b})
		return err
	}))
	return files, errors.Join(errs...)
}

const sysusers = "# who the exchange runs as\nu asterisk - \"telephone exchange\" /var/lib/asterisk\nm asterisk dialout\n"

const copyright = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: branchline

Files: *
Copyright: the authors of Branchline
License: Apache-2.0
 On Debian systems the text of the licence is in
 /usr/share/common-licenses/Apache-2.0. What the program is made of beside
 its own source, and under which terms, is in licences.txt.
`
