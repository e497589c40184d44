package appliance

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"branchline/appliance/inforce"
	"branchline/pbx/cli"
)

// site is a configuration directory of its own.
func site(t *testing.T, files map[string]string) string {
	dir := t.TempDir()
	var directories strings.Builder
	directories.WriteString("[directories]\nastetcdir => " + dir + "\n")
	for _, name := range []string{"varlib", "db", "data", "spool", "run", "log"} {
		directories.WriteString("ast" + name + "dir => " + filepath.Join(dir, name) + "\n")
	}
	files = maps.Clone(files)
	if files == nil {
		files = map[string]string{}
	}
	files["asterisk.conf"] = directories.String()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// ownHost is an address of the loopback interface that no other run of these tests
// binds: two runs on one machine do not disturb each other.
var ownHost = func() string {
	pid := os.Getpid() // below 1<<22, the kernel's bound
	return netip.AddrFrom4([4]byte{127, 64 | byte(pid>>16), byte(pid >> 8), byte(pid)}).String()
}()

var goodSIP = "[udp]\ntype=transport\nprotocol=udp\nbind=" + ownHost + ":25060\n[1001]\ntype=endpoint\nallow=ulaw\nauth=1001\naors=1001\n" +
	"[1001]\ntype=aor\nmax_contacts=1\n[1001]\ntype=auth\nusername=1001\npassword=fr7w-93kd\n"

const brokenSIP = "[1001]\ntype=endpoint\nallow=ulaw\naor=1001\n"

func TestBrokenAtStart(t *testing.T) {
	dir := site(t, map[string]string{"pjsip.conf": brokenSIP})
	if err := Run(t.Context(), Options{Config: dir, Quiet: true}); !errors.Is(err, inforce.ErrRefused) {
		t.Errorf("Run on a broken configuration: %v, want ErrRefused", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	booted := false
	err := Run(ctx, Options{Config: dir, Quiet: true, Lenient: true, Booted: func() { booted = true; cancel() }})
	if err != nil || !booted {
		t.Errorf("lenient start: booted %v, %v", booted, err)
	}
}

func TestBrokenReloadChangesNothing(t *testing.T) {
	dir := site(t, map[string]string{"pjsip.conf": goodSIP, "extensions.conf": "[default]\nexten => 1,1,Answer()\n"})
	err := during(t.Context(), Options{Config: dir, Quiet: true}, func(ctx context.Context, d *daemon) error {
		for name, text := range map[string]string{"pjsip.conf": brokenSIP, "extensions.conf": "[default]\nexten => 2,1,Answer()\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				return err
			}
		}
		var said bytes.Buffer
		if got := d.tree.Run(ctx, &said, "core reload"); got != cli.Failed {
			t.Errorf("core reload of a broken configuration: %v", got)
		}
		for _, want := range []string{"pjsip.conf:4", "aors", "nothing was changed"} {
			if !strings.Contains(said.String(), want) {
				t.Errorf("core reload does not say %q:\n%s", want, said.String())
			}
		}
		if ok, _ := d.exchange.Lookup("default", "1", ""); !ok {
			t.Error("the old extension is gone")
		}
		if ok, _ := d.exchange.Lookup("default", "2", ""); ok {
			t.Error("half of the new configuration is in force")
		}
		if d.agent.Snapshot().Endpoints["1001"] == nil {
			t.Error("the old endpoint is gone")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestSecondInstance(t *testing.T) {
	dir := site(t, nil)
	err := during(t.Context(), Options{Config: dir, Quiet: true}, func(ctx context.Context, d *daemon) error {
		if err := Run(ctx, Options{Config: dir, Quiet: true}); err == nil || !strings.Contains(err.Error(), "already running") {
			t.Errorf("second instance: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestSelfTestLeavesNoTrace: the phones of the self-test must be gone after it.
func TestSelfTestLeavesNoTrace(t *testing.T) {
	dir := site(t, map[string]string{"pjsip.conf": goodSIP})
	err := during(t.Context(), Options{Config: dir, Quiet: true}, func(ctx context.Context, d *daemon) error {
		var report bytes.Buffer
		if err := d.selftest(ctx, &report); err != nil {
			t.Errorf("%v\n%s", err, report.String())
		}
		s := d.agent.Snapshot()
		if len(s.Endpoints) != 1 || len(s.Transports) != 1 || d.system.Plan().HasContext("selftest") {
			t.Errorf("after the self-test: %d endpoints, %d transports", len(s.Endpoints), len(s.Transports))
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
