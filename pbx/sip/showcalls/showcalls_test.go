package showcalls

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/sip/door"
	"branchline/pbx/sip/invite"
)

// S-157, S-178, S-179, S-180, S-199: layouts as Asterisk 22 prints them.
func TestConsole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shown []*channel.Snapshot
		var strange []door.Stranger
		tree := cli.NewTree()
		pjsip, _ := Commands(Deps{
			All:      func() []*channel.Snapshot { return shown },
			Sessions: func() []*invite.Session { return nil }, Strangers: func() []door.Stranger { return strange },
		})
		if err := tree.Add(pjsip...); err != nil {
			t.Fatal(err)
		}
		run := func(line string, want cli.Outcome) string {
			var b bytes.Buffer
			if got := tree.Run(t.Context(), &b, line); got != want {
				t.Errorf("%s: %s, want %s\n%s", line, got, want, b.String())
			}
			return b.String()
		}
		for _, c := range []string{"pjsip show channels", "pjsip show channelstats", "pjsip show unidentified_requests", "pjsip list channels"} {
			if got := run(c, cli.Done); got != "No objects found.\n\n" {
				t.Errorf("%s: %q", c, got)
			}
		}
		start := time.Now()
		time.Sleep(time.Second)
		shown = []*channel.Snapshot{
			{Name: "PJSIP/1001-00000000", App: "Dial", State: channel.Up, Created: start, Exten: "1002", Inbound: true,
				Connected: channel.Party{Number: "1002"}, Bridge: "05b72b3a-1", Codec: "ulaw"},
			{Name: "PJSIP/1002-00000001", App: "AppDial", State: channel.Up, Created: start, Connected: channel.Party{Number: "1001"}},
			{Name: "Local/1-1", Created: start},
		}
		strange = []door.Stranger{{Addr: netip.MustParseAddr("198.51.100.66"), Count: 1, Last: time.Now(), What: "INVITE"}}
		const (
			head = "\n  Channel:  <ChannelId........................................>  <State.....>  <Time.....>\n"
			two  = "      Exten: <DialedExten.............>  CLCID: <ConnectedLineCID.......>\n"
			rule = "==========================================================================================\n\n"
			c1   = "  Channel: PJSIP/1001-00000000/Dial                              Up            00:00:01   \n"
			e1   = "      Exten: 1002                        CLCID: \"\" <1002>\n\n"
			c2   = "  Channel: PJSIP/1002-00000001/AppDial                           Up            00:00:01   \n"
			e2   = "      Exten:                             CLCID: \"\" <1001>\n\n"
		)
		for line, want := range map[string]string{
			"pjsip show channels":                    head + two + rule + c1 + e1 + c2 + e2 + "\nObjects found: 2\n\n",
			"pjsip list channels":                    head + rule + c1 + c2 + "\nObjects found: 2\n\n",
			"pjsip list channels like 1002-":         head + rule + c2 + "\nObjects found: 1\n\n",
			"pjsip list channels like nope":          "No objects found.\n\n",
			"pjsip show channel PJSIP/1002-00000001": head + two + rule + c2 + e2 + "\n",
			"pjsip show channel nope":                "Unable to find object nope.\n\n",
			"pjsip show channelstats": "\n                                             ...........Receive......... .........Transmit..........\n" +
				" BridgeId ChannelId ........ UpTime.. Codec.   Count    Lost Pct  Jitter   Count    Lost Pct  Jitter RTT....\n" +
				" ===========================================================================================================\n\n" +
				" 05b72b3a 1001-00000000      00:00:01 ulaw        0       0    0   0.000      0       0    0   0.000   0.000\n" +
				"          1002-00000001      00:00:01             0       0    0   0.000      0       0    0   0.000   0.000\n" +
				"\nObjects found: 2\n\n",
			"pjsip show unidentified_requests": "\n  <Source>                                  <Count>   <Age/s>  <First request>\n" +
				"  198.51.100.66                                   1         0  INVITE\n\nObjects found: 1\n\n",
		} {
			if got := run(line, cli.Done); got != want {
				t.Errorf("%s: got\n%s\nwant\n%s", line, got, want)
			}
		}
		run("pjsip show channels of", cli.Misused)
		run("pjsip show channel", cli.Misused)
		var doc struct {
			Channels []struct{ ID, State, Codec string }
		}
		if err := json.Unmarshal([]byte(run("pjsip show channels --json", cli.Done)), &doc); err != nil || len(doc.Channels) != 2 || doc.Channels[0].Codec != "ulaw" {
			t.Errorf("%v %+v", err, doc)
		}
	})
}
