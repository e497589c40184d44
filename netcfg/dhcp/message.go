// Package dhcp is a DHCP client for IPv4 (RFC 2131, 2132) that needs no raw
// socket: it asks servers to answer by broadcast, so that an ordinary UDP socket
// on an interface without an address hears them.
//
// Reading order: Run in client.go is the client's life; lease.go what a server
// grants; message.go how it is written; socket.go the real socket.
//
// The codec is our own because the library that would do pulls a compressor and
// four more modules into the binary.
package dhcp

import (
	"encoding/binary"
	"errors"
	"maps"
	"net/netip"
	"slices"
)

// Kinds of messages (RFC 2132 9.6).
const (
	discover = 1
	offer    = 2
	request  = 3
	decline  = 4
	ack      = 5
	nak      = 6
)

// Options that are used (RFC 2132; 121 is RFC 3442).
const (
	optPad       = 0
	optMask      = 1
	optRouter    = 3
	optDNS       = 6
	optHostName  = 12
	optDomain    = 15
	optMTU       = 26
	optNTP       = 42
	optRequested = 50
	optLease     = 51
	optOverload  = 52
	optKind      = 53
	optServer    = 54
	optWanted    = 55
	optMessage   = 56
	optMaxSize   = 57
	optRenew     = 58
	optRebind    = 59
	optVendor    = 60
	optClient    = 61
	optRoutes    = 121
	optEnd       = 255
)

// A message is one of DHCP's.
type message struct {
	reply     bool   // from a server
	id        uint32 // of the transaction
	secs      uint16 // since the client began
	broadcast bool   // the client hears broadcasts only
	client    netip.Addr
	yours     netip.Addr
	mac       [6]byte
	options   map[byte][]byte
}

const (
	headerSize = 236
	cookie     = 0x63825363 // RFC 2131 3
	maxOptions = 4096       // octets of one option, spread over several (RFC 3396)
)

var errMessage = errors.New("not a DHCP message")

// parse reads a message from the wire. Addresses are always valid, perhaps
// unspecified.
func parse(b []byte) (*message, error) {
	if len(b) < headerSize+4 || b[0] != 1 && b[0] != 2 || b[1] != 1 || b[2] != 6 || binary.BigEndian.Uint32(b[headerSize:]) != cookie {
		return nil, errMessage
	}
	m := &message{
		reply: b[0] == 2, id: binary.BigEndian.Uint32(b[4:]), secs: binary.BigEndian.Uint16(b[8:]), broadcast: b[10]&0x80 != 0,
		client: netip.AddrFrom4([4]byte(b[12:16])), yours: netip.AddrFrom4([4]byte(b[16:20])),
		mac: [6]byte(b[28:34]), options: map[byte][]byte{},
	}
	if err := m.read(b[headerSize+4:]); err != nil {
		return nil, err
	}
	// RFC 2132 9.3: options may go on in the fields for names, the boot file's first.
	if o := m.options[optOverload]; len(o) == 1 {
		if o[0]&1 != 0 {
			if err := m.read(b[108:236]); err != nil {
				return nil, err
			}
		}
		if o[0]&2 != 0 {
			if err := m.read(b[44:108]); err != nil {
				return nil, err
			}
		}
	}
	return m, nil
}

// read reads one field of options. A missing end is forgiven, a length beyond the
// field is not.
func (m *message) read(b []byte) error {
	for len(b) > 0 {
		code := b[0]
		if code == optEnd {
			return nil
		}
		if code == optPad {
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return errMessage
		}
		if n := len(m.options[code]) + int(b[1]); n > maxOptions {
			return errMessage
		}
		m.options[code] = append(m.options[code], b[2:2+int(b[1])]...)
		b = b[2+int(b[1]):]
	}
	return nil
}

// bytes writes the message, the kind of it first, as some servers want it, and
// filled up to the 300 octets below which some relays drop it.
func (m *message) bytes() []byte {
	b := make([]byte, headerSize+4, 576)
	b[0], b[1], b[2] = 1, 1, 6
	if m.reply {
		b[0] = 2
	}
	binary.BigEndian.PutUint32(b[4:], m.id)
	binary.BigEndian.PutUint16(b[8:], m.secs)
	if m.broadcast {
		b[10] = 0x80
	}
	copy(b[12:], four(m.client))
	copy(b[16:], four(m.yours))
	copy(b[28:], m.mac[:])
	binary.BigEndian.PutUint32(b[headerSize:], cookie)
	codes := slices.SortedFunc(maps.Keys(m.options), func(x, y byte) int {
		if (x == optKind) != (y == optKind) {
			if x == optKind {
				return -1
			}
			return 1
		}
		return int(x) - int(y)
	})
	for _, code := range codes {
		value := m.options[code]
		for {
			part := value[:min(len(value), 255)]
			b = append(b, code, byte(len(part)))
			b = append(b, part...)
			if value = value[len(part):]; len(value) == 0 {
				break
			}
		}
	}
	b = append(b, optEnd)
	for len(b) < 300 {
		b = append(b, optPad)
	}
	return b
}

func four(a netip.Addr) []byte {
	if !a.Is4() {
		return make([]byte, 4)
	}
	return a.AsSlice()
}

// kind is what the message is, 0 if it does not say.
func (m *message) kind() byte {
	if o := m.options[optKind]; len(o) == 1 {
		return o[0]
	}
	return 0
}

// addr is an option that is one address; invalid if it is not there.
func (m *message) addr(code byte) netip.Addr {
	if a := m.addrs(code); len(a) > 0 {
		return a[0]
	}
	return netip.Addr{}
}

// addrs are the usable addresses of an option.
func (m *message) addrs(code byte) (out []netip.Addr) {
	for o := m.options[code]; len(o) >= 4; o = o[4:] {
		if a := netip.AddrFrom4([4]byte(o[:4])); usable(a) && !slices.Contains(out, a) && len(out) < 8 {
			out = append(out, a)
		}
	}
	return out
}

// usable reports whether an address can belong to one host elsewhere.
func usable(a netip.Addr) bool {
	return a.Is4() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && a.As4()[0] < 240 && a.As4()[0] != 0
}

// number is an option that is a whole number of 2 or 4 octets.
func (m *message) number(code byte) (uint32, bool) {
	switch o := m.options[code]; len(o) {
	case 2:
		return uint32(binary.BigEndian.Uint16(o)), true
	case 4:
		return binary.BigEndian.Uint32(o), true
	}
	return 0, false
}
