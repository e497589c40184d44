package lossless

import (
	"bytes"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"branchline/media/g711"
)

// sounds are what may be packed: nothing, one sample, every code, silence, noise at full
// level, and something like a vowel.
func sounds() map[string][]byte {
	codes, noise, vowel := make([]byte, 256), make([]byte, 5000), make([]byte, 16000)
	for i := range codes {
		codes[i] = byte(i)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	a, b := 0.0, 0.0
	for i := range vowel {
		x := 1.8*a - 0.9*b + 300*(r.Float64()-0.5)
		if i%80 == 0 {
			x += 4000
		}
		a, b = x, a
		vowel[i] = g711.ULaw().Code(int16(max(-32000, min(32000, x))))
	}
	return map[string][]byte{"nothing": {}, "one": {0x17}, "codes": codes, "silence": bytes.Repeat([]byte{0xFF}, 3000), "noise": noise, "vowel": vowel}
}

func TestNothingIsLost(t *testing.T) {
	for name, want := range sounds() {
		packed := Pack(want)
		got, err := Unpack(packed, len(want))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: not what was packed (%v)", name, err)
		}
		if half, err := Unpack(packed, len(want)/2); err != nil || !bytes.Equal(half, want[:len(want)/2]) {
			t.Errorf("%s: the first half is not what was packed (%v)", name, err)
		}
	}
}

func TestRoom(t *testing.T) {
	// Speech is five or six bits of news a sample; noise takes hardly more than it is.
	all := sounds()
	for name, most := range map[string]float64{"vowel": 0.7, "silence": 0.03, "noise": 1.1} {
		if part := float64(len(Pack(all[name]))) / float64(len(all[name])); part > most {
			t.Errorf("%s packed is %.2f of itself", name, part)
		}
	}
}

// The bytes are the same on every machine and for ever: the packs in the program depend
// on it.
func TestTheBytesStay(t *testing.T) {
	for name, want := range map[string]uint32{"codes": 0x8768e1ef, "noise": 0xf16a5a84} {
		if sum := crc32.ChecksumIEEE(Pack(sounds()[name])); sum != want {
			t.Errorf("%s: check sum %#x", name, sum)
		}
	}
}

func TestTorn(t *testing.T) {
	packed := Pack(sounds()["vowel"])
	if _, err := Unpack(packed[:len(packed)/2], 16000); !errors.Is(err, ErrTorn) {
		t.Errorf("half a pack: %v", err)
	}
}

func FuzzUnpack(f *testing.F) {
	for _, s := range sounds() {
		f.Add(Pack(s[:min(len(s), 300)]), uint16(len(s)))
	}
	f.Fuzz(func(t *testing.T, packed []byte, n uint16) {
		ulaw, err := Unpack(packed, int(n)%2000)
		if err != nil {
			return
		}
		if again, err := Unpack(Pack(ulaw), len(ulaw)); err != nil || !bytes.Equal(again, ulaw) {
			t.Error("not what was packed")
		}
	})
}

func BenchmarkUnpack(b *testing.B) {
	vowel := sounds()["vowel"]
	packed := Pack(vowel)
	b.SetBytes(int64(len(vowel)))
	for b.Loop() {
		if _, err := Unpack(packed, len(vowel)); err != nil {
			b.Fatal(err)
		}
	}
}
