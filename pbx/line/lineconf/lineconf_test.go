package lineconf_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"branchline/pbx/astconf"
	"branchline/pbx/line/lineconf"
)

// read understands one file.
func read(t testing.TB, name, text string) (lineconf.Config, []astconf.Diag) {
	t.Helper()
	f, diags := astconf.Load(fstest.MapFS{name: {Data: []byte(text)}}, name)
	for _, d := range diags {
		t.Error(d)
	}
	return lineconf.Read(map[string]*astconf.File{name: f})
}

func findings(ds []astconf.Diag) string {
	var out []string
	for _, d := range ds {
		out = append(out, fmt.Sprintf("%d %s %s", d.Line, d.Severity, d.Rule))
	}
	return strings.Join(out, ", ")
}

// TestDownward: a setting holds for the channels below it.
func TestDownward(t *testing.T) {
	c, ds := read(t, "chan_dahdi.conf", `[trunkgroups]
[channels]
context=pstn
signalling=fxs_ks
group=0,2-3
rxgain=-2.5
channel => 1
group=
signalling=fxo_ks
context=office
callerid="Front desk" <201>
rxgain = 1 dB
channel => 3-4,6
`)
	if len(ds) != 0 {
		t.Error(ds)
	}
	var got []string
	for _, l := range c.Lines {
		got = append(got, fmt.Sprintf("%s %s %s %d %q %q %g", l.ID(), l.Signalling, l.Context, l.Groups, l.Caller.Name, l.Caller.Number, l.RxGain.Or(7)))
	}
	want := []string{
		`DAHDI/1 FXO pstn 13 "" "" -2.5`, `DAHDI/3 FXS office 0 "Front desk" "201" 1`, `DAHDI/4 FXS office 0 "Front desk" "201" 1`, `DAHDI/6 FXS office 0 "Front desk" "201" 1`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if c, _ := read(t, "chan_dahdi.conf", "[channels]\nchannel=>5,1\nchannel=>3\n"); c.Lines[0].Channel != 1 || c.Lines[1].Channel != 3 || c.Lines[2].Channel != 5 {
		t.Error("groups count from the lowest channel up, in whatever order the file has them")
	}
	if l := c.Find("dahdi", "6"); l == nil || l.Line != 13 || c.Find("DAHDI", "2") != nil {
		t.Errorf("found %+v", l)
	}
}

func TestFindings(t *testing.T) {
	for _, c := range []struct{ file, text, want string }{
		{"chan_dahdi.conf", "[channels]\nsignalling=fxs_ks\nchannel=>1\nchannel=>1-2\n", "4 warning line-twice"},
		{"chan_dahdi.conf", "[channels]\nsignaling=fxs_sk\necocancel=yes\nfoo=1\nchannel=>1\n", "2 warning bad-value, 3 warning unknown-option, 4 warning unknown-option"},
		{"chan_dahdi.conf", "[channels]\nsignalling=pri_cpe\nswitchtype=national\nchannel=>1-15\nsignalling=fxo_ks\nchannel=>20\n", "2 warning digital-line, 3 note ignored-option"},
		{"chan_dahdi.conf", "[channels]\nchannel=>0\nchannel=>x\nchannel=>5-3\nchannel=>\nchannel=>2000\n", "2 error bad-channel, 3 error bad-channel, 4 error bad-channel, 5 error bad-channel, 6 error bad-channel"},
		{"chan_dahdi.conf", "[channels]\nchannel=>1\nrxgain=3\n", "3 warning setting-after-channel"},
		{"chan_dahdi.conf", "[channels]\nrxgain=30\ntxgain=loud\nbusycount=0\ngroup=64\nbusypattern=500\ncadence=1\nechocancel=100\nwaitfordialtone=1e3\nsetvar=x\nemergency=help\nusecallerid=maybe\nchannel=>1\n",
			"2 warning bad-value, 3 warning bad-value, 4 warning bad-value, 5 warning bad-value, 6 warning bad-value, 7 warning bad-value, 8 warning bad-value, 9 warning bad-value, 10 warning bad-value, 11 warning bad-value, 12 warning bad-value"},
		{"chan_dahdi.conf", "[channels]\nmwisendtype=fsk\nechotraining=800\njbenable=yes\nchannel=>1\n", "2 note ignored-option, 3 note ignored-option, 4 note ignored-option"},
		{"chan_dahdi.conf", "[channels]\ndring1=1,2,3,4\ndring2=x\ndring3=1,-2\ndring1range=-1\ncallreturn=yes\nchannel=>1\n", "2 warning bad-value, 3 warning bad-value, 4 warning bad-value, 5 warning bad-value, 6 note not-yet-honoured"},
		{"chan_dahdi.conf", "[general]\nx=1\n[office]\nsignalling=fxo_ks\n[fax]\nsignalling=fxo_ks\ndahdichan=7\n[channels]\n", "1 warning unread-section, 3 warning unread-section"},
		{"quectel.conf", "[general]\ninterval=15\n[gsm0]\ndata=/dev/ttyUSB2\n[gsm1]\naudio=/dev/ttyUSB1\n[a/b]\naudio=x\ndata=y\n[off]\ndisable=yes\n[u]\nquec_uac=1\ndata=z\n",
			"2 note ignored-option, 3 warning no-port, 5 warning no-port, 7 warning bad-name, 13 warning usb-audio, 12 warning no-port"},
	} {
		_, ds := read(t, c.file, c.text)
		if got := findings(ds); got != c.want {
			t.Errorf("%q:\n got  %s\n want %s", c.text, got, c.want)
		}
	}
	_, ds := read(t, "chan_dahdi.conf", "[channels]\necocancel=yes\n")
	if len(ds) == 0 || ds[0].Cure != "did you mean echocancel?" || ds[0].Fix == nil {
		t.Errorf("misspelt: %+v", ds)
	}
}

func TestSections(t *testing.T) {
	c, ds := read(t, "modem.conf", "[general]\ncontext=pstn\ntonezone=tw\n[office]\ndata=/dev/ttyACM0\ninit=AT+GCI=FE\n[mobile]\naudio=/dev/ttyUSB1\ndata=/dev/ttyUSB2\ncontext=gsm\nexten=0912\ndtmf=off\n")
	if len(ds) != 0 || len(c.Lines) != 2 {
		t.Fatal(ds, c.Lines)
	}
	o, m := c.Lines[0], c.Lines[1]
	if o.ID() != "Modem/office" || o.Context != "pstn" || o.ToneZone != "tw" || o.Signalling != lineconf.FXO || !slices.Equal(o.Device, []string{"init=AT+GCI=FE"}) {
		t.Errorf("%+v", o)
	}
	if m.ID() != "Cell/mobile" || m.Context != "gsm" || m.Signalling != lineconf.Cell || m.SubscriberNumber != "0912" || m.DigitsFromLine || len(m.Device) != 0 {
		t.Errorf("%+v", m)
	}
	if c.Find("Quectel", "mobile") != m {
		t.Error("Quectel/ is another word for Cell/")
	}
}

func TestValues(t *testing.T) {
	c, ds := read(t, "chan_dahdi.conf", `[channels]
busypattern=350,350
cadence=1000,-2000
cadence=500,500
echocancel=128,param=1
waitfordialtone=1500
callerid=asreceived
polarityonanswerdelay=800
setvar=__A=b=c
cidstart=polarity_in
faxdetect=yes
emergency=110, 119
rxflash=600
hwrxgain=-3
usedistinctiveringdetection=yes
dring1=95,0,0
dring1context=house
dring2 = 325, 95
dring2context=shop
dring2range=20
dring3=-1,250
channel=1
waitfordialtone=no
echocancel=no
callerid=0212345678
channel=2
`)
	if len(ds) != 0 {
		t.Error(ds)
	}
	a, b := c.Lines[0], c.Lines[1]
	ms := time.Millisecond
	if a.BusyOn != 350*ms || len(a.Cadences) != 2 || a.Cadences[0][1] != 2000*ms || a.EchoTaps != 128 || a.WaitForDialTone != 1500*ms || !a.StrictDialTone ||
		a.Caller.Number != "" || a.PolarityDelay != 800*ms || a.Vars[0].Name != "__A" || a.Vars[0].Value != "b=c" || a.CIDStart != "polarity" || a.FaxDetect != "both" ||
		!a.Urgent("119") || a.Urgent("") || a.Hardware != (lineconf.Hardware{RxGain: -3, RxFlash: 600 * ms}) {
		t.Errorf("%+v", a)
	}
	want := [...]lineconf.RingPattern{
		{Ends: [...]int{95, 0, 0}, Range: 10, Context: "house"}, {Ends: [...]int{325, 95, 0}, Range: 20, Context: "shop"},
		{Ends: [...]int{lineconf.AnyEnd, 250, 0}, Range: 10},
	}
	if !a.DistinctRings || a.RingPatterns != want {
		t.Errorf("%+v", a.RingPatterns)
	}
	if b.WaitForDialTone != 0 || b.StrictDialTone || b.EchoTaps != 0 || b.Caller.Number != "0212345678" {
		t.Errorf("%+v", b)
	}
}

// TestWhatChanged: what a reload has to do to a line.
func TestWhatChanged(t *testing.T) {
	base, _ := read(t, "chan_dahdi.conf", "[channels]\nchannel=>1\n")
	for text, want := range map[string][2]bool{
		"[channels]\n\n\nchannel=>1\n":                   {true, false},
		"[channels]\nrxgain=1\nchannel=>1\n":             {false, false},
		"[channels]\nsignalling=fxs_ks\nchannel=>1\n":    {false, true},
		"[channels]\nrxflash=500\nchannel=>1\n":          {false, true},
		"[channels]\ncontext=x\ngroup=1\nchannel => 1\n": {false, false},
	} {
		next, _ := read(t, "chan_dahdi.conf", text)
		if got := [2]bool{base.Lines[0].Same(next.Lines[0]), base.Lines[0].Needs(next.Lines[0])}; got != want {
			t.Errorf("%q: same, needs opening: %v, want %v", text, got, want)
		}
	}
}

// FuzzRead: whatever stands in a file, reading it ends, and every line it makes can
// be dialled.
func FuzzRead(f *testing.F) {
	f.Add("[channels]\nsignalling=fxs_ks\ngroup=1-3\nchannel => 1-4,7\n")
	f.Add("[channels]\nusedistinctiveringdetection=yes\ndring1=95,0,0\ndring1context=a\ndring2=-1,3000\ndring2range=5\nchannel=1\n")
	f.Add("[general]\ndata=x\n[gsm]\naudio=/dev/ttyUSB1\ndata=/dev/ttyUSB2\nrxgain=-3\n")
	f.Add("[channels]\ncadence=1,-1\nbusypattern=1,2\nemergency=1,2\nsetvar=a=b\nechocancel=1024,x\ncallerid=a <b\nchannel=1-1024\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range lineconf.Files() {
			file, _ := astconf.Load(fstest.MapFS{name: {Data: []byte(text)}}, name)
			c, ds := lineconf.Read(map[string]*astconf.File{name: file})
			for i, l := range c.Lines {
				if i%100 == 0 && c.Find(l.Tech, l.Name) != l {
					t.Errorf("%s is there twice, or not", l.ID())
				}
				if l.Name == "" || l.Driver == "" || l.RingTimeout <= 0 || l.BusyCount < 1 || i%100 == 0 && !l.Same(l) {
					t.Errorf("%+v", l)
				}
			}
			for _, d := range ds {
				if d.Message == "" || d.Rule == "" {
					t.Errorf("%+v", d)
				}
			}
		}
	})
}

// TestSamples: the samples that come with the program have nothing wrong with them.
func TestSamples(t *testing.T) {
	dirs, err := os.ReadDir("../../../configs")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, d := range dirs {
		for _, name := range lineconf.Files() {
			text, err := os.ReadFile("../../../configs/" + d.Name() + "/" + name)
			if err != nil {
				continue
			}
			n++
			c, ds := read(t, name, string(text))
			if len(ds) > 0 || len(c.Lines) == 0 {
				t.Errorf("%s/%s: %d lines, %v", d.Name(), name, len(c.Lines), ds)
			}
		}
	}
	if n < 3 {
		t.Errorf("%d samples", n)
	}
}
