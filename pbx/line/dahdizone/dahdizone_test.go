package dahdizone_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/sysconf"
	"branchline/hal/haltest/dahdikernel"
	"branchline/media/tone"
	"branchline/pbx/line/dahdizone"
)

// The kernel takes every zone that we know.
func TestAllZones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := dahdikernel.New()
		defer k.Close()
		var text strings.Builder
		for _, name := range tone.Zones() {
			text.WriteString("loadzone=" + name + "\n")
		}
		conf, diags := sysconf.Parse("system.conf", []byte(text.String()+"defaultzone=tw\n"))
		diags = append(diags, conf.Apply(sysconf.Means{Kernel: k, Zone: dahdizone.In(tone.Builtin())})...)
		if len(diags) > 0 {
			t.Error(diags)
		}
		if z := k.Zones(); len(z) != len(tone.Zones()) || z[0] != "tw" {
			t.Errorf("loaded %v", z)
		}
	})
}

func TestTaiwan(t *testing.T) {
	find := dahdizone.In(tone.Builtin())
	z, ok := find("tw")
	if !ok || len(z.Ring) == 0 {
		t.Fatalf("%+v", z)
	}
	busy := z.Tones[abi.ToneBusy]
	if len(busy.Pieces) != 2 || busy.Pieces[0].A != 480 || busy.Pieces[0].B != 620 || busy.Pieces[0].Length.Milliseconds() != 500 || busy.Again != 0 {
		t.Errorf("busy: %+v", busy)
	}
	if _, ok := find("nowhere"); ok {
		t.Error("there is a zone of nowhere")
	}
}
