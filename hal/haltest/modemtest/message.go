package modemtest

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// Delivered are the PDUs of a message as the network delivers it, in UCS-2, one or
// more parts (3GPP TS 23.040, 9.2.2.1).
func Delivered(from, text string) []string {
	number, kind := from, "81"
	if rest, ok := strings.CutPrefix(from, "+"); ok {
		number, kind = rest, "91"
	}
	address := fmt.Sprintf("%02X%s", len(number), kind)
	padded := []byte(number + "F"[:len(number)%2])
	for i := 0; i+1 < len(padded); i += 2 {
		address += string([]byte{padded[i+1], padded[i]})
	}
	const protocol, coding, stamp = "00", "08", "62112220625023"
	units := utf16.Encode([]rune(text))
	if len(units) <= 70 {
		return []string{"0004" + address + protocol + coding + stamp + fmt.Sprintf("%02X", 2*len(units)) + digits(units)}
	}
	const room = 67
	total := (len(units) + room - 1) / room
	var parts []string
	for i := range total {
		piece := units[i*room : min((i+1)*room, len(units))]
		parts = append(parts, "0044"+address+protocol+coding+stamp+fmt.Sprintf("%02X050003A5%02X%02X", 2*len(piece)+6, total, i+1)+digits(piece))
	}
	return parts
}

func digits(units []uint16) string {
	var s strings.Builder
	for _, u := range units {
		fmt.Fprintf(&s, "%04X", u)
	}
	return s.String()
}
