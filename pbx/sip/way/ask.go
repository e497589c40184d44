package way

import (
	"context"
	"fmt"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/settings"
	"branchline/pbx/sip/link"
)

// GaveUp says whether the next hop is to be tried (RFC 3263 4.3), and remembers
// it.
func (f *Finder) GaveUp(ctx context.Context, h Hop, res *sip.Response, err error) bool {
	if err == nil && res.StatusCode != 503 || ctx.Err() != nil {
		return false
	}
	f.Resolver.Failed(h.target())
	return true
}

// Ask sends a request and waits for its final response, not long if there is
// another place to ask.
func (f *Finder) Ask(ctx context.Context, h Hop, req *sip.Request, others bool) (*sip.Response, error) {
	if others {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, tries*h.Wire.Retry().T1)
		defer cancel()
	}
	type outcome struct {
		res *sip.Response
		err error
	}
	done := make(chan outcome, 1)
	o := h.Wire.Request(req, h.To, func(res *sip.Response, err error) {
		if err == nil && res.IsProvisional() {
			return
		}
		select {
		case done <- outcome{res, err}:
		default:
		}
	})
	select {
	case r := <-done:
		return r.res, r.err
	case <-ctx.Done():
		o.Terminate()
		return nil, fmt.Errorf("%s: %w", req.Recipient.String(), link.ErrTimeout)
	}
}

// Deliver sends what build makes to one hop after the other until one answers, and
// once more with credentials where they are asked for; seq is the request's CSeq.
// It gives the final response and the hop that sent it. With an error there may be a
// response too: the challenge that auths could not answer.
func (f *Finder) Deliver(ctx context.Context, hs []Hop, auths []*settings.Auth, build func(h Hop, seq uint32) *sip.Request) (*sip.Response, Hop, error) {
	creds := Credentials{Auths: auths}
	var challenge *sip.Response
	for seq := uint32(1); ; seq++ {
		h := hs[0]
		req := build(h, seq)
		if challenge != nil {
			if err := creds.Authorize(req, challenge); err != nil {
				return challenge, h, err
			}
		}
		res, err := f.Ask(ctx, h, req, len(hs) > 1)
		switch {
		case len(hs) > 1 && f.GaveUp(ctx, h, res, err):
			hs, challenge = hs[1:], nil
		case err == nil && len(auths) > 0 && (res.StatusCode == 401 || res.StatusCode == 407) && seq <= 2:
			challenge = res
		default:
			return res, h, err
		}
	}
}
