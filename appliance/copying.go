package appliance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"

	"branchline/pbx/astdb"
	"branchline/pbx/console/client"
	"branchline/pbx/settings"
)

// Running reports whether an exchange answers on the control socket.
func Running(p settings.Process) bool {
	c, err := net.Dial("unix", ControlSocket(p))
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// CopyDatabase makes a copy of the database that nobody writes to, through the
// exchange if it runs, and is the copy's name; "" if there is no database yet. The
// caller removes it.
func CopyDatabase(ctx context.Context, p settings.Process) (string, error) {
	file := filepath.Join(p.Directories.DB, databaseFile)
	if !Running(p) {
		name, err := astdb.CopyFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		return name, err
	}
	var said strings.Builder
	if code := client.Attach(ctx, client.Options{
		Name: Name, Version: Name + " " + Version, Socket: ControlSocket(p), Once: true, Commands: []string{"database backup"},
		Strict: true, Quiet: true, NoColour: true, In: os.Stdin, Out: &said, Err: &said,
	}); code != 0 {
		return "", fmt.Errorf("database: %s", strings.TrimSpace(said.String()))
	}
	return file + astdb.CopySuffix, nil
}
