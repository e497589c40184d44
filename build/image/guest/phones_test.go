//go:build image

package guest

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"branchline/appliance/e2e/phone"
)

// phones register four times a second, each time exactly once: UDP's repetition would
// hide what is lost. They are SIPp's calls, and it is SIPp that counts.
type phones struct {
	*office
	users string // a file with the users, for SIPp
	s     *phone.SIPp
}

// phones are so many users, of which none has a password.
func (f *office) phones(users int) *phones {
	f.Helper()
	text := "SEQUENTIAL\n"
	for u := range users {
		text += fmt.Sprintf("%d;\n", firstPhone+u)
	}
	p := &phones{office: f, users: filepath.Join(f.dir, "users")}
	f.must(os.WriteFile(p.users, []byte(text), 0o600))
	return p
}

func (p *phones) begin() {
	p.Helper()
	p.s = p.sipp(&phone.SIPp{Scenario: "once", Host: p.host(phoneOctet), Expire: 300, Args: []string{
		"-m", "1000000", "-r", "4", "-inf", p.users, "-trace_stat", "-stf", "counts", "-fd", "1", "-trace_rtt", "-rtt_freq", "1"}})
}

// counted is what SIPp has counted under a name; it writes that down every second.
func (p *phones) counted(name string) int {
	p.Helper()
	text, err := os.ReadFile(filepath.Join(p.s.Dir, "counts"))
	lines := strings.Split(strings.TrimSuffix(string(text[:strings.LastIndexByte(string(text), '\n')+1]), "\n"), "\n")
	if err != nil || len(lines) < 2 {
		return 0
	}
	values := strings.Split(lines[len(lines)-1], ";")
	for i, n := range strings.Split(lines[0], ";") {
		if n == name && i < len(values) {
			v, err := strconv.Atoi(values[i])
			p.must(err)
			return v
		}
	}
	p.Fatalf("SIPp counts no %s", name)
	return 0
}

const (
	answered200 = "SuccessfulCall(C)"
	notAnswered = "FailedCall(C)"
)

// settled waits until so many more REGISTER have been answered, or not.
func (p *phones) settled(more int) {
	p.Helper()
	all := func() int { return p.counted(answered200) + p.counted(notAnswered) }
	want := all() + more
	p.until("answers to REGISTER", func() bool { return all() >= want })
}

// end sends no more, gives the last ones the time that they have, and is how many were
// sent and answered 200.
func (p *phones) end() (sent, answered int, longest time.Duration) {
	p.Helper()
	p.must(syscall.Kill(p.s.PID(), syscall.SIGUSR1)) // no new ones
	err := p.s.Wait()
	answered = p.counted(answered200)
	if sent = answered + p.counted(notAnswered); err != nil && sent == answered {
		p.Error(err)
	}
	times, err := filepath.Glob(filepath.Join(p.s.Dir, "once_*_rtt.csv"))
	p.must(err)
	for _, name := range times {
		file, err := os.Open(name)
		p.must(err)
		rows := csv.NewReader(file)
		rows.Comma = ';'
		for {
			row, err := rows.Read()
			if err == io.EOF {
				break
			}
			p.must(err)
			if ms, err := strconv.ParseFloat(row[1], 64); err == nil { // not the title
				longest = max(longest, time.Duration(ms*float64(time.Millisecond)))
			}
		}
		p.must(file.Close())
	}
	return sent, answered, longest
}
