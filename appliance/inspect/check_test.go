package inspect

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// typed is scenario E's first server as somebody typed it in from the how-to,
// slips of the finger included.
var typed = map[string]string{
	"pjsip.conf": `[transport-udp]
type=transport
protocol=udp
bind=127.0.0.1

[transport-tcp]
type=transport
protocol=tcp
bind=127.0.0.1

[1001]
type=endpoint
outbound_auth=1001_auth
aor=1001
transport=transport-udp
context=default
disallow=all
allow=ulaw
dtmf_mdoe=inband	; tones in the speech

[1001_auth]
type=auth
auth_type=userpass
username=3001
password=1234567890

[1001]
type=aor
max_contacts=1
remove_existing=yes

[SIP3]
type=endpoint
aors=SIP3
transport=transport-tcp
context=default
disallow=all
allow=ulaw

[SIP3]
type=identify
endpoint=SIP3
match=192.168.50.52

;[SIP3]
;type=aor
;contact=sip:192.168.50.52
`,
	"extensions.conf": `[general]
static=yes
writeprotect=no
clearglobalvars=no

[default]
exten => _10XX,1,Dial(PJSIP/${EXTEN},12,tT)
exten => _10XX,n,Anwser()
exten => _10XX,n,SayDigits(${EXTEN})
exten => _10XX,n,Playback(invalid)
exten => _10XX,n,Hangup()

exten => _30XX,1,Dial(PJSIP/${EXTEN}@SIP3)
same =>> n,Hangup()
`,
}

// written is a directory with these files.
func written(t *testing.T, files map[string]string) string {
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestNewUser is the way of somebody who types in the how-to: check explains,
// --fix repairs what is plain, the patches that change who can call whom are
// taken by name, and then the exchange starts.
func TestNewUser(t *testing.T) {
	dir := written(t, typed)
	var report bytes.Buffer
	if err := Check(t.Context(), &report, Options{Dir: dir}); !errors.Is(err, ErrFaulty) {
		t.Fatalf("the files as typed: %v\n%s", err, report.String())
	}
	for id, says := range map[string]string{
		"X-03": "extensions.conf:14:6: warning: [arrow-misprint]",
		"X-13": "the password is a plain sequence",
		"aor=": "did you mean aors?",
		"dtmf": "did you mean dtmf_mode?",
		"app":  "did you mean Answer?",
		"X-06": "the section of aors=SIP3 stands behind semicolons",
	} {
		if !strings.Contains(report.String(), says) {
			t.Errorf("%s: nothing says %q", id, says)
		}
	}
	before, _ := os.ReadFile(filepath.Join(dir, "pjsip.conf"))
	report.Reset()
	if err := Check(t.Context(), &report, Options{Dir: dir, Fix: true}); err != nil {
		t.Fatalf("after --fix: %v\n%s", err, report.String())
	}
	for id, says := range map[string]string{
		"X-01": "[no-inbound-auth] endpoint [1001] has no auth=: anyone who can reach 127.0.0.1 can register and call as 1001",
		"X-02": "auth [1001_auth] has username=3001",
		"X-08": "what comes from 192.168.50.52/32 is SIP3, whatever name it gives",
		"X-09": "a phone that registers over TCP is accepted but cannot be called",
	} {
		if !strings.Contains(report.String(), says) {
			t.Errorf("%s: nothing says %q", id, says)
		}
	}
	if strings.Contains(report.String(), "arrow-misprint") || strings.Contains(report.String(), "unknown-") {
		t.Errorf("not repaired:\n%s", report.String())
	}
	kept, _ := os.ReadFile(filepath.Join(dir, "pjsip.conf.bak"))
	now, _ := os.ReadFile(filepath.Join(dir, "pjsip.conf"))
	want := strings.NewReplacer("\naor=", "\naors=", "dtmf_mdoe", "dtmf_mode").Replace(string(before))
	if !bytes.Equal(kept, before) || string(now) != want {
		t.Errorf("pjsip.conf is\n%s\nwant\n%s", now, want)
	}
	report.Reset()
	o := Options{Dir: dir, Fix: true, Rules: []string{"commented-out", "auth-username", "no-inbound-auth"}}
	if err := Check(t.Context(), &report, o); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"no-inbound-auth", "auth-username", "commented-out", "dangling"} {
		if strings.Contains(report.String(), "["+gone) {
			t.Errorf("%s is still there:\n%s", gone, report.String())
		}
	}
}

func TestCheckForPrograms(t *testing.T) {
	dir := written(t, typed)
	var out bytes.Buffer
	if err := Check(t.Context(), &out, Options{Dir: dir, JSON: true}); !errors.Is(err, ErrFaulty) {
		t.Error(err)
	}
	var r struct {
		Findings []struct{ File, Rule string }
		Errors   int
	}
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.Errors != 2 || len(r.Findings) < 10 {
		t.Errorf("%v, %d errors, %d findings", err, r.Errors, len(r.Findings))
	}
	if err := Check(t.Context(), &out, Options{Dir: t.TempDir()}); err == nil || errors.Is(err, ErrFaulty) {
		t.Errorf("an empty directory: %v", err)
	}
}
