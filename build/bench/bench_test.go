package main

import (
	"strings"
	"testing"
	"time"
)

func TestClock(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"00:00:08":        8 * time.Second,
		"00:00:08:500000": 8500 * time.Millisecond,
		"00:01:00.003000": time.Minute + 3*time.Millisecond,
	} {
		if got, err := clock(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if _, err := clock("soon"); err == nil {
		t.Error("no error for a word")
	}
}

func TestAuthorization(t *testing.T) {
	challenge := []byte("SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"asterisk\",nonce=\"7\",opaque=\"o\"\r\n\r\n")
	got := authorization(challenge, "10000")
	// RFC 2617 3.2.2 by hand: MD5(MD5(user:realm:password):7:00000001:0123abcd:auth:MD5(REGISTER:sip:bench)).
	want := hexMD5(hexMD5("10000:asterisk:1234567890") + ":7:00000001:0123abcd:auth:" + hexMD5("REGISTER:sip:bench"))
	for _, part := range []string{`response="` + want + `"`, `opaque="o"`, `nonce="7"`, `username="10000"`} {
		if !strings.Contains(got, part) {
			t.Errorf("no %s in %s", part, got)
		}
	}
}

func TestReportKeepsBothColumns(t *testing.T) {
	var r report
	r.add("branchline", "speed", "5", ">= 3")
	r.add("asterisk", "speed", "4", "")
	var b strings.Builder
	r.print(&b)
	if got := strings.Fields(b.String()); strings.Join(got[4:], " ") != "speed 5 >= 3 asterisk 4" {
		t.Errorf("%q", got)
	}
}

func TestBenchLine(t *testing.T) {
	m := benchLine.FindStringSubmatch("BenchmarkRelay/100-2   \t    2245\t         8.057 floor-us/packet\t         9.963 us/packet\t         1.237 x-floor")
	if m == nil || m[1] != "Relay" || m[2] != "100" {
		t.Fatalf("%q", m)
	}
	if v := metrics(m[3]); v["us/packet"] != "9.963" || v["floor-us/packet"] != "8.057" || v["x-floor"] != "1.237" {
		t.Errorf("%v", v)
	}
}

func TestPlainLine(t *testing.T) {
	m := plainLine.FindStringSubmatch("BenchmarkLookupDialplan-2    \t     573\t       278.8 ns-each-of-10000\t        79.56 ns-of-100\t         1.247 x")
	if m == nil || m[1] != "LookupDialplan" || metrics(m[2])["x"] != "1.247" {
		t.Fatalf("%q", m)
	}
}
