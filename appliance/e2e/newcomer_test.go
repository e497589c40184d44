//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"branchline/appliance/e2e/lan"
	"branchline/appliance/e2e/switchboard"
)

// command runs the program on a host as somebody does who has a shell there, and returns what it
// printed and its exit status.
func (r *rig) command(k switchboard.Kind, octet int, args ...string) (string, int) {
	r.Helper()
	out, err := r.host(octet).Command(r.ctx, k.Binary, args...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return string(out), exit.ExitCode()
	case err != nil:
		r.Fatal(err)
	}
	return string(out), 0
}

// typed writes files of the how-to into an empty directory, with slips of the finger: each old text
// becomes the new one where it stands first.
func (r *rig) typed(dir string, conf fs.FS, slips map[string]string) {
	r.Helper()
	made := 0
	for _, name := range []string{"pjsip.conf", "extensions.conf"} {
		b, err := fs.ReadFile(conf, name)
		r.must(err)
		b = bytes.ReplaceAll(b, []byte("192.168.50."), []byte(lan.Prefix))
		for old, slip := range slips {
			if bytes.Contains(b, []byte(old)) {
				b = bytes.Replace(b, []byte(old), []byte(slip), 1)
				made++
			}
		}
		r.must(os.MkdirAll(dir, 0o755))
		r.must(os.WriteFile(filepath.Join(dir, name), b, 0o644))
	}
	if made != len(slips) {
		r.Fatalf("%s: %d of %d slips made", dir, made, len(slips))
	}
}

// TestNewcomer is the way of somebody who has an empty directory and the how-to's scenario E, and
// types it in not quite as printed: the check explains what is wrong, also with the print, repairs
// it, the explanation shows the call, and the call works.
func TestNewcomer(t *testing.T) {
	t.Parallel()
	k := single(t)
	if !ownOnly(t, k) {
		return
	}
	r := newRig(t)
	sites := []struct {
		octet  int
		dir    string
		slips  map[string]string
		report []string // of the slips
	}{
		{server1, "e/server1", map[string]string{
			"dtmf_mode=inband": "dtmf_mdoe=inband",
			"aors=1002":        "aor=1002",
			"n,Answer()":       "n,Anwser()",
		}, []string{"did you mean dtmf_mode?", "did you mean aors?", "did you mean Answer?"}},
		{server3, "e/server3", map[string]string{
			"max_contacts=1":     "max_contact=1",
			"n,SayDigits(":       "n,SayDigit(",
			"outbound_auth=3001": "outboundauth=3001",
		}, []string{"did you mean max_contacts?", "did you mean SayDigits?", "did you mean outbound_auth?"}},
	}
	dirs := map[int]string{}
	for _, s := range sites {
		dir := filepath.Join(r.dir, "typed", filepath.Base(s.dir))
		dirs[s.octet] = dir
		r.typed(dir, howto(t, s.dir), s.slips)
		report, status := r.command(k, s.octet, "check", dir)
		if status != 1 {
			t.Errorf("%s: exit status %d for files with errors", s.dir, status)
		}
		contains(t, report, s.report...)

		report, status = r.command(k, s.octet, "check", "--fix", dir)
		if status != 0 {
			t.Fatalf("%s: exit status %d after the repair:\n%s", s.dir, status, report)
		}
		if strings.Contains(report, "did you mean") || strings.Contains(report, "[arrow-misprint]") {
			t.Errorf("%s: not repaired:\n%s", s.dir, report)
		}
		// What is wrong as printed and takes a decision.
		contains(t, report,
			"[no-inbound-auth] endpoint ["+map[int]string{server1: "1001", server3: "3001"}[s.octet]+"] has no auth=",
			"[address-before-name]",
			"[pinned-transport]",
			"[sent-back]",
			"[weak-secret]",
		)
		if s.octet == server1 {
			contains(t, report, "auth [1001_auth] has username=3001")
		}

		report, status = r.command(k, s.octet, "check", "--fix=no-inbound-auth,auth-username", dir)
		if status != 0 || strings.Contains(report, "[no-inbound-auth]") || strings.Contains(report, "[auth-username]") {
			t.Errorf("%s: exit status %d after the decision:\n%s", s.dir, status, report)
		}
	}
	// X-03, of which the first report tells too.
	fresh := filepath.Join(r.dir, "typed", "as-printed")
	r.typed(fresh, howto(t, "e/server1"), nil)
	report, status := r.command(k, server1, "check", fresh)
	contains(t, report, "[arrow-misprint]", "+same => n,Hangup()")
	if status != 0 {
		t.Errorf("exit status %d for what the how-to prints:\n%s", status, report)
	}

	told, status := r.command(k, server1, "-C", dirs[server1], "explain", "1001", "3001")
	if status != 0 {
		t.Errorf("explain: exit status %d", status)
	}
	contains(t, told, "endpoint 1001", "_30XX in context default", "Dial(PJSIP/3001@SIP3)", "sip:3001@"+addr(server3), "TCP", "200 OK", "503")

	for _, s := range sites {
		r.exchange(k, s.octet, os.DirFS(dirs[s.octet]))
	}
	caller, callee := set1001, set{"3001", device3001, server3, false, seedPassword, false}
	nobody := caller
	nobody.password = ""
	r.enrol(nobody, 401, 401)
	r.enrol(caller, 401, 200)
	r.enrol(callee, 401, 200)
	r.talk(caller, callee, 401, 100, 180, 200)
	r.talk(callee, caller, 401, 100, 180, 200)
	r.refused(caller, "4444", 401, 404)
}
