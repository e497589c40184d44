package distant

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

// A wire is a connection by which in comes; what goes out is nobody's business.
type wire struct {
	net.Conn
	in io.Reader
}

func (w wire) Read(b []byte) (int, error)  { return w.in.Read(b) }
func (w wire) Write(b []byte) (int, error) { return len(b), nil }
func (w wire) SetDeadline(time.Time) error { return nil }

// FuzzStranger: whatever somebody without the secret says, on either side, it is not let in.
func FuzzStranger(f *testing.F) {
	key := bytes.Repeat([]byte{7}, 32)
	own, err := ephemeral()
	if err != nil {
		f.Fatal(err)
	}
	x, err := begin(key, own)
	if err != nil {
		f.Fatal(err)
	}
	said, err := x.message(nil) // a copy of somebody else's
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append(said, 0, 16), true)
	f.Add(append(said, "\x00\x13and this is no record"...), false)
	f.Add(make([]byte, 2*messageSize), true)
	f.Add([]byte("core stop now\n"), false)
	f.Fuzz(func(t *testing.T, in []byte, calls bool) {
		if c, err := meet(wire{in: bytes.NewReader(in)}, key, calls); err == nil {
			t.Fatalf("%x is let in: %v", in, c)
		}
	})
}

// FuzzRecords: of records that were meddled with only those before the first change arrive.
func FuzzRecords(f *testing.F) {
	key := bytes.Repeat([]byte{9}, 32)
	out, err := newBox(key)
	if err != nil {
		f.Fatal(err)
	}
	var plain, sealed []byte
	for _, s := range []string{"h\x00\x00\x00\x02{}", "", "r\x00\x00\x00\x08net show", "r"} {
		plain = append(plain, s...)
		sealed = out.seal(append(sealed, 0, byte(len(s)+16)), []byte(s), nil)
	}
	f.Add(sealed)
	f.Add(sealed[:len(sealed)-1])
	f.Add(bytes.Repeat(sealed[:25], 2))
	f.Add([]byte{0xff, 0xff, 0})
	f.Add([]byte{0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		box, err := newBox(key)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(&conn{Conn: wire{in: bytes.NewReader(in)}, in: box})
		if !bytes.HasPrefix(plain, got) {
			t.Fatalf("%q arrived of %x", got, in)
		}
		if bytes.Equal(in, sealed) && (err != nil || len(got) != len(plain)) {
			t.Fatalf("%q %v", got, err)
		}
	})
}
