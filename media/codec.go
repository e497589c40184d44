package media

import "strings"

// A Codec is one entry of the codec table. Codecs are compared by pointer.
type Codec struct {
	Name     string // Asterisk's word: ulaw, alaw, g722 ...
	Encoding string // rtpmap encoding name: PCMU ...
	Rate     int    // RTP clock in Hz
	Channels int    // 1 unless the rtpmap says otherwise
	Static   int    // static payload type (RFC 3551), -1: dynamic
	Video    bool
	Fmtp     string // default format parameters, may be empty
}

// The codecs we know. Only u-law and A-law are ever decoded; the others are
// relayed between parties that share them.
var (
	PCMU  = &Codec{Name: "ulaw", Encoding: "PCMU", Rate: 8000, Channels: 1, Static: 0}
	PCMA  = &Codec{Name: "alaw", Encoding: "PCMA", Rate: 8000, Channels: 1, Static: 8}
	G722  = &Codec{Name: "g722", Encoding: "G722", Rate: 8000, Channels: 1, Static: 9}
	G729  = &Codec{Name: "g729", Encoding: "G729", Rate: 8000, Channels: 1, Static: 18, Fmtp: "annexb=no"}
	GSM   = &Codec{Name: "gsm", Encoding: "GSM", Rate: 8000, Channels: 1, Static: 3}
	ILBC  = &Codec{Name: "ilbc", Encoding: "iLBC", Rate: 8000, Channels: 1, Static: -1, Fmtp: "mode=30"}
	G726  = &Codec{Name: "g726", Encoding: "G726-32", Rate: 8000, Channels: 1, Static: -1}
	Speex = &Codec{Name: "speex", Encoding: "speex", Rate: 8000, Channels: 1, Static: -1}
	Opus  = &Codec{Name: "opus", Encoding: "opus", Rate: 48000, Channels: 2, Static: -1}
	H261  = &Codec{Name: "h261", Encoding: "H261", Rate: 90000, Channels: 1, Static: 31, Video: true}
	H263  = &Codec{Name: "h263", Encoding: "H263", Rate: 90000, Channels: 1, Static: 34, Video: true}
	H263p = &Codec{Name: "h263p", Encoding: "h263-1998", Rate: 90000, Channels: 1, Static: -1, Video: true}
	H264  = &Codec{Name: "h264", Encoding: "H264", Rate: 90000, Channels: 1, Static: -1, Video: true}
	MPEG4 = &Codec{Name: "mpeg4", Encoding: "MP4V-ES", Rate: 90000, Channels: 1, Static: -1, Video: true}
	VP8   = &Codec{Name: "vp8", Encoding: "VP8", Rate: 90000, Channels: 1, Static: -1, Video: true}
)

// Codecs lists the codec table in the order `allow=all` offers it.
var Codecs = []*Codec{PCMU, PCMA, G722, GSM, G729, ILBC, G726, Speex, Opus, H261, H263, H263p, H264, MPEG4, VP8}

// CodecNamed finds a codec by Asterisk's name, ignoring case; nil if unknown.
func CodecNamed(name string) *Codec {
	for _, c := range Codecs {
		if strings.EqualFold(c.Name, name) {
			return c
		}
	}
	return nil
}

// G711 reports whether the exchange itself can encode and decode c.
func (c *Codec) G711() bool { return c == PCMU || c == PCMA }
