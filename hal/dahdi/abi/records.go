package abi

import "strings"

// Int is the argument of most requests.
type Int int32

// Params is what GetParams tells of a channel. SetParams takes the times only, all
// of them in milliseconds.
type Params struct {
	Channel, Span, Position int32
	Signalling              Signalling
	Capable                 Signalling // all signallings that it could have
	OffHook                 int32      // the far end is
	RxBits, TxBits          int32
	TxHook, RxHook          int32
	Law, IdleBits           int32
	Name                    [40]byte
	Times                   Times
	Alarms                  Alarms
}

// Times are a channel's timings in ms.
type Times struct {
	PreWink, PreFlash, Wink, Flash, Start, RxWink, RxFlash, Debounce, PulseBreak, PulseMake, PulseAfter int32
}

// BufferInfo is the argument of SetBufferInfo. Size is in samples.
type BufferInfo struct {
	TxPolicy, RxPolicy, Count, Size int32
	ReadFull, WriteFull             int32 // not filled in
}

// Digits is the argument of Dial: an operation and letters ended by a zero. T and P
// select tones and pulses, W waits half a second.
type Digits struct {
	Op      int32
	Letters [256]byte
}

// Cadence is the argument of SetCadence: on and off in turn, in ms, ended by 0. A
// negative time of ringing marks where it starts again.
type Cadence [16]int32

// HardwareGain is the argument of SetHardwareGain.
type HardwareGain struct {
	TenthsOfDB int32
	Transmit   uint32 // 1: towards the line
}

// Span is what SpanStat tells of Number.
type Span struct {
	Number                           int32
	Name                             [20]byte
	Description                      [40]byte
	Alarms                           Alarms
	TxLevel, RxLevel                 int32
	BPV, CRC4, EBit, FAS             int32
	FrameErrors, CodeViolations      uint32
	BitErrors, PRBS, ErrorSeconds    uint32
	IRQMisses, SyncSource            int32
	Configured, Channels, TotalSpans int32
	LineBuildOut, LineConfig         int32
	LineBuildOutName                 [40]byte
	Location, Manufacturer, Device   [40]byte
	IRQ                              int32
	LineCompatible                   int32 // 0 for an analogue span
	Type                             [6]byte
}

// Analog tells a span with real lines from one that carries bits.
func (s *Span) Analog() bool {
	kind := Text(s.Type[:])
	return kind == "FXS" || kind == "FXO" || strings.HasPrefix(kind, "ANALO")
}

// SpanSetup is the argument of SpanConfig.
type SpanSetup struct {
	Span                     int32
	Name                     [20]byte
	LineBuildOut, LineConfig int32
	Sync                     int32
}

// Bits of LineConfig.
const (
	FramingD4  = 1 << 4
	FramingESF = 1 << 5
	CodingAMI  = 1 << 6
	CodingB8ZS = 1 << 7
	FramingCCS = 1 << 8
	CodingHDB3 = 1 << 9
	CRC4       = 1 << 10
	NotOpenTx  = 1 << 16 // yellow alarm while nothing is open
)

// ChannelSetup is the argument of ChanConfig. Master is Channel itself.
type ChannelSetup struct {
	Channel    int32
	Name       [40]byte
	Signalling Signalling
	Law        int32
	Master     int32
	IdleBits   int32
	Network    [16]byte
}

// EchoCanceller is the argument of AttachEchoCan; without a name there is none.
type EchoCanceller struct {
	Channel int32
	Name    [16]byte
}

// DynamicSpan is the argument of DynamicCreate and DynamicDestroy. The kernel fills
// in Number.
type DynamicSpan struct {
	Driver                   [20]byte
	Address                  [40]byte
	Channels, Timing, Number int32
}

// DialParams is the argument of SetDialParams: how long digits last, in ms, in all
// zones that are loaded; zeros are left as they are.
type DialParams struct {
	MFR1, DTMF, MFR2 int32
	_                [3]int32
}

// Version is the result of GetVersion.
type Version struct {
	Version, EchoCancellers [80]byte
}

// ZoneHeader is what LoadZone begins with; Count Steps follow.
type ZoneHeader struct {
	Count, Zone int32
	Ring        Cadence
	Name        [40]byte
}

// MaxSteps is how many steps a zone may have.
const MaxSteps = 128

// Numbers of Step.Tone.
const (
	ToneDial        = 0
	ToneBusy        = 1
	ToneRing        = 2
	ToneCongestion  = 3
	ToneCallWaiting = 4
	ToneDialRecall  = 5
	ToneRecord      = 6
	ToneInfo        = 7
	ToneStutter     = 10
	ToneDTMF        = 64 // and 15 more: 0-9 * # A-D
)

// A Step is a piece of a tone: one or two oscillators for some samples, then the
// step numbered Next, counted through the zone.
type Step struct {
	Tone, Next int32
	Samples    int32
	Shift      int32 // unused by the kernel
	A, B       Oscillator
	Modulate   int32 // not 0: B modulates A instead of being added
}

// An Oscillator is a sine by recursion: each sample is Factor/32768 times the last
// one minus the one before it. Two and Three are the samples before the first, of
// which Two is the older.
type Oscillator struct{ Factor, Two, Three int32 }
