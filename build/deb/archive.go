package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// epoch is the time of everything in the package, so that the same contents give
// the same octets.
var epoch = time.Unix(1, 0)

// write writes the package (deb(5)): an ar archive of a version, the control files
// and the data.
func write(w io.Writer, arch string, files []file) error {
	sums, size := new(strings.Builder), 0
	for _, f := range files {
		if f.mode.IsRegular() && f.link == "" {
			// What dpkg --verify compares; nothing is proved by it.
			fmt.Fprintf(sums, "%x  %s\n", md5.Sum(f.body), f.name)
			size += len(f.body)
		}
	}
	control, err := archive([]file{
		{name: "control", mode: 0o644, body: describe(arch, size)},
		{name: "md5sums", mode: 0o644, body: []byte(sums.String())},
		{name: "postinst", mode: 0o755, body: []byte(postinst)},
		{name: "prerm", mode: 0o755, body: []byte(prerm)},
		{name: "postrm", mode: 0o755, body: []byte(postrm)},
	})
	if err != nil {
		return err
	}
	data, err := archive(files)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, "!<arch>\n"); err != nil {
		return err
	}
	return errors.Join(
		member(w, "debian-binary", []byte("2.0\n")),
		member(w, "control.tar.gz", control),
		member(w, "data.tar.gz", data),
	)
}

// member writes one member of an ar archive.
func member(w io.Writer, name string, body []byte) error {
	if _, err := fmt.Fprintf(w, "%-16s%-12d%-6d%-6d%-8o%-10d`\n", name, epoch.Unix(), 0, 0, 0o100644, len(body)); err != nil {
		return err
	}
	if len(body)%2 == 1 {
		body = append(slices.Clip(body), '\n')
	}
	_, err := w.Write(body)
	return err
}

// archive makes a compressed tar of files and of the directories they are in, all
// of them root's.
func archive(files []file) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(z)
	made := map[string]bool{".": true}
	if err := directory(t, "./", 0o755); err != nil {
		return nil, err
	}
	for _, f := range files {
		var parents []string
		for dir := path.Dir(f.name); !made[dir]; dir = path.Dir(dir) {
			made[dir] = true
			parents = append(parents, dir)
		}
		for _, dir := range slices.Backward(parents) {
			if err := directory(t, "./"+dir+"/", 0o755); err != nil {
				return nil, err
			}
		}
		if f.mode.IsDir() {
			made[f.name] = true
			if err := directory(t, "./"+f.name+"/", f.mode.Perm()); err != nil {
				return nil, err
			}
			continue
		}
		h := tar.Header{Typeflag: tar.TypeReg, Name: "./" + f.name, Mode: int64(f.mode.Perm()), Size: int64(len(f.body)),
			ModTime: epoch, Uname: "root", Gname: "root", Format: tar.FormatGNU}
		if f.link != "" {
			h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.link, 0o777
		}
		if err := t.WriteHeader(&h); err != nil {
			return nil, err
		}
		if _, err := t.Write(f.body); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func directory(t *tar.Writer, name string, mode fs.FileMode) error {
	return t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: int64(mode), ModTime: epoch,
		Uname: "root", Gname: "root", Format: tar.FormatGNU})
}

// packed is text compressed as Debian wants its changelogs.
func packed(text []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil
	}
	// A buffer takes everything.
	_, _ = z.Write(text)
	_ = z.Close()
	return b.Bytes()
}
