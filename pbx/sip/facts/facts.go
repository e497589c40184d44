// Package facts is what a leg tells others about itself at any time: what CHANNEL() and
// the console ask for, and whether two parties can exchange their media without us.
package facts

import (
	"net"
	"net/netip"
	"time"

	"branchline/media"
	"branchline/media/plane"
	"branchline/pbx/settings"
	"branchline/pbx/sip/link"
)

// Facts are an immutable copy, replaced whenever something in it changes.
type Facts struct {
	Endpoint    *settings.Endpoint
	Talks       bool // the call stands, or is about to: it is bridged before its ACK has come, or even its 200 gone out
	Replaceable bool // another party may take this one's place

	Local      link.Local
	Port       uint16 // of our audio
	Remote     netip.AddrPort
	Codec      *media.Codec
	Ptime      time.Duration
	Digits     media.DigitMode
	EventPT    uint8
	Send, Recv bool
	Video      plane.Port // nil: none was opened

	Source       string // where their last INVITE or response came from, host:port
	CallID       string
	LocalURI     string
	RemoteURI    string
	LocalTag     string
	RemoteTag    string
	RequestURI   string
	Target       string
	Contact, AOR string // of an outbound call
}

// Fact answers CHANNEL(): endpoint, contact, aor, "pjsip,call-id" and the other
// pjsip items, "rtp,src" and "rtp,dest", peerip, recvip, audionativeformat.
func (f *Facts) Fact(name string) (string, bool) {
	switch name {
	case "endpoint":
		return f.Endpoint.ID, true
	case "contact":
		if f.Contact != "" {
			return f.Contact, true
		}
		return f.Target, true
	case "aor":
		return f.AOR, true
	case "pjsip,call-id":
		return f.CallID, true
	case "pjsip,request_uri":
		return f.RequestURI, true
	case "pjsip,local_uri":
		return f.LocalURI, true
	case "pjsip,remote_uri":
		return f.RemoteURI, true
	case "pjsip,local_tag":
		return f.LocalTag, true
	case "pjsip,remote_tag":
		return f.RemoteTag, true
	case "pjsip,target_uri":
		return f.Target, true
	case "pjsip,local_addr":
		return netip.AddrPortFrom(f.Local.Media, uint16(f.Local.Port)).String(), f.Local.Media.IsValid()
	case "pjsip,remote_addr":
		return f.Source, true
	case "pjsip,secure":
		return "0", true
	case "inband_progress": // the exchange then plays the ringing tone itself
		if f.Endpoint.InbandProgress {
			return "yes", true
		}
		return "no", true
	case "pjsip,dtmf_mode":
		return modeText(f.Digits), true
	case "rtp,src", "rtp,src,audio":
		return netip.AddrPortFrom(f.Local.Media, f.Port).String(), true
	case "rtp,dest", "rtp,dest,audio":
		return Text(f.Remote), true
	case "peerip", "recvip":
		if a, err := netip.ParseAddrPort(f.Source); err == nil {
			return a.Addr().String(), true
		}
		return "", true
	case "audionativeformat":
		if f.Codec != nil {
			return f.Codec.Name, true
		}
		return "", true
	}
	return "", false
}

// Direct reports whether two parties could exchange their media without us: both may,
// both talk, with the same codec, packet time and way of sending digits.
func Direct(a, b *Facts) bool {
	return a.Endpoint.DirectMedia && b.Endpoint.DirectMedia &&
		a.hears() && b.hears() &&
		a.Codec == b.Codec && a.Ptime == b.Ptime &&
		a.Digits == b.Digits && (a.EventPT != 0) == (b.EventPT != 0) &&
		a.Remote.Addr().Is4() == b.Remote.Addr().Is4() &&
		a.reachable() && b.reachable()
}

// hears reports a call with audio both ways.
func (f *Facts) hears() bool {
	return f.Talks && f.Codec != nil && f.Remote.IsValid() && f.Send && f.Recv
}

// reachable applies disable_direct_media_on_nat: a party whose signalling does
// not come from the address in its description cannot be sent media to.
func (f *Facts) reachable() bool {
	if !f.Endpoint.DisableDirectMediaOnNAT {
		return true
	}
	host, _, err := net.SplitHostPort(f.Source)
	return err == nil && host == f.Remote.Addr().String()
}

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

// Text is an address, "" if there is none.
func Text(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
