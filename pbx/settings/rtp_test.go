package settings

import (
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"branchline/pbx/astconf"
)

func TestRTP(t *testing.T) {
	for _, c := range []struct {
		text string
		want RTP
		diag []string
	}{
		{"", DefaultRTP(), nil},
		{"[general]\nrtpstart=20000\nrtpend=20100\nstrictrtp=no\ndtmftimeout=3000\nrtcpinterval=1000\nprobation=8\n",
			RTP{20000, 20100, false, 8, 375 * time.Millisecond, time.Second}, nil},
		{"[general]\nstrictrtp=seqno\nrtpsatrt=1\n", DefaultRTP(), []string{"3 warning unknown-option"}},
		{"[general]\nrtpstart=abc\nicesupport=no\n", DefaultRTP(), []string{"2 error bad-value", "3 note not-yet-honoured"}},
		{"[general]\nrtpstart=30000\n", DefaultRTP(), []string{"0 error bad-value"}},
	} {
		f, _ := astconf.Load(fstest.MapFS{"rtp.conf": {Data: []byte(c.text)}}, "rtp.conf")
		got, ds := FromRTP(f)
		if got != c.want || !slices.Equal(findings(ds), c.diag) {
			t.Errorf("%q: %+v %q, want %+v %q", c.text, got, findings(ds), c.want, c.diag)
		}
	}
}

// Seed: S-029.
func TestAsterisk(t *testing.T) {
	read := func(text string) (Process, []string) {
		f, _ := astconf.Load(fstest.MapFS{"asterisk.conf": {Data: []byte(text)}}, "asterisk.conf")
		p, ds := FromAsterisk(f)
		return p, findings(ds)
	}
	p, ds := read("[directories](!)\nastetcdir => /elsewhere\n[options]\ndocumentation_language = en_US\n")
	if p != DefaultProcess() || len(ds) != 0 {
		t.Errorf("packaged file: %+v %q", p, ds)
	}
	p, ds = read("[directories]\nastvarlibdir => /v\nastspooldir => /s\n[options]\nverbose=3\nmaxcalls=10\nsystemname=branch\ndefaultlanguage=zh_TW\n" +
		"[files]\nastctlpermissions = 0660\nastctlgroup = staff\nastctl=x.ctl\n")
	if len(ds) != 0 || p.Directories.VarLib != "/v" || p.Directories.Spool != "/s" || p.Directories.Etc != "/etc/asterisk" || p.Verbose != 3 ||
		p.MaxCalls != 10 || p.SystemName != "branch" || p.DefaultLanguage != "zh_TW" ||
		p.Files != (ControlSocket{Name: "x.ctl", Permissions: 0o660, Group: "staff"}) {
		t.Errorf("%+v %q", p, ds)
	}
	if _, ds = read("[options]\nverbose=lots\n[files]\nastctlpermissions=999\n"); len(ds) != 2 {
		t.Errorf("%q", ds)
	}
}
