package pdu

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
)

// A Submit is a message, or a part of one, to be sent.
type Submit struct {
	Length int    // for AT+CMGS: octets without the service centre's address
	Digits string // what follows the prompt
}

const (
	room7    = 160 // septets of a whole message
	roomU    = 70  // units of UCS-2
	header   = 6   // octets that say which part it is
	maxParts = 255
	// validity is how long the centre tries: three days (9.2.3.12.1).
	validity = 169
)

// Message makes the parts of a text to a number: digits, '*', '#', with '+' in front
// if it is international. ref tells one message of many parts from the next; report
// asks the network to say when it has arrived.
func Message(to, text string, ref byte, report bool) ([]Submit, error) {
	address, err := address(to)
	if err != nil {
		return nil, err
	}
	var bodies [][]byte // user data with its length in front
	coding := byte(0)
	septets, ok := toSeptets(text)
	switch units := utf16.Encode([]rune(text)); {
	case ok && len(septets) <= room7:
		bodies = [][]byte{append([]byte{byte(len(septets))}, pack(septets, 0)...)}
	case ok:
		const room = room7 - (header*8+6)/7
		pieces := split(septets, room, func(b byte) bool { return b == escape })
		for i, s := range pieces {
			b := append([]byte{byte(len(s) + room7 - room)}, heading(ref, len(pieces), i)...)
			bodies = append(bodies, append(b, pack(s, 1)...))
		}
	case len(units) <= roomU:
		coding = 8
		bodies = [][]byte{append([]byte{byte(2 * len(units))}, octets(units)...)}
	default:
		coding = 8
		pieces := split(units, roomU-header/2, func(u uint16) bool { return u>>10 == 0xd800>>10 })
		for i, u := range pieces {
			b := append([]byte{byte(2*len(u) + header)}, heading(ref, len(pieces), i)...)
			bodies = append(bodies, append(b, octets(u)...))
		}
	}
	if len(bodies) > maxParts {
		return nil, fmt.Errorf("the text needs %d messages, more than %d", len(bodies), maxParts)
	}
	var out []Submit
	for _, body := range bodies {
		first := byte(1 | 2<<3) // SMS-SUBMIT, relative validity
		if report {
			first |= 0x20
		}
		if len(bodies) > 1 {
			first |= 0x40
		}
		b := append([]byte{first, 0}, address...)
		b = append(b, 0, coding, validity)
		b = append(b, body...)
		out = append(out, Submit{len(b), "00" + strings.ToUpper(hex.EncodeToString(b))})
	}
	return out, nil
}

// heading says which part of how many (9.2.3.24.1).
func heading(ref byte, total, i int) []byte {
	return []byte{header - 1, 0, 3, ref, byte(total), byte(i + 1)}
}

// split cuts s into pieces of at most n, never behind a value that needs the next.
func split[T any](s []T, n int, bound func(T) bool) [][]T {
	var pieces [][]T
	for len(s) > n {
		at := n
		if bound(s[at-1]) {
			at--
		}
		pieces = append(pieces, s[:at])
		s = s[at:]
	}
	return append(pieces, s)
}

func octets(units []uint16) []byte {
	b := make([]byte, 0, 2*len(units))
	for _, u := range units {
		b = append(b, byte(u>>8), byte(u))
	}
	return b
}

// address is 9.1.2.5 of a number.
func address(to string) ([]byte, error) {
	digits, international := strings.CutPrefix(to, "+")
	if digits == "" || len(digits) > 20 {
		return nil, errors.New("a message needs a number of 1 to 20 digits")
	}
	b := []byte{byte(len(digits)), 0x81}
	if international {
		b[1] = 0x91
	}
	for i, c := range []byte(digits) {
		v := strings.IndexByte("0123456789*#", c)
		if v < 0 {
			return nil, fmt.Errorf("a message cannot be sent to %q", to)
		}
		if i&1 == 0 {
			b = append(b, 0xf0|byte(v))
		} else {
			b[len(b)-1] = b[len(b)-1]&15 | byte(v)<<4
		}
	}
	return b, nil
}
