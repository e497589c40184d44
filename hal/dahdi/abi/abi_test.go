package abi_test

import (
	"encoding/binary"
	"testing"

	"branchline/hal/dahdi/abi"
)

// The numbers were taken from compiled programs on four architectures.
func TestRequests(t *testing.T) {
	for _, c := range []struct {
		request abi.Request
		number  uint32
		record  any
	}{
		{abi.Specify, 0x4004da26, abi.Int(0)},
		{abi.GetParams, 0xc088da05, abi.Params{}},
		{abi.SetParams, 0x4088da05, abi.Params{}},
		{abi.SetBufferInfo, 0x4018da1b, abi.BufferInfo{}},
		{abi.SetLinear, 0x4004da28, abi.Int(0)},
		{abi.Flush, 0x4004da03, abi.Int(0)},
		{abi.Hook, 0x4004da07, abi.Int(0)},
		{abi.GetEvent, 0x8004da08, abi.Int(0)},
		{abi.Dial, 0x4104da1f, abi.Digits{}},
		{abi.Dialing, 0x8004da23, abi.Int(0)},
		{abi.SetCadence, 0x4040da2a, abi.Cadence{}},
		{abi.EchoCancel, 0x4004da21, abi.Int(0)},
		{abi.EchoCancelFax, 0x4004da66, abi.Int(0)},
		{abi.OnHookTransfer, 0x4004da33, abi.Int(0)},
		{abi.SetPolarity, 0x4004da5c, abi.Int(0)},
		{abi.MessageLamp, 0xc004da5e, abi.Int(0)},
		{abi.SetHardwareGain, 0x4008da56, abi.HardwareGain{}},
		{abi.BufferEvents, 0x4004da69, abi.Int(0)},
		{abi.SpanStat, 0xc13ada0a, abi.Span{}},
		{abi.ChanConfig, 0x404cda13, abi.ChannelSetup{}},
		{abi.SpanConfig, 0x4024da12, abi.SpanSetup{}},
		{abi.Startup, 0x4004da63, abi.Int(0)},
		{abi.AttachEchoCan, 0x4014da3b, abi.EchoCanceller{}},
		{abi.LoadZone, 0x4070da19, abi.ZoneHeader{}},
		{abi.FreeZone, 0x4004da1a, abi.Int(0)},
		{abi.DefaultZone, 0x4004da18, abi.Int(0)},
		{abi.GetVersion, 0x80a0da39, abi.Version{}},
		{abi.SetDialParams, 0x4018da1d, abi.DialParams{}},
		{abi.DynamicCreate, 0xc048da50, abi.DynamicSpan{}},
		{abi.DynamicDestroy, 0x4048da51, abi.DynamicSpan{}},
	} {
		if uint32(c.request) != c.number {
			t.Errorf("%#x, want %#x", uint32(c.request), c.number)
		}
		if size := binary.Size(c.record); size != c.request.Size() {
			t.Errorf("%T has %d bytes, %#x wants %d", c.record, size, c.number, c.request.Size())
		}
		b, err := abi.Marshal(c.record)
		if err != nil || len(b) != c.request.Size() {
			t.Errorf("marshal %T: %d bytes, %v", c.record, len(b), err)
		}
	}
	if size := binary.Size(abi.Step{}); size != 44 {
		t.Errorf("a step has %d bytes, want 44", size)
	}
}

func TestRoundTrip(t *testing.T) {
	p := abi.Params{Channel: 5, Signalling: abi.FXSKS, Alarms: abi.Red, Times: abi.Times{PreWink: 50, RxFlash: 700}}
	copy(p.Name[:], "DYN/loc/1:0/1")
	b, err := abi.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	// Offsets as measured: the name at 48, rxflash at 112, alarms at 132.
	if abi.Text(b[48:88]) != "DYN/loc/1:0/1" || binary.NativeEndian.Uint32(b[112:]) != 700 || binary.NativeEndian.Uint32(b[132:]) != 8 {
		t.Errorf("laid out as % x", b)
	}
	var q abi.Params
	if err := abi.Unmarshal(b, &q); err != nil || q != p {
		t.Errorf("came back as %+v, %v", q, err)
	}
	if err := abi.Unmarshal(b[:10], &q); err == nil {
		t.Error("a short record was taken")
	}
}

func TestSignalling(t *testing.T) {
	if !abi.FXSKS.TowardsExchange() || abi.FXSKS.TowardsPhone() || !abi.FXOLS.TowardsPhone() || abi.Clear.TowardsExchange() {
		t.Error("the ends of the line are mixed up")
	}
	if s := abi.FXSKS.String(); s != "FXS Kewlstart" {
		t.Error(s)
	}
	if s := abi.Signalling(0x8000).String(); s != "Signalling 0x8000" {
		t.Error(s)
	}
}

func TestAlarmsText(t *testing.T) {
	for a, want := range map[abi.Alarms]string{0: "OK", abi.Red: "RED", abi.Red | abi.Yellow: "YEL/RED", abi.Recovering: "REC"} {
		if got := a.String(); got != want {
			t.Errorf("%#x: %s, want %s", uint32(a), got, want)
		}
	}
}
