package g711

import (
	"math"
	"testing"

	"github.com/zaf/g711"
)

// G.711 tables 1a and 2a: the decoder's largest values, its smallest, and the
// codes of the digital milliwatt (table 5 and 6) which is 1 kHz at 0 dBm0.
func TestDecoderValues(t *testing.T) {
	for _, c := range []struct {
		law  *Law
		code byte
		want int16
	}{
		{ULaw(), 0x80, 8031 * 4}, {ULaw(), 0x00, -8031 * 4}, {ULaw(), 0xff, 0}, {ULaw(), 0xfe, 2 * 4},
		{ALaw(), 0xaa, 4032 * 8}, {ALaw(), 0x2a, -4032 * 8}, {ALaw(), 0xd5, 1 * 8}, {ALaw(), 0x55, -1 * 8},
	} {
		if got := c.law.Linear(c.code); got != c.want {
			t.Errorf("code %#02x is %d, want %d", c.code, got, c.want)
		}
	}
}

func TestEveryCodeSurvivesTheWayThroughLinear(t *testing.T) {
	for i := range 256 {
		c := byte(i)
		if got := ALaw().Code(ALaw().Linear(c)); got != c {
			t.Errorf("A-law %#02x came back as %#02x", c, got)
		}
		if got := ULaw().Code(ULaw().Linear(c)); got != c && c != 0x7f { // 0x7f is minus zero
			t.Errorf("u-law %#02x came back as %#02x", c, got)
		}
	}
}

// The shortened tables must say exactly what the full-width encoder says.
func TestEncodeAgainstReference(t *testing.T) {
	for v := math.MinInt16; v <= math.MaxInt16; v++ {
		s := int16(v)
		if got, want := ULaw().Code(s), g711.EncodeUlawFrame(s); got != want && ULaw().Linear(got) != ULaw().Linear(want) {
			t.Fatalf("u-law of %d is %#02x, want %#02x", s, got, want)
		}
		if got, want := ALaw().Code(s), g711.EncodeAlawFrame(s); got != want && ALaw().Linear(got) != ALaw().Linear(want) {
			t.Fatalf("A-law of %d is %#02x, want %#02x", s, got, want)
		}
	}
}

func TestTranslationKeepsLoudness(t *testing.T) {
	for i := range 256 {
		c := byte(i)
		u, a := float64(ULaw().Linear(c)), float64(ALaw().Linear(UToA()[c]))
		if math.Abs(u-a) > math.Max(16, math.Abs(u)/16) {
			t.Errorf("u-law %#02x: %v becomes %v", c, u, a)
		}
		a, u = float64(ALaw().Linear(c)), float64(ULaw().Linear(AToU()[c]))
		if math.Abs(u-a) > math.Max(16, math.Abs(a)/16) {
			t.Errorf("A-law %#02x: %v becomes %v", c, a, u)
		}
	}
}

func TestApplyHandlesEveryLength(t *testing.T) {
	for n := range 41 {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i * 7)
		}
		UToA().Apply(b)
		for i := range b {
			if want := UToA()[byte(i*7)]; b[i] != want {
				t.Fatalf("length %d, byte %d: %#02x, want %#02x", n, i, b[i], want)
			}
		}
	}
}

func TestMixLimits(t *testing.T) {
	loud := []byte{0x80, 0x00, 0xff}
	ULaw().Mix(loud, []byte{0x80, 0x00, 0x80})
	if want := []byte{0x80, 0x00, 0x80}; string(loud) != string(want) {
		t.Errorf("mix gave %#x, want %#x", loud, want)
	}
}

func TestNothingAllocates(t *testing.T) {
	b, s := make([]byte, 160), make([]int16, 160)
	if n := testing.AllocsPerRun(100, func() {
		UToA().Apply(b)
		ULaw().Decode(s, b)
		ALaw().Encode(b, s)
		ALaw().Mix(b, b)
	}); n != 0 {
		t.Errorf("%v allocations per frame", n)
	}
}

func BenchmarkTranslate(b *testing.B) {
	f := make([]byte, 160)
	for b.Loop() {
		UToA().Apply(f)
	}
}
