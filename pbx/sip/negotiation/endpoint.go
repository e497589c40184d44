package negotiation

import (
	"branchline/media"
	"branchline/media/sdp"
	"branchline/pbx/settings"
)

// Side is how an endpoint's settings want our descriptions to look; addresses,
// ports and codecs are for the call to add.
func Side(e *settings.Endpoint) sdp.Party {
	p := sdp.Party{
		Owner: e.SDPOwner, Name: e.SDPSession, Ptimes: e.PacketTimes,
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
	return p
}

// Digits is how DTMF travels on a leg to an endpoint with this flow.
func Digits(e *settings.Endpoint, f media.Flow) media.DigitMode {
	events := f.EventPT != 0
	switch e.DTMF {
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
	if events && e.DTMF != settings.DTMFNone {
		return media.RFC4733
	}
	return media.DigitsNone
}
