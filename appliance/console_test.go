package appliance

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"branchline/pbx/cli"
)

// desk is a daemon that is put together and configured, but does not run, and
// its console.
func desk(t *testing.T, files map[string]string) (*daemon, func(string) (string, cli.Outcome)) {
	t.Helper()
	dir := site(t, files)
	d, err := assemble(Options{Config: dir, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.putAway)
	if err := d.firstConfiguration(); err != nil {
		t.Fatal(err)
	}
	return d, func(line string) (string, cli.Outcome) {
		var out bytes.Buffer
		outcome := d.tree.Run(t.Context(), &out, line)
		return out.String(), outcome
	}
}

var deskFiles = map[string]string{
	"pjsip.conf":      goodSIP,
	"extensions.conf": "[globals]\nX=5\n[default]\nexten => 1,hint,PJSIP/1001\nexten => 1,1,Dial(PJSIP/1001)\n",
}

// Every command that shows or lists something gives a document, without
// arguments or with those that it needs, and no document holds the password.
func TestEveryListingIsADocument(t *testing.T) {
	d, run := desk(t, deskFiles)
	needs := map[string]string{
		"bridge show": "x", "core show application": "Dial", "core show channel": "x", "core show channeltype": "PJSIP", "core show codec": "1",
		"core show function": "LEN", "core show hint": "1", "core show sound": "invalid", "database showkey": "x", "dialplan show chanvar": "x",
		"pjsip show aor": "1001", "pjsip show auth": "1001", "pjsip show channel": "x", "pjsip show contact": "x", "pjsip show endpoint": "1001",
		"pjsip show identify": "x", "pjsip show registration": "x", "pjsip show transport": "udp", "pjsip show qualify aor": "1001",
		"pjsip show qualify endpoint": "1001", "pjsip show subscription inbound": "x", "pjsip show subscription outbound": "x",
		"dialplan explain": "1001 1", "pbx explain": "1001 1", "config show": "1", "sip show peer": "x", "sip show user": "x",
		"sip show channel": "x", "sip show history": "x", "dahdi show channel": "x",
	}
	// These are texts; they become lines.
	texts := []string{"core show license", "core show warranty", "cli show permissions"}
	var help struct{ Commands []struct{ Command string } }
	out, _ := run("core show help --json")
	if err := json.Unmarshal([]byte(out), &help); err != nil || len(help.Commands) < 100 {
		t.Fatalf("%v\n%s", err, out)
	}
	seen := 0
	for _, c := range help.Commands {
		for _, line := range spellings(c.Command) {
			words := strings.Fields(line)
			if !slices.Contains(words, "show") && !slices.Contains(words, "list") {
				continue
			}
			seen++
			if arg := needs[line]; arg != "" {
				line += " " + arg
			}
			out, _ := run(line + " --json")
			var doc map[string]any
			if err := json.Unmarshal([]byte(out), &doc); err != nil {
				t.Errorf("%s: %v\n%s", line, err, out)
				continue
			}
			_, isText := doc["text"]
			// A thing that does not exist is answered by a sentence.
			if isText && !slices.Contains(texts, line) && !strings.HasSuffix(line, " x") {
				t.Errorf("%s: no values\n%s", line, out)
			}
			if strings.Contains(out, "Usage:") {
				t.Errorf("%s needs an argument in this test", line)
			}
			if strings.Contains(out, "fr7w-93kd") {
				t.Errorf("%s shows a password", line)
			}
		}
	}
	if seen < 60 {
		t.Errorf("only %d listings", seen)
	}
	_ = d
}

// spellings are the lines that a path of the help list stands for, without its
// optional last word.
func spellings(path string) []string {
	lines := []string{""}
	for _, w := range strings.Fields(path) {
		if strings.HasPrefix(w, "[") {
			continue
		}
		var next []string
		for _, word := range strings.Split(strings.Trim(w, "{}"), "|") {
			for _, l := range lines {
				next = append(next, strings.TrimSpace(l+" "+word))
			}
		}
		lines = next
	}
	return lines
}

// Seed: S-030.
func TestSmallCommands(t *testing.T) {
	d, run := desk(t, deskFiles)
	etc := d.process.Directories.Etc
	const head = "\n---------------------------------------------------------------------\n" +
		"--- Custom Device States --------------------------------------------\n" +
		"---------------------------------------------------------------------\n---\n"
	const foot = "---------------------------------------------------------------------\n---------------------------------------------------------------------\n\n"
	for _, step := range []struct {
		line, want string
		outcome    cli.Outcome
	}{
		{"devstate list", head + foot, cli.Done},
		{"devstate change Custom:x BUSY", "Changing x to BUSY\n", cli.Done},
		{"devstate list", head + "--- Name: 'Custom:x'  State: 'BUSY'\n---\n" + foot, cli.Done},
		{"devstate change PJSIP/1 BUSY", "The devstate command can only be used to set 'Custom:' device state!\nCommand 'devstate change PJSIP/1 BUSY' failed.\n", cli.Failed},
		{"presencestate change CustomPresence:x away,,gone", "Changing x to away\n", cli.Done},
		{"presencestate list", strings.Replace(head, "Device States --", "Presence States ", 1) +
			"--- Name: 'CustomPresence:x'\n    --- State: 'away'\n    --- Subtype: ''\n    --- Message: 'gone'\n    --- Base64 Encoded: 'No'\n---\n" + foot, cli.Done},
		{"group show channels", "Channel                    Group                 Category            \n0 active channels\n", cli.Done},
		{"config list", pad("res_pjsip", 20) + " " + pad(filepath.Join(etc, "pjsip.conf"), 50) + "\n" +
			pad("pbx_config", 20) + " " + pad(filepath.Join(etc, "extensions.conf"), 50) + "\n" +
			pad("core", 20) + " " + pad(d.mainFile, 50) + "\n", cli.Done},
		{"config reload extensions.conf", "", cli.Done},
		{"config reload nope.conf", "", cli.Failed},
		{"acl show", "\nacl\n---\n", cli.Done},
		{"rtp set debug on", "RTP Packet Debugging Enabled\n", cli.Done},
		{"rtp set debug off", "RTP Packet Debugging Disabled\n", cli.Done},
	} {
		if got, outcome := run(step.line); outcome != step.outcome || got != step.want && step.want != "" {
			t.Errorf("%s: %s\n%s\nwant\n%s", step.line, outcome, got, step.want)
		}
	}
	if err := os.WriteFile(filepath.Join(etc, "extensions.conf"), []byte("broken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := d.tree.Complete("devstate change "); !slices.Equal(got, []string{"Custom:x"}) {
		t.Error(got)
	}
}

func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-len(s))) }

// The how-to's `?` shows these first words. Those we do not serve say so by
// name, each with its reason.
// Seed: S-144, S-152 to S-154.
func TestRefusedFamilies(t *testing.T) {
	_, run := desk(t, deskFiles)
	for _, family := range strings.Fields("! ael agent agi aoc ari calendar cc cel dnsmgr fax http iax2 keys malloc manager media mgcp minivm odbc " +
		"phoneprov pjproject pri realtime sorcery stun test timing udptl ulimit xmldoc xmpp") {
		line := family + " show status"
		if got, outcome := run(line); outcome != cli.Unknown || !strings.HasPrefix(got, "'"+family+"' is not supported by this product: ") {
			t.Errorf("%s: %s %s", line, outcome, got)
		}
	}
	for _, line := range []string{"iax2 set debug on", "iax2 set debug", "core show taskprocessors", "pjsip dump endpt", "pjsip export config_wizard primitives to x"} {
		if got, _ := run(line); !strings.Contains(got, "is not supported by this product: ") {
			t.Errorf("%s: %s", line, got)
		}
	}
}

// The first words that we serve, and those of features still to come, which say
// that they are not there.
// Seed: S-137, S-151.
func TestServedFamilies(t *testing.T) {
	d, run := desk(t, deskFiles)
	first := d.tree.Complete("")
	for _, family := range strings.Fields("acl bridge cdr channel core database devstate dialplan features group hangup help indication local logger " +
		"module moh originate pjsip presencestate reload rtcp rtp config cli say") {
		if !slices.Contains(first, family) {
			t.Errorf("%s is not offered", family)
		}
	}
	for _, family := range strings.Fields("confbridge file mixmonitor no parking queue voicemail") {
		if got, _ := run(family + " convert"); !strings.Contains(got, "is not supported by this product") {
			t.Errorf("%s: %s", family, got)
		}
	}
}

// Each command can be completed word by word, and explains itself.
func TestCompletionAndHelpOfEveryCommand(t *testing.T) {
	d, run := desk(t, deskFiles)
	out, _ := run("core show help")
	for entry := range strings.Lines(out) {
		path, summary, _ := strings.Cut(strings.TrimSpace(entry), " -- ")
		if summary == "" {
			t.Errorf("%q has no summary", entry)
		}
		for _, line := range spellings(path) {
			words := strings.Fields(line)
			for i, w := range words {
				if got := d.tree.Complete(strings.Join(append(words[:i:i], w[:1]), " ")); !slices.Contains(got, w) {
					t.Errorf("%q is not completed to %q: %q", strings.Join(words[:i], " "), w, got)
				}
			}
			if got, _ := run("core show help " + line); !strings.HasPrefix(got, "Usage: ") && !strings.HasPrefix(got, "Alias of ") {
				t.Errorf("help %s: %q", line, got)
			}
		}
	}
}

// The how-to's two help tables: the pjsip commands are there under these names,
// or say that they are not supported.
// Seed: S-138, S-153 to S-169, S-172 to S-200.
func TestHelpTable(t *testing.T) {
	_, run := desk(t, deskFiles)
	list, _ := run("core show help pjsip")
	for _, path := range []string{
		"list aors", "list auths", "list channels", "list ciphers", "list contacts", "list endpoints", "list identifies", "list registrations",
		"list subscriptions {inbound|outbound} [like]", "list transports", "qualify", "reload qualify aor", "reload qualify endpoint", "reload",
		"send notify", "send register", "send unregister", "set history {on|off|clear}", "set logger {on|off|host",
		"show aors", "show aor", "show auths", "show auth", "show channels", "show channel", "show channelstats", "show contacts", "show contact",
		"show endpoints", "show endpoint", "show history", "show identifiers", "show identifies", "show identify", "show qualify aor",
		"show qualify endpoint", "show registrations", "show registration", "show scheduled_tasks", "show settings",
		"show subscription {inbound|outbound}", "show subscriptions {inbound|outbound} [like]", "show transports", "show transport",
		"show unidentified_requests", "show version",
	} {
		if !strings.Contains("\n"+list, "\npjsip "+path) {
			t.Errorf("no pjsip %s in\n%s", path, list)
		}
	}
	for _, line := range []string{"pjsip dump endpt", "pjsip export config_wizard primitives"} {
		if got, _ := run(line); !strings.Contains(got, "not supported") {
			t.Errorf("%s: %s", line, got)
		}
	}
}

// S-169: what `pjsip send notify` says before anything is sent.
func TestSendNotify(t *testing.T) {
	files := maps.Clone(deskFiles)
	files["pjsip_notify.conf"] = "[general]\n[reboot]\nEvent=>check-sync\n"
	d, run := desk(t, files)
	for line, want := range map[string]string{
		"":                             "Usage: ",
		"reboot endpoint":              "Usage: ",
		"reboot phone 1001":            "Usage: ",
		"nonsense endpoint 1001":       "Unable to find notify type 'nonsense'\n",
		"reboot endpoint nobody 1001":  "Sending NOTIFY of type 'reboot' to 'nobody'\nUnable to retrieve endpoint nobody\nSending NOTIFY of type 'reboot' to '1001'\nnotify 1001: it has no contact\n",
		"reboot uri 1001":              "Sending NOTIFY of type 'reboot' to '1001'\nNo SIP address: 1001\n",
		"reboot channel PJSIP/1001-01": "NOTIFY within a call is not supported\n",
	} {
		if got, outcome := run("pjsip send notify " + line); outcome == cli.Done || !strings.HasPrefix(got, want) {
			t.Errorf("%q: %v %q", line, outcome, got)
		}
	}
	if got := d.tree.Complete("pjsip send notify "); !slices.Equal(got, []string{"reboot"}) {
		t.Errorf("types: %q", got)
	}
	if got := d.tree.Complete("pjsip send notify reboot endpoint "); !slices.Contains(got, "1001") {
		t.Errorf("peers: %q", got)
	}
}

// S-139, S-142, S-143, S-201 to S-223: the how-to's table of sip commands, each
// there under its name, and none at a loss with nothing to show.
func TestSIPHelpTable(t *testing.T) {
	files := maps.Clone(deskFiles)
	files["sip.conf"] = "[general]\nudpbindaddr=" + ownHost + ":25061\n[1002]\ntype=friend\nhost=dynamic\nsecret=fr7w-93kd\n"
	_, run := desk(t, files)
	list, _ := run("core show help sip")
	for path, line := range map[string]string{
		"notify": "nonsense 1002", "prune realtime [peer|all]": "all", "qualify peer": "1002", "reload": "", "set debug {on|off|ip|peer}": "on",
		"set history {on|off}": "on", "show {channels|subscriptions}": "", "show channelstats": "", "show channel": "x", "show domains": "",
		"show history": "x", "show inuse [all]": "", "show mwi": "", "show objects": "", "show peers [like]": "", "show peer": "1002",
		"show registry": "", "show sched": "", "show settings": "", "show tcp": "", "show users [like]": "", "show user": "1002", "unregister": "1002",
	} {
		if !strings.Contains("\n"+list, "\nsip "+path+" ") {
			t.Errorf("no sip %s in\n%s", path, list)
		}
		for _, command := range spellings("sip " + path) {
			got, outcome := run(strings.TrimSpace(command + " " + line))
			if outcome == cli.Unknown || got == "" && outcome != cli.Done {
				t.Errorf("%s: %s %q", command, outcome, got)
			}
			if strings.Contains(got, "fr7w-93kd") {
				t.Errorf("%s shows a password", command)
			}
		}
	}
	for line, want := range map[string]string{
		"sip set debug on": "SIP Debugging enabled\n", "sip set debug": "SIP Debugging enabled\n", "sip set debug off": "SIP Debugging Disabled\n",
	} {
		if got, _ := run(line); got != want {
			t.Errorf("%s: %q", line, got)
		}
	}
	if got, _ := run("sip prune realtime all"); !strings.Contains(got, "not supported by this product") {
		t.Error(got)
	}
}
