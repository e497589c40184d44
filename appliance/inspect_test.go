package appliance

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"branchline/appliance/inspect"
	"branchline/pbx/cli"
)

// TestOneSetOfRules: start, reload, the console and the command find the same.
func TestOneSetOfRules(t *testing.T) {
	dir := site(t, map[string]string{"pjsip.conf": goodSIP, "extensions.conf": "[default]\nexten => _1XX,1,Goto(nowhere,1,1)\n"})
	var report bytes.Buffer
	if err := inspect.Check(t.Context(), &report, inspect.Options{Dir: dir}); err != nil || !strings.Contains(report.String(), "jump-to-nowhere") {
		t.Fatalf("%v\n%s", err, report.String())
	}
	err := during(t.Context(), Options{Config: dir, Quiet: true}, func(ctx context.Context, d *daemon) error {
		for _, line := range []string{"pbx show warnings", "config check", "core reload"} {
			var out bytes.Buffer
			if got := d.tree.Run(ctx, &out, line); got != cli.Done {
				t.Errorf("%s: %v", line, got)
			}
			if !strings.Contains(out.String(), `extensions.conf:2: warning: Goto goes to context "nowhere", which does not exist`) {
				t.Errorf("%s:\n%s", line, out.String())
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestExplainLive asks the running exchange, which knows who is registered.
func TestExplainLive(t *testing.T) {
	dir := site(t, map[string]string{"pjsip.conf": goodSIP + "[1002]\ntype=endpoint\nallow=ulaw\naors=1002\n[1002]\ntype=aor\ncontact=sip:127.0.0.1:25099\n",
		"extensions.conf": "[default]\nexten => 1,1,Set(X=${DB(a/b)})\n same => n,GotoIf($[${X} = 5]?yes)\n same => n,Dial(PJSIP/1001,5)\n same => n(yes),Dial(PJSIP/1002)\n"})
	err := during(t.Context(), Options{Config: dir, Quiet: true}, func(ctx context.Context, d *daemon) error {
		ask := func(line string, outcome cli.Outcome, want ...string) {
			t.Helper()
			var said bytes.Buffer
			if got := d.tree.Run(ctx, &said, line); got != outcome {
				t.Errorf("%s: %v", line, got)
			}
			for _, s := range want {
				if !strings.Contains(said.String(), s) {
					t.Errorf("%s does not say %q:\n%s", line, s, said.String())
				}
			}
		}
		ask("dialplan explain 1001 1", cli.Done, "it is not registered now", "as now (DIALSTATUS CHANUNAVAIL)", "password of auth 1001")
		if err := d.db.Put("a", "b", "5"); err != nil {
			return err
		}
		ask("dialplan explain 1001 1", cli.Done, "Set(X=5)", "PJSIP/1002 rings sip:127.0.0.1:25099")
		ask("dialplan explain 1001", cli.Misused)
		ask("dialplan explain 1009 1", cli.Failed, "there is no endpoint 1009")
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
