package sound

import (
	"encoding/binary"
	"errors"
	"fmt"

	"branchline/media/g711"
)

func raw(b []byte) ([]byte, error) { return b, nil }

func alaw(b []byte) ([]byte, error) {
	g711.AToU().Apply(b)
	return b, nil
}

// linear decodes signed 16 bit samples in little endian, 8 kHz. The result lies in
// the same memory; an odd byte at the end is not a sample.
func linear(b []byte) ([]byte, error) {
	n := len(b) / 2
	for i := range n {
		b[i] = g711.ULaw().Code(int16(binary.LittleEndian.Uint16(b[2*i:])))
	}
	return b[:n:n], nil
}

// Format tags of a RIFF WAVE file.
const (
	wavLinear     = 1
	wavALaw       = 6
	wavULaw       = 7
	wavExtensible = 0xfffe
)

// wav decodes a RIFF WAVE file of one channel at 8 kHz: 16 bit linear, A-law or
// u-law. A length that goes beyond the file means up to its end, as recorders that
// were cut off leave it.
func wav(b []byte) ([]byte, error) {
	if len(b) < 12 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WAVE" {
		return nil, errors.New("not a RIFF WAVE file")
	}
	var decode func([]byte) ([]byte, error)
	for b = b[12:]; len(b) >= 8; {
		id, size := string(b[:4]), uint64(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		chunk := b[:min(size, uint64(len(b)))]
		switch id {
		case "fmt ":
			var err error
			if decode, err = wavFormat(chunk); err != nil {
				return nil, err
			}
		case "data":
			if decode == nil {
				return nil, errors.New("wav: data before format")
			}
			return decode(chunk)
		}
		b = b[min(size+size&1, uint64(len(b))):] // chunks are padded to even lengths
	}
	return nil, errors.New("wav: no data")
}

func wavFormat(b []byte) (func([]byte) ([]byte, error), error) {
	if len(b) < 16 {
		return nil, errors.New("wav: short format")
	}
	u16 := binary.LittleEndian.Uint16
	tag, channels, rate, bits := u16(b), u16(b[2:]), binary.LittleEndian.Uint32(b[4:]), u16(b[14:])
	if tag == wavExtensible && len(b) >= 26 {
		tag = u16(b[24:])
	}
	switch {
	case channels != 1 || rate != 8000:
		return nil, fmt.Errorf("wav: %d channels at %d Hz, want one at 8000 Hz", channels, rate)
	case tag == wavLinear && bits == 16:
		return linear, nil
	case tag == wavALaw && bits == 8:
		return alaw, nil
	case tag == wavULaw && bits == 8:
		return raw, nil
	}
	return nil, fmt.Errorf("wav: format %d with %d bits is not known", tag, bits)
}
