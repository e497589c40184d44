package cards_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"branchline/hal"
	"branchline/hal/dahdi/abi"
	"branchline/hal/dahdi/cards"
	"branchline/hal/haltest/dahdikernel"
)

func TestListings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := dahdikernel.New()
		defer k.Close()
		k.Cancellers = []string{"mg2"}
		k.Card(dahdikernel.Card{Ports: []abi.Signalling{abi.FXOKS, abi.FXOKS, abi.FXSKS, abi.FXSKS}})
		k.Card(dahdikernel.Card{Ports: []abi.Signalling{abi.FXSKS}, Raw: true})
		k.Channel(3).Alarm(true)
		k.Channel(1).Lift()
		time.Sleep(time.Second)
		all := cards.Cards{Kernel: k}
		version, cancellers, err := all.Version()
		if version != "test" || cancellers != "MG2" || err != nil {
			t.Errorf("%q %q %v", version, cancellers, err)
		}
		spans, err := all.Spans()
		if err != nil || len(spans) != 2 {
			t.Fatalf("%+v, %v", spans, err)
		}
		if s := spans[0]; s.Number != 1 || s.Name != "TEST/1" || s.Description != "Test Board" || s.Configured != 4 || s.Channels != 4 || !s.Analog {
			t.Errorf("%+v", s)
		}
		channels, err := all.Channels()
		if err != nil || len(channels) != 5 {
			t.Fatalf("%+v, %v", channels, err)
		}
		want := []cards.Channel{
			{Number: 1, Span: 1, Position: 1, Name: "TEST/1/0", Signalling: abi.FXOKS, Kind: hal.FXS, Telephone: true, OffHook: true},
			{Number: 2, Span: 1, Position: 2, Name: "TEST/1/1", Signalling: abi.FXOKS, Kind: hal.FXS, Telephone: true},
			{Number: 3, Span: 1, Position: 3, Name: "TEST/1/2", Signalling: abi.FXSKS, Telephone: true, Alarms: abi.Red},
			{Number: 4, Span: 1, Position: 4, Name: "TEST/1/3", Signalling: abi.FXSKS, Telephone: true},
			{Number: 5, Span: 2, Position: 1, Name: "TEST/2/0"},
		}
		for i, c := range channels {
			if c != want[i] {
				t.Errorf("%+v, want %+v", c, want[i])
			}
		}
		k.Unload()
		if _, err := all.Channels(); !errors.Is(err, hal.ErrAbsent) {
			t.Errorf("without DAHDI: %v", err)
		}
	})
}
