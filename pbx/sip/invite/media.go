package invite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"branchline/media"
	"branchline/media/plane"
	"branchline/media/sdp"
	"branchline/pbx/channel"
	"branchline/pbx/settings"
)

const sdpType = "application/sdp"

// negotiation is where offer and answer stand (RFC 3264, RFC 3261 13.2.1).
type negotiation struct {
	origin  sdp.Origin       // of our descriptions
	ours    *sdp.Description // what the other side last got from us
	offer   *sdp.Description // ours that is not answered yet
	answer  *sdp.Description // to their initial offer: computed, perhaps not sent yet
	result  sdp.Result       // what is in force, or will be with answer
	inForce bool
	direct  *Session // as result was put into force
}

// errUnasked says that an answer came to an offer that is settled already.
var errUnasked = errors.New("answer without an offer")

// errBody says that a message's body is not a session description.
var errBody = errors.New("body is no session description")

// description reads a message's SDP, also from within a multipart body. It is
// nil if there is no body at all.
func description(m sip.Message) (*sdp.Description, error) {
	body := m.Body()
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	kind := ""
	for _, name := range []string{"Content-Type", "c"} {
		if hs := m.GetHeaders(name); len(hs) > 0 {
			kind = hs[0].Value()
			break
		}
	}
	mediaType, params, err := mime.ParseMediaType(kind)
	switch {
	case err == nil && mediaType == sdpType:
		return sdp.Parse(body)
	case err == nil && strings.HasPrefix(mediaType, "multipart/"):
		parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
		for range 16 {
			part, err := parts.NextPart()
			if err != nil {
				break
			}
			if t, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); t != sdpType {
				continue
			}
			text, err := io.ReadAll(io.LimitReader(part, sdp.MaxSize+1))
			if err != nil {
				return nil, fmt.Errorf("multipart: %w", errBody)
			}
			return sdp.Parse(text)
		}
		return nil, nil
	case kind == "":
		return nil, nil // nobody says that it is a description
	default:
		return nil, fmt.Errorf("%q: %w", kind, errBody)
	}
}

// party is our side as the next description shall show it: our own port, or the
// party our media goes to directly.
func (s *Session) party() sdp.Party {
	e := s.Endpoint
	p := sdp.Party{
		Owner: e.SDPOwner, Name: e.SDPSession,
		Addr: s.Local.Media, Audio: s.port.Local().Port(),
		Codecs: s.codecs, Ptimes: e.PacketTimes,
		First:  e.PreferredCodecOnly || e.IncomingOfferPref == "local_first" || e.IncomingOfferPref == "remote_first",
		Theirs: e.IncomingOfferPref == "remote" || e.IncomingOfferPref == "remote_first",
		AVPF:   e.UseAVPF, UsePtime: e.UsePtime,
	}
	if p.Name == "" {
		p.Name = "Branchline"
	}
	switch e.DTMF {
	case settings.DTMFRFC4733, settings.DTMFAuto, settings.DTMFAutoInfo:
		p.Events = true
	case settings.DTMFInband, settings.DTMFInfo, settings.DTMFNone:
	}
	if s.video != nil {
		p.Video = s.video.Local().Port()
	}
	if s.direct != nil && !s.held {
		if f := s.direct.facts.Load(); f.remote.IsValid() && f.codec != nil {
			p.Addr, p.Audio, p.Codecs = f.remote.Addr(), f.remote.Port(), []*media.Codec{f.codec}
			p.Video = 0
		}
	}
	return p
}

// openVideo reserves a video port if the endpoint may use one.
func (s *Session) openVideo() error {
	if s.video != nil || !slices.ContainsFunc(s.codecs, func(c *media.Codec) bool { return c.Video }) {
		return nil
	}
	port, err := s.Plane.Open(plane.Options{Local: s.Local.MediaBind, Events: func(media.Event) {}})
	if err != nil {
		return err
	}
	s.video = port
	return nil
}

// makeOffer describes our side and remembers that an answer is due.
func (s *Session) makeOffer() []byte {
	t := &s.talk
	if t.origin.ID == 0 {
		t.origin.ID = s.number()
		t.origin.Version = t.origin.ID
	}
	p := s.party()
	s.pictures.shape(&p)
	t.offer = s.versioned(sdp.Offer(p, t.origin, t.ours))
	return t.offer.Bytes()
}

// makeAnswer settles their offer. Nothing is in force before apply.
func (s *Session) makeAnswer(offer *sdp.Description) (*sdp.Description, sdp.Result, error) {
	t := &s.talk
	if t.origin.ID == 0 {
		// Asterisk takes the session id over from the offer, and counts from there.
		t.origin.ID, t.origin.Version = offer.Origin.ID, offer.Origin.Version+2
		if t.origin.ID == 0 {
			t.origin.ID = s.number()
		}
	}
	if offer.Find("video") >= 0 {
		if err := s.openVideo(); err != nil {
			s.log.Warn("no port for video", "err", err)
		}
	}
	d, r, err := sdp.Answer(offer, s.party(), t.origin)
	if err != nil {
		return nil, sdp.Result{}, err
	}
	return s.versioned(d), r, nil
}

// versioned raises the description's version if it differs from the last one
// they got (RFC 3264 8).
func (s *Session) versioned(d *sdp.Description) *sdp.Description {
	t := &s.talk
	if t.ours != nil && !d.SameAs(t.ours) {
		t.origin.Version++
		d.Origin.Version = t.origin.Version
	}
	return d
}

// takeAnswer puts the answer to our offer into force.
func (s *Session) takeAnswer(answer *sdp.Description) error {
	t := &s.talk
	if t.offer == nil {
		return errUnasked
	}
	r, err := sdp.Accept(t.offer, answer, s.party())
	if err != nil {
		return err
	}
	t.ours = t.offer
	s.apply(r)
	return nil
}

// apply puts a result into force: the media plane learns it, the owner hears of
// hold, and a party whose media comes to ours directly is told where it went.
func (s *Session) apply(r sdp.Result) {
	was := s.talk.result
	if s.talk.inForce && reflect.DeepEqual(was, r) && s.direct == s.talk.direct {
		return // a 2xx repeats the answer of its 183, a refresh changes nothing
	}
	s.talk.direct = s.direct
	s.talk.result, s.talk.inForce = r, true
	flow := r.Audio
	flow.Digits = s.digits(flow)
	flow.Symmetric = s.Endpoint.RTPSymmetric
	flow.Timeout = s.Endpoint.RTPTimeout
	switch {
	case s.direct != nil:
		flow.Timeout = 0
	case r.Held:
		flow.Timeout = s.Endpoint.RTPTimeoutHold
	}
	s.port.Apply(flow)
	if s.video != nil && r.Video != nil {
		v := *r.Video
		v.Symmetric = s.Endpoint.RTPSymmetric
		s.video.Apply(v)
	}
	held := r.Held
	changed := held != s.held
	s.held = held
	s.publish()
	s.pictured(was, r)
	switch {
	case !changed:
	case held:
		s.emit(channel.Event{Kind: channel.Held})
	default:
		s.emit(channel.Event{Kind: channel.Unheld})
	}
	if s.direct != nil && was.Audio.Remote != r.Audio.Remote {
		other := s.direct
		other.do(other.renegotiate)
	}
}

// digits is how DTMF travels on a leg with this flow.
func (s *Session) digits(f media.Flow) media.DigitMode {
	events := f.EventPT != 0
	switch s.Endpoint.DTMF {
	case settings.DTMFInband:
		return media.Inband
	case settings.DTMFInfo:
		return media.InSignalling
	case settings.DTMFAuto:
		if !events {
			return media.Inband
		}
	case settings.DTMFAutoInfo:
		if !events {
			return media.InSignalling
		}
	case settings.DTMFRFC4733, settings.DTMFNone:
	}
	if events && s.Endpoint.DTMF != settings.DTMFNone {
		return media.RFC4733
	}
	return media.DigitsNone
}

// heard passes on what the media plane reports. It runs on the media thread.
func (s *Session) heard(e media.Event) {
	switch e.Kind {
	case media.DigitBegin:
		s.emit(channel.Event{Kind: channel.DigitBegan, Digit: e.Digit})
	case media.DigitEnd:
		s.emit(channel.Event{Kind: channel.DigitEnded, Digit: e.Digit, Length: e.Length})
	case media.PlayDone:
		if e.ID == ownProgram {
			return
		}
		s.emit(channel.Event{Kind: channel.PlayDone, ID: e.ID, Whole: e.Whole})
	case media.Silent:
		s.emit(channel.Event{Kind: channel.MediaLost})
	case media.Latched:
	}
}

// number is a random session id or sequence number in 1 .. 2^31-1.
func (s *Session) number() uint64 {
	n, err := strconv.ParseUint(strings.ReplaceAll(s.Network.Token(), "-", "")[:8], 16, 32)
	if err != nil {
		n = uint64(time.Now().UnixNano())
	}
	return n%(1<<31-1) + 1
}

// agreed lists a result's codecs, video last.
func agreed(r sdp.Result) []*media.Codec {
	out := slices.Clone(r.Codecs)
	if r.Video != nil {
		for _, f := range r.Video.Formats {
			out = append(out, f.Codec)
		}
	}
	return out
}

func isBody(err error) bool { return errors.Is(err, errBody) }

// preferred orders the endpoint's codecs for an offer: those the caller has
// come first, so that the two legs need no transcoding (pjsip's default).
func preferred(endpoint, caller []*media.Codec) []*media.Codec {
	out := make([]*media.Codec, 0, len(endpoint))
	for _, c := range caller {
		if slices.Contains(endpoint, c) && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	for _, c := range endpoint {
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

func addrText(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
