package configuration

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"branchline/pbx/astconf"
	"branchline/pbx/settings"
)

// Main reads asterisk.conf: name is that file or a directory that may hold one, "" is
// /etc/asterisk/asterisk.conf, which may be missing. The path of the file read is returned, "" if there was none. An
// error means that a file was named and cannot be used.
func Main(name string) (p settings.Process, file string, diags []astconf.Diag, err error) {
	file = name
	dir := ""
	if file == "" {
		file = filepath.Join(settings.DefaultProcess().Directories.Etc, "asterisk.conf")
	} else if info, err := os.Stat(file); err != nil {
		return p, "", nil, err
	} else if info.IsDir() {
		dir, file = file, filepath.Join(file, "asterisk.conf")
	}
	var conf *astconf.File
	switch _, err := os.Stat(file); {
	case err == nil:
		at := filepath.Dir(file)
		conf, diags = astconf.Loader{Dir: os.DirFS(at), Path: at, Root: os.DirFS("/")}.Load(filepath.Base(file))
		if !conf.Valid {
			return p, file, diags, fmt.Errorf("%s cannot be used", file)
		}
	case errors.Is(err, fs.ErrNotExist) && (dir != "" || name == ""):
		file = ""
	default:
		return p, "", nil, err
	}
	p, more := settings.FromAsterisk(conf)
	diags = append(diags, more...)
	if dir != "" && !named(conf, "directories", "astetcdir") {
		p.Directories.Etc = dir
	}
	return p, file, diags, nil
}

func named(f *astconf.File, section, name string) bool {
	if f == nil {
		return false
	}
	for _, s := range f.All(section) {
		if _, ok := s.Get(name); ok {
			return true
		}
	}
	return false
}
