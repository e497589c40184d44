package pdu

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestDeliver(t *testing.T) {
	taipei := time.FixedZone("", 8*3600)
	for _, c := range []struct {
		name, digits, from, text string
		sent                     time.Time
		part                     Part
	}{
		// The example every description of the format has: "hellohello".
		{"7 bit", "07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37", "27838890001", "hellohello",
			time.Date(2099, 3, 29, 15, 16, 59, 0, time.FixedZone("", 2*3600)), Part{}},
		{"UCS-2", "0891683108200105F0240D91688121436587F900086211222062500004" + "4F60597D", "+8618123456789", "你好",
			time.Date(2026, 11, 22, 2, 26, 5, 0, time.FixedZone("", 0)), Part{}},
		{"a name", "0004" + "09D0" + "E8329BFD06" + "0000" + "62112220625023" + "02" + "E834", "hello", "hi",
			time.Date(2026, 11, 22, 2, 26, 5, 0, taipei), Part{}},
		{"a part", "0044" + "0491" + "2143" + "0008" + "62112220625023" + "0A" + "050003CC0302" + "4F60597D", "+1234", "你好",
			time.Date(2026, 11, 22, 2, 26, 5, 0, taipei), Part{0xcc, 3, 2}},
		{"a part with a long number", "0044" + "0481" + "2143" + "0008" + "62112220625023" + "09" + "06080401CC0201" + "4F60", "1234", "你",
			time.Date(2026, 11, 22, 2, 26, 5, 0, taipei), Part{0x1cc, 2, 1}},
		{"no date", "0004" + "0481" + "2143" + "0000" + "00000000000000" + "02" + "E834", "1234", "hi", time.Time{}, Part{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Parse(c.digits)
			if err != nil {
				t.Fatal(err)
			}
			d := m.(*Deliver)
			if d.From != c.from || Text(d) != c.text || !d.Sent.Equal(c.sent) || d.Part != c.part {
				t.Errorf("from %q text %q sent %v part %+v", d.From, Text(d), d.Sent, d.Part)
			}
		})
	}
}

func TestBroken(t *testing.T) {
	for _, digits := range []string{"", "0", "zz", "07", "00", "0004", "0004FF", "000404812143", "0001", "0004" + "0481" + "2143" + "0020" + "62112220625023" + "00",
		"0044" + "0481" + "2143" + "0008" + "62112220625023" + "02" + "0900"} {
		if m, err := Parse(digits); err == nil {
			t.Errorf("%q is %+v", digits, m)
		}
	}
}

func TestReport(t *testing.T) {
	const head, times = "0006" + "2A" + "0A81" + "9021436587", "62112220625023" + "62112220725023"
	for _, c := range []struct {
		status string
		final  bool
		fine   bool
	}{{"00", true, true}, {"30", false, true}, {"46", true, false}, {"61", true, false}, {"7F", true, false}} {
		m, err := Parse(head + times + c.status)
		if err != nil {
			t.Fatal(err)
		}
		r := m.(*Report)
		final, why := r.Final()
		if r.Ref != 42 || r.To != "0912345678" || final != c.final || (why == nil) != c.fine {
			t.Errorf("%+v final %v: %v", r, final, why)
		}
	}
}

// asDelivered makes what the network would deliver of what was submitted.
func asDelivered(t *testing.T, s Submit) *Deliver {
	t.Helper()
	first := "04"
	if s.Digits[2]&4 != 0 { // 5 or 7: with a header
		first = "44"
	}
	b := s.Digits[6:] // centre, first octet, reference
	digits := int(b[0]-'0')<<4 + strings.IndexByte("0123456789ABCDEF", b[1])
	end := 4 + (digits+1)/2*2
	coding := b[end+2 : end+4]
	m, err := Parse("00" + first + b[:end] + "00" + coding + "62112220625023" + b[end+6:])
	if err != nil {
		t.Fatalf("%s: %v", s.Digits, err)
	}
	if got := len(s.Digits)/2 - 1; got != s.Length {
		t.Fatalf("length %d, said %d", got, s.Length)
	}
	return m.(*Deliver)
}

func TestMessage(t *testing.T) {
	for _, c := range []struct {
		name, to, text string
		parts          int
	}{
		{"short", "+886912345678", "hello", 1},
		{"empty", "1", "", 1},
		{"the whole alphabet", "0912345678", strings.ReplaceAll(alphabet7, "\x1b", ""), 1},
		{"extension", "*123#", "[1€] {~|\\^}", 1},
		{"160 of 7 bits", "123", strings.Repeat("a", 160), 1},
		{"161 of 7 bits", "123", strings.Repeat("a", 161), 2},
		{"306 of 7 bits", "123", strings.Repeat("b", 306), 2},
		{"escapes at the cut", "123", strings.Repeat("a", 152) + "€" + strings.Repeat("b", 20), 2},
		{"Chinese", "+886912345678", "你好，世界", 1},
		{"70 units", "123", strings.Repeat("好", 70), 1},
		{"71 units", "123", strings.Repeat("好", 71), 2},
		{"pairs at the cut", "123", strings.Repeat("好", 66) + "😀" + strings.Repeat("好", 40), 2},
		{"long", "123", strings.Repeat("好", 1000), 15},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := Message(c.to, c.text, 7, true)
			if err != nil {
				t.Fatal(err)
			}
			if len(out) != c.parts {
				t.Errorf("%d parts", len(out))
			}
			var parts []*Deliver
			for i, s := range out {
				d := asDelivered(t, s)
				if d.From != c.to {
					t.Errorf("to %q", d.From)
				}
				if c.parts > 1 && d.Part != (Part{7, c.parts, i + 1}) {
					t.Errorf("part %+v", d.Part)
				}
				parts = append(parts, d)
			}
			if got := Text(parts...); got != c.text {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestNotAMessage(t *testing.T) {
	for _, to := range []string{"", "+", "bob", "12 34", strings.Repeat("1", 21)} {
		if _, err := Message(to, "x", 0, false); err == nil {
			t.Errorf("sent to %q", to)
		}
	}
	if _, err := Message("1", strings.Repeat("好", 70000), 0, false); err == nil {
		t.Error("a book was sent")
	}
}

// TestKnown is a message whose octets were made elsewhere.
func TestKnown(t *testing.T) {
	out, err := Message("+46708251358", "hellohello", 0, false)
	if err != nil {
		t.Fatal(err)
	}
	if want := "0011000B916407281553F80000A90AE8329BFD4697D9EC37"; out[0].Digits != want || out[0].Length != 23 {
		t.Errorf("%s (%d), not %s", out[0].Digits, out[0].Length, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("07917283010010F5040BC87238880900F10000993092516195800AE8329BFD4697D9EC37")
	f.Add("0044049121430008621122206250230A050003CC03024F60597D")
	f.Add("00062A0A8190214365876211222062502362112220725023" + "46")
	f.Add("000409D0E8329BFD06000062112220625023" + "02E834")
	f.Fuzz(func(t *testing.T, digits string) {
		m, err := Parse(digits)
		if err != nil {
			return
		}
		switch m := m.(type) {
		case *Deliver:
			if n := len(Text(m)); n > 4*len(digits) {
				t.Fatalf("%d bytes of text", n)
			}
			if m.Part.Number < 0 || m.Part.Number > m.Part.Total {
				t.Fatalf("part %+v", m.Part)
			}
		case *Report:
			m.Final()
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add("hello [€]")
	f.Add(strings.Repeat("好😀", 60))
	f.Fuzz(func(t *testing.T, text string) {
		out, err := Message("123", text, 1, false)
		if err != nil {
			return
		}
		var parts []*Deliver
		for _, s := range out {
			if s.Length > 164+10 {
				t.Fatalf("a message of %d octets", s.Length)
			}
			parts = append(parts, asDelivered(t, s))
		}
		if got := Text(parts...); got != strings.ToValidUTF8(text, "\uFFFD") && got != string([]rune(text)) {
			t.Fatalf("sent %q, got %q", text, got)
		}
	})
}

func TestShortIsShort(t *testing.T) {
	if _, err := Parse("0004"); !errors.Is(err, ErrShort) {
		t.Error(err)
	}
}
