package dahdibuild

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"slices"
	"time"
)

// Archive writes a tar file with files (name to source) below a directory, all of the
// same time.
func Archive(to, dir string, files map[string]string, at time.Time) error {
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
		if err = pack(w, dir+"/"+name, files[name], at); err != nil {
			break
		}
	}
	return errors.Join(err, w.Close(), out.Close())
}

func pack(w *tar.Writer, name, from string, at time.Time) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	s, err := f.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: s.Size(), ModTime: at, Format: tar.FormatUSTAR}); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}
