package voice_test

import (
	"strings"
	"testing"
	"time"

	"branchline/pbx/pbxtest"
)

const menu = `[default]
exten => 1,1,Answer()
same => n,BackGround(welcome&menu)
same => n,WaitExten(5)
same => n,Verbose(> no)
exten => 2,1,Verbose(> two)
exten => 22,1,Verbose(> twentytwo)
exten => 3,1,Verbose(> three)
exten => i,1,Verbose(> invalid ${INVALID_EXTEN})
exten => t,1,Verbose(> silent)
`

func TestMenu(t *testing.T) {
	for _, c := range []struct {
		name   string
		pause  time.Duration
		digits string
		want   string
		story  string
	}{
		{"at once", 300 * time.Millisecond, "3", "three", "answer, play welcome+menu, quiet, hangup 0"},
		{"longer possible", 300 * time.Millisecond, "2", "two", "answer, play welcome+menu, quiet, hangup 0"},
		{"longer", 300 * time.Millisecond, "22", "twentytwo", "answer, play welcome+menu, quiet, hangup 0"},
		{"invalid", 300 * time.Millisecond, "9", "invalid 9", "answer, play welcome+menu, quiet, hangup 0"},
		{"in WaitExten", 3 * time.Second, "3", "three", "answer, play welcome+menu, hangup 0"},
		{"nothing", 0, "", "silent", "answer, play welcome+menu, hangup 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pbxtest.Run(t, menu, func(o *pbxtest.Office) {
				a := o.Phone("a").Dial("1")
				time.Sleep(c.pause)
				a.Presses(c.digits)
				a.After(20*time.Second, c.story)
				if got := o.Said(); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		})
	}
}

func TestRead(t *testing.T) {
	conf := "[default]\nexten => 1,1,Answer()\nsame => n,Read(PIN,enter,%)\nsame => n,Verbose(> ${READSTATUS} ${PIN})\n"
	for _, c := range []struct{ args, digits, want string }{
		{"4", "1590", "OK 1590"},
		{"", "12#", "OK 12"},
		{"", "12", "TIMEOUT 12"},
		{"2", "#", "OK"},
		{",t(*)", "1#2*", "OK 1#2"},
		{"1,,2", "#5", "OK 5"},
	} {
		pbxtest.Run(t, strings.ReplaceAll(conf, "%", c.args), func(o *pbxtest.Office) {
			a := o.Phone("a").Dial("1")
			a.Presses(c.digits)
			time.Sleep(30 * time.Second)
			if got := o.Said(); got != c.want {
				t.Errorf("Read(..,%s) with %s: got %q, want %q", c.args, c.digits, got, c.want)
			}
		})
	}
}

func TestEcho(t *testing.T) {
	pbxtest.Run(t, "[default]\nexten => 1,1,Answer()\nsame => n,Echo()\nsame => n,Verbose(> left)\n", func(o *pbxtest.Office) {
		a := o.Phone("a").Dial("1")
		a.Presses("1")
		a.Want("answer, echo")
		a.Presses("#")
		a.Want("part, hangup 0")
	})
}

func TestMissingSound(t *testing.T) {
	pbxtest.Run(t, "[default]\nexten => 1,1,Playback(gone&here)\nsame => n,Verbose(> ${PLAYBACKSTATUS})\n", func(o *pbxtest.Office) {
		o.Sounds.Missing = []string{"gone"}
		a := o.Phone("a").Dial("1")
		a.After(time.Second, "answer, play here, hangup 0")
		if got := o.Said(); got != "FAILED" {
			t.Errorf("PLAYBACKSTATUS %q", got)
		}
	})
}
