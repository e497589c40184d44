//go:build image

package guest

import (
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

// TestWear measures what a day costs the card: an exchange that waits, and one with a
// load of calls, each heard out by an announcement; and what the kept log adds.
func TestWear(t *testing.T) {
	const (
		budget = 20 << 20
		perDay = 1000
		batch  = 20
		rounds = 3
		idle   = 2 * time.Minute
	)
	o := card(t, "amd64")
	o.Shell = true
	g, err := Start(t.Context(), o) // longer than other guests live
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Kill)
	if _, err := g.Expect(`# `, 3*time.Minute); err != nil {
		t.Fatal(err)
	}
	s := session{g, t}
	s.run("until systemctl is-active -q branchline; do sleep 1; done")
	s.run("systemctl start branchline-log.service; sleep 40") // what the first start has to write
	began := s.written()
	s.run("sleep " + strconv.Itoa(int(idle.Seconds())))
	waiting := s.written() - began
	// Registrations too: every self-test has phones come and go.
	began = s.written()
	for range 3 {
		s.run("asterisk -rx selftest")
	}
	registering := s.written() - began
	began = s.written()
	for range rounds {
		s.run("i=0; while [ $i -lt " + strconv.Itoa(batch) + " ]; do asterisk -rx 'channel originate Local/*65@phones application Wait 3'; i=$((i+1)); done >/dev/null; sleep 5")
	}
	calling := s.written() - began
	out := s.run("asterisk -rx 'core show calls'; journalctl -b -u branchline -o cat | wc -c")
	began = s.written()
	s.run("systemctl start branchline-log.service")
	logging := s.written() - began
	calls := int64(batch * rounds)
	day := waiting*int64(24*time.Hour/idle) + calling*perDay/calls + logging*144
	t.Logf("%s\n%d s of waiting: %d bytes; 3 self-tests with 2 registrations each: %d; %d calls: %d; the log of it: %d\na day with %d calls: %.1f MiB",
		out, int(idle.Seconds()), waiting, registering, calls, calling, logging, perDay, float64(day)/(1<<20))
	if day > budget {
		t.Errorf("a day costs %d bytes", day)
	}
}
