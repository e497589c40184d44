package negotiation

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"

	"branchline/media"
	"branchline/media/sdp"
	"branchline/pbx/settings"
)

func side(t *testing.T, port uint16, codecs ...*media.Codec) sdp.Party {
	t.Helper()
	p := Side(&settings.Endpoint{})
	p.Addr, p.Audio, p.Codecs = netip.MustParseAddr("198.51.100.9"), port, codecs
	return p
}

func seven() uint64 { return 7 }

// Two parties agree; what changes raises the version, what does not leaves it.
func TestOfferAndAnswer(t *testing.T) {
	var a, b State
	offered, err := sdp.Parse(a.Offer(side(t, 4000, media.PCMA, media.PCMU), seven))
	if err != nil || offered.Origin.ID != 7 || a.Open == nil {
		t.Fatal(offered, err)
	}
	answer, r, err := b.Answer(offered, side(t, 5000, media.PCMU, media.PCMA), seven)
	if err != nil || b.InForce || len(Agreed(r)) == 0 {
		t.Fatal(answer, r, err)
	}
	got, err := a.Accept(answer, side(t, 4000, media.PCMA, media.PCMU))
	if err != nil || got.Audio.Remote.Port() != 5000 || a.Ours == nil {
		t.Fatal(got, err)
	}
	a.Open = nil
	if _, err := a.Accept(answer, side(t, 4000, media.PCMA)); !errors.Is(err, errUnasked) {
		t.Error(err)
	}
	version := func(port uint16) uint64 {
		d, err := sdp.Parse(a.Offer(side(t, port, media.PCMA, media.PCMU), seven))
		if err != nil {
			t.Fatal(err)
		}
		a.Ours = a.Open
		return d.Origin.Version
	}
	if same, other := version(4000), version(4002); same != offered.Origin.Version || other != same+1 {
		t.Errorf("versions %d, %d, %d", offered.Origin.Version, same, other)
	}
}

func TestRead(t *testing.T) {
	text := string(new(State).Offer(side(t, 4000, media.PCMU), seven))
	parts := "--x\r\nContent-Type: text/plain\r\n\r\nhi\r\n--x\r\nContent-Type: application/sdp\r\n\r\n" + text + "\r\n--x--\r\n"
	for _, c := range []struct {
		kind, body string
		found      bool
		err        error
	}{
		{"application/sdp", text, true, nil},
		{"Application/SDP; charset=x", text, true, nil},
		{`multipart/mixed; boundary="x"`, parts, true, nil},
		{`multipart/mixed; boundary="x"`, strings.ReplaceAll(parts, "/sdp", "/other"), false, nil},
		{"", text, false, nil},
		{"application/sdp", " \r\n", false, nil},
		{"text/plain", text, false, ErrBody},
	} {
		req := sip.NewRequest(sip.INVITE, sip.Uri{})
		if c.kind != "" {
			req.AppendHeader(sip.NewHeader("Content-Type", c.kind))
		}
		req.SetBody([]byte(c.body))
		d, err := Read(req)
		if (d != nil) != c.found || !errors.Is(err, c.err) {
			t.Errorf("%q %.20q: %v %v", c.kind, c.body, d, err)
		}
	}
}

// Those the caller has come first, so that nothing needs transcoding.
func TestPreferred(t *testing.T) {
	got := Preferred([]*media.Codec{media.PCMU, media.PCMA}, []*media.Codec{media.PCMA, media.PCMA})
	if len(got) != 2 || got[0] != media.PCMA || got[1] != media.PCMU {
		t.Error(got)
	}
}

func TestDigits(t *testing.T) {
	with, without := media.Flow{EventPT: 101}, media.Flow{}
	for _, c := range []struct {
		set   settings.DTMFMode
		flow  media.Flow
		digit media.DigitMode
	}{
		{settings.DTMFRFC4733, with, media.RFC4733}, {settings.DTMFRFC4733, without, media.DigitsNone},
		{settings.DTMFAuto, without, media.Inband}, {settings.DTMFAuto, with, media.RFC4733},
		{settings.DTMFAutoInfo, without, media.InSignalling}, {settings.DTMFInband, with, media.Inband},
		{settings.DTMFInfo, with, media.InSignalling}, {settings.DTMFNone, with, media.DigitsNone},
	} {
		if got := Digits(&settings.Endpoint{DTMF: c.set}, c.flow); got != c.digit {
			t.Errorf("%v with %d: %v, want %v", c.set, c.flow.EventPT, got, c.digit)
		}
	}
}
