package sysconf_test

import (
	"strings"
	"testing"

	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/sysconf"
)

func TestParse(t *testing.T) {
	conf, diags := sysconf.Parse("system.conf", []byte(`# what a card of four ports needs
fxoks = 1-2	# telephones
FXSKS=3, 4
echocanceller=mg2,1-4
echocanceller=oslec,3
alaw=4
dynamic=loc,1:0,4,0
span=3,1,0,ccs,hdb3,crc4,yellow
loadzone = tw
loadzone=us
defaultzone=us
`))
	if len(diags) > 0 {
		t.Error(diags)
	}
	want := map[int]sysconf.Channel{
		1: {Signalling: abi.FXOKS, Line: 2, Canceller: sysconf.Named{Name: "mg2", Line: 4}},
		2: {Signalling: abi.FXOKS, Line: 2, Canceller: sysconf.Named{Name: "mg2", Line: 4}},
		3: {Signalling: abi.FXSKS, Line: 3, Canceller: sysconf.Named{Name: "oslec", Line: 5}},
		4: {Signalling: abi.FXSKS, Line: 3, Canceller: sysconf.Named{Name: "mg2", Line: 4}, Law: abi.LawA, LawLine: 6},
	}
	if len(conf.Channels) != len(want) {
		t.Errorf("%d channels", len(conf.Channels))
	}
	for n, w := range want {
		if c := conf.Channels[n]; c == nil || *c != w {
			t.Errorf("channel %d: %+v, want %+v", n, c, w)
		}
	}
	if len(conf.Dynamic) != 1 || conf.Dynamic[0] != (sysconf.Dynamic{Driver: "loc", Address: "1:0", Channels: 4, Line: 7}) {
		t.Errorf("%+v", conf.Dynamic)
	}
	if len(conf.Spans) != 1 || conf.Spans[0] != (sysconf.Span{Number: 3, Timing: 1, Line: 8,
		LineConfig: abi.FramingCCS | abi.CodingHDB3 | abi.CRC4 | abi.NotOpenTx}) {
		t.Errorf("%+v", conf.Spans)
	}
	if len(conf.Zones) != 2 || conf.Zones[0] != (sysconf.Named{Name: "tw", Line: 9}) || conf.Default != (sysconf.Named{Name: "us", Line: 11}) {
		t.Errorf("%+v, %+v", conf.Zones, conf.Default)
	}
}

func TestDiagnostics(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"fxoks", `f:1: error: "fxoks" is not of the form key=value`},
		{"\n\nfxo=1", `f:3: error: unknown key "fxo"`},
		{"fxoks=", `f:1: error: "" is no channel`},
		{"fxoks=0", `f:1: error: "0" is no channel`},
		{"fxoks=4-2", `f:1: error: "4-2" is no channel`},
		{"fxoks=1-2000", `f:1: error: "1-2000" is no channel`},
		{"fxoks=1-1024,1-1024,1", `f:1: error: too many channels`},
		{"fxoks=1\nfxsks=1-2", `f:2: warning: channel 1: fxsks here overrides line 1`},
		{"fxoks=1:x", `f:1: error: "1:x" is no channel`},
		{"echocanceller=mg2", `f:1: error: "" is no channel`},
		{"echocanceller=,1", `f:1: error: echocanceller=,1: want a canceller's name`},
		{"dynamic=loc,1:0,4", `f:1: error: dynamic=loc,1:0,4: want driver,address,channels,timing`},
		{"dynamic=loc,1:0,0,0", `f:1: error: dynamic=loc,1:0,0,0: want`},
		{"span=1,0,0,esf", `f:1: error: span=1,0,0,esf: want number`},
		{"span=1,0,9,esf,b8zs", `f:1: error: span=1,0,9,esf,b8zs: number`},
		{"span=1,0,0,esf,b8zx", `f:1: error: span=1,0,0,esf,b8zx: "b8zx" is no framing`},
		{"bchan=1-15", `f:1: warning: bchan is not supported`},
		{"ctcss=1318,1,1318", `f:1: warning: ctcss is for radio`},
		{"loadzone=", `f:1: error: loadzone=: want a zone's name`},
		{"loadzone=us\nloadzone=us", `f:2: warning: zone us is loaded twice`},
		{"loadzone=us\ndefaultzone=tw\n", `f:2: error: defaultzone=tw, but there is no loadzone=tw`},
		{"defaultzone=", `f:1: error: defaultzone without a zone`},
	} {
		_, diags := sysconf.Parse("f", []byte(c.text))
		if len(diags) != 1 || !strings.HasPrefix(diags[0].String(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, diags, c.want)
		}
	}
	if d := (sysconf.Diag{File: "f", Message: "m"}).String(); d != "f: warning: m" {
		t.Error(d)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("fxoks=1-4\nloadzone=tw\n"))
	f.Add([]byte("span=1,0,0,esf,b8zs,yellow\ndynamic=loc,1:0,4,0\nechocanceller=mg2,1-4 # x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		conf, diags := sysconf.Parse("f", text)
		lines := strings.Count(string(text), "\n") + 1
		for _, d := range diags {
			if d.Line < 1 || d.Line > lines {
				t.Errorf("line %d of %d: %s", d.Line, lines, d.Message)
			}
		}
		for n, c := range conf.Channels {
			if n < 1 || n > 1024 || max(c.Line, c.LawLine, c.Canceller.Line) < 1 {
				t.Errorf("channel %d: %+v", n, c)
			}
		}
	})
}
