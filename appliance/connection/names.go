package connection

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"branchline/netcfg/steward"
)

// A publisher writes which name and time servers there are. The appliance's
// /etc/resolv.conf and its timesyncd's configuration lead there.
type publisher struct {
	dir     string // "": nowhere
	product string
	log     *slog.Logger
}

// Files of a publisher.
const (
	resolvFile = "resolv.conf"
	timeFile   = "timesyncd.conf"
)

func (p publisher) publish(n steward.Names) {
	if p.dir == "" {
		return
	}
	err := errors.Join(replace(filepath.Join(p.dir, resolvFile), resolvConf(p.product, n)), replace(filepath.Join(p.dir, timeFile), timeConf(n)))
	if err != nil {
		p.log.Error("name servers are not written down", "error", err)
	}
}

func resolvConf(product string, n steward.Names) string {
	var b strings.Builder
	b.WriteString("# Written by " + product + " from network.conf and DHCP.\n")
	for i, a := range n.DNS {
		if i < 3 {
			fmt.Fprintf(&b, "nameserver %s\n", a)
		}
	}
	if len(n.Search) > 0 {
		b.WriteString("search " + strings.Join(n.Search, " ") + "\n")
	}
	return b.String()
}

// timeConf leaves timesyncd its own servers if there are none.
func timeConf(n steward.Names) string {
	if len(n.NTP) == 0 {
		return "[Time]\n"
	}
	return "[Time]\nNTP=" + strings.Join(n.NTP, " ") + "\n"
}

// replace writes a file that everybody may read, if it says something else.
func replace(path, text string) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
