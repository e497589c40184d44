package invite

import (
	"net/netip"
	"time"

	"branchline/media"
	"branchline/media/plane"
	"branchline/pbx/channel"
	"branchline/pbx/sip/link"
	"branchline/pbx/sip/negotiation"
)

// facts is what others may read about a session at any time: an immutable copy,
// replaced whenever something in it changes.
type facts struct {
	state      State
	local      link.Local
	remote     netip.AddrPort
	codec      *media.Codec
	ptime      time.Duration
	digits     media.DigitMode
	eventPT    uint8
	send, recv bool
	source     string // where their last INVITE or response came from, host:port
	callID     string
	localURI   string
	remoteURI  string
	localTag   string
	remoteTag  string
	requestURI string
	target     string
	hasVideo   bool
	video      plane.Port // nil: none was opened
}

// publish makes the present state visible.
func (s *Session) publish() {
	f := &facts{state: s.state, local: s.Local, video: s.video}
	if s.talk.InForce || s.talk.Prepared != nil {
		r := s.talk.Result
		f.remote, f.send, f.recv = r.Audio.Remote, r.Audio.Send, r.Audio.Recv
		f.ptime, f.digits, f.eventPT = r.Audio.Ptime, negotiation.Digits(s.Endpoint, r.Audio), r.Audio.EventPT
		if len(r.Audio.Formats) > 0 {
			f.codec = r.Audio.Formats[0].Codec
		}
		f.hasVideo = r.Video != nil
	}
	switch {
	case s.uas.req != nil:
		f.source = s.uas.req.Source()
		f.requestURI = s.uas.req.Recipient.String()
	case s.uac.req != nil:
		f.requestURI = s.uac.req.Recipient.String()
		f.callID = s.uac.callID
		f.localTag = s.uac.tag
		if h := s.uac.req.From(); h != nil {
			f.localURI = h.Address.String()
		}
		if h := s.uac.req.To(); h != nil {
			f.remoteURI = h.Address.String()
		}
	}
	if d := s.dialog; d != nil {
		f.callID = d.CallID
		f.localURI, f.localTag = d.Local.URI.String(), d.Local.Tag
		f.remoteURI, f.remoteTag = d.Remote.URI.String(), d.Remote.Tag
		f.target = d.Target.String()
		if f.source == "" {
			f.source = addrText(f.remote)
		}
	}
	s.facts.Store(f)
}

// Fact answers CHANNEL(): endpoint, contact, aor, "pjsip,call-id" and the other
// pjsip items, "rtp,src" and "rtp,dest", peerip, recvip, audionativeformat.
func (s *Session) Fact(name string) (string, bool) {
	f := s.facts.Load()
	switch name {
	case "endpoint":
		return s.Endpoint.ID, true
	case "contact":
		if s.uac.call.Contact != "" {
			return s.uac.call.Contact, true
		}
		return f.target, true
	case "aor":
		return s.uac.call.AOR, true
	case "pjsip,call-id":
		return f.callID, true
	case "pjsip,request_uri":
		return f.requestURI, true
	case "pjsip,local_uri":
		return f.localURI, true
	case "pjsip,remote_uri":
		return f.remoteURI, true
	case "pjsip,local_tag":
		return f.localTag, true
	case "pjsip,remote_tag":
		return f.remoteTag, true
	case "pjsip,target_uri":
		return f.target, true
	case "pjsip,local_addr":
		return netip.AddrPortFrom(f.local.Media, uint16(f.local.Port)).String(), f.local.Media.IsValid()
	case "pjsip,remote_addr":
		return f.source, true
	case "pjsip,secure":
		return "0", true
	case "inband_progress": // the exchange then plays the ringing tone itself
		if s.Endpoint.InbandProgress {
			return "yes", true
		}
		return "no", true
	case "pjsip,dtmf_mode":
		return modeText(f.digits), true
	case "rtp,src", "rtp,src,audio":
		return netip.AddrPortFrom(f.local.Media, s.port.Local().Port()).String(), true
	case "rtp,dest", "rtp,dest,audio":
		return addrText(f.remote), true
	case "peerip", "recvip":
		if a, err := netip.ParseAddrPort(f.source); err == nil {
			return a.Addr().String(), true
		}
		return "", true
	case "audionativeformat":
		if f.codec != nil {
			return f.codec.Name, true
		}
		return "", true
	}
	return "", false
}

// The optional abilities a session has.
var (
	_ channel.Leg         = (*Session)(nil)
	_ channel.DigitSender = (*Session)(nil)
	_ channel.Director    = (*Session)(nil)
	_ channel.Facts       = (*Session)(nil)
	_ channel.Headers     = (*Session)(nil)
	_ channel.Redirector  = (*Session)(nil)
	_ channel.Forwarder   = (*Session)(nil)
	_ channel.Known       = (*Session)(nil)
	_ channel.Reminder    = (*Session)(nil)
)

// modeText are the words for CHANNEL() and the console.
func modeText(m media.DigitMode) string {
	switch m {
	case media.RFC4733:
		return "rfc4733"
	case media.Inband:
		return "inband"
	case media.InSignalling:
		return "info"
	case media.DigitsNone:
	}
	return "none"
}

func addrText(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
