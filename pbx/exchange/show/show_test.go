package show_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"branchline/pbx/cli"
	"branchline/pbx/dialplan"
	"branchline/pbx/exchange/show"
	"branchline/pbx/pbxtest"
)

// limit is a function to be listed.
var limit = dialplan.Function{Name: "TIMEOUT", Synopsis: "Time limits.", Syntax: "TIMEOUT(type)"}

func run(t *testing.T, conf string, f func(*pbxtest.Office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := pbxtest.Open(t, conf, limit)
		f(o)
		o.Close()
	})
}

// console runs a command and gives what it prints.
func console(o *pbxtest.Office, line string) string {
	o.T.Helper()
	tree := cli.NewTree()
	if err := tree.Add(show.Commands(o.Exchange)...); err != nil {
		o.T.Fatal(err)
	}
	var b strings.Builder
	tree.Run(context.Background(), &b, line)
	return b.String()
}

// TestConsole compares with shared/compat/console/ast22: a call from 1001 to
// 1002, one second old.
func TestConsole(t *testing.T) {
	run(t, "[default]\nexten => _1XXX,1,Dial(Test/${EXTEN},12,tT)\nexten => 9,1,Answer()\nsame => n,Wait(100)\n", func(o *pbxtest.Office) {
		header := "Channel                                                          Location                         State   Application(Data)             \n"
		idle := header + "0 active channels\n0 active calls\n0 calls processed\n"
		if got := console(o, "core show channels"); got != idle {
			t.Errorf("idle:\n%s", got)
		}
		a := o.Phone("1001").Dial("1002")
		o.Phone("1002").Last().PicksUp()
		a.Story()
		time.Sleep(time.Second)
		for line, want := range map[string]string{
			"core show channels": header +
				"Test/1002-00000001                                               (None)                           Up      AppDial((Outgoing Line))      \n" +
				"Test/1001-00000000                                               1002@default:1                   Up      Dial(Test/1002,12,tT)         \n" +
				"2 active channels\n1 active call\n1 call processed\n",
			"core show channels count":                    "2 active channels\n1 active call\n1 call processed\n",
			"core show calls":                             "1 active call\n1 call processed\n",
			"core show channel nope":                      "nope is not a known channel\n",
			"channel request hangup no":                   "no is not a known channel\n",
			"dialplan set chanvar Test/1001-00000000 X 5": "\n    -- Channel variable 'X' set to '5' for 'Test/1001-00000000'\n",
		} {
			if got := console(o, line); got != want {
				t.Errorf("%s:\n got %q\nwant %q", line, got, want)
			}
		}
		list := o.Channels()
		bridge := list[0].Bridge
		concise := "Test/1002-00000001!default!!1!Up!AppDial!(Outgoing Line)!1002!!!3!1!" + bridge + "!" + list[0].UniqueID + "\n" +
			"Test/1001-00000000!default!1002!1!Up!Dial!Test/1002,12,tT!1001!!!3!1!" + bridge + "!" + list[1].UniqueID + "\n"
		if got := console(o, "core show channels concise"); got != concise {
			t.Errorf("concise:\n got %s\nwant %s", got, concise)
		}
		verbose := "Test/1001-00000000                                                               default                  1002                        1 Up      Dial         Test/1002,12,tT           1001            00:00:01                         " + bridge[:20] + "\n"
		if got := console(o, "core show channels verbose"); !strings.Contains(got, verbose) {
			t.Errorf("verbose:\n got %s\nwant %s", got, verbose)
		}
		bridges := "Bridge-ID                            Name                                 Chans Type            Technology      Duration\n" +
			bridge + " <unknown>                                2 basic           simple_bridge   00:00:01\n"
		if got := console(o, "bridge show all"); got != bridges {
			t.Errorf("bridges:\n got %s\nwant %s", got, bridges)
		}
		one := console(o, "core show channel Test/1001-00000000")
		for _, l := range []string{
			" -- General --\n           Name: Test/1001-00000000\n           Type: Test\n",
			"Connected Line ID: 1002\n", "          State: Up (6)\n", "   Elapsed Time: 0h0m1s\n",
			" --   PBX   --\n        Context: default\n      Extension: 1002\n       Priority: 1\n",
			"    Application: Dial\n           Data: Test/1002,12,tT\n", "DIALSTATUS=ANSWER\n", "X=5\n",
		} {
			if !strings.Contains(one, l) {
				t.Errorf("core show channel lacks %q:\n%s", l, one)
			}
		}
		if got := console(o, "channel redirect Test/1002-00000001 default,9,1"); got != "Channel 'Test/1002-00000001' successfully redirected to default,9,1\n" {
			t.Error(got)
		}
		a.Want("answer, join Test/1002-00000001, part, hangup 16")
		if got := console(o, "channel request hangup all"); got != "Requested Hangup on channel 'Test/1002-00000001'\n" {
			t.Error(got)
		}
		for line, want := range map[string]string{
			"core show application dial":        "Info about Application 'Dial'",
			"core show application System":      "not supported",
			"core show application x":           "not registered",
			"core show applications like say":   "SayDigits",
			"core show functions":               "1 custom functions installed.",
			"core show function timeout":        "TIMEOUT(type)",
			"core show channeltypes":            "Local",
			"core show codecs":                  "ulaw",
			"core show translation":             "never converted",
			"channel originate Test/b":          "Usage:",
			"channel originate X/b extension 9": "No such channel type",
		} {
			if got := console(o, line); !strings.Contains(got, want) {
				t.Errorf("%s: %q lacks %q", line, got, want)
			}
		}
		console(o, "channel originate Test/b extension 9@default")
		o.Phone("b").Last().PicksUp()
		if got := o.Phone("b").Last().Story(); got != "dial" {
			t.Errorf("originated: %s", got)
		}
	})
}

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
