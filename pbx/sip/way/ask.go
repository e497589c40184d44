package way

import (
	"context"
	"fmt"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/invite"
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
		return nil, fmt.Errorf("%s: %w", req.Recipient.String(), invite.ErrTimeout)
	}
}
