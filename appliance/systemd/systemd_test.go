package systemd

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"branchline/pbx/astconf"
)

// S-035, S-036: what the service manager hears.
func TestNotify(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Notify(Ready); err != nil {
		t.Errorf("without a service manager: %v", err)
	}
	dir, err := os.MkdirTemp("", "notify")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "s")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	if err := Notify(Ready, Status("%d calls\nup", 2)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, err := l.Read(buf)
	if got := string(buf[:n]); err != nil || got != "READY=1\nSTATUS=2 calls up" {
		t.Errorf("%q %v", got, err)
	}
	for _, bad := range []string{path + "/nobody", "relative"} {
		t.Setenv("NOTIFY_SOCKET", bad)
		if Notify(Stopping) == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

// S-034 to S-038: the unit can be started, stopped, asked, restarted, masked and
// unmasked under the name asterisk, and runs the daemon as the daemon expects.
func TestUnit(t *testing.T) {
	f, diags := astconf.Load(os.DirFS("."), "branchline.service")
	if astconf.Failed(diags) {
		t.Fatal(diags)
	}
	have := map[string]string{}
	for _, s := range f.Sections {
		for _, e := range s.Entries {
			have[s.Name+"."+e.Name] = e.Value
		}
	}
	for key, want := range map[string]string{
		"Service.Type": "notify", "Service.KillMode": "mixed", "Service.Restart": "on-failure",
		"Install.WantedBy": "multi-user.target", "Install.Alias": "asterisk.service",
	} {
		if have[key] != want {
			t.Errorf("%s=%s, want %s", key, have[key], want)
		}
	}
	if !strings.HasPrefix(have["Service.ExecStart"], "/usr/sbin/asterisk -f ") || !strings.Contains(have["Service.ExecReload"], "core reload") {
		t.Errorf("%s / %s", have["Service.ExecStart"], have["Service.ExecReload"])
	}
}
