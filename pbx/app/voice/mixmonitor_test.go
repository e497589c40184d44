package voice_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"branchline/pbx/exchange"
	"branchline/pbx/pbxtest"
	"branchline/pbx/recording"
)

func TestMixMonitor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		studio := recording.New(dir, slog.New(slog.DiscardHandler))
		o := pbxtest.OpenWith(t, "", exchange.Options{Studio: studio})
		o.Load(`[default]
exten => 1,1,Answer()
same => n,MixMonitor(deep/both.wav,ai(id)r(said.ulaw)t(heard)V(2)v(-2),rm -rf ${MIXMONITOR_FILENAME})
same => n,Verbose(> ${id} ${MIXMONITOR_FILENAME})
same => n,MixMonitor(second.sln)
same => n,StopMixMonitor(${id})
same => n,Wait(5)
same => n,StopMixMonitor()
same => n,Wait(5)
exten => 2,1,MixMonitor(x.mp3)
same => n,MixMonitor()
same => n,MixMonitor(x.wav,V(9)b)
same => n,Answer()
`)
		a := o.Phone("a").Dial("1")
		a.After(6e9, "answer, record, record, record no more, record no more")
		if got := o.Trace.String(); !strings.Contains(got, "> 0x1 "+filepath.Join(dir, "deep/both.wav")) {
			t.Error(got)
		}
		for _, name := range []string{"deep/both.wav", "said.ulaw", "heard.raw", "second.sln"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
		if !strings.Contains(o.Log.String(), "programs are never started") {
			t.Errorf("the command was not refused:\n%s", o.Log)
		}
		o.Phone("b").Dial("2")
		synctest.Wait()
		for _, want := range []string{"no such format", "a file is needed", "a volume from -4 to 4", "option=b"} {
			if !strings.Contains(o.Log.String(), want) {
				t.Errorf("no %q in the log:\n%s", want, o.Log)
			}
		}
		studio.Close()
		o.Close()
	})
}
