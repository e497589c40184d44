package verdict

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"syscall"

	"branchline/pbx/astconf"
)

// Chosen gives the edits to apply: of all safe fixes, and of the rules the user
// named.
func Chosen(diags []astconf.Diag, rules []string) []astconf.Edit {
	var out []astconf.Edit
	for _, d := range diags {
		if d.Fix == nil || !d.Fix.Safe && !slices.Contains(rules, d.Rule) {
			continue
		}
		for _, e := range d.Fix.Edits {
			if !slices.Contains(out, e) {
				out = append(out, e)
			}
		}
	}
	return out
}

// Apply makes the edits of one file in its text. Every other byte stays as it
// is, line ends included. done is the number of edits made; an edit whose words
// are not in its line is left out.
func Apply(text []byte, edits []astconf.Edit) (out []byte, done int) {
	lines := bytes.SplitAfter(text, []byte("\n"))
	byLine := slices.Clone(edits)
	// From the bottom up, so that numbers stay right.
	sort.SliceStable(byLine, func(i, j int) bool { return byLine[j].Line < byLine[i].Line })
	for _, e := range byLine {
		if e.Line < 1 || e.Line > len(lines) {
			continue
		}
		i := e.Line - 1
		if e.Old != "" {
			if bytes.Contains(lines[i], []byte(e.Old)) {
				lines[i] = bytes.Replace(lines[i], []byte(e.Old), []byte(e.New), 1)
				done++
			}
			continue
		}
		end := "\n"
		if bytes.HasSuffix(lines[i], []byte("\r\n")) {
			end = "\r\n"
		}
		if !bytes.HasSuffix(lines[i], []byte("\n")) {
			lines[i] = append(slices.Clone(lines[i]), end...)
		}
		lines = slices.Insert(lines, i+1, []byte(strings.ReplaceAll(e.New, "\n", end)+end))
		done++
	}
	return bytes.Join(lines, nil), done
}

// Rewrite makes the edits in the files below dir. Each file is replaced in one
// step and keeps its owner and mode; what it was before stays beside it, under
// the name that is returned for it.
func Rewrite(dir string, edits []astconf.Edit) (backups map[string]string, done int, err error) {
	byFile := map[string][]astconf.Edit{}
	var order []string
	for _, e := range edits {
		if byFile[e.File] == nil {
			order = append(order, e.File)
		}
		byFile[e.File] = append(byFile[e.File], e)
	}
	backups = map[string]string{}
	for _, name := range order {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, name)
		}
		backup, n, err := rewrite(path, byFile[name])
		if err != nil {
			return backups, done, fmt.Errorf("fix %s: %w", path, err)
		}
		if n > 0 {
			backups[path] = backup
			done += n
		}
	}
	return backups, done, nil
}

func rewrite(path string, edits []astconf.Edit) (backup string, done int, err error) {
	path, err = filepath.EvalSymlinks(path) // the file is replaced, not the link
	if err != nil {
		return "", 0, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", 0, err
	}
	before, err := os.ReadFile(path)
	if err != nil {
		return "", 0, err
	}
	after, done := Apply(before, edits)
	if done == 0 {
		return "", 0, nil
	}
	if backup, err = keep(path, before, info); err != nil {
		return "", 0, err
	}
	return backup, done, replaceFile(path, after, info)
}

// keep writes the former text beside the file, under a name not yet taken.
func keep(path string, text []byte, info fs.FileInfo) (string, error) {
	for n := 1; ; n++ {
		name := path + ".bak"
		if n > 1 {
			name += fmt.Sprint(n)
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		return name, finish(f, text, info)
	}
}

// replaceFile puts text in path's place: a reader sees the old file or the new
// one, also after a power cut.
func replaceFile(path string, text []byte, info fs.FileInfo) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	if err := finish(f, text, info); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// finish writes text to f and gives it the owner and mode of another file.
func finish(f *os.File, text []byte, like fs.FileInfo) error {
	_, err := f.Write(text)
	if err == nil {
		err = f.Chmod(like.Mode().Perm())
	}
	if st, ok := like.Sys().(*syscall.Stat_t); ok && err == nil && os.Geteuid() == 0 {
		err = f.Chown(int(st.Uid), int(st.Gid))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
