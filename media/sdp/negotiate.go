package sdp

import (
	"errors"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"branchline/media"
)

// A Party is what our side of a call can do and where it does it.
type Party struct {
	Owner, Name string     // o= user and s= text
	Addr        netip.Addr // c=
	Audio       uint16     // our RTP port
	Video       uint16     // our video port, 0: none
	// Codecs is the endpoint's allow list, best first; video codecs in it count
	// only if Video is not 0.
	Codecs []*media.Codec
	Ptimes map[*media.Codec]time.Duration
	Events bool // telephone-event may be offered and accepted
	First  bool // answer with the first common codec only (preferred_codec_only)
	// Theirs answers in the offer's order of codecs; otherwise ours decides,
	// as measured on Asterisk 22 (incoming_call_offer_pref).
	Theirs bool
	// UsePtime takes over the packet time the offer asks for.
	UsePtime bool
	AVPF     bool      // the profile is RTP/AVPF (RFC 4585) instead of RTP/AVP
	Dir      Direction // what we want, as seen by us
	// MoreVideo puts video into an offer whose predecessor had none, and VideoDir
	// limits it.
	MoreVideo bool
	VideoDir  Direction
}

// A Result is what one offer and answer settled.
type Result struct {
	Audio media.Flow
	Video *media.Flow // nil: no video
	// Codecs are the audio codecs agreed, best first.
	Codecs []*media.Codec
	// Held says that the other side does not want to hear us (RFC 3264 8.4).
	Held bool
}

// ErrNothingCommon: no stream of the offer can be accepted, or the answer
// accepted none; SIP says 488.
var ErrNothingCommon = errors.New("no codec or stream in common")

const (
	eventName    = "telephone-event"
	eventFmtp    = "0-16"
	defaultPtime = 20 * time.Millisecond
)

// eventTypes are the payload types we offer telephone-event under, by clock
// rate; each codec wants its own (RFC 4733 2.1). The numbers are Asterisk's.
var eventTypes = map[int]uint8{8000: 101, 16000: 102, 48000: 103}

// maxPtime is what Asterisk 22 announces for a list of codecs, in ms.
func maxPtime(maps []Map) int {
	if slices.ContainsFunc(maps, func(e Map) bool { return strings.EqualFold(e.Encoding, media.Opus.Encoding) }) {
		return 60
	}
	return 140
}

// dynamicTypes are the payload types we offer codecs without a static one
// under; the numbers are Asterisk's, so that traces compare.
var dynamicTypes = map[*media.Codec]uint8{
	media.ILBC: 97, media.G726: 111, media.Speex: 110, media.Opus: 107,
	media.H263p: 98, media.H264: 99, media.VP8: 100, media.MPEG4: 104,
}

func staticMap(pt uint8) (Map, bool) {
	for _, c := range media.Codecs {
		if c.Static == int(pt) {
			return Map{PT: pt, Encoding: c.Encoding, Rate: c.Rate}, true
		}
	}
	return Map{}, false
}

// Offer describes all that p can do. If prev is our side's current
// description, its number and order of sections is kept (RFC 3264 8).
func Offer(p Party, o Origin, prev *Description) *Description {
	d := p.describe(o)
	if prev == nil {
		if p.hasAudio() || !p.hasVideo() {
			d.Media = append(d.Media, p.offerAudio())
		}
		if p.Video != 0 && p.hasVideo() {
			d.Media = append(d.Media, p.offerVideo())
		}
		return d
	}
	var audio, video bool
	for i := range prev.Media {
		m := &prev.Media[i]
		switch {
		case m.Kind == "audio" && m.Port != 0 && !audio:
			audio = true
			d.Media = append(d.Media, p.offerAudio().under(m))
		case m.Kind == "video" && (m.Port != 0 || p.MoreVideo) && !video && p.Video != 0 && p.hasVideo():
			video = true
			d.Media = append(d.Media, p.offerVideo().under(m))
		default:
			d.Media = append(d.Media, decline(m))
		}
	}
	if p.MoreVideo && !video && p.Video != 0 && p.hasVideo() {
		d.Media = append(d.Media, p.offerVideo())
	}
	return d
}

// Answer settles an offer. Sections we cannot serve are declined with port 0.
func Answer(offer *Description, p Party, o Origin) (*Description, Result, error) {
	d := p.describe(o)
	var r Result
	var audio bool
	for i := range offer.Media {
		m := &offer.Media[i]
		switch {
		case m.Kind == "audio" && !audio:
			if a, ok := p.answerAudio(m, &r); ok {
				audio = true
				d.Media = append(d.Media, a)
				continue
			}
		case m.Kind == "video" && r.Video == nil && p.Video != 0:
			if a, ok := p.answerVideo(m, &r); ok {
				d.Media = append(d.Media, a)
				continue
			}
		}
		d.Media = append(d.Media, decline(m))
	}
	if !audio && r.Video == nil {
		return nil, Result{}, ErrNothingCommon
	}
	return d, r, nil
}

// Accept settles the answer to an offer of ours.
func Accept(offer, answer *Description, p Party) (Result, error) {
	var r Result
	var audio bool
	for i := range offer.Media {
		if i >= len(answer.Media) {
			break // RFC 3264 6 wants as many; what is missing counts as declined
		}
		mine, theirs := &offer.Media[i], &answer.Media[i]
		if mine.Port == 0 || theirs.Port == 0 || mine.Kind != theirs.Kind || !strings.EqualFold(mine.Proto, theirs.Proto) {
			continue
		}
		switch {
		case mine.Kind == "audio" && !audio:
			formats, events := p.common(theirs, false, true)
			if len(formats) == 0 {
				continue
			}
			audio = true
			r.audio(theirs, mine.Dir, formats, events, p)
		case mine.Kind == "video" && r.Video == nil:
			formats, _ := p.common(theirs, true, true)
			if len(formats) == 0 {
				continue
			}
			f := flow(theirs, mine.Dir, formats)
			r.Video = &f
		}
	}
	if !audio && r.Video == nil {
		return Result{}, ErrNothingCommon
	}
	return r, nil
}

func (p Party) describe(o Origin) *Description {
	o.User, o.Addr = p.Owner, p.Addr
	if o.User == "" {
		o.User = "-"
	}
	name := p.Name
	if name == "" {
		name = "-"
	}
	return &Description{Origin: o, Name: name, Conn: p.Addr}
}

func (p Party) hasAudio() bool {
	return slices.ContainsFunc(p.Codecs, func(c *media.Codec) bool { return !c.Video })
}

func (p Party) hasVideo() bool {
	return slices.ContainsFunc(p.Codecs, func(c *media.Codec) bool { return c.Video })
}

func (p Party) offerAudio() Media {
	m := Media{Kind: "audio", Port: p.Audio, Proto: p.profile(), Conn: p.Addr, Dir: p.Dir}
	var first *media.Codec
	var rates []int
	for _, c := range p.Codecs {
		if c.Video {
			continue
		}
		if first == nil {
			first = c
		}
		m.add(offered(c))
		if !slices.Contains(rates, c.Rate) {
			rates = append(rates, c.Rate)
		}
	}
	for _, rate := range rates {
		if pt, ok := eventTypes[rate]; ok && p.Events {
			m.add(Map{PT: pt, Encoding: eventName, Rate: rate, Fmtp: eventFmtp})
		}
	}
	m.Ptime, m.MaxPtime = p.ptimeMillis(first), maxPtime(m.Maps)
	return m
}

func (p Party) offerVideo() Media {
	m := Media{Kind: "video", Port: p.Video, Proto: p.profile(), Conn: p.Addr, Dir: p.Dir.Within(p.VideoDir)}
	for _, c := range p.Codecs {
		if c.Video {
			m.add(offered(c))
		}
	}
	return m
}

func offered(c *media.Codec) Map {
	pt, ok := dynamicTypes[c]
	if !ok {
		pt = uint8(c.Static)
	}
	return codecMap(c, pt, c.Fmtp)
}

func codecMap(c *media.Codec, pt uint8, fmtp string) Map {
	m := Map{PT: pt, Encoding: c.Encoding, Rate: c.Rate, Fmtp: fmtp}
	if c.Channels > 1 {
		m.Channels = c.Channels
	}
	return m
}

// under keeps the payload types agreed before for the same codecs: they may not
// change their meaning within a session (RFC 3264 8.3.2).
func (m Media) under(prev *Media) Media {
	for i := range m.Maps {
		e := &m.Maps[i]
		for _, was := range prev.Maps {
			if strings.EqualFold(was.Encoding, e.Encoding) && was.Rate == e.Rate {
				e.PT = was.PT
				m.Formats[i] = strconv.Itoa(int(was.PT))
				break
			}
		}
	}
	m.Proto = prev.Proto
	return m
}

func (p Party) answerAudio(m *Media, r *Result) (Media, bool) {
	if m.Port == 0 || !strings.EqualFold(m.Proto, p.profile()) {
		return Media{}, false
	}
	formats, events := p.common(m, false, p.Theirs)
	if len(formats) == 0 {
		return Media{}, false
	}
	if p.First {
		formats = formats[:1]
	}
	a := Media{Kind: m.Kind, Port: p.Audio, Proto: m.Proto, Conn: p.Addr, Dir: m.Dir.Reversed().Within(p.Dir)}
	for _, f := range formats {
		e, _ := m.lookup(f.PT)
		a.add(codecMap(f.Codec, f.PT, e.Fmtp))
	}
	var rates []int
	for _, f := range formats { // events in the order of the codecs they belong to
		if slices.Contains(rates, f.Codec.Rate) {
			continue
		}
		rates = append(rates, f.Codec.Rate)
		for _, e := range events {
			if e.Rate == f.Codec.Rate {
				a.add(Map{PT: e.PT, Encoding: eventName, Rate: e.Rate, Fmtp: eventFmtp})
				break
			}
		}
	}
	if e, ok := eventsFor(formats[0].Codec, events); ok && e.Rate != formats[0].Codec.Rate && !a.has(e.PT) {
		a.add(Map{PT: e.PT, Encoding: eventName, Rate: e.Rate, Fmtp: eventFmtp})
	}
	if p.UsePtime && m.Ptime > 0 {
		p.Ptimes = map[*media.Codec]time.Duration{formats[0].Codec: time.Duration(m.Ptime) * time.Millisecond}
	}
	a.Ptime, a.MaxPtime = p.ptimeMillis(formats[0].Codec), maxPtime(a.Maps)
	r.audio(m, a.Dir, formats, events, p)
	return a, true
}

func (p Party) answerVideo(m *Media, r *Result) (Media, bool) {
	if m.Port == 0 || !strings.EqualFold(m.Proto, p.profile()) {
		return Media{}, false
	}
	formats, _ := p.common(m, true, p.Theirs)
	if len(formats) == 0 {
		return Media{}, false
	}
	a := Media{Kind: m.Kind, Port: p.Video, Proto: m.Proto, Conn: p.Addr, Dir: m.Dir.Reversed().Within(p.Dir)}
	for _, f := range formats {
		e, _ := m.lookup(f.PT)
		a.add(codecMap(f.Codec, f.PT, e.Fmtp))
	}
	fl := flow(m, a.Dir, formats)
	r.Video = &fl
	return a, true
}

// common lists what a section and our codecs share, in our order or the
// section's, under the section's payload types, and its telephone-event types.
func (p Party) common(m *Media, video, theirs bool) (formats []media.Format, events []Map) {
	for _, text := range m.Formats {
		pt, err := strconv.ParseUint(text, 10, 7)
		if err != nil {
			continue
		}
		e, ok := m.lookup(uint8(pt))
		if !ok {
			continue
		}
		if strings.EqualFold(e.Encoding, eventName) {
			if p.Events && !video {
				events = append(events, e)
			}
			continue
		}
		c := codecOf(e)
		if c == nil || c.Video != video || !slices.Contains(p.Codecs, c) {
			continue
		}
		if slices.ContainsFunc(formats, func(f media.Format) bool { return f.Codec == c }) {
			continue // several H.264 profiles: the first stands for all
		}
		formats = append(formats, media.Format{PT: uint8(pt), Codec: c})
	}
	if !theirs {
		order := func(a, b media.Format) int {
			return slices.Index(p.Codecs, a.Codec) - slices.Index(p.Codecs, b.Codec)
		}
		sort.SliceStable(formats, func(i, j int) bool { return order(formats[i], formats[j]) < 0 })
	}
	return formats, events
}

func codecOf(e Map) *media.Codec {
	for _, c := range media.Codecs {
		if strings.EqualFold(c.Encoding, e.Encoding) && c.Rate == e.Rate && max(e.Channels, 1) == c.Channels {
			return c
		}
	}
	return nil
}

// eventsFor picks the telephone-event that goes with a codec: the one of its
// clock rate, or the one of 8000 Hz where the other side has only that.
func eventsFor(c *media.Codec, events []Map) (Map, bool) {
	for _, rate := range [...]int{c.Rate, 8000} {
		for _, e := range events {
			if e.Rate == rate {
				return e, true
			}
		}
	}
	return Map{}, false
}

// audio fills in the result from the other side's section and our direction.
func (r *Result) audio(theirs *Media, ours Direction, formats []media.Format, events []Map, p Party) {
	r.Audio = flow(theirs, ours, formats)
	for _, f := range formats {
		r.Codecs = append(r.Codecs, f.Codec)
	}
	if e, ok := eventsFor(formats[0].Codec, events); ok {
		r.Audio.EventPT, r.Audio.EventClock = e.PT, e.Rate
	}
	r.Audio.Ptime = p.ptime(formats[0].Codec)
	r.Held = !r.Audio.Send
}

func flow(theirs *Media, ours Direction, formats []media.Format) media.Flow {
	f := media.Flow{Formats: formats}
	unspecified := theirs.Conn.IsValid() && theirs.Conn.IsUnspecified() // hold in the manner of RFC 2543
	if theirs.Conn.IsValid() && !unspecified {
		f.Remote = netip.AddrPortFrom(theirs.Conn, theirs.Port)
		if theirs.RTCP.IsValid() {
			f.RemoteRTCP = theirs.RTCP
		}
	}
	f.Send = theirs.Dir.Receives() && ours.Sends() && !unspecified
	f.Recv = theirs.Dir.Sends() && ours.Receives()
	return f
}

func (p Party) ptime(c *media.Codec) time.Duration {
	if t := p.Ptimes[c]; t > 0 {
		return t
	}
	return defaultPtime
}

func (p Party) ptimeMillis(c *media.Codec) int { return int(p.ptime(c) / time.Millisecond) }

func (m *Media) has(pt uint8) bool {
	return slices.ContainsFunc(m.Maps, func(e Map) bool { return e.PT == pt })
}

func (m *Media) add(e Map) {
	m.Formats = append(m.Formats, strconv.Itoa(int(e.PT)))
	m.Maps = append(m.Maps, e)
}

// decline answers a section with port 0, repeating its formats since the
// grammar wants some.
func decline(m *Media) Media {
	formats := m.Formats
	if len(formats) == 0 {
		formats = []string{"0"}
	}
	return Media{Kind: m.Kind, Proto: m.Proto, Formats: formats}
}

// profile is the transport profile our sections have; others, encrypted ones
// among them, are declined.
func (p Party) profile() string {
	if p.AVPF {
		return "RTP/AVPF"
	}
	return "RTP/AVP"
}
