package invite

import (
	"testing"
	"testing/synctest"

	"github.com/emiago/sipgo/sip"

	"branchline/media"
	"branchline/pbx/channel"
)

// TestPictures: a party adds video during the call, and its peer is offered it.
func TestPictures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Endpoint.Codecs = append(r.cfg.Endpoint.Codecs, media.H264)
		s, _ := r.up()
		if s.Video() != nil {
			t.Error("video from the beginning")
		}
		in := r.phone.send(s, sip.INVITE, offerText("198.51.100.206", 4000, "0")+"m=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=recvonly\r\n")
		want(t, "re-INVITE", in.codes(), "200")
		contains(t, "answer", string(in.last().Body()), "m=video ")
		contains(t, "answer", string(in.last().Body()), "a=sendonly")
		r.wait()
		e, _ := r.mb.Next()
		if e.Kind != channel.Pictured || !e.Asked || e.Pictures != (channel.Pictures{Receive: true}) {
			t.Errorf("%+v", e)
		}
		if s.Video() == nil {
			t.Error("no video")
		}
		r.phone.send(s, sip.ACK, "")
		r.hangup(s)
	})
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.cfg.Endpoint.Codecs = append(r.cfg.Endpoint.Codecs, media.H264)
		s, _ := r.talking()
		s.SetPictures(channel.Pictures{Send: true})
		o := r.take(sip.INVITE)
		contains(t, "offer", string(o.req.Body()), "m=video 10002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\na=recvonly\r\n")
		o.respond(200, "t1", offerText("198.51.100.55", 6000, "0")+"m=video 6002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\na=sendonly\r\n")
		r.wait()
		if e, _ := r.mb.Next(); e.Kind != channel.Pictured || e.Asked || e.Pictures != (channel.Pictures{Send: true}) {
			t.Errorf("%+v", e)
		}
		s.SetPictures(channel.Pictures{Send: true})
		r.quiet()
		s.AskPicture()
		contains(t, "INFO", string(r.take(sip.INFO).req.Body()), "<picture_fast_update/>")
		want(t, "INFO", r.phone.send(s, sip.INFO, "<x/>", "Content-Type: application/media_control+xml").codes(), "200")
		r.wait()
		if e, _ := r.mb.Next(); e.Kind != channel.PictureAsked {
			t.Errorf("%+v", e)
		}
		s.SetPictures(channel.Pictures{})
		o = r.take(sip.INVITE)
		contains(t, "offer", string(o.req.Body()), "m=video 0 RTP/AVP 99\r\n")
		o.respond(200, "t1", offerText("198.51.100.55", 6000, "0")+"m=video 0 RTP/AVP 99\r\n")
		r.hangup(s)
	})
}
