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

// TestWear measures what a day costs the card, by letting hours of it pass: an office of
// phones that register every minute, and as many calls an hour as make a thousand a day,
// each heard out by an announcement. The guest's time is what its processor has done,
// and leaps over the time in which there is nothing to do, so that an hour passes in
// minutes and all that the exchange and the system do now and then happens as often as
// it would.
func TestWear(t *testing.T) {
	const (
		budget  = 20 << 20
		phones  = 100
		refresh = time.Minute
		perDay  = 1000
		day     = 24 * time.Hour
	)
	hours, _ := strconv.Atoi(os.Getenv("HOURS"))
	hours = max(hours, 2)
	o := card(t, "amd64")
	o.Shell = true
	o.Extra = []string{"-icount", "shift=1,sleep=off"}
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
	s.run("sleep 600") // what the first start has to write

	began := s.written()
	for hour := 1; hour <= hours; hour++ {
		before, wall := s.written(), time.Now()
		const calls = perDay / 24
		if _, err := s.Run(fmt.Sprintf("i=0; while [ $i -lt %d ]; do asterisk -rx 'channel originate Local/*65@phones application Wait 3'; i=$((i+1)); sleep %.1f; done >/dev/null", calls, time.Hour.Seconds()/calls), 3*time.Hour); err != nil {
			t.Fatal(err)
		}
		t.Logf("hour %d: %d bytes written, in %.0f s", hour, s.written()-before, time.Since(wall).Seconds())
	}
	cost := (s.written() - began) * int64(day/time.Hour) / int64(hours)
	t.Logf("%s\na day with %d calls and %d phones that register every %v: %.1f MiB", s.run("asterisk -rx 'core show calls'; tail -n 1 /tmp/registered; df -h /data | tail -n 1; uptime"), perDay, phones, refresh, float64(cost)/(1<<20))
	if cost > budget {
		t.Errorf("a day costs %d bytes", cost)
	}
}
