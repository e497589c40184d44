// Package abi holds the numbers and the records of DAHDI's device interface: what
// is passed to ioctl(2) on /dev/dahdi/ctl and /dev/dahdi/channel (dahdi/user.h of
// dahdi-linux). Nothing here does anything; the driver and the kernel that tests
// put under it both speak in these terms.
//
// All records are made of 32-bit integers and bytes, so that they are the same on
// machines of 32 and 64 bits. Marshal and Unmarshal turn them into what the kernel
// reads and writes.
package abi

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// A Request is the second argument of ioctl(2).
type Request uint32

// DAHDI's ioctls are _IO..(0xDA, number, size).
const (
	magic = 0xDA << 8
	in    = 1 << 30 // the kernel reads the record (_IOW)
	out   = 2 << 30 // it writes it (_IOR)
)

// Size is the length of the record that the kernel expects, in bytes.
func (r Request) Size() int { return int(r>>16) & 0x3FFF }

// Requests on a channel; the argument is an Int where nothing else is said.
const (
	Flush           Request = in | 4<<16 | magic | 3 // Flush bits
	SetParams       Request = in | 136<<16 | magic | 5
	GetParams       Request = in | out | 136<<16 | magic | 5 // on ctl too, for Params.Channel
	Hook            Request = in | 4<<16 | magic | 7         // On, Off, Wink ...
	GetEvent        Request = out | 4<<16 | magic | 8
	SetBufferInfo   Request = in | 24<<16 | magic | 27
	Dial            Request = in | 260<<16 | magic | 31 // Digits
	EchoCancel      Request = in | 4<<16 | magic | 33   // taps, 0 off
	Dialing         Request = out | 4<<16 | magic | 35
	Specify         Request = in | 4<<16 | magic | 38 // first of all, on a new descriptor
	SetLinear       Request = in | 4<<16 | magic | 40
	SetCadence      Request = in | 64<<16 | magic | 42 // Cadence, or nothing for the zone's
	OnHookTransfer  Request = in | 4<<16 | magic | 51  // ms
	SetHardwareGain Request = in | 8<<16 | magic | 86  // HardwareGain
	SetPolarity     Request = in | 4<<16 | magic | 92
	MessageLamp     Request = in | out | 4<<16 | magic | 94 // messages
	EchoCancelFax   Request = in | 4<<16 | magic | 102
	BufferEvents    Request = in | 4<<16 | magic | 105
)

// Requests on ctl.
const (
	SpanStat       Request = in | out | 314<<16 | magic | 10 // Span
	SpanConfig     Request = in | 36<<16 | magic | 18        // SpanSetup
	ChanConfig     Request = in | 76<<16 | magic | 19        // ChannelSetup
	DefaultZone    Request = in | 4<<16 | magic | 24
	LoadZone       Request = in | 112<<16 | magic | 25 // ZoneHeader, then Steps
	FreeZone       Request = in | 4<<16 | magic | 26
	SetDialParams  Request = in | 24<<16 | magic | 29
	GetVersion     Request = out | 160<<16 | magic | 57 // Version
	AttachEchoCan  Request = in | 20<<16 | magic | 59   // EchoCanceller
	DynamicCreate  Request = in | out | 72<<16 | magic | 80
	DynamicDestroy Request = in | 72<<16 | magic | 81
	Startup        Request = in | 4<<16 | magic | 99
)

// Event is what GetEvent returns.
type Event int32

const (
	NoEvent       Event = 0
	OnHook        Event = 1
	RingOffHook   Event = 2 // a telephone was lifted; on a line: a burst of ringing is over
	WinkFlash     Event = 3
	Alarm         Event = 4
	NoAlarm       Event = 5
	DialComplete  Event = 9
	RingerOn      Event = 10
	RingerOff     Event = 11
	HookComplete  Event = 12
	PulseStart    Event = 14
	PolarityTurn  Event = 17
	RingBegin     Event = 18
	Removed       Event = 20
	FaxAnswerTone Event = 24
	FaxCallTone   Event = 26
	ReadOverrun   Event = 29
	WriteUnderrun Event = 30
	PulseDigit    Event = 1 << 16 // with the digit
)

// MaxEvents is how many events the kernel keeps for a channel, and one more.
const MaxEvents = 64

// Arguments of Hook.
const (
	HookOn      Int = 0
	HookOff     Int = 1
	HookFlash   Int = 3
	HookStart   Int = 4
	HookRing    Int = 5
	HookRingOff Int = 6
)

// Arguments of Flush.
const (
	FlushRead   Int = 1
	FlushWrite  Int = 2
	FlushEvents Int = 4
)

// Operations of Digits.
const (
	DialAppend = 1
	DialCancel = 3
)

// Signalling is how a channel tells on hook from off hook. It is named after what
// the far end is: FXS signalling is used on a port that is itself an FXO.
type Signalling int32

const (
	Unused Signalling = 0
	FXSLS  Signalling = 0x2001
	FXSGS  Signalling = 0x2002
	FXSKS  Signalling = 0x2004
	FXOLS  Signalling = 0x1008
	FXOGS  Signalling = 0x1010
	FXOKS  Signalling = 0x1020
	Clear  Signalling = 0x0080

	fxs Signalling = 0x2000
	fxo Signalling = 0x1000
)

// TowardsExchange is true for a port that an exchange feeds (FXS signalling),
// TowardsPhone for one that feeds a telephone.
func (s Signalling) TowardsExchange() bool { return s&(fxs|fxo) == fxs }
func (s Signalling) TowardsPhone() bool    { return s&(fxs|fxo) == fxo }

// String spells it as Asterisk's console does.
func (s Signalling) String() string {
	switch s {
	case Unused:
		return "Unused"
	case FXSLS:
		return "FXS Loopstart"
	case FXSGS:
		return "FXS Groundstart"
	case FXSKS:
		return "FXS Kewlstart"
	case FXOLS:
		return "FXO Loopstart"
	case FXOGS:
		return "FXO Groundstart"
	case FXOKS:
		return "FXO Kewlstart"
	case Clear:
		return "Clear channel"
	}
	return fmt.Sprintf("Signalling %#x", int32(s))
}

// Alarms is a set of reasons why a span or channel carries nothing.
type Alarms uint32

const (
	Recovering Alarms = 1 << iota
	Loopback
	Yellow
	Red
	Blue
	NotOpen
)

// String is what "dahdi show status" prints: "OK", "RED", "YEL/RED".
func (a Alarms) String() string {
	var names []string
	for _, n := range []struct {
		bit  Alarms
		name string
	}{{Blue, "BLU"}, {Yellow, "YEL"}, {Red, "RED"}, {Loopback, "LB"}, {Recovering, "REC"}, {NotOpen, "NOP"}} {
		if a&n.bit != 0 {
			names = append(names, n.name)
		}
	}
	if names == nil {
		return "OK"
	}
	return strings.Join(names, "/")
}

// Laws of G.711.
const (
	LawDefault = 0
	LawMu      = 1
	LawA       = 2
)

// Marshal makes the bytes of a record.
func Marshal(record any) ([]byte, error) {
	return binary.Append(nil, binary.NativeEndian, record)
}

// Unmarshal reads a record.
func Unmarshal(b []byte, record any) error {
	_, err := binary.Decode(b, binary.NativeEndian, record)
	return err
}

// Text is what stands in a field before its first zero.
func Text(field []byte) string {
	if n := bytes.IndexByte(field, 0); n >= 0 {
		field = field[:n]
	}
	return string(field)
}
