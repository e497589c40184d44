package sip

import (
	"context"
	"fmt"

	"github.com/emiago/sipgo/sip"

	"branchline/pbx/sip/invite"
)

// gaveUp says whether the next hop is to be tried (RFC 3263 4.3), and remembers
// it.
func (f *finder) gaveUp(ctx context.Context, h hop, res *sip.Response, err error) bool {
	if err == nil && res.StatusCode != 503 || ctx.Err() != nil {
		return false
	}
	f.resolver.Failed(h.target())
	return true
}

// ask sends a request and waits for its final response, not long if there is
// another place to ask.
func (f *finder) ask(ctx context.Context, h hop, req *sip.Request, others bool) (*sip.Response, error) {
	if others {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, tries*h.wire.Retry().T1)
		defer cancel()
	}
	type outcome struct {
		res *sip.Response
		err error
	}
	done := make(chan outcome, 1)
	o := h.wire.Request(req, h.to, func(res *sip.Response, err error) {
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
