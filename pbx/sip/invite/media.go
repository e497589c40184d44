package invite

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"branchline/media"
	"branchline/media/plane"
	"branchline/media/sdp"
	"branchline/pbx/channel"
	"branchline/pbx/sip/negotiation"
	"branchline/pbx/sip/ringback"
)

// party is our side as the next description shall show it: our own port, or the
// party our media goes to directly.
func (s *Session) party() sdp.Party {
	p := negotiation.Side(s.Endpoint)
	p.Addr, p.Audio, p.Codecs = s.Local.Media, s.port.Local().Port(), s.codecs
	if s.video != nil {
		p.Video = s.video.Local().Port()
	}
	if s.direct != nil && !s.held {
		if f := s.direct.facts.Load(); f.Remote.IsValid() && f.Codec != nil {
			p.Addr, p.Audio, p.Codecs = f.Remote.Addr(), f.Remote.Port(), []*media.Codec{f.Codec}
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
	p := s.party()
	s.pictures.shape(&p)
	return s.talk.Offer(p, s.number)
}

// makeAnswer settles their offer. Nothing is in force before apply.
func (s *Session) makeAnswer(offer *sdp.Description) (*sdp.Description, sdp.Result, error) {
	if offer.Find("video") >= 0 {
		if err := s.openVideo(); err != nil {
			s.log.Warn("no port for video", "err", err)
		}
	}
	return s.talk.Answer(offer, s.party(), s.number)
}

// takeAnswer puts the answer to our offer into force.
func (s *Session) takeAnswer(answer *sdp.Description) error {
	r, err := s.talk.Accept(answer, s.party())
	if err == nil {
		s.apply(r)
	}
	return err
}

// apply puts a result into force: the media plane learns it, the owner hears of
// hold, and a party whose media comes to ours directly is told where it went.
func (s *Session) apply(r sdp.Result) {
	was := s.talk.Result
	if s.talk.InForce && reflect.DeepEqual(was, r) && s.direct == s.applied {
		return // a 2xx repeats the answer of its 183, a refresh changes nothing
	}
	s.applied = s.direct
	s.talk.Result, s.talk.InForce = r, true
	flow := r.Audio
	flow.Digits = negotiation.Digits(s.Endpoint, flow)
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

// heard passes on what the media plane reports. It runs on the media thread.
func (s *Session) heard(e media.Event) {
	switch e.Kind {
	case media.DigitBegin:
		s.emit(channel.Event{Kind: channel.DigitBegan, Digit: e.Digit})
	case media.DigitEnd:
		s.emit(channel.Event{Kind: channel.DigitEnded, Digit: e.Digit, Length: e.Length})
	case media.PlayDone:
		if e.ID == ringback.Program {
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
