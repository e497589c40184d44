package invite

import (
	"github.com/emiago/sipgo/sip"

	"branchline/media/sdp"
	"branchline/pbx/channel"
	"branchline/pbx/sip/info"
	"branchline/pbx/sip/link"
)

// pictures is what is wanted of a call's video beyond what was first agreed.
type pictures struct {
	theirs bool // their offer is being put into force
	set    bool // the owner has said what it wants
	want   channel.Pictures
}

// shape applies it to our side of an offer.
func (w *pictures) shape(p *sdp.Party) {
	if !w.set {
		return
	}
	switch {
	case !w.want.Send && !w.want.Receive:
		p.Video = 0
	case w.want.Send && !w.want.Receive: // the party sends, we receive
		p.VideoDir = sdp.RecvOnly
	case !w.want.Send:
		p.VideoDir = sdp.SendOnly
	}
	p.MoreVideo = true
}

// seen is how video goes by a result, as seen by the party.
func seen(r sdp.Result) channel.Pictures {
	if r.Video == nil {
		return channel.Pictures{}
	}
	return channel.Pictures{Send: r.Video.Recv, Receive: r.Video.Send}
}

// pictured reports a change of video.
func (s *Session) pictured(was, is sdp.Result) {
	if a, b := seen(was), seen(is); a != b && s.state != Offered {
		s.emit(channel.Event{Kind: channel.Pictured, Pictures: b, Asked: s.pictures.theirs})
	}
}

// SetPictures offers the party video, another direction of it, or none, as its
// peer now has it. It has no effect on a party that may have no video.
func (s *Session) SetPictures(w channel.Pictures) {
	s.do(func() {
		if s.gone || seen(s.talk.Result) == w {
			return
		}
		s.pictures.set, s.pictures.want = true, w
		if err := s.openVideo(); err != nil {
			s.log.Warn("no port for video", "err", err)
			return
		}
		if s.video != nil {
			s.publish()
			s.renegotiate()
		}
	})
}

// AskPicture asks a party that sends video for a picture its peer can begin with.
func (s *Session) AskPicture() {
	s.do(func() {
		if s.state != Confirmed || s.gone || s.talk.Result.Video == nil {
			return
		}
		req := s.dialog.Request(sip.INFO)
		kind, body := info.Picture()
		s.finish(req, s.MaxForwards, kind, body)
		s.send(req, func(r link.Reply) {
			if r.Err != nil {
				s.log.Info("INFO not answered", "err", r.Err)
			}
		})
	})
}

var _ channel.Painter = (*Session)(nil)
