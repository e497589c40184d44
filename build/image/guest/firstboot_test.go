//go:build image

package guest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"branchline/rootfs"
)

// fat is the boot partition of a card, as mtools name it.
func fat(o Options) string { return fmt.Sprintf("%s@@%d", o.Disk, rootfs.Gap<<20) }

// mtools runs one of the tools that read and write FAT file systems in images.
func mtools(t *testing.T, o Options, name string, args ...string) string {
	t.Helper()
	c := exec.Command(name, append([]string{"-i", fat(o)}, args...)...)
	c.Env = append(os.Environ(), "MTOOLS_SKIP_CHECK=1")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
	return string(out)
}

// put writes a file to the boot partition of a card that nobody runs from.
func put(t *testing.T, o Options, name, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if dir := filepath.Dir(name); dir != "." {
		// It may be there already.
		_ = exec.Command("mmd", "-D", "s", "-i", fat(o), "::"+dir).Run()
	}
	mtools(t, o, "mcopy", "-o", file, "::"+name)
}

// get reads a file of the boot partition, "" without it.
func get(t *testing.T, o Options, name string) string {
	t.Helper()
	c := exec.Command("mtype", "-i", fat(o), "::"+name)
	c.Env = append(os.Environ(), "MTOOLS_SKIP_CHECK=1")
	out, _ := c.Output()
	return string(out)
}

// A session is a shell in a guest that has started.
type session struct {
	*Guest
	t *testing.T
}

func enter(t *testing.T, o Options) session {
	t.Helper()
	o.Shell = true
	g := start(t, o)
	if _, err := g.Expect(`# `, 2*time.Minute); err != nil {
		t.Fatal(err)
	}
	s := session{g, t}
	s.run("until systemctl is-active -q branchline; do sleep 1; done")
	return s
}

func (s session) run(command string) string {
	s.t.Helper()
	out, err := s.Run(command, 8*time.Minute)
	if err != nil {
		s.t.Error(err)
	}
	return out
}

// wants runs a command and wants words in what it says.
func (s session) wants(command string, words ...string) string {
	s.t.Helper()
	out := s.run(command)
	for _, w := range words {
		if !strings.Contains(out, w) {
			s.t.Errorf("%s does not say %q:\n%s", command, w, out)
		}
	}
	return out
}

// off ends the guest in order.
func (s session) off() {
	s.t.Helper()
	fmt.Fprintln(s.input, "systemctl poweroff")
	if err := s.Wait(2 * time.Minute); err != nil {
		s.t.Error(err)
	}
}

const wish = "\ufeffcountry: tw\r\ntime zone: Asia/Taipei\r\nlanguage=zh_TW\r\nphones=4\r\nfirst extension=201\r\nphone 201=Front desk\r\n" +
	"trunk host=203.0.113.7\r\ntrunk user=886212345678\r\ntrunk password=not-for-the-card\r\ncolour=blue\r\n"

var password = regexp.MustCompile(`password +([a-zR0-9]{20})`)

// TestFirstBoot is a card with one text file: from the first start to phones that could
// register, and the sheet on the card. Then a power cut, a change of mind, the user's
// own folder, safe mode and a factory reset.
func TestFirstBoot(t *testing.T) {
	o := card(t, "amd64")
	o.Safe = true
	put(t, o, "branchline.txt", wish)
	s := enter(t, o)
	s.wants("asterisk -rx 'pjsip show endpoints'", "201", "202", "203", "204", "trunk")
	s.wants("asterisk -rx 'pjsip show registrations'", "203.0.113.7")
	s.wants("asterisk -rx selftest", " ok ")
	s.wants("branchline check", "0 errors, 0 warnings")
	s.wants("date +%Z", "CST")
	s.wants("journalctl -b -u branchline-firstboot -o cat", "turned into a configuration for 4 phones, 1 complaints")
	s.wants("stat -c '%U %a' /etc/asterisk/pjsip.conf", "asterisk 600")
	s.wants("systemctl --failed --no-legend --plain; systemctl is-system-running", "running")
	s.Kill()
	sheet := get(t, o, "branchline-phones.txt")
	if found := password.FindAllStringSubmatch(sheet, -1); len(found) != 4 || !strings.Contains(sheet, "Front desk") {
		t.Errorf("the sheet: %s", sheet)
	}
	if drawing := get(t, o, "branchline-phones.svg"); strings.Count(drawing, "<path") != 4 {
		t.Errorf("the drawing: %.300s", drawing)
	}
	if text := get(t, o, "branchline-errors.txt"); !strings.Contains(text, `line 10: "colour" is no key`) {
		t.Errorf("the complaints: %s", text)
	}
	if text := get(t, o, "branchline.done.txt"); !strings.Contains(text, "phone 201=Front desk") || strings.Contains(text, "not-for-the-card") || get(t, o, "branchline.txt") != "" {
		t.Errorf("what is left of the wish: %s", text)
	}
	// After the power cut, with the user's own folder, which has a mistake.
	put(t, o, "asterisk/pjsip.conf", "[2001]\ntype=endpoint\naor=2001\n")
	s = enter(t, o)
	secret := password.FindStringSubmatch(sheet)[1]
	s.wants("cat /etc/asterisk/pjsip.conf", "password="+secret)
	s.wants("cat /boot/branchline-check.txt", "asterisk/pjsip.conf:3", "NOT taken over")
	s.wants("asterisk -rx 'pjsip show endpoints'", "201")
	s.off()
	put(t, o, "asterisk/pjsip.conf", "[u]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n[2001]\ntype=endpoint\nallow=ulaw\nauth=2001\naors=2001\n[2001]\ntype=auth\nusername=2001\npassword=5rt-98xk-qq1z\n[2001]\ntype=aor\nmax_contacts=1\n")
	s = enter(t, o)
	s.wants("asterisk -rx 'pjsip show endpoints'", "2001")
	s.wants("ls /boot", "asterisk.done")
	s.run("asterisk -rx 'database put mine key value'")
	s.off()
	put(t, o, "safe-mode.txt", "")
	s = enter(t, o)
	s.wants("asterisk -rx 'pjsip show endpoints'", "1001", "1003")
	s.wants("cat /data/etc/asterisk/pjsip.conf", "[2001]")
	s.wants("cat /boot/branchline-safe-mode.txt", "safe mode", "1002")
	s.off()
	mtools(t, o, "mdel", "::safe-mode.txt")
	put(t, o, "factory-reset", "")
	s = enter(t, o)
	s.wants("asterisk -rx 'pjsip show endpoints'", "1001", "1003")
	if out := s.run("asterisk -rx 'database show mine'; ls -a /boot /data/etc; date +%Z"); strings.Contains(out, "value") || strings.Contains(out, "factory-reset") || !strings.Contains(out, "UTC") {
		t.Errorf("after a factory reset: %s", out)
	}
	s.off()
}

// TestBackupInGuest takes a backup, loses everything, and puts it back.
func TestBackupInGuest(t *testing.T) {
	o := card(t, "amd64")
	s := enter(t, o)
	s.run("asterisk -rx 'database put mine key value'; echo phrase >/data/phrase")
	before := s.run("grep password= /etc/asterisk/pjsip.conf")
	s.wants("branchline backup /data/kept --passphrase-file=/data/phrase; ls -l /data/kept /var/lib/asterisk", "/data/kept")
	s.run("cp /data/kept /data/bad; printf x | dd of=/data/bad bs=1 seek=300 conv=notrunc 2>/dev/null || true")
	if out, err := s.Run("branchline restore /data/bad --passphrase-file=/data/phrase", time.Minute); err == nil || !strings.Contains(out, "nothing has been changed") {
		t.Errorf("a damaged backup: %s, %v", out, err)
	}
	s.run("asterisk -rx 'database put mine key other'; echo '[general]' >/etc/asterisk/pjsip.conf")
	fmt.Fprintln(s.input, "branchline restore /data/kept --passphrase-file=/data/phrase")
	if err := s.Wait(2 * time.Minute); err != nil { // it starts again
		t.Fatal(err)
	}
	s = enter(t, o)
	if got := s.run("grep password= /etc/asterisk/pjsip.conf"); got != before || got == "" {
		t.Errorf("the configuration is not that of the backup: %s", got)
	}
	s.wants("asterisk -rx 'database get mine key'", "value")
	s.wants("ls -a /data /etc/asterisk; stat -c '%U' /etc/asterisk/pjsip.conf /var/lib/asterisk/branchline.db", "asterisk")
	s.off()
}

// TestTimeIsKept starts a card on a machine whose clock has stopped: it goes on from the
// last known time.
func TestTimeIsKept(t *testing.T) {
	o := card(t, "amd64")
	o.Extra = []string{"-rtc", "base=2031-05-06T07:08:09"}
	s := enter(t, o)
	s.wants("date -u +%Y", "2031")
	// The image notes the time twice an hour; here it shall not take that long.
	s.run("mkdir -p /run/systemd/timesyncd.conf.d; printf '[Time]\\nSaveIntervalSec=2s\\n' >/run/systemd/timesyncd.conf.d/zz.conf; systemctl restart systemd-timesyncd; sleep 8; sync")
	s.Kill()
	o.Extra = []string{"-rtc", "base=2026-01-01T00:00:00"}
	s = enter(t, o)
	s.wants("date -u +%Y-%m; ls -l /var/lib/systemd/timesync", "2031-05")
	s.off()
}

// TestCutsDuringFirstBoot cuts the power at many moments of a first start. The next one
// must have phones whose secrets are on the sheet.
func TestCutsDuringFirstBoot(t *testing.T) {
	cuts, _ := strconv.Atoi(os.Getenv("CUTS"))
	cuts = max(cuts, 3)
	const span = 9 * time.Second // the first start's own work lies in it
	for i := range cuts {
		o := card(t, "amd64")
		o.Safe = true
		put(t, o, "branchline.txt", wish)
		o.Shell = true
		g := start(t, o)
		if _, err := g.Expect(`# `, 2*time.Minute); err != nil {
			t.Fatal(err)
		}
		time.Sleep(span * time.Duration(i) / time.Duration(cuts))
		g.Kill()
		s := enter(t, o)
		config := s.run("cat /etc/asterisk/pjsip.conf; ls -a /data/etc /etc/asterisk")
		s.Kill()
		sheet := get(t, o, "branchline-phones.txt")
		found := password.FindAllStringSubmatch(sheet, -1)
		for _, f := range found {
			if !strings.Contains(config, "password="+f[1]) {
				t.Errorf("cut %d: the sheet is of another configuration", i)
			}
		}
		if len(found) != 4 || !strings.Contains(config, "[trunk]") {
			t.Errorf("cut %d: %d phones on the sheet; %s", i, len(found), config)
		}
	}
}
