// Package info is what is said in INFO requests within a call (RFC 6086): dialled
// digits, and that a picture is wanted.
package info

import (
	"fmt"
	"mime"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/header"
)

// Length is that of a digit whose length is not said.
const Length = 100 * time.Millisecond

// Digit reads application/dtmf-relay ("Signal=5", "Duration=160") and
// application/dtmf (the bare digit).
func Digit(req *sip.Request) (digit byte, length time.Duration, ok bool) {
	hs := req.GetHeaders("Content-Type")
	hs = append(hs, req.GetHeaders("c")...)
	if len(hs) == 0 || len(req.Body()) > 256 {
		return 0, 0, false
	}
	kind, _, err := mime.ParseMediaType(hs[0].Value())
	if err != nil {
		return 0, 0, false
	}
	text, length := "", Length
	switch kind {
	case "application/dtmf":
		text = strings.TrimSpace(string(req.Body()))
		if _, v, found := strings.Cut(text, "="); found {
			text = v
		}
	case "application/dtmf-relay":
		for _, line := range strings.FieldsFunc(string(req.Body()), func(r rune) bool { return r == '\r' || r == '\n' }) {
			k, v, _ := strings.Cut(line, "=")
			switch strings.ToLower(strings.TrimSpace(k)) {
			case "signal":
				text = v
			case "duration":
				if n, err := strconv.ParseUint(strings.TrimSpace(v), 10, 16); err == nil && n > 0 {
					length = time.Duration(n) * time.Millisecond
				}
			}
		}
	default:
		return 0, 0, false
	}
	digit, ok = digitOf(strings.TrimSpace(text))
	return digit, length, ok
}

// digitOf reads a signal: the key itself, or its event number (RFC 4733 3.2).
func digitOf(s string) (byte, bool) {
	const keys = "0123456789*#ABCD"
	if len(s) == 1 {
		if i := strings.IndexByte(keys, strings.ToUpper(s)[0]); i >= 0 {
			return keys[i], true
		}
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil || n >= uint64(len(keys)) {
		return 0, false
	}
	return keys[n], true
}

// Relay is the body that carries a digit, with its type.
func Relay(digit byte, length time.Duration) (kind string, body []byte) {
	return "application/dtmf-relay", fmt.Appendf(nil, "Signal=%c\r\nDuration=%d\r\n", digit, length.Milliseconds())
}

const mediaControl = "application/media_control+xml"

// Picture is the body that asks for a picture to begin with (RFC 5168), with its
// type.
func Picture() (kind string, body []byte) {
	return mediaControl, []byte(`<?xml version="1.0" encoding="utf-8"?>` + "\r\n" +
		"<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>\r\n")
}

// AsksPicture reports whether an INFO does.
func AsksPicture(req *sip.Request) bool {
	return strings.HasPrefix(strings.ToLower(header.First(req, "Content-Type")), mediaControl)
}
