package exchange_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"branchline/pbx/pbxtest"
)

// The layouts are those Asterisk 22 prints.
// Seed: S-145.
func TestMoreConsole(t *testing.T) {
	run(t, "[default]\nexten => _1XXX,1,Dial(Test/${EXTEN},12,tT)\nexten => 9,1,Answer()\nsame => n,Wait(100)\n", func(o *pbxtest.Office) {
		const cdr = "\nChannels with Call Detail Record (CDR) Information\n--------------------------------------------------\n" +
			"Channel                   Dst. Channel              LastApp         Start    Answer   End      Billsec  Duration\n"
		for line, want := range map[string]string{
			"cdr show active":            cdr,
			"local show channels":        "No local channels in use\n",
			"bridge show nope":           "Bridge 'nope' not found\n",
			"bridge kick nope x":         "Bridge 'nope' not found\n",
			"core show calls x":          "Usage: core show calls [uptime]\n       Shows the number of calls now and since the start.\n",
			"cdr submit":                 "Cannot submit CDR batch: batch mode not enabled.\n",
			"cdr set debug on":           "CDR debugging enabled\n",
			"core show channeltype":      "Usage: core show channeltype <name>\n       Shows what a channel technology can do.\n",
			"core show channeltype nope": "\nnope is not a registered channel driver.\nCommand 'core show channeltype nope' failed.\n",
			"core show channeltypes": "Type             Description                              Devicestate   Presencestate Indications   Transfer     \n" +
				"-------------    -------------                            ------------- ------------- ------------- -------------\n" +
				"Local            Local channels                           yes           no            yes           yes          \n" +
				"Test             Test channels                            yes           no            yes           yes          \n" +
				"----------\n2 channel drivers registered.\n",
			"bridge technology show": "Name                 Type                 Priority Suspended\nsimple_bridge        1to1Mix                    50 No\n",
			"features show": "Builtin Feature           Default Current\n---------------           ------- -------\n" +
				"Pickup                    *8             \nBlind Transfer            #       #      \nAttended Transfer                        \n" +
				"Disconnect Call           *       *      \nPark Call                                \nOne Touch MixMonitor                     \n" +
				"\nDynamic Feature           Default Current\n---------------           ------- -------\n(none)\n\nFeature Groups:\n---------------\n(none)\n",
			"core show codec 1":   "          1 PCMU, relayed, played and converted (ulaw)\n",
			"core show codec 999": "Codec 999 not found\n",
		} {
			if got := console(o, line); got != want {
				t.Errorf("%s:\n got %q\nwant %q", line, got, want)
			}
		}
		a := o.Phone("1001").Dial("1002")
		o.Phone("1002").Last().PicksUp()
		a.Story()
		time.Sleep(2 * time.Second)
		bridge := o.Channels()[0].Bridge
		for line, want := range map[string]string{
			"cdr show active":              cdr + "Test/1001-00000000        Test/1002-00000001        Dial            00:00:00 00:00:00 00:00:02 00000002 00000002\n",
			"core show calls uptime":       "1 active call\n1 call processed\nSystem uptime: 2 seconds\n",
			"bridge kick " + bridge + " x": "Channel 'x' not found in bridge '" + bridge + "'\n",
			"bridge show " + bridge: "Id: " + bridge + "\nType: basic\nTechnology: simple_bridge\nSubclass: basic\nCreator: \nName: \nVideo-Mode: none\n" +
				"Num-Channels: 2\nNum-Active: 2\nDuration: 00:00:02\nChannel: Test/1002-00000001\nChannel: Test/1001-00000000\n",
		} {
			if got := console(o, line); got != want {
				t.Errorf("%s:\n got %q\nwant %q", line, got, want)
			}
		}
		for line, key := range map[string]string{
			"core show channels": "channels", "core show channels concise": "channels", "core show channel Test/1001-00000000": "channel",
			"core show calls": "active_calls", "core show channeltypes": "types", "core show channeltype Test": "capabilities",
			"core show codecs": "codecs", "core show codec 1": "name", "core show translation": "paths", "features show": "features",
			"bridge show all": "bridges", "bridge show " + bridge: "members", "bridge technology show": "technologies",
			"cdr show active": "records", "cdr show status": "backends", "local show channels": "channels",
			"core show applications": "applications", "core show application Dial": "applications", "core show functions": "functions",
			"core show function TIMEOUT": "functions", "dialplan show chanvar Test/1001-00000000": "variables",
		} {
			var doc map[string]any
			if got := console(o, line+" --json"); json.Unmarshal([]byte(got), &doc) != nil || doc[key] == nil {
				t.Errorf("%s: no %q in\n%s", line, key, got)
			}
		}
		if got := console(o, "bridge kick "+bridge+" Test/1002-00000001"); got != "Kicking channel 'Test/1002-00000001' from bridge '"+bridge+"'\n" {
			t.Error(got)
		}
		if got := console(o, "core show translation paths ulaw"); !strings.Contains(got, "\tulaw:8000        To alaw:8000       : (ulaw@8000)->(alaw@8000)") {
			t.Error(got)
		}
		if got := console(o, "cdr set debug off"); got != "CDR debugging disabled\n" {
			t.Error(got)
		}
	})
}
