//go:build image

package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// written is how many bytes have been written to the card since the start, by the block
// layer's own count (Documentation/block/stat.rst: the seventh number, in sectors of
// 512 bytes).
func (s session) written() int64 {
	s.t.Helper()
	out := s.run("sync; cat /sys/block/vda/stat")
	f := strings.Fields(out)
	if len(f) < 7 {
		s.t.Fatalf("stat: %q", out)
	}
	n, err := strconv.ParseInt(f[6], 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return n * 512
}

// costs is what some commands have the card written.
func (s session) costs(commands string) int64 {
	s.t.Helper()
	began := s.written()
	s.run(commands)
	return s.written() - began
}

// manyPhones is a configuration of so many phones, in a folder of the boot partition.
func manyPhones(t *testing.T, o Options, phones int) {
	t.Helper()
	pjsip := "[transport-udp]\ntype=transport\nprotocol=udp\nbind=0.0.0.0\n"
	for e := firstPhone; e < firstPhone+phones; e++ {
		pjsip += fmt.Sprintf("[%d]\ntype=endpoint\ncontext=phones\naors=%[1]d\nallow=!all,ulaw\n[%[1]d]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n", e)
	}
	dir := filepath.Join(t.TempDir(), "office")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"pjsip.conf":      pjsip,
		"extensions.conf": "[phones]\nexten => *65,1,Answer()\nexten => *65,n,SayDigits(1001)\nexten => *65,n,Hangup()\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tool(t, "mcopy", "-s", "-i", boot(o), dir, "::")
}

// firstPhone is the number of testdata/phone's first phone.
const firstPhone = 3001

// TestWear measures what a day costs the card: an office of phones that register every
// minute, a thousand calls, each heard out by an announcement, and what the kept log
// adds. Refreshes reach the card every half an hour, which is longer than this test
// lives: they are hurried along, and counted as often as they come.
func TestWear(t *testing.T) {
	const (
		budget  = 20 << 20
		phones  = 100
		refresh = time.Minute
		flushes = 48  // of refreshes a day
		keeps   = 144 // of the log a day
		perDay  = 1000
		batch   = perDay / keeps // calls between two of those
		rounds  = 3
		idle    = 3 * time.Minute
	)
	o := card(t, "amd64")
	o.Shell = true
	manyPhones(t, o, phones)
	putPhone(t, o)
	g, err := Start(t.Context(), o) // longer than other guests live
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Kill)
	shell(t, g)
	s := session{g, t}
	s.run("cp /boot/phone /tmp/phone; chmod 755 /tmp/phone; rm -f /etc/asterisk/*.conf; cp /boot/office/* /etc/asterisk/; busybox chown -R 990:990 /etc/asterisk; asterisk -rx 'core reload'")
	s.run(fmt.Sprintf("/tmp/phone %d %s >/tmp/registered 2>&1 & sleep %.0f", phones, refresh/phones, 1.2*refresh.Seconds()))
	contacts := s.run("asterisk -rx 'pjsip show contacts' | grep -c 'sip:3'")
	if strings.TrimSpace(contacts) != strconv.Itoa(phones) {
		t.Fatalf("%s of %d phones are registered: %s", contacts, phones, s.run("tail -n 3 /tmp/registered"))
	}
	s.run("systemctl start branchline-log.service; sleep 35") // what the first start has to write

	waiting := s.costs(fmt.Sprintf("sleep %.0f", idle.Seconds()))
	var flushing, calling, logging int64
	for range rounds {
		s.run(fmt.Sprintf("sleep %.0f", 1.1*refresh.Seconds())) // every phone has something to write
		flushing = max(flushing, s.costs("asterisk -rx 'database put wear here now'"))
		s.run("systemctl start branchline-log.service")
		calling += s.costs("i=0; while [ $i -lt " + strconv.Itoa(batch) + " ]; do asterisk -rx 'channel originate Local/*65@phones application Wait 3'; i=$((i+1)); done >/dev/null; sleep 5")
		logging = max(logging, s.costs("systemctl start branchline-log.service"))
	}
	out := s.run("asterisk -rx 'core show calls'; tail -n 1 /tmp/registered; df -h /data | tail -n 1")
	day := waiting*int64(24*time.Hour/idle) + flushing*flushes + calling*perDay/(batch*rounds) + logging*keeps
	t.Logf("%s\n%d phones that register every %v: %v of waiting cost %d bytes, their refreshes at once %d, %d calls %d, the log of %d calls %d\na day with %d calls: %.1f MiB",
		out, phones, refresh, idle, waiting, flushing, batch*rounds, calling, batch, logging, perDay, float64(day)/(1<<20))
	if day > budget {
		t.Errorf("a day costs %d bytes", day)
	}
}
