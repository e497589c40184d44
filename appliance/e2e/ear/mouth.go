package ear

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/zaf/g711"
)

// Say is what a phone sends: RTP packets with the time between the first and each of them.
type Say struct {
	packets []spoken
	next    time.Duration
	seq     uint16
	stamp   uint32
}

type spoken struct {
	at   time.Duration
	data []byte
}

const (
	frame     = 20 * time.Millisecond
	perFrame  = Rate / 50
	sayerSSRC = 0x2006
)

// Sine adds a tone in G.711 of the given payload type. level is in dB below a full-scale square
// wave, so a full-scale sine is -3.01.
func (s *Say) Sine(payload uint8, length time.Duration, level float64, hz ...float64) {
	amp := math.Sqrt(2) * math.Pow(10, level/20) / math.Sqrt(float64(len(hz)))
	i := 0
	for range length / frame {
		lin := make([]byte, 2*perFrame)
		for k := range perFrame {
			var v float64
			for _, f := range hz {
				v += amp * math.Sin(2*math.Pi*f*float64(i)/Rate)
			}
			i++
			binary.LittleEndian.PutUint16(lin[2*k:], uint16(int16(math.Round(max(-1, min(v, 1))*32767))))
		}
		data := g711.EncodeUlaw(lin)
		if payload == ALaw {
			data = g711.EncodeAlaw(lin)
		}
		s.add(payload, false, s.stamp, data)
		s.advance()
	}
}

// Silence adds G.711 silence.
func (s *Say) Silence(payload uint8, length time.Duration) { s.Sine(payload, length, -120, 1000) }

// Pause lets time pass without packets.
func (s *Say) Pause(length time.Duration) {
	s.next += length
	s.stamp += uint32(length * Rate / time.Second)
}

// SineWAV is a RIFF file with a tone; level as in [Say.Sine].
func SineWAV(length time.Duration, level, hz float64) []byte {
	le := binary.LittleEndian
	n := int(length * Rate / time.Second)
	out := le.AppendUint32([]byte("RIFF"), uint32(36+2*n))
	out = le.AppendUint32(append(out, "WAVEfmt "...), 16)
	out = le.AppendUint16(le.AppendUint16(out, 1), 1)
	out = le.AppendUint32(le.AppendUint32(out, Rate), 2*Rate)
	out = le.AppendUint16(le.AppendUint16(out, 2), 16)
	out = le.AppendUint32(append(out, "data"...), uint32(2*n))
	amp := math.Sqrt(2) * math.Pow(10, level/20)
	for i := range n {
		out = le.AppendUint16(out, uint16(int16(math.Round(amp*math.Sin(2*math.Pi*hz*float64(i)/Rate)*32767))))
	}
	return out
}

const keys = "123A456B789C*0#D"

var (
	rows    = []float64{697, 770, 852, 941}
	columns = []float64{1209, 1336, 1477, 1633}
)

// Tones adds DTMF digits as tones in the audio (ITU-T Q.23), 100 ms each with 100 ms between.
func (s *Say) Tones(payload uint8, digits string) {
	for _, d := range digits {
		for i, k := range keys {
			if k == d {
				s.Sine(payload, 100*time.Millisecond, -7, rows[i/4], columns[i%4])
				s.Silence(payload, 100*time.Millisecond)
			}
		}
	}
}

const events = "0123456789*#ABCD"

// Events adds DTMF digits as telephone-events (RFC 4733) of the given payload type, 160 ms each
// with the end sent three times, 100 ms between.
func (s *Say) Events(payload uint8, digits string) {
	for _, d := range digits {
		for i, k := range events {
			if k != d {
				continue
			}
			start := s.stamp
			const steps = 8
			for n := 1; n <= steps; n++ {
				s.add(payload, n == 1, start, event(i, false, n*perFrame))
				s.advance()
			}
			for range 3 {
				s.add(payload, false, start, event(i, true, steps*perFrame))
			}
			s.Pause(100 * time.Millisecond)
		}
	}
}

func event(code int, end bool, duration int) []byte {
	b := []byte{byte(code), 10, byte(duration >> 8), byte(duration)}
	if end {
		b[1] |= 0x80
	}
	return b
}

// Length is how long it takes to send everything.
func (s *Say) Length() time.Duration { return s.next }

func (s *Say) advance() {
	s.next += frame
	s.stamp += perFrame
}

func (s *Say) add(payload uint8, marker bool, stamp uint32, data []byte) {
	b := make([]byte, 12, 12+len(data))
	b[0], b[1] = 0x80, payload
	if marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], s.seq)
	binary.BigEndian.PutUint32(b[4:], stamp)
	binary.BigEndian.PutUint32(b[8:], sayerSSRC)
	s.seq++
	s.packets = append(s.packets, spoken{s.next, append(b, data...)})
}

// PCAP renders the packets as a capture file of UDP datagrams on Ethernet, which SIPp's
// play_pcap_audio sends with their timing.
func (s *Say) PCAP() []byte {
	le := binary.LittleEndian
	var out []byte
	out = le.AppendUint32(out, 0xa1b2c3d4)
	out = le.AppendUint16(out, 2)
	out = le.AppendUint16(out, 4)
	out = append(out, make([]byte, 8)...)
	out = le.AppendUint32(out, 65535)
	out = le.AppendUint32(out, 1) // Ethernet
	for _, p := range s.packets {
		at := p.at + time.Second
		udp := 8 + len(p.data)
		size := uint32(14 + 20 + udp)
		out = le.AppendUint32(out, uint32(at/time.Second))
		out = le.AppendUint32(out, uint32(at%time.Second/time.Microsecond))
		out = le.AppendUint32(out, size)
		out = le.AppendUint32(out, size)
		out = append(out, make([]byte, 12)...)
		out = append(out, 8, 0)
		out = append(out, 0x45, 0)
		out = binary.BigEndian.AppendUint16(out, uint16(20+udp))
		out = append(out, 0, 0, 0, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1)
		out = binary.BigEndian.AppendUint16(out, 6000)
		out = binary.BigEndian.AppendUint16(out, 6000)
		out = binary.BigEndian.AppendUint16(out, uint16(udp))
		out = append(out, 0, 0)
		out = append(out, p.data...)
	}
	return out
}
