package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"branchline/appliance/e2e/phone"
	"branchline/appliance/e2e/switchboard"
)

// step is what one rate of calls gave.
type step struct {
	rate               int
	reached            float64 // calls a second, completed
	setup              time.Duration
	failed, retransmit int
	cpuPerCall         time.Duration
}

func (s step) clean() bool {
	return s.failed == 0 && s.retransmit == 0 && s.reached > 0.93*float64(s.rate)
}

// calls raises the rate of one-second calls without audio until it is no longer clean: nothing
// failed, nothing retransmitted, the rate kept.
func (b *bench) calls(k switchboard.Kind) error {
	rates := []int{100, 200, 300, 400, 500, 600, 800, 1000, 1200, 1500}
	if b.quick {
		rates = []int{100, 300, 500}
	}
	d, err := b.started(k, 10)
	defer d.close()
	if err != nil {
		return err
	}
	var best, last step
	for _, rate := range rates {
		last, err = b.load(d, rate)
		if err != nil {
			return err
		}
		if !last.clean() { // once more: it may have been a neighbour on the machine
			if last, err = b.load(d, rate); err != nil {
				return err
			}
		}
		if !last.clean() {
			break
		}
		best = last
	}
	text := fmt.Sprintf("%d clean (set-up %.1f ms, %.2f CPU ms per call)", best.rate, ms(best.setup), ms(best.cpuPerCall))
	if best.rate != last.rate {
		text += fmt.Sprintf("; at %d: %.0f/s, %d failed, %d retransmitted", last.rate, last.reached, last.failed, last.retransmit)
	}
	b.report.add(k.Name, "calls/s, one core", text, ">= 500")
	return nil
}

// load runs one rate for some seconds.
func (b *bench) load(d *bed, rate int) (step, error) {
	seconds := 8
	if b.quick {
		seconds = 4
	}
	total := rate * seconds
	s := step{rate: rate}
	caller, callee, err := b.pair(d, total, time.Second, "-r", strconv.Itoa(rate),
		"-trace_stat", "-stf", filepath.Join(d.dir, fmt.Sprintf("stat%d.csv", rate)), "-fd", "1")
	if err != nil {
		return s, err
	}
	defer func() { _ = errors.Join(caller.Stop(), callee.Stop()) }()
	cpu, err := d.exchange.CPU()
	if err != nil {
		return s, err
	}
	_ = caller.Wait() // its exit status only says that some call failed: the figures say how many
	after, err := d.exchange.CPU()
	if err != nil {
		return s, err
	}
	s.cpuPerCall = (after - cpu) / time.Duration(total)
	return s, s.read(filepath.Join(d.dir, fmt.Sprintf("stat%d.csv", rate)), seconds)
}

// read takes the last line of SIPp's statistics.
func (s *step) read(path string, seconds int) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	r := csv.NewReader(bytes.NewReader(b))
	r.Comma, r.FieldsPerRecord, r.LazyQuotes = ';', -1, true
	rows, err := r.ReadAll()
	if err != nil || len(rows) < 2 {
		return errors.Join(fmt.Errorf("%s: no statistics", path), err)
	}
	value := map[string]string{}
	for i, name := range rows[0] {
		if last := rows[len(rows)-1]; i < len(last) {
			value[name] = last[i]
		}
	}
	ok, _ := strconv.Atoi(value["SuccessfulCall(C)"])
	s.failed, _ = strconv.Atoi(value["FailedCall(C)"])
	s.retransmit, _ = strconv.Atoi(value["Retransmissions(C)"])
	elapsed, err := clock(value["ElapsedTime(C)"])
	if err != nil {
		return err
	}
	// The calls of the last second still have their talking to do.
	s.reached = float64(ok) / max(elapsed.Seconds()-1, float64(seconds)/2)
	s.setup, err = clock(value["ResponseTime1(C)"])
	return err
}

// clock reads SIPp's hh:mm:ss:micros, or hh:mm:ss.
func clock(text string) (time.Duration, error) {
	var h, m, s, us time.Duration
	if n, err := fmt.Sscanf(strings.ReplaceAll(text, ".", ":"), "%d:%d:%d:%d", &h, &m, &s, &us); n < 3 {
		return 0, fmt.Errorf("time %q: %w", text, err)
	}
	return h*time.Hour + m*time.Minute + s*time.Second + us*time.Microsecond, nil
}

// pair starts a caller that makes total calls of that length, and the phone that answers them.
func (b *bench) pair(d *bed, total int, talk time.Duration, args ...string) (caller, callee *phone.SIPp, err error) {
	from, err := d.lan.Host(callerAt)
	if err != nil {
		return nil, nil, err
	}
	to, err := d.lan.Host(calleeAt)
	if err != nil {
		return nil, nil, err
	}
	callee = &phone.SIPp{
		Host: to, Dir: filepath.Join(d.dir, fmt.Sprint("callee", total)), Scenario: "load-answer", CPUs: loadCPU,
		Server: d.exchange.Host.Addr, User: "callee", Codecs: "0",
		// More than there will be: it is stopped when the caller is done.
		Args: []string{"-m", strconv.Itoa(10 * total), "-l", "15000", "-timeout", "300s"},
	}
	if err := callee.Start(b.ctx); err != nil {
		return nil, nil, err
	}
	for deadline := time.Now().Add(5 * time.Second); !callee.Listening(); time.Sleep(10 * time.Millisecond) {
		if callee.Ended() || time.Now().After(deadline) {
			return nil, nil, errors.Join(errors.New("the callee does not listen"), callee.Stop())
		}
	}
	caller = &phone.SIPp{
		Host: from, Dir: filepath.Join(d.dir, fmt.Sprint("caller", total)), Scenario: "load-call", CPUs: loadCPU,
		Server: d.exchange.Host.Addr, User: "caller", Dial: "50000", Codecs: "0", Talk: talk,
		Args: append([]string{"-m", strconv.Itoa(total), "-l", "15000", "-timeout", "300s"}, args...),
	}
	if err := caller.Start(b.ctx); err != nil {
		return nil, nil, errors.Join(err, callee.Stop())
	}
	return caller, callee, nil
}

// memory measures the resident memory with 100 phones registered, and what a call adds.
func (b *bench) memory(k switchboard.Kind) error {
	const calls = 200
	d, err := b.started(k, extensions)
	defer d.close()
	if err != nil {
		return err
	}
	if _, err := register(d.lan, 100); err != nil {
		return err
	}
	idle, err := d.exchange.RSS()
	if err != nil {
		return err
	}
	b.report.add(k.Name, "memory idle, 1000 extensions, 100 registered", fmt.Sprintf("%.1f MB", float64(idle)/1e6), "<= 30 MB")
	caller, callee, err := b.pair(d, calls, time.Minute, "-r", "50")
	if err != nil {
		return err
	}
	defer func() { _ = errors.Join(caller.Stop(), callee.Stop()) }()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		out, err := d.exchange.RX(b.ctx, "core show channels count")
		if err == nil && strings.Contains(out, fmt.Sprintf("%d active channels", 2*calls)) {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d calls are not up: %s", calls, out)
		}
	}
	busy, err := d.exchange.RSS()
	if err != nil {
		return err
	}
	// What was only needed to set the calls up may be given back while they last.
	settled := busy
	for deadline := time.Now().Add(25 * time.Second); time.Now().Before(deadline); time.Sleep(500 * time.Millisecond) {
		now, err := d.exchange.RSS()
		if err != nil {
			return err
		}
		settled = min(settled, now)
	}
	perCall := func(rss int64) float64 { return float64(rss-idle) / calls / 1000 }
	b.report.add(k.Name, "memory per call",
		fmt.Sprintf("%.1f kB (%.1f kB while being set up)", perCall(settled), perCall(busy)), "<= 64 kB")
	return nil
}
