package live_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"branchline/pbx/channel"
	"branchline/pbx/cli"
	"branchline/pbx/dialplan"
	"branchline/pbx/dialplan/live"
	"branchline/pbx/dialplan/plantest"
)

const shownPlan = `[default]
exten => _10XX,1,Dial(PJSIP/${EXTEN},12,tT)
exten => _10XX,n,Answer()
exten => 1,1(first),NoOp(x)
exten => 1,2(a-very-long-label-indeed),NoOp(x)
exten => 1,3,NoOp(0123456789012345678901234567890123456789012345678901234567890123456789)
exten => 1,hint,PJSIP/1001
exten => _averyveryverylongextensionname,1(lab),NoOp(x)
same => 20000,NoOp
exten => 5/7,1(l),NoOp
include => b
include => b,9:00-17:00,mon-fri,*,*
ignorepat => 9
switch => Loopback/x
[b]
exten => 100,1,NoOp(a)
same => n(lab),Answer
exten => 100,hint,SIP/1000
exten => 1,hint,Custom:a
[demo]
exten => 1000,hint,SIP/1000
exten => _2XX,hint,Custom:${EXTEN}
`

// command runs a console command of the plan.
func command(t *testing.T, s *live.System, of dialplan.StateOf, line string) (string, error) {
	t.Helper()
	var best *cli.Command
	cmds := live.Commands(s, of, nil)
	for i := range cmds {
		if (line == cmds[i].Path || strings.HasPrefix(line, cmds[i].Path+" ")) && (best == nil || len(cmds[i].Path) > len(best.Path)) {
			best = &cmds[i]
		}
	}
	if best == nil {
		t.Fatalf("no command %q", line)
	}
	var out bytes.Buffer
	err := best.Run(context.Background(), &out, strings.Fields(strings.TrimPrefix(line, best.Path)))
	return out.String(), err
}

// The shapes were taken from Asterisk 22.10.1.
func TestShow(t *testing.T) {
	s := live.New(plantest.NewCatalog())
	s.Presence = func(entity string) string {
		if entity == "SIP/1000" {
			return "dnd"
		}
		return "not_set"
	}
	p, _ := plantest.Compile(t, shownPlan)
	s.Install(p)
	s.Globals.Set("X", "5")
	const defaultContext = `[ Context 'default' created by 'pbx_config' ]
  '1' =>            hint: PJSIP/1001                              [extensions.conf:7]
     [first]        1. NoOp(x)                                    [extensions.conf:4]
     [a-very-long-label-indeed] 2. NoOp(x)                                    [extensions.conf:5]
                    3. NoOp(0123456789012345678901234567890123456789012345678901234567890123456789) [extensions.conf:6]
  '5' (CID match '7') =>  1. NoOp()                                     [extensions.conf:10]
  '_10XX' =>        1. Dial(PJSIP/${EXTEN},12,tT)                 [extensions.conf:2]
                    2. Answer()                                   [extensions.conf:3]
  '_averyveryverylongextensionname' => 1. NoOp(x)                                    [extensions.conf:8]
                    20000. NoOp()                                 [extensions.conf:9]
  Include =>        'b'                                           [pbx_config]
  Include =>        'b,9:00-17:00,mon-fri,*,*'                    [pbx_config]
  Ignore pattern => '9'                                           [pbx_config]
  Alt. Switch =>    'Loopback/x'                                  [pbx_config]

`
	state := func(d string) channel.DeviceState {
		if d == "SIP/1000" {
			return channel.DeviceUnavailable
		}
		return channel.DeviceNotInUse
	}
	for _, c := range []struct {
		line, want string
		failed     error
	}{
		{line: "dialplan show default", want: defaultContext + "-= 4 extensions (9 priorities) in 1 context. =-\n"},
		{line: "dialplan show", want: `[ Context 'demo' created by 'pbx_config' ]
  '1000' =>         hint: SIP/1000                                [extensions.conf:21]
  '_2XX' =>         hint: Custom:${EXTEN}                         [extensions.conf:22]

[ Context 'b' created by 'pbx_config' ]
  '1' =>            hint: Custom:a                                [extensions.conf:19]
  '100' =>          hint: SIP/1000                                [extensions.conf:18]
                    1. NoOp(a)                                    [extensions.conf:16]
     [lab]          2. Answer()                                   [extensions.conf:17]

` + defaultContext + "-= 8 extensions (15 priorities) in 3 contexts. =-\n"},
		{line: "dialplan show 100@default", want: `[ Included context 'b' created by 'pbx_config' ]
  '100' =>          hint: SIP/1000                                [extensions.conf:18]
                    1. NoOp(a)                                    [extensions.conf:16]
     [lab]          2. Answer()                                   [extensions.conf:17]

  Alt. Switch =>    'Loopback/x'                                  [pbx_config]

-= 1 extension (3 priorities) in 1 context. =-
`},
		{line: "dialplan show 1001@default", want: `[ Context 'default' created by 'pbx_config' ]
  '_10XX' =>        1. Dial(PJSIP/${EXTEN},12,tT)                 [extensions.conf:2]
                    2. Answer()                                   [extensions.conf:3]
  Alt. Switch =>    'Loopback/x'                                  [pbx_config]

-= 1 extension (2 priorities) in 1 context. =-
`},
		{line: "dialplan show 7777@demo", want: "There is no existence of 7777@demo extension\n", failed: cli.ErrFailed},
		{line: "dialplan show nope", want: "There is no existence of 'nope' context\n", failed: cli.ErrFailed},
		{line: "dialplan show 1@nope", want: "There is no existence of 'nope' context\n", failed: cli.ErrFailed},
		{line: "dialplan show a b", failed: cli.ErrUsage},
		{line: "dialplan show globals", want: "   X=5\n\n    -- 1 variable(s)\n"},
		{line: "dialplan set global Y 6", want: "\n    -- Global variable 'Y' set to '6'\n"},
		{line: "dialplan set global Y", failed: cli.ErrUsage},
		{line: "dialplan eval function LEN(abc)", want: "Return Value: Success (0)\nResult: 3\n"},
		{line: "dialplan eval function NOPE(abc)", want: "function NOPE is not known\nReturn Value: Failure (-1)\nResult: \n"},
		{line: "core show hints", want: `
    -= Registered Asterisk Dial Plan Hints =-
1@b                           : Custom:a                                                      State:Idle            Presence:not_set         Watchers  0
1@default                     : PJSIP/1001                                                    State:Idle            Presence:not_set         Watchers  0
100@b                         : SIP/1000                                                      State:Unavailable     Presence:dnd             Watchers  0
1000@demo                     : SIP/1000                                                      State:Unavailable     Presence:dnd             Watchers  0
_2XX@demo                     : Custom:${EXTEN}                                               State:Unavailable     Presence:                Watchers  0
----------------
- 5 hints registered
`},
		{line: "core show hint 100@b", want: "100@b                         : SIP/1000                                                      State:Unavailable     Presence:dnd             Watchers  0\n1 hint matching extension 100@b\n"},
		{line: "core show hint 9", want: "No hints matching extension 9\n"},
	} {
		got, err := command(t, s, state, c.line)
		if got != c.want || !errors.Is(err, c.failed) {
			t.Errorf("%s: %v\n%s\nwant\n%s", c.line, err, got, c.want)
		}
	}
	if v, _ := s.Globals.Get("Y"); v != "6" {
		t.Error("set global")
	}
}

func TestDocuments(t *testing.T) {
	s := live.New(plantest.NewCatalog())
	p, _ := plantest.Compile(t, shownPlan)
	s.Install(p)
	s.Globals.Set("X", "5")
	tree := cli.NewTree()
	if err := tree.Add(live.Commands(s, nil, nil)...); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"dialplan show":              `"caller": "7"`,
		"dialplan show 1001@default": `"application": "Dial"`,
		"dialplan show 100@default":  `"included": true`,
		"dialplan show globals":      `"value": "5"`,
		"core show hints":            `"devices": "Custom:${EXTEN}"`,
		"core show hint 100@b":       `"devices": "SIP/1000"`,
		"dialplan show 7777@demo":    `"error": "There is no existence of 7777@demo extension`,
	} {
		var out bytes.Buffer
		tree.Run(context.Background(), &out, line+" --json")
		if !json.Valid(out.Bytes()) || !strings.Contains(out.String(), want) {
			t.Errorf("%s: no %s in\n%s", line, want, out.String())
		}
	}
}
