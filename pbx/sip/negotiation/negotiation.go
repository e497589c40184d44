// Package negotiation is offer and answer (RFC 3264) between the exchange and one
// party, as a value: what was said, what is due, what is in force. Descriptions are
// read from messages here, and shaped as an endpoint's settings want them; when to
// say what, and what it does to the media, is for the call, in package invite.
package negotiation

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"slices"
	"strings"

	"github.com/emiago/sipgo/sip"

	"branchline/media"
	"branchline/media/sdp"
)

// Type is the type of bodies that are session descriptions.
const Type = "application/sdp"

// A State is where offer and answer stand (RFC 3264, RFC 3261 13.2.1).
type State struct {
	origin   sdp.Origin       // of our descriptions
	Ours     *sdp.Description // what the other side last got from us
	Open     *sdp.Description // ours that is not answered yet
	Prepared *sdp.Description // to their initial offer: computed, perhaps not sent yet
	Result   sdp.Result       // what is in force, or will be with answer
	InForce  bool
}

// errUnasked says that an answer came to an offer that is settled already.
var errUnasked = errors.New("answer without an offer")

// ErrBody says that a message's body is not a session description.
var ErrBody = errors.New("body is no session description")

// Read reads a message's SDP, also from within a multipart body. It is
// nil if there is no body at all.
func Read(m sip.Message) (*sdp.Description, error) {
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
	case err == nil && mediaType == Type:
		return sdp.Parse(body)
	case err == nil && strings.HasPrefix(mediaType, "multipart/"):
		parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
		for range 16 {
			part, err := parts.NextPart()
			if err != nil {
				break
			}
			if t, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); t != Type {
				continue
			}
			text, err := io.ReadAll(io.LimitReader(part, sdp.MaxSize+1))
			if err != nil {
				return nil, fmt.Errorf("multipart: %w", ErrBody)
			}
			return sdp.Parse(text)
		}
		return nil, nil
	case kind == "":
		return nil, nil // nobody says that it is a description
	default:
		return nil, fmt.Errorf("%q: %w", kind, ErrBody)
	}
}

// offer describes our side and remembers that an answer is due. number gives a
// session id to the first description.
func (n *State) Offer(p sdp.Party, number func() uint64) []byte {
	if n.origin.ID == 0 {
		n.origin.ID = number()
		n.origin.Version = n.origin.ID
	}
	n.Open = n.versioned(sdp.Offer(p, n.origin, n.Ours))
	return n.Open.Bytes()
}

// Answer answers their offer. Nothing of it is in force yet.
func (n *State) Answer(offer *sdp.Description, p sdp.Party, number func() uint64) (*sdp.Description, sdp.Result, error) {
	if n.origin.ID == 0 {
		// Asterisk takes the session id over from the offer, and counts from there.
		n.origin.ID, n.origin.Version = offer.Origin.ID, offer.Origin.Version+2
		if n.origin.ID == 0 {
			n.origin.ID = number()
		}
	}
	d, r, err := sdp.Answer(offer, p, n.origin)
	if err != nil {
		return nil, sdp.Result{}, err
	}
	return n.versioned(d), r, nil
}

// versioned raises the description's version if it differs from the last one
// they got (RFC 3264 8).
func (n *State) versioned(d *sdp.Description) *sdp.Description {
	if n.Ours != nil && !d.SameAs(n.Ours) {
		n.origin.Version++
		d.Origin.Version = n.origin.Version
	}
	return d
}

// Accept takes the answer to our offer, which is then what they last got from us.
func (n *State) Accept(answer *sdp.Description, p sdp.Party) (sdp.Result, error) {
	if n.Open == nil {
		return sdp.Result{}, errUnasked
	}
	r, err := sdp.Accept(n.Open, answer, p)
	if err != nil {
		return sdp.Result{}, err
	}
	n.Ours = n.Open
	return r, nil
}

// Agreed lists a result's codecs, video last.
func Agreed(r sdp.Result) []*media.Codec {
	out := slices.Clone(r.Codecs)
	if r.Video != nil {
		for _, f := range r.Video.Formats {
			out = append(out, f.Codec)
		}
	}
	return out
}

// Preferred orders the endpoint's codecs for an offer: those the caller has
// come first, so that the two legs need no transcoding (pjsip's default).
func Preferred(endpoint, caller []*media.Codec) []*media.Codec {
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
