package dle_test

import (
	"bytes"
	"testing"

	"branchline/hal/modem/dle"
)

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		name, in, data, codes, rest string
		over                        bool
	}{
		{"nothing", "", "", "", "", false},
		{"data", "abc", "abc", "", "", false},
		{"a shielded DLE", "a\x10\x10b", "a\x10b", "", "", false},
		{"two at once", "a\x10\x1ab", "a\x10\x10b", "", "", false},
		{"an event", "a\x10bc", "ac", "b", "", false},
		{"a digit", "\x10/\x105\x10~", "", "/5~", "", false},
		{"the end", "a\x10\x03\r\nOK\r\n", "a", "", "\r\nOK\r\n", true},
		{"data that looks like the end", "\x10\x10\x03", "\x10\x03", "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var d dle.Decoder
			var codes []byte
			data, n, over := d.Decode(nil, []byte(c.in), func(c byte) { codes = append(codes, c) })
			if string(data) != c.data || string(codes) != c.codes || c.in[n:] != c.rest || over != c.over {
				t.Errorf("data %q codes %q rest %q over %v", data, codes, c.in[n:], over)
			}
		})
	}
}

func FuzzStream(f *testing.F) {
	f.Add([]byte("a\x10\x10b"), byte(1))
	f.Add([]byte{0x10, 0x10, 0x10, 3, 0x1a}, byte(2))
	f.Fuzz(func(t *testing.T, data []byte, step byte) {
		// What is shielded comes back whole, however it is cut.
		stream := append(dle.Append(nil, data), dle.DLE, dle.ETX, 'x')
		var d dle.Decoder
		var got []byte
		over := false
		for b := stream; !over; {
			piece := b[:min(len(b), int(step)+1)]
			var n int
			got, n, over = d.Decode(got, piece, func(c byte) { t.Fatalf("event %q in data", c) })
			b = b[n:]
			if over && string(b) != "x" {
				t.Fatalf("%q behind the end", b)
			}
			if !over && n != len(piece) {
				t.Fatalf("stopped in the middle")
			}
		}
		if !bytes.Equal(got, data) {
			t.Fatalf("sent %x, got %x", data, got)
		}
		// Anything can come from a modem.
		d = dle.Decoder{}
		if out, n, _ := d.Decode(nil, data, func(byte) {}); n > len(data) || len(out) > len(data) {
			t.Fatalf("%d bytes out of %d", len(out), len(data))
		}
	})
}

func TestNoAllocation(t *testing.T) {
	var d dle.Decoder
	in, out := bytes.Repeat([]byte{1, 2, 0x10, 0x10}, 40), make([]byte, 0, 400)
	data := bytes.Repeat([]byte{0x10, 7}, 80)
	code := func(byte) {}
	if n := testing.AllocsPerRun(100, func() {
		d.Decode(out, in, code)
		dle.Append(out, data)
	}); n != 0 {
		t.Errorf("%v allocations for a frame", n)
	}
}
