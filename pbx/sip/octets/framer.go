package octets

import (
	"bytes"
	"errors"
	"strconv"
)

var (
	errTooLarge = errors.New("message too large")
	errLength   = errors.New("no usable content length")
)

// headLimit bounds the header section of one message.
const headLimit = 32 << 10

// blank ends a header section, and keeps a connection alive.
var blank = []byte("\r\n\r\n")

// A Framer finds messages in a stream (RFC 3261 18.3).
type Framer struct {
	Limit int // octets of one message
	buf   []byte
	seen  int // octets already searched for the end of the headers
}

// Empty reports whether no message has begun.
func (f *Framer) Empty() bool { return len(f.buf) == 0 }

// Write appends what has been read.
func (f *Framer) Write(b []byte) { f.buf = append(f.buf, b...) }

// Next takes the first whole message off the buffer; nil if there is none yet.
// pings counts the CRLF CRLF keep-alives found before it. On error raw is the
// header section so far.
func (f *Framer) Next() (raw []byte, pings int, err error) {
	for len(f.buf) > 0 && (f.buf[0] == '\r' || f.buf[0] == '\n' || f.buf[0] == 0) {
		switch {
		case bytes.HasPrefix(f.buf, blank):
			pings++
			f.buf = f.buf[4:]
		case len(f.buf) < 4 && bytes.HasPrefix(blank, f.buf):
			if len(f.buf) == 2 { // a lone CRLF: an answer to our ping, or the start of one
				f.buf = f.buf[2:]
			}
			return nil, pings, nil
		default:
			f.buf = f.buf[1:]
		}
	}
	if len(f.buf) == 0 {
		f.buf, f.seen = nil, 0
		return nil, pings, nil
	}
	from := max(0, f.seen-3)
	end := bytes.Index(f.buf[from:], blank)
	if end < 0 {
		f.seen = len(f.buf)
		if len(f.buf) > headLimit {
			return f.buf, pings, errTooLarge
		}
		return nil, pings, nil
	}
	end += from
	head := f.buf[:end]
	n := bodyLength(head)
	if n < 0 {
		return head, pings, errLength
	}
	total := end + 4 + n
	if end > headLimit || total > f.Limit {
		return head, pings, errTooLarge
	}
	if len(f.buf) < total {
		f.seen = end
		return nil, pings, nil
	}
	raw = f.buf[:total:total]
	f.buf, f.seen = f.buf[total:], 0
	return raw, pings, nil
}

// bodyLength finds Content-Length in a header section. It is -1 if there is
// none, or one that is no number; two that differ are no number either.
func bodyLength(head []byte) int {
	length := -1
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			continue
		}
		name = bytes.TrimSpace(name)
		if !bytes.EqualFold(name, []byte("content-length")) && !bytes.EqualFold(name, []byte("l")) {
			continue
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 31)
		if err != nil || length >= 0 && int(n) != length {
			return -1
		}
		length = int(n)
	}
	return length
}
